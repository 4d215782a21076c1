//! Linking accounts to users, and what it would do.

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};

use super::context::Asking;
use super::identity::Identity;
use super::scalar::{Refusal, change, id, settled, time};
use crate::error::Error;
use crate::id::IdentityId;
use crate::identity::account::{Profile, Tokens};
use crate::identity::decision::{Conflict, Decision, Policy};
use crate::identity::link::{Idempotency, LinkRequest, Linked, Outcome};
use crate::identity::update_data;
use crate::input::Change;

/// An account, and the user that it is to be linked to.
#[derive(Debug, InputObject)]
pub struct LinkIdentityInput {
    /// Where the account is.
    provider_id: ID,
    /// Whose it is.
    user_id: ID,
    /// The account's stable subject within the provider's instance: GitHub's number, an OpenID
    /// `sub`; never a name or an address. At most 1,024 bytes.
    external_id: String,
    /// OAuth scopes that the account has granted; they replace those that are stored, null
    /// empties them.
    scopes: MaybeUndefined<Vec<String>>,
    /// Free data, an object; it replaces what is stored, null empties it. At most 64 KiB as JSON;
    /// keys that name tokens are refused (`SECRET_IN_DATA`).
    data: MaybeUndefined<Value>,
    /// What the provider says of the account. A field left out stays, null clears it.
    profile: Option<ProfileInput>,
    /// The account's tokens. They are kept sealed.
    credential: Option<CredentialInput>,
    /// What to do with identities that stand in the way.
    #[graphql(default_with = "LinkConflictPolicy::Fail")]
    on_conflict: LinkConflictPolicy,
    /// A text of your choosing: the same request under the same key, within 24 hours, is carried
    /// out once and answered alike.
    idempotency_key: Option<String>,
}

/// What a provider says of an account. A field left out stays as it is stored, null clears it.
#[derive(Debug, InputObject)]
pub struct ProfileInput {
    /// The e-mail address.
    email: MaybeUndefined<String>,
    /// Whether the provider has proven the address; null where it does not say.
    email_verified: MaybeUndefined<bool>,
    /// The account's name at the provider.
    username: MaybeUndefined<String>,
    /// The name to show.
    display_name: MaybeUndefined<String>,
    /// Further attributes, an object of texts: 64 of 4 KiB at most.
    attributes: MaybeUndefined<Value>,
}

/// The tokens of an account.
#[derive(InputObject)]
pub struct CredentialInput {
    /// The access token.
    access_token: String,
    /// The refresh token; one that is left out stays as it is stored, null removes it.
    refresh_token: MaybeUndefined<String>,
    /// How the access token is used: mostly Bearer.
    token_type: Option<String>,
    /// When the access token ends.
    expires_at: Option<DateTime<Utc>>,
    /// When the refresh token ends.
    refresh_token_expires_at: Option<DateTime<Utc>>,
    /// OAuth scopes that the tokens carry.
    scopes: Option<Vec<String>>,
}

impl std::fmt::Debug for CredentialInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialInput(…)")
    }
}

/// What to do with identities that stand in the way of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::identity::decision::Policy")]
pub enum LinkConflictPolicy {
    /// Refuse, and change nothing.
    Fail,
    /// The same user has another account here: change that identity in place and keep its id;
    /// another user's account is still refused.
    UpdateInPlace,
    /// Take the account over: the identities in the way are removed, in one transaction. Needs
    /// scope identity:reattach.
    Reattach,
}

/// What linking did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::identity::link::Outcome")]
pub enum LinkOutcome {
    /// A new identity.
    Created,
    /// The user had the account already; what was given is stored.
    Updated,
    /// The user's identity went over to this account, and kept its id.
    UpdatedInPlace,
    /// The identities in the way were removed, and a new one made.
    Reattached,
}

/// What stands in the way of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::identity::decision::Conflict")]
pub enum LinkConflict {
    /// The account is linked to another user.
    AccountOwnedByAnotherUser,
    /// The user has another account here, and the provider takes one.
    UserHasAnotherAccount,
    /// Both of these.
    Both,
}

/// What linkIdentity would do with the same input, and why.
#[derive(SimpleObject)]
pub struct LinkDecision {
    /// What would be done; null where it would be refused.
    outcome: Option<LinkOutcome>,
    /// What stands in the way, where it would be refused.
    conflict: Option<LinkConflict>,
    /// The same for people.
    explanation: String,
    /// Identities that would be removed.
    displaces: Vec<Identity>,
}

/// What linkIdentity or completeLink did.
#[derive(SimpleObject)]
pub struct LinkIdentityPayload {
    /// The identity; null where the link was refused.
    pub identity: Option<Identity>,
    /// What was done; null where the link was refused.
    pub outcome: Option<LinkOutcome>,
    /// Why the link was refused; nothing was changed then.
    pub user_errors: Vec<Refusal>,
}

