//! An identity passes from one user to another, with its account and its tokens. Whether it may
//! is decided before.

use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::told::{describe, new_event};
use crate::clock::Clock;
use crate::database::{Tx, identity};
use crate::error::Error;
use crate::event::{self, Action, Origin};
use crate::id::UserId;

/// Makes the identity the user's. It keeps its id, so what refers to it stays; sessions that it
/// has opened are the caller's to end.
///
/// The caller holds the locks of both users, and has read the row since. Where it is to be
/// `primary`, the user has no other primary identity at the provider.
pub async fn give(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    stored: &identity::Model,
    to: UserId,
    primary: bool,
) -> Result<(), Error> {
    let row = identity::Model {
        user_id: to,
        is_primary: primary,
        version: stored.version + 1,
        date_updated: clock.now(),
        ..stored.clone()
    };
    let (before, after) = (Some(describe(stored)), Some(describe(&row)));
    let event = new_event(Action::IdentityUpdated, &row, before, after);
    row.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, origin, event).await
}
