//! Organizations' single sign-on, and members' links to it.

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::context::Asking;
use super::organization::{self, Organization};
use super::provider::{self, IdentityProvider};
use super::user::{self, User};
use crate::access::Visible;
use crate::database::{auth_identity, auth_provider};
use crate::error::Error;

/// An organization's single sign-on: the identity provider that its members sign in with.
#[derive(Clone, Description)]
pub struct AuthProvider(pub Visible<auth_provider::Model>);

#[Object(use_type_description)]
impl AuthProvider {
    /// Names it for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose sign-on it is.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization, Error> {
        organization::of_id(ctx, self.0.organization_id).await
    }

    /// Where members sign in: one of the organization's own providers.
    async fn provider(&self, ctx: &Context<'_>) -> Result<IdentityProvider, Error> {
        provider::of_row(ctx, &self.0).await
    }

    /// Members may be without a link here.
    async fn allow_unlinked(&self) -> bool {
        self.0.allow_unlinked
    }

    /// When it was set.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }
}

/// A member's link to an organization's single sign-on. It is no identity: it stands beside one.
#[derive(Clone, Description)]
pub struct AuthIdentity(pub Visible<auth_identity::Model>);

#[Object(use_type_description)]
impl AuthIdentity {
    /// Names it for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The sign-on that it is a link to.
    async fn auth_provider(&self, ctx: &Context<'_>) -> Result<AuthProvider, Error> {
        let id = self.0.auth_provider_id;
        let row = ctx.app()?.loader.auth_providers.load(id).await?;
        let seen = ctx.see(row).await?;
        seen.map(AuthProvider).ok_or_else(|| Error::NotFound {
            what: "auth provider",
            id: id.to_string(),
        })
    }

    /// Whose link it is.
    async fn user(&self, ctx: &Context<'_>) -> Result<User, Error> {
        user::of_id(ctx, self.0.user_id).await
    }

    /// The account's stable subject at the provider.
    async fn ident(&self) -> &str {
        &self.0.ident
    }

    /// When it was made.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// When the member last signed in with it.
    async fn last_verified(&self) -> DateTime<Utc> {
        self.0.last_verified
    }

    /// When the provider was last asked about it.
    async fn last_synced(&self) -> DateTime<Utc> {
        self.0.last_synced
    }
}