impl LinkIdentityPayload {
    /// What has come of a link, which is counted.
    pub async fn of(ctx: &Context<'_>, result: Result<Linked, Error>) -> Result<Self, Error> {
        let app = ctx.app()?;
        app.sealer.wake();
        app.metrics.count_link(match &result {
            Ok(linked) => linked.outcome.name(),
            Err(Error::Refused(_)) => "refused",
            Err(_) => "failed",
        });
        let (linked, user_errors) = settled(result)?;
        let (identity, outcome) = match linked {
            None => (None, None),
            Some(linked) => (
                of_id(ctx, linked.identity).await?,
                Some(linked.outcome.into()),
            ),
        };
        Ok(Self {
            identity,
            outcome,
            user_errors,
        })
    }
}

/// The identity after a change.
#[derive(SimpleObject)]
pub struct IdentityPayload {
    /// The identity; null where the change was refused.
    pub identity: Option<Identity>,
    /// Why the change was refused; nothing was changed then.
    pub user_errors: Vec<Refusal>,
}

/// New data for an identity.
#[derive(Debug, InputObject)]
pub struct UpdateIdentityDataInput {
    /// The identity.
    id: ID,
    /// The data, an object; it replaces what is stored. At most 64 KiB as JSON; keys that name
    /// tokens are refused (`SECRET_IN_DATA`).
    data: Value,
    /// Refuse (`VERSION_CONFLICT`) unless this is still the identity's version.
    expected_version: Option<i32>,
}

#[derive(Default)]
pub struct LinkQuery;

#[Object]
impl LinkQuery {
    /// What linkIdentity would do with the same input, and why; writes nothing. It takes no notice
    /// of an idempotency key. Null where the provider or the user is not there.
    async fn link_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As linkIdentity takes it.")] input: LinkIdentityInput,
    ) -> Result<Option<LinkDecision>, Error> {
        let app = ctx.app()?;
        let decision = match app.linking.preview(ctx.caller()?, &input.read()?).await {
            Ok(decision) => decision,
            Err(Error::Refused(refusals)) => {
                let messages: Vec<_> = refusals
                    .into_iter()
                    .map(|refusal| refusal.message)
                    .collect();
                return Ok(Some(LinkDecision {
                    outcome: None,
                    conflict: None,
                    explanation: messages.join("; "),
                    displaces: Vec::new(),
                }));
            }
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let displaced = match &decision {
            Decision::Reattach { displaces, .. } => displaces.clone(),
            Decision::Create { .. }
            | Decision::Update(_)
            | Decision::UpdateInPlace(_)
            | Decision::Refuse(_) => Vec::new(),
        };
        let rows = app.loader.identities.load_many(displaced).await?;
        Ok(Some(LinkDecision {
            outcome: Outcome::of(&decision).map(Into::into),
            conflict: match decision {
                Decision::Refuse(conflict) => Some(conflict.into()),
                Decision::Create { .. }
                | Decision::Update(_)
                | Decision::UpdateInPlace(_)
                | Decision::Reattach { .. } => None,
            },
            explanation: explain(&decision).to_owned(),
            displaces: ctx
                .see_all(rows.into_iter().flatten())
                .await?
                .into_iter()
                .map(Identity)
                .collect(),
        }))
    }
}

#[derive(Default)]
pub struct LinkMutation;

#[Object]
impl LinkMutation {
    /// Links an account to a user, in one transaction with its audit event. At a provider that
    /// people sign in with it needs the scope identity:assert too.
    async fn link_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account, the user, and what to do about conflicts.")]
        input: LinkIdentityInput,
    ) -> Result<Option<LinkIdentityPayload>, Error> {
        let app = ctx.app()?;
        let result = app.linking.link(ctx.caller()?, &input.read()?).await;
        LinkIdentityPayload::of(ctx, result).await.map(Some)
    }

    /// Replaces the identity's data wholesale; expectedVersion, where given, must still be
    /// current. At a provider that people sign in with it needs the scope identity:assert too.
    async fn update_identity_data(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity and its new data.")] input: UpdateIdentityDataInput,
    ) -> Result<Option<IdentityPayload>, Error> {
        let app = ctx.app()?;
        let UpdateIdentityDataInput {
            id: text,
            data,
            expected_version,
        } = input;
        let identity: IdentityId = id("input.id", &text)?;
        let expected = expected_version.map(i64::from);
        let result = update_data(
            &app.database,
            &app.clock,
            ctx.caller()?,
            identity,
            data,
            expected,
        )
        .await;
        app.sealer.wake();
        IdentityPayload::of(ctx, identity, result).await.map(Some)
    }
}

