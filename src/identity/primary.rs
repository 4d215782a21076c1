//! Which of a user's identities at a provider is the primary one.

use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::hold::hold;
use super::told::{describe, new_event};
use crate::access::Caller;
use crate::clock::Clock;
use crate::database::{Database, Tx, identity};
use crate::error::Error;
use crate::event::{self, Action};
use crate::id::IdentityId;

/// Makes the identity the primary one of its user at its provider, in the place of the one that
/// was it. One that is it already stays as it is.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn set_primary(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    id: IdentityId,
) -> Result<(), Error> {
    database
        .write(|tx| async move {
            let tx = &*tx;
            let row = hold(tx, caller, id).await?;
            if row.is_primary {
                return Ok(());
            }
            // There is one at a time: the old one first.
            if let Some(old) = identity::primary(tx, row.provider_id, row.user_id).await? {
                store(tx, clock, caller, old, false).await?;
            }
            store(tx, clock, caller, row, true).await
        })
        .await
}

async fn store(
    tx: &Tx,
    clock: &Clock,
    caller: &Caller,
    stored: identity::Model,
    is_primary: bool,
) -> Result<(), Error> {
    let row = identity::Model {
        is_primary,
        version: stored.version + 1,
        date_updated: clock.now(),
        ..stored.clone()
    };
    let (before, after) = (Some(describe(&stored)), Some(describe(&row)));
    let event = new_event(Action::IdentityUpdated, &row, before, after);
    row.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, &caller.origin(), event).await
}
