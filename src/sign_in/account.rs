//! An account as a flow has proven it: made into a request to link it, and linked.

use serde_json::{Map, Value};

use crate::access::Caller;
use crate::database::{Tx, identity_provider};
use crate::error::Error;
use crate::id::{ProviderId, UserId};
use crate::identity::account::{Profile, Tokens};
use crate::identity::decision::Policy;
use crate::identity::link::{Flow, LinkRequest, Linked, Linking};
use crate::input::Change;
use crate::provider::account::{self, Account};
use crate::tenancy::auth_identity;

/// The account is to be this user's.
pub fn request(
    provider_id: ProviderId,
    user_id: UserId,
    account: &Account,
    policy: Policy,
) -> LinkRequest {
    LinkRequest {
        provider_id,
        user_id,
        external_id: account.external_id.clone(),
        scopes: Some(account.tokens.scopes.clone()),
        data: None,
        profile: profile(&account.profile),
        tokens: Some(tokens(&account.tokens)),
        policy,
        idempotency: None,
    }
}

/// On whose word an account is linked, besides its provider's.
pub enum Word<'a> {
    /// The person's who went there.
    Person(&'a Flow),
    /// The application's that has sent somebody there.
    Application(&'a Caller),
}

/// Links the account, as the sign-on of an organization's member too where the provider is one; in
/// the transaction of the flow's end, which holds the lock of the user's row.
///
/// # Errors
/// As a link is refused; with `ACCOUNT_OWNED_BY_ANOTHER_USER` for another member's sign-on.
pub async fn link(
    tx: &Tx,
    linking: &Linking,
    word: Word<'_>,
    provider: &identity_provider::Model,
    request: &LinkRequest,
) -> Result<Linked, Error> {
    let (linked, origin) = match word {
        Word::Person(flow) => (
            linking.link_proven(tx, flow, request).await?,
            flow.person.clone(),
        ),
        Word::Application(caller) => (
            linking.link_completed(tx, caller, request).await?,
            caller.origin(),
        ),
    };
    let (clock, user, ident) = (&linking.clock, request.user_id, &request.external_id);
    auth_identity::verified(tx, clock, &origin, provider, user, ident).await?;
    Ok(linked)
}

/// What the provider doesn't say this time stays: which claims come may depend on the scopes of
/// the flow. Only its word on an address goes with the address.
fn profile(said: &account::Profile) -> Profile {
    let attributes: Map<String, Value> = said
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    Profile {
        email: keep_or_set(said.email.clone()),
        email_verified: match (&said.email, said.email_verified) {
            (None, _) => Change::Keep,
            (Some(_), None) => Change::Clear,
            (Some(_), Some(verified)) => Change::Set(verified),
        },
        username: keep_or_set(said.username.clone()),
        display_name: keep_or_set(said.display_name.clone()),
        attributes: if attributes.is_empty() {
            Change::Keep
        } else {
            Change::Set(Value::Object(attributes))
        },
    }
}

fn tokens(given: &account::Tokens) -> Tokens {
    Tokens {
        access_token: given.access_token.clone(),
        refresh_token: keep_or_set(given.refresh_token.clone()),
        token_type: Some(given.token_type.clone()),
        expires_at: given.expires_at,
        refresh_token_expires_at: given.refresh_token_expires_at,
        scopes: Some(given.scopes.clone()),
    }
}

fn keep_or_set<T>(value: Option<T>) -> Change<T> {
    value.map_or(Change::Keep, Change::Set)
}
