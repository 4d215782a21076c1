//! Organizations.

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::context::Asking;
use super::integration::{self, OrganizationIntegration};
use super::page::{List, PageArguments, cost};
use crate::access::Visible;
use crate::database::organization;
use crate::database::organization_integration::Parent;
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

    /// The integrations that are installed there, by id.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<OrganizationIntegration>, Error> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        integration::children(ctx, Parent::Organization(self.0.id), arguments).await
    }

    /// When it was made.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }
}

/// The organization of a row that refers to it.
pub async fn of_id(ctx: &Context<'_>, id: OrganizationId) -> Result<Organization, Error> {
    let row = ctx.app()?.loader.organizations.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(Organization).ok_or_else(|| not_found(id))
}
