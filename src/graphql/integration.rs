//! Integrations, and what organizations have of them.

mod acting;
mod query;
mod write;

use async_graphql::{Context, Description, Enum, ID, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::LARGE;
use super::context::Asking;
use super::identity::Identity;
use super::loader::{InstalledCount, InstalledPage};
use super::organization::{self, Organization};
use super::page::{List, PageArguments, TotalCount, connection, cost};
use crate::access::Visible;
use crate::database::organization_integration::Parent;
use crate::database::page::{Page, Position, Towards};
use crate::database::{integration, organization_integration};
use crate::error::Error;
use crate::id::{IdentityId, IntegrationId};
use crate::tenancy::integration::not_found;
pub use acting::DefaultIdentityQuery;
pub use query::IntegrationQuery;
pub use write::IntegrationMutation;

/// The name of lists of organization integrations, for cursors.
const LIST: &str = "organization integrations";

/// Organization integrations that act as one identity and are answered without pages.
const MOST_OF_AN_IDENTITY: u64 = 100;

/// An installed external service, shared by organizations.
#[derive(Clone, Description)]
pub struct Integration(pub Visible<integration::Model>);

#[Object(use_type_description)]
impl Integration {
    /// Names the integration for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What kind of service it is, in the application's own words; fixed.
    async fn provider(&self) -> &str {
        &self.0.provider
    }

    /// The installation at the service; unique for the kind of service, and fixed.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// The name to show.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Free data of the application, the same for all organizations; keys that name tokens are
    /// refused (`SECRET_IN_DATA`).
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn metadata(&self) -> &Value {
        &self.0.metadata_json.0
    }

    /// Whether it is in use.
    async fn status(&self) -> ObjectStatus {
        self.0.status.into()
    }

    /// The organizations' shares of it that the caller may see, by id.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn organization_integrations(
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
        children(ctx, Parent::Integration(self.0.id), arguments).await
    }

    /// When it was first installed.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// When it was last changed.
    async fn date_updated(&self) -> DateTime<Utc> {
        self.0.date_updated
    }
}

/// An integration in an organization, and the identity that it acts as there.
#[derive(Clone, Description)]
pub struct OrganizationIntegration(pub Visible<organization_integration::Model>);

#[Object(use_type_description)]
impl OrganizationIntegration {
    /// Names it for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it is installed.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization, Error> {
        organization::of_id(ctx, self.0.organization_id).await
    }

    /// What is installed.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Integration, Error> {
        of_id(ctx, self.0.integration_id).await
    }

    /// Free data of the application, for this organization; keys that name tokens are refused
    /// (`SECRET_IN_DATA`).
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn config(&self) -> &Value {
        &self.0.config_json.0
    }

    /// Whether it is in use.
    async fn status(&self) -> ObjectStatus {
        self.0.status.into()
    }

    /// The identity that it acts as; null where there is none. `defaultIdentity` says why.
    async fn default_identity(&self, ctx: &Context<'_>) -> Result<Option<Identity>, Error> {
        let Some(id) = self.0.default_identity_id else {
            return Ok(None);
        };
        let row = ctx.app()?.loader.identities.load(id).await?;
        Ok(ctx.see(row).await?.map(Identity))
    }

    /// When it was first installed in the organization.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// From then on it acts as nobody; null: never.
    async fn grace_period_end(&self) -> Option<DateTime<Utc>> {
        self.0.grace_period_end
    }

    /// When it was last changed.
    async fn date_updated(&self) -> DateTime<Utc> {
        self.0.date_updated
    }
}

/// Whether an integration, or an organization's share of it, is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::database::status::ObjectStatus")]
pub enum ObjectStatus {
    /// In use.
    Active,
    /// Switched off; it acts as nobody.
    Disabled,
    /// About to be removed; it acts as nobody.
    PendingDeletion,
    /// Being removed; it acts as nobody.
    DeletionInProgress,
}

/// The integration of a row that refers to it.
pub async fn of_id(ctx: &Context<'_>, id: IntegrationId) -> Result<Integration, Error> {
    let row = ctx.app()?.loader.integrations.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(Integration).ok_or_else(|| not_found(id))
}

/// A page of what an organization has installed, or of those who have an integration.
pub async fn children(
    ctx: &Context<'_>,
    parent: Parent,
    arguments: PageArguments,
) -> Result<List<OrganizationIntegration>, Error> {
    let (app, reach) = (ctx.app()?, ctx.viewer()?.reach());
    let page = arguments.page(&app.cursors, LIST)?;
    let key = InstalledPage {
        parent,
        reach,
        page: page.clone(),
    };
    let slice = app.loader.installed_pages.load(key).await?;
    let slice = slice.ok_or_else(|| Error::Internal(anyhow::anyhow!("a page is missing")))?;
    let count = TotalCount::InstalledOf(InstalledCount { parent, reach });
    connection(
        ctx,
        LIST,
        &page,
        slice,
        count,
        position,
        OrganizationIntegration,
    )
    .await
}

/// All that act as an identity.
pub async fn acting_as(
    ctx: &Context<'_>,
    id: IdentityId,
) -> Result<Vec<OrganizationIntegration>, Error> {
    let key = InstalledPage {
        parent: Parent::Identity(id),
        reach: ctx.viewer()?.reach(),
        page: Page {
            limit: MOST_OF_AN_IDENTITY,
            towards: Towards::End,
            from: None,
        },
    };
    let slice = ctx.app()?.loader.installed_pages.load(key).await?;
    let slice = slice.ok_or_else(|| Error::Internal(anyhow::anyhow!("a page is missing")))?;
    if slice.more {
        return Err(Error::LimitExceeded(format!(
            "more than {MOST_OF_AN_IDENTITY} organization integrations act as the identity; page \
             through organizationIntegrations(filter: {{defaultIdentityId}})"
        )));
    }
    let rows = ctx.see_all(slice.rows).await?;
    Ok(rows.into_iter().map(OrganizationIntegration).collect())
}

fn position(row: &organization_integration::Model) -> Position {
    Position::Id(row.id.0)
}
