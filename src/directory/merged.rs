//! Users that went into others, when the merge can't be undone any more: those with nothing left
//! are deleted, and their references are free again.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::user::describe;
use crate::clock::Clock;
use crate::database::identity::passing;
use crate::database::user::{self, Model};
use crate::database::{Tx, auth_identity, user_merge};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{MergeId, UserId};

/// Users that one sweep looks at.
const SWEPT: u64 = 100;
/// When a sweep looks again at a user who still has something.
const AGAIN: TimeDelta = TimeDelta::days(1);

/// Deletes a bounded number of merged users whose time is over, and puts off the others.
pub async fn sweep(tx: &Tx, clock: &Clock) -> Result<(), Error> {
    let now = clock.now();
    let due = user_merge::due_locked(tx, now, SWEPT).await?;
    if due.is_empty() {
        return Ok(());
    }
    let ids: Vec<UserId> = due.iter().map(|merge| merge.from_user_id).collect();
    let users = user::merged_locked(tx, &ids).await?;
    let deleted = delete_empty(tx, clock, users).await?;
    let kept: Vec<MergeId> = due
        .iter()
        .filter(|merge| !deleted.contains(&merge.from_user_id))
        .map(|merge| merge.id)
        .collect();
    if !kept.is_empty() {
        user_merge::put_off(tx, kept, now + AGAIN).await?;
    }
    Ok(())
}

/// Deletes this merged user, whose row is locked, where its time is over and it has nothing left.
/// Says whether it is gone.
pub async fn delete_if_over(tx: &Tx, clock: &Clock, user: &Model) -> Result<bool, Error> {
    let merge = user_merge::of_merged(tx, user.id).await?;
    if merge.is_none_or(|merge| clock.now() < merge.undoable_until) {
        return Ok(false);
    }
    let deleted = delete_empty(tx, clock, vec![user.clone()]).await?;
    Ok(deleted.contains(&user.id))
}

/// Deletes those of the users to whom nothing refers. Nobody asked for it: it is the server's own
/// doing.
async fn delete_empty(tx: &Tx, clock: &Clock, users: Vec<Model>) -> Result<HashSet<UserId>, Error> {
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let mut in_use: HashSet<UserId> = passing::with_any(tx, &ids).await?.into_iter().collect();
    in_use.extend(auth_identity::with_any(tx, &ids).await?);
    in_use.extend(user::merged_into(tx, &ids).await?);
    let empty: Vec<Model> = users
        .into_iter()
        .filter(|user| !in_use.contains(&user.id))
        .collect();
    let ids: Vec<UserId> = empty.iter().map(|user| user.id).collect();
    user::delete(tx, ids.clone()).await?;
    let server = Origin::server();
    for user in empty {
        let event = NewEvent {
            target: Some(user.id.any()),
            user: Some(user.id),
            before: Some(describe(&user)),
            ..NewEvent::new(Action::UserDeleted)
        };
        event::record(tx, clock, &server, event).await?;
    }
    Ok(ids.into_iter().collect())
}
