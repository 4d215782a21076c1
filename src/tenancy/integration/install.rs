//! Installing an integration in an organization: everything in one transaction, or nothing.

use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::Integrations;
use super::default::has_room;
use super::told::Told;
use crate::access::{Facts, Question, Scope, sees};
use crate::database::json::Json;
use crate::database::status::ObjectStatus;
use crate::database::{Tx, integration, organization, organization_integration};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{IdentityId, IntegrationId, OrganizationId, OrganizationIntegrationId, UserId};
use crate::input::{Change, check_data};
use crate::limits;
use crate::tenancy::organization::not_found;

/// An integration that is to be installed. What is left out stays as it is stored.
#[derive(Debug, Clone)]
pub struct Install {
    pub organization_id: OrganizationId,
    pub provider: String,
    pub external_id: String,
    pub name: String,
    pub metadata: Option<Value>,
    pub config: Option<Value>,
    pub default: Change<IdentityId>,
}

/// What was installed.
#[derive(Debug, Clone, Copy)]
pub struct Installed {
    pub integration: IntegrationId,
    pub share: OrganizationIntegrationId,
}

impl Integrations<'_> {
    /// Makes or changes the integration and what the organization has of it, both of them in use
    /// afterwards. The same again changes nothing.
    ///
    /// # Errors
    /// `BAD_USER_INPUT`, `NOT_FOUND`, `FORBIDDEN`; refused with `SECRET_IN_DATA`,
    /// `USER_NOT_ACTIVE` or `USER_NOT_IN_ORGANIZATION`, and for a key that is bound to an
    /// organization with `ALREADY_EXISTS` or `IN_USE`.
    pub async fn install(&self, new: &Install) -> Result<Installed, Error> {
        new.check()?;
        if new.default.set().is_some() {
            let what = "naming the identity that an integration acts as";
            self.caller.viewer.require(Scope::IdentityWrite, what)?;
        }
        self.database
            .write(|tx| async move { self.install_in(&tx, new).await })
            .await
    }

    async fn install_in(&self, tx: &Tx, new: &Install) -> Result<Installed, Error> {
        let id = new.organization_id;
        let organizations = organization::by_ids(tx, &[id]).await?;
        let organization = organizations.first().ok_or_else(|| not_found(id))?;
        if !sees(&self.caller.viewer, tx, organization).await? {
            return Err(not_found(id));
        }
        let integration = self.create_or_change(tx, new).await?;
        let identity = match new.default {
            Change::Keep | Change::Clear => None,
            Change::Set(identity) => Some(
                self.default_for(tx, id, identity, &["input", "defaultIdentityId"])
                    .await?,
            ),
        };
        let stored = organization_integration::by_pair_locked(tx, id, integration.id).await?;
        let field = ["input", "defaultIdentityId"];
        has_room(tx, identity.as_ref(), stored.as_ref(), &field).await?;
        let user = identity.map(|identity| identity.user_id);
        let share = match stored {
            None => self.add_share(tx, new, &integration, user).await?,
            Some(stored) => {
                let row = new.changed_share(&stored);
                self.store_share(tx, &stored, row, user).await?;
                stored.id
            }
        };
        Ok(Installed {
            integration: integration.id,
            share,
        })
    }

    /// The integration as it is stored afterwards. It is locked: of those who install it at the
    /// same time, each sees what the one before has done.
    async fn create_or_change(&self, tx: &Tx, new: &Install) -> Result<integration::Model, Error> {
        let (provider, external_id) = (&new.provider, &new.external_id);
        if integration::by_service(tx, provider, external_id)
            .await?
            .is_none()
        {
            let row = self.new_integration(new);
            if integration::insert_if_new(tx, row.clone()).await? {
                let event = NewEvent {
                    target: Some(row.id.any()),
                    organization: Some(new.organization_id),
                    after: Some(row.told()),
                    ..NewEvent::new(Action::IntegrationCreated)
                };
                event::record(tx, self.clock, &self.caller.origin(), event).await?;
                return Ok(row);
            }
        }
        let stored = integration::by_service_locked(tx, provider, external_id)
            .await?
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("an integration is gone")))?;
        self.may_install(tx, new, stored.id).await?;
        let row = integration::Model {
            name: new.name.clone(),
            metadata_json: new
                .metadata
                .clone()
                .map_or_else(|| stored.metadata_json.clone(), Json),
            status: ObjectStatus::Active,
            ..stored.clone()
        };
        let field = if row.name == stored.name {
            "metadata"
        } else {
            "name"
        };
        self.store_integration(tx, &stored, row.clone(), field)
            .await?;
        Ok(row)
    }

    /// What other organizations have is not for a bound key to join: it would see it then.
    async fn may_install(&self, tx: &Tx, new: &Install, id: IntegrationId) -> Result<(), Error> {
        let here = Question::Installed(new.organization_id, id);
        if self.caller.viewer.bound_to().is_none() || tx.holds(here).await? {
            return Ok(());
        }
        Err(Error::refused(
            RefusalCode::AlreadyExists,
            &["input", "externalId"],
            "the integration exists already; a key that is bound to no organization has to \
             install it here",
        ))
    }

    async fn add_share(
        &self,
        tx: &Tx,
        new: &Install,
        integration: &integration::Model,
        user: Option<UserId>,
    ) -> Result<OrganizationIntegrationId, Error> {
        let now = self.clock.now();
        let row = organization_integration::Model {
            id: OrganizationIntegrationId::new(self.clock),
            organization_id: new.organization_id,
            integration_id: integration.id,
            provider: integration.provider.clone(),
            external_id: integration.external_id.clone(),
            config_json: Json(new.config.clone().unwrap_or_else(|| json!({}))),
            status: ObjectStatus::Active,
            default_identity_id: new.default.set().copied(),
            default_lost_at: None,
            grace_period_end: None,
            date_added: now,
            date_updated: now,
        };
        let id = row.id;
        let event = NewEvent {
            target: Some(id.any()),
            user,
            organization: Some(row.organization_id),
            after: Some(row.told()),
            ..NewEvent::new(Action::OrgIntegrationInstalled)
        };
        organization_integration::Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await?;
        event::record(tx, self.clock, &self.caller.origin(), event).await?;
        Ok(id)
    }

    fn new_integration(&self, new: &Install) -> integration::Model {
        let now = self.clock.now();
        integration::Model {
            id: IntegrationId::new(self.clock),
            provider: new.provider.clone(),
            external_id: new.external_id.clone(),
            name: new.name.clone(),
            metadata_json: Json(new.metadata.clone().unwrap_or_else(|| json!({}))),
            status: ObjectStatus::Active,
            date_added: now,
            date_updated: now,
        }
    }
}

impl Install {
    fn check(&self) -> Result<(), Error> {
        limits::text("input.provider", &self.provider, limits::NAME)?;
        limits::text("input.externalId", &self.external_id, limits::EXTERNAL_ID)?;
        limits::text("input.name", &self.name, limits::NAME)?;
        if let Some(metadata) = &self.metadata {
            check_data("input.metadata", metadata)?;
        }
        match &self.config {
            None => Ok(()),
            Some(config) => check_data("input.config", config),
        }
    }

    fn changed_share(
        &self,
        stored: &organization_integration::Model,
    ) -> organization_integration::Model {
        let (default_identity_id, default_lost_at) = match self.default {
            Change::Keep => (stored.default_identity_id, stored.default_lost_at),
            Change::Clear => (None, None),
            Change::Set(identity) => (Some(identity), None),
        };
        organization_integration::Model {
            config_json: self
                .config
                .clone()
                .map_or_else(|| stored.config_json.clone(), Json),
            status: ObjectStatus::Active,
            default_identity_id,
            default_lost_at,
            grace_period_end: None,
            ..stored.clone()
        }
    }
}