impl IdentityPayload {
    /// The identity as it is since the change, or why there is none.
    pub async fn of(
        ctx: &Context<'_>,
        id: IdentityId,
        result: Result<(), Error>,
    ) -> Result<Self, Error> {
        let (done, user_errors) = settled(result)?;
        let identity = match done {
            None => None,
            Some(()) => of_id(ctx, id).await?,
        };
        Ok(Self {
            identity,
            user_errors,
        })
    }
}

impl LinkIdentityInput {
    fn read(self) -> Result<LinkRequest, Error> {
        let idempotency = self.idempotency_key.clone().map(|key| {
            let input = Zeroizing::new(self.canonical().to_string());
            Idempotency { key, input }
        });
        Ok(LinkRequest {
            provider_id: id("input.providerId", &self.provider_id)?,
            user_id: id("input.userId", &self.user_id)?,
            external_id: self.external_id,
            scopes: change(self.scopes).or_default(),
            data: change(self.data).or_with(|| json!({})),
            profile: self.profile.map(ProfileInput::read).unwrap_or_default(),
            tokens: self.credential.map(CredentialInput::read).transpose()?,
            policy: Policy::from(self.on_conflict),
            idempotency,
        })
    }

    /// All that makes two inputs the same request.
    fn canonical(&self) -> Value {
        let profile = self.profile.as_ref().map(|profile| {
            json!([
                field(&profile.email),
                field(&profile.email_verified),
                field(&profile.username),
                field(&profile.display_name),
                field(&profile.attributes),
            ])
        });
        let credential = self.credential.as_ref().map(|credential| {
            json!([
                credential.access_token,
                field(&credential.refresh_token),
                credential.token_type,
                credential.expires_at,
                credential.refresh_token_expires_at,
                credential.scopes,
            ])
        });
        json!([
            self.provider_id.as_str(),
            self.user_id.as_str(),
            self.external_id,
            field(&self.scopes),
            field(&self.data),
            profile,
            credential,
            conflict_policy(self.on_conflict),
        ])
    }
}

/// Left out, null and a value are three different things.
fn field<T: serde::Serialize>(value: &MaybeUndefined<T>) -> Value {
    match value {
        MaybeUndefined::Undefined => json!([]),
        MaybeUndefined::Null => json!([null]),
        MaybeUndefined::Value(value) => json!([value]),
    }
}

/// As the stored hash of an input has it: never rename one.
const fn conflict_policy(policy: LinkConflictPolicy) -> &'static str {
    match policy {
        LinkConflictPolicy::Fail => "FAIL",
        LinkConflictPolicy::UpdateInPlace => "UPDATE_IN_PLACE",
        LinkConflictPolicy::Reattach => "REATTACH",
    }
}

impl ProfileInput {
    fn read(self) -> Profile {
        Profile {
            email: change(self.email),
            email_verified: change(self.email_verified),
            username: change(self.username),
            display_name: change(self.display_name),
            attributes: change(self.attributes),
        }
    }
}

impl CredentialInput {
    fn read(self) -> Result<Tokens, Error> {
        let at = |field, at: Option<_>| at.map(|at| time(field, at)).transpose();
        Ok(Tokens {
            access_token: self.access_token.into(),
            refresh_token: match change(self.refresh_token) {
                Change::Keep => Change::Keep,
                Change::Clear => Change::Clear,
                Change::Set(token) => Change::Set(SecretString::from(token)),
            },
            token_type: self.token_type,
            expires_at: at("input.credential.expiresAt", self.expires_at)?,
            refresh_token_expires_at: at(
                "input.credential.refreshTokenExpiresAt",
                self.refresh_token_expires_at,
            )?,
            scopes: self.scopes,
        })
    }
}

const fn explain(decision: &Decision) -> &'static str {
    match decision {
        Decision::Create { .. } => {
            "nobody has the account, and nothing of the user's is in its way"
        }
        Decision::Update(_) => "the user has the account already; what is given is stored",
        Decision::UpdateInPlace(_) => {
            "the user has another account here; that identity goes over to this one, and keeps \
             its id"
        }
        Decision::Reattach { .. } => "the identities in the way are removed, and a new one is made",
        Decision::Refuse(Conflict::AccountOwnedByAnotherUser) => {
            "the account is linked to another user; only the policy REATTACH takes it over"
        }
        Decision::Refuse(Conflict::UserHasAnotherAccount) => {
            "the user has another account at this provider; the policy UPDATE_IN_PLACE changes \
             that identity, REATTACH replaces it"
        }
        Decision::Refuse(Conflict::Both) => {
            "the account is linked to another user, and the user has another account at this \
             provider; only the policy REATTACH removes both"
        }
    }
}

/// The identity as it is after the mutation's commit.
pub async fn of_id(ctx: &Context<'_>, id: IdentityId) -> Result<Option<Identity>, Error> {
    let row = ctx.app()?.loader.identities.load(id).await?;
    Ok(ctx.see(row).await?.map(Identity))
}
