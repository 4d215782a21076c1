//! Organizations.

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::auth_provider::{self, AuthProvider};
use super::context::Asking;
use crate::access::Visible;
use crate::database::organization;
use crate::error::Error;
use crate::id::OrganizationId;
use crate::tenancy::organization::not_found;

/// A tenant of integrations and of sign-on. Users are one directory for the whole server, and
/// members of any number of organizations.
#[derive(Clone, Description)]
pub struct Organization(pub Visible<organization::Model>);

#[Object(use_type_description)]
impl Organization {
    /// Names the organization for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its name in URLs; unique and fixed.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name to show.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was made.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// Its single sign-on; null where it has none.
    async fn auth_provider(&self, ctx: &Context<'_>) -> Result<Option<AuthProvider>, Error> {
        auth_provider::of_organization(ctx, self.0.id).await
    }
}

/// The organization of a row that refers to it.
pub async fn of_id(ctx: &Context<'_>, id: OrganizationId) -> Result<Organization, Error> {
    let row = ctx.app()?.loader.organizations.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(Organization).ok_or_else(|| not_found(id))
}
