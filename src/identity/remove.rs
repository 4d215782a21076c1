//! Taking an identity away, with all that rests on it. Whether it may go is decided before.

use sea_orm::{ActiveModelTrait, IntoActiveModel, ModelTrait};
use uuid::Uuid;

use super::revocation::Revoking;
use super::told::{describe, new_event};
use super::{beside, default};
use crate::access::session;
use crate::clock::Clock;
use crate::database::{Tx, identity};
use crate::error::Error;
use crate::event::{self, Action, Origin};

/// Deletes the identity; its credential goes with it, and so does the auth identity beside it. The
/// sessions that it signed in end, the organization integrations that act as it lose their
/// default, and the user's first linked identity at the provider becomes the primary one where
/// this was it; each with its event.
///
/// Its tokens are queued to be revoked, where `revoking` is given and there is a way: the queued
/// row's id is answered then.
///
/// The caller holds the lock of the identity's user, and has read the row since.
pub async fn remove(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    row: &identity::Model,
    revoking: Option<&Revoking>,
) -> Result<Option<Uuid>, Error> {
    let queued = match revoking {
        None => None,
        Some(revoking) => revoking.queue(tx, clock, origin, row).await?,
    };
    session::end_of_identities(tx, clock, origin, &[row.id], None).await?;
    default::lose(tx, clock, origin, row).await?;
    beside::remove_with(tx, clock, origin, row).await?;
    row.clone().delete(tx).await?;
    let event = new_event(Action::IdentityUnlinked, row, Some(describe(row)), None);
    event::record(tx, clock, origin, event).await?;
    if row.is_primary {
        hand_on_primary(tx, clock, origin, row).await?;
    }
    Ok(queued)
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
