//! Changing integrations, and what organizations have of them.

use serde_json::Value;

use super::{Integrations, check_status, not_found, share_not_found};
use crate::access::sees;
use crate::clock::Time;
use crate::database::json::Json;
use crate::database::status::ObjectStatus;
use crate::database::{integration, organization_integration};
use crate::error::Error;
use crate::id::{IntegrationId, OrganizationIntegrationId};
use crate::input::{Change, check_data};
use crate::limits;

/// A change of what organizations share. What is left out stays.
#[derive(Debug, Clone)]
pub struct IntegrationChange {
    pub id: IntegrationId,
    pub name: Option<String>,
    pub metadata: Option<Value>,
    pub status: Option<ObjectStatus>,
}

/// A change of what one organization has of an integration. What is left out stays.
#[derive(Debug, Clone)]
pub struct ShareChange {
    pub id: OrganizationIntegrationId,
    pub config: Option<Value>,
    pub status: Option<ObjectStatus>,
    pub grace_period_end: Change<Time>,
}

impl Integrations<'_> {
    /// Changes the integration for all organizations that have it.
    ///
    /// # Errors
    /// `BAD_USER_INPUT`, `NOT_FOUND`; refused with `SECRET_IN_DATA`, and with `IN_USE` for a key
    /// that is bound to one of several organizations that have it.
    pub async fn update(&self, change: &IntegrationChange) -> Result<(), Error> {
        if let Some(name) = &change.name {
            limits::text("input.name", name, limits::NAME)?;
        }
        if let Some(metadata) = &change.metadata {
            check_data("input.metadata", metadata)?;
        }
        if let Some(status) = change.status {
            check_status("input.status", status)?;
        }
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let id = change.id;
                let stored = integration::locked(tx, id)
                    .await?
                    .ok_or_else(|| not_found(id))?;
                if !sees(&self.caller.viewer, tx, &stored).await? {
                    return Err(not_found(id));
                }
                let row = integration::Model {
                    name: change.name.clone().unwrap_or_else(|| stored.name.clone()),
                    metadata_json: change
                        .metadata
                        .clone()
                        .map_or_else(|| stored.metadata_json.clone(), Json),
                    status: change.status.unwrap_or(stored.status),
                    ..stored.clone()
                };
                self.store_integration(tx, &stored, row, "id").await
            })
            .await
    }

    /// Changes what the organization has of the integration.
    ///
    /// # Errors
    /// `BAD_USER_INPUT`, `NOT_FOUND`; refused with `SECRET_IN_DATA`.
    pub async fn update_share(&self, change: &ShareChange) -> Result<(), Error> {
        if let Some(config) = &change.config {
            check_data("input.config", config)?;
        }
        if let Some(status) = change.status {
            check_status("input.status", status)?;
        }
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let id = change.id;
                self.share(tx, id).await?;
                let stored = organization_integration::locked(tx, id)
                    .await?
                    .ok_or_else(|| share_not_found(id))?;
                let row = organization_integration::Model {
                    config_json: change
                        .config
                        .clone()
                        .map_or_else(|| stored.config_json.clone(), Json),
                    status: change.status.unwrap_or(stored.status),
                    grace_period_end: change.grace_period_end.clone().or(stored.grace_period_end),
                    ..stored.clone()
                };
                self.store_share(tx, &stored, row, None).await
            })
            .await
    }
}
