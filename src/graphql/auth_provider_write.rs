//! Setting up organizations' single sign-on, and members' links to it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::auth_provider::{AuthIdentity, AuthProvider, of_id, of_organization};
use super::context::Asking;
use super::scalar::{Refusal, id, settled};
use crate::error::Error;
use crate::id::{AuthIdentityId, OrganizationId};
use crate::tenancy::auth_identity::{self, LinkAuthIdentity};
use crate::tenancy::auth_provider::{self, SetAuthProvider};

/// What an organization's single sign-on is to be.
#[derive(Debug, InputObject)]
pub struct SetAuthProviderInput {
    /// Whose sign-on.
    organization_id: ID,
    /// One of the organization's own identity providers.
    provider_id: ID,
    /// Members may be without a link to it. If not, the provider is enabled and signs people in.
    #[graphql(default = false)]
    allow_unlinked: bool,
}

/// The auth provider after a change.
#[derive(SimpleObject)]
pub struct AuthProviderPayload {
    /// The auth provider; null where the change was refused.
    auth_provider: Option<AuthProvider>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What removeAuthProvider did.
#[derive(SimpleObject)]
pub struct RemoveAuthProviderPayload {
    /// The auth provider that is gone; null where that was refused.
    deleted_id: Option<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// An account at a sign-on, and the member whose it is.
#[derive(Debug, InputObject)]
pub struct LinkAuthIdentityInput {
    /// The sign-on.
    auth_provider_id: ID,
    /// Whose the account is: a member of the organization.
    user_id: ID,
    /// The account's stable subject at the provider. At most 1,024 bytes.
    ident: String,
}

/// The auth identity after a change.
#[derive(SimpleObject)]
pub struct AuthIdentityPayload {
    /// The auth identity; null where the change was refused.
    auth_identity: Option<AuthIdentity>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What deleteAuthIdentity did.
#[derive(SimpleObject)]
pub struct DeleteAuthIdentityPayload {
    /// The auth identity that is gone; null where that was refused.
    deleted_id: Option<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What deleteAuthIdentities did.
#[derive(SimpleObject)]
pub struct DeleteAuthIdentitiesPayload {
    /// The auth identities that are gone; empty where there were none.
    deleted_ids: Vec<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct AuthProviderMutation;

#[Object]
impl AuthProviderMutation {
    /// Makes one of the organization's own identity providers its single sign-on. An organization
    /// has one: where another provider is it, that sign-on goes with its auth identities.
    async fn set_auth_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization, its provider, and what it asks of members.")]
        input: SetAuthProviderInput,
    ) -> Result<Option<AuthProviderPayload>, Error> {
        let app = ctx.app()?;
        let organization = id("input.organizationId", &input.organization_id)?;
        let input = SetAuthProvider {
            organization,
            provider: id("input.providerId", &input.provider_id)?,
            allow_unlinked: input.allow_unlinked,
        };
        let result = auth_provider::set(&app.database, &app.clock, ctx.caller()?, &input).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        let auth_provider = match done {
            None => None,
            Some(_) => of_organization(ctx, organization).await?,
        };
        Ok(Some(AuthProviderPayload {
            auth_provider,
            user_errors,
        }))
    }

    /// Takes the organization's single sign-on away, with its auth identities. The provider stays,
    /// and so do the identities there.
    async fn remove_auth_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose sign-on.")] organization_id: ID,
    ) -> Result<Option<RemoveAuthProviderPayload>, Error> {
        let app = ctx.app()?;
        let organization: OrganizationId = id("organizationId", &organization_id)?;
        let (database, clock) = (&app.database, &app.clock);
        let result = auth_provider::remove(database, clock, ctx.caller()?, organization).await;
        app.sealer.wake();
        let (gone, user_errors) = settled(result)?;
        Ok(Some(RemoveAuthProviderPayload {
            deleted_id: gone.map(|id| ID(id.to_string())),
            user_errors,
        }))
    }

    /// Links a member to the organization's single sign-on. The same again is the same link,
    /// verified now.
    async fn link_auth_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The sign-on, the member and the account.")] input: LinkAuthIdentityInput,
    ) -> Result<Option<AuthIdentityPayload>, Error> {
        let app = ctx.app()?;
        let input = LinkAuthIdentity {
            auth_provider: id("input.authProviderId", &input.auth_provider_id)?,
            user: id("input.userId", &input.user_id)?,
            ident: input.ident,
        };
        let result = auth_identity::link(&app.database, &app.clock, ctx.caller()?, &input).await;
        app.sealer.wake();
        let (linked, user_errors) = settled(result)?;
        let auth_identity = match linked {
            None => None,
            Some(id) => of_id(ctx, id).await?,
        };
        Ok(Some(AuthIdentityPayload {
            auth_identity,
            user_errors,
        }))
    }

    /// Deletes a member's link to the organization's single sign-on, where the member can do
    /// without it: see `disconnect`. The identity beside it stays.
    async fn delete_auth_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The auth identity's id.")] id: ID,
    ) -> Result<Option<DeleteAuthIdentityPayload>, Error> {
        let app = ctx.app()?;
        let link: AuthIdentityId = super::scalar::id("id", &id)?;
        let result = auth_identity::delete(&app.database, &app.clock, ctx.caller()?, link).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        Ok(Some(DeleteAuthIdentityPayload {
            deleted_id: done.map(|()| id),
            user_errors,
        }))
    }

    /// Deletes the user's auth identities in the organization, whatever they are needed for: it
    /// takes the person's sign-on there away. Identities stay.
    async fn delete_auth_identities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] user_id: ID,
        #[graphql(desc = "Where.")] organization_id: ID,
    ) -> Result<Option<DeleteAuthIdentitiesPayload>, Error> {
        let app = ctx.app()?;
        let (user, organization) = (
            id("userId", &user_id)?,
            id("organizationId", &organization_id)?,
        );
        let (database, clock, caller) = (&app.database, &app.clock, ctx.caller()?);
        let result =
            auth_identity::delete_of_member(database, clock, caller, organization, user).await;
        app.sealer.wake();
        let (gone, user_errors) = settled(result)?;
        let gone = gone.unwrap_or_default();
        Ok(Some(DeleteAuthIdentitiesPayload {
            deleted_ids: gone.iter().map(|id| ID(id.to_string())).collect(),
            user_errors,
        }))
    }
}
