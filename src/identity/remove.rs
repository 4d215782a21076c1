//! Taking an identity away, with all that rests on it. Whether it may go is decided before.

use sea_orm::{ActiveModelTrait, IntoActiveModel, ModelTrait, Set};

use super::told::{describe, new_event};
use crate::clock::Clock;
use crate::database::{Tx, identity, organization_integration, session};
use crate::error::Error;
use crate::event::{self, Action, Origin};

/// Deletes the identity; its credential goes with it. The sessions that it signed in end, the
/// organization integrations that act as it lose their default, and the user's first linked
/// identity at the provider becomes the primary one where this was it; each with its event.
///
/// The caller holds the lock of the identity's user, and has read the row since.
pub async fn remove(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    row: &identity::Model,
) -> Result<(), Error> {
    session::delete_of_identity(tx, row.id, None).await?;
    lose_default(tx, clock, row).await?;
    row.clone().delete(tx).await?;
    let event = new_event(Action::IdentityUnlinked, row, Some(describe(row)), None);
    event::record(tx, clock, origin, event).await?;
    if row.is_primary {
        hand_on_primary(tx, clock, origin, row).await?;
    }
    Ok(())
}

/// The user who lost the primary identity may have another one at the provider: the first linked
/// is the primary one from now on.
pub async fn hand_on_primary(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    gone: &identity::Model,
) -> Result<(), Error> {
    let next = identity::first_linked(tx, gone.provider_id, gone.user_id).await?;
    let Some(stored) = next else { return Ok(()) };
    let row = identity::Model {
        is_primary: true,
        version: stored.version + 1,
        date_updated: clock.now(),
        ..stored.clone()
    };
    let (before, after) = (Some(describe(&stored)), Some(describe(&row)));
    let event = new_event(Action::IdentityUpdated, &row, before, after);
    row.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, origin, event).await
}

async fn lose_default(tx: &Tx, clock: &Clock, row: &identity::Model) -> Result<(), Error> {
    for acting in organization_integration::acting_as_locked(tx, &[row.id]).await? {
        let mut acting = acting.into_active_model();
        acting.default_identity_id = Set(None);
        acting.default_lost_at = Set(Some(clock.now()));
        acting.update(tx).await?;
    }
    Ok(())
}
