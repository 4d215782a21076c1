//! Creating, changing and deleting providers.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use secrecy::SecretString;
use serde_json::Value;

use super::context::Asking;
use super::provider::{self, IdentityProvider};
use super::scalar::{Refusal, change, given, id, settled};
use crate::error::Error;
use crate::id::ProviderId;
use crate::input::Change;
use crate::provider::admin::{NewProvider, ProviderChange};

/// A provider to be configured.
#[derive(InputObject)]
pub struct CreateIdentityProviderInput {
    /// Its name in URLs, for ever: lower-case letters, digits and inner hyphens, 63 at most.
    slug: String,
    /// A key of providerTypes; fixed.
    #[graphql(name = "type")]
    provider_type: String,
    /// The instance at the provider; left out, it is derived from the configuration where the
    /// type says how. Fixed.
    external_id: Option<String>,
    /// The name to show; default: the type's.
    name: Option<String>,
    /// Non-secret configuration, as the type's configFields say.
    config: Value,
    /// The client's id at the provider.
    client_id: Option<String>,
    /// The client's secret. It is kept sealed.
    client_secret: Option<String>,
    /// People may sign in here. Needs scope admin.
    #[graphql(default = false)]
    allows_sign_in: bool,
    /// How its accounts become users when people sign in: `{"resolvers": [{"resolver": name}],
    /// "first_link": "confirm"}`. Needs scope admin.
    sign_in: Option<Value>,
    /// A user may have several accounts here; fixed.
    #[graphql(default = false)]
    allows_multiple_per_user: bool,
    /// Another provider of the same type whose client and redirect URI this one uses.
    client_of: Option<ID>,
    /// The organization whose it is: only its members link accounts and sign in there. Left out:
    /// all organizations share it; a key that is bound to an organization makes it that one's.
    organization_id: Option<ID>,
    /// It takes part in flows.
    #[graphql(default = true)]
    enabled: bool,
}

/// A change of a provider. A field left out stays; null clears the client's id and secret,
/// and signIn. Slug, type, external id and what the external id was derived from are fixed at
/// creation.
#[derive(InputObject)]
pub struct UpdateIdentityProviderInput {
    /// The provider.
    id: ID,
    /// The name to show.
    name: MaybeUndefined<String>,
    /// Non-secret configuration; it replaces what is stored.
    config: MaybeUndefined<Value>,
    /// The client's id at the provider.
    client_id: MaybeUndefined<String>,
    /// The client's secret. It is kept sealed.
    client_secret: MaybeUndefined<String>,
    /// People may sign in here. Needs scope admin.
    allows_sign_in: MaybeUndefined<bool>,
    /// How its accounts become users when people sign in; it replaces what is stored. Needs scope
    /// admin.
    sign_in: MaybeUndefined<Value>,
    /// It takes part in flows.
    enabled: MaybeUndefined<bool>,
    /// Refuse (`VERSION_CONFLICT`) unless this is still the provider's version.
    expected_version: Option<i32>,
}

/// The provider after a change.
#[derive(SimpleObject)]
pub struct IdentityProviderPayload {
    /// The provider; null where the change was refused.
    identity_provider: Option<IdentityProvider>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What deleteIdentityProvider did.
#[derive(SimpleObject)]
pub struct DeleteIdentityProviderPayload {
    /// The provider that is gone; null where that was refused.
    deleted_id: Option<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct ProviderMutation;

#[Object]
impl ProviderMutation {
    /// Configures a provider.
    async fn create_identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The provider.")] input: CreateIdentityProviderInput,
    ) -> Result<Option<IdentityProviderPayload>, Error> {
        let app = ctx.app()?;
        let new = NewProvider {
            slug: input.slug,
            provider_type: input.provider_type,
            external_id: input.external_id,
            name: input.name,
            config: input.config,
            client_id: input.client_id,
            client_secret: input.client_secret.map(SecretString::from),
            allows_sign_in: input.allows_sign_in,
            allows_multiple_per_user: input.allows_multiple_per_user,
            sign_in: input.sign_in,
            client_of: input
                .client_of
                .map(|text| id("input.clientOf", &text))
                .transpose()?,
            organization_id: input
                .organization_id
                .map(|text| id("input.organizationId", &text))
                .transpose()?,
            enabled: input.enabled,
        };
        let result = app.providers.create(ctx.caller()?, &new).await;
        app.sealer.wake();
        payload(ctx, settled(result)?).await
    }

    /// Changes a provider. One that the configuration file manages is refused.
    async fn update_identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The provider and what is new.")] input: UpdateIdentityProviderInput,
    ) -> Result<Option<IdentityProviderPayload>, Error> {
        let app = ctx.app()?;
        let provider: ProviderId = id("input.id", &input.id)?;
        let edit = ProviderChange {
            id: provider,
            name: given("input.name", input.name)?,
            config: given("input.config", input.config)?,
            client_id: change(input.client_id),
            client_secret: match change(input.client_secret) {
                Change::Keep => Change::Keep,
                Change::Clear => Change::Clear,
                Change::Set(secret) => Change::Set(secret.into()),
            },
            allows_sign_in: given("input.allowsSignIn", input.allows_sign_in)?,
            sign_in: change(input.sign_in),
            enabled: given("input.enabled", input.enabled)?,
            expected_version: input.expected_version.map(i64::from),
        };
        let result = app.providers.update(ctx.caller()?, &edit).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        payload(ctx, (done.map(|()| provider), user_errors)).await
    }

    /// Deletes a provider that has no identities and lends its client to none (else `IN_USE`).
    async fn delete_identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The provider.")] id: ID,
    ) -> Result<Option<DeleteIdentityProviderPayload>, Error> {
        let app = ctx.app()?;
        let provider: ProviderId = super::scalar::id("id", &id)?;
        let result = app.providers.delete(ctx.caller()?, provider).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        Ok(Some(DeleteIdentityProviderPayload {
            deleted_id: done.map(|()| id),
            user_errors,
        }))
    }
}

async fn payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<ProviderId>, Vec<Refusal>),
) -> Result<Option<IdentityProviderPayload>, Error> {
    let identity_provider = match id {
        None => None,
        Some(id) => Some(provider::of_id(ctx, id).await?),
    };
    Ok(Some(IdentityProviderPayload {
        identity_provider,
        user_errors,
    }))
}
