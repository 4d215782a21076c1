//! Integrations, and what organizations have of them.

use async_graphql::{Context, Description, Enum, ID, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::LARGE;
use super::context::Asking;
use super::identity::Identity;
use super::organization::{self, Organization};
use crate::access::Visible;
use crate::database::{integration, organization_integration};
use crate::error::Error;
use crate::id::IntegrationId;

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
async fn of_id(ctx: &Context<'_>, id: IntegrationId) -> Result<Integration, Error> {
    let row = ctx.app()?.loader.integrations.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(Integration).ok_or_else(|| Error::NotFound {
        what: "integration",
        id: id.to_string(),
    })
}
