//! Integrations, and what organizations have of them. Whoever locks several rows locks the
//! integration first, then the default identity's user, then the organization's share.

pub mod acting;
mod change;
mod default;
mod install;
mod told;
mod uninstall;

use sea_orm::{ActiveModelTrait, IntoActiveModel};

use self::told::Told;
use crate::access::{Caller, sees};
use crate::clock::{Clock, Time};
use crate::database::status::ObjectStatus;
use crate::database::{Database, Tx, integration, organization_integration};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{IntegrationId, OrganizationId, OrganizationIntegrationId, UserId};
use crate::identity::revocation::Revoking;
pub use change::{IntegrationChange, ShareChange};
pub use install::{Install, Installed};

/// Changes integrations for a caller.
pub struct Integrations<'a> {
    pub database: &'a Database,
    pub clock: &'a Clock,
    pub caller: &'a Caller,
    pub revoking: &'a Revoking,
}

impl Integrations<'_> {
    /// What an organization has of an integration, if the caller may see it.
    async fn share(
        &self,
        tx: &Tx,
        id: OrganizationIntegrationId,
    ) -> Result<organization_integration::Model, Error> {
        let found = organization_integration::by_ids(tx, &[id]).await?;
        let row = found
            .into_iter()
            .next()
            .ok_or_else(|| share_not_found(id))?;
        if !sees(&self.caller.viewer, tx, &row).await? {
            return Err(share_not_found(id));
        }
        Ok(row)
    }

    /// Writes the row as it is to be, with its event; nothing where it is so already.
    async fn store_share(
        &self,
        tx: &Tx,
        stored: &organization_integration::Model,
        row: organization_integration::Model,
        user: Option<UserId>,
    ) -> Result<(), Error> {
        if row == *stored {
            return Ok(());
        }
        let row = organization_integration::Model {
            date_updated: self.clock.now(),
            ..row
        };
        let event = NewEvent {
            target: Some(row.id.any()),
            user,
            organization: Some(row.organization_id),
            before: Some(stored.told()),
            after: Some(row.told()),
            ..NewEvent::new(Action::OrgIntegrationUpdated)
        };
        row.into_active_model().reset_all().update(tx).await?;
        event::record(tx, self.clock, &self.caller.origin(), event).await
    }

    /// The same for what organizations share. A key that is bound to one of them changes it only
    /// while no other has it.
    async fn store_integration(
        &self,
        tx: &Tx,
        stored: &integration::Model,
        row: integration::Model,
        field: &str,
    ) -> Result<(), Error> {
        if row == *stored {
            return Ok(());
        }
        let only = only_organization(tx, stored.id).await?;
        let bound = self.caller.viewer.bound_to();
        if bound.is_some() && bound != only {
            return Err(Error::refused(
                RefusalCode::InUse,
                &["input", field],
                "other organizations have this integration too: its name, metadata and status are \
                 changed by a key that is bound to none",
            ));
        }
        let row = integration::Model {
            date_updated: self.clock.now(),
            ..row
        };
        let event = NewEvent {
            target: Some(row.id.any()),
            organization: only,
            before: Some(stored.told()),
            after: Some(row.told()),
            ..NewEvent::new(Action::IntegrationUpdated)
        };
        row.into_active_model().reset_all().update(tx).await?;
        event::record(tx, self.clock, &self.caller.origin(), event).await
    }
}

/// The organization that has the integration, where it is one alone.
async fn only_organization(tx: &Tx, id: IntegrationId) -> Result<Option<OrganizationId>, Error> {
    let found = organization_integration::organizations_of(tx, id, 2).await?;
    Ok(match found[..] {
        [only] => Some(only),
        _ => None,
    })
}

/// A status that callers may give.
fn check_status(field: &str, status: ObjectStatus) -> Result<(), Error> {
    match status {
        ObjectStatus::Active | ObjectStatus::Disabled | ObjectStatus::PendingDeletion => Ok(()),
        ObjectStatus::DeletionInProgress => Err(Error::bad_input(
            field,
            "is DELETION_IN_PROGRESS, which is the server's to set: give ACTIVE, DISABLED or \
             PENDING_DELETION",
        )),
    }
}

/// Whether the grace period of a share has run out.
fn is_over(grace_period_end: Option<Time>, now: Time) -> bool {
    grace_period_end.is_some_and(|end| end <= now)
}

/// There is no such integration, or none that the caller may see.
pub fn not_found(id: IntegrationId) -> Error {
    Error::NotFound {
        what: "integration",
        id: id.to_string(),
    }
}

/// There is no such organization integration, or none that the caller may see.
pub fn share_not_found(id: OrganizationIntegrationId) -> Error {
    Error::NotFound {
        what: "organization integration",
        id: id.to_string(),
    }
}
