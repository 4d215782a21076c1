//! Taking hold of an identity, for a change that its user's other identities have a say in.

use super::link::not_found;
use crate::access::{Caller, sees};
use crate::database::{Tx, identity, user};
use crate::error::Error;
use crate::id::IdentityId;

/// The identity, with its user's row and its own locked until the transaction ends.
///
/// # Errors
/// `NOT_FOUND`, also for one that the caller may not see.
pub(super) async fn hold(
    tx: &Tx,
    caller: &Caller,
    id: IdentityId,
) -> Result<identity::Model, Error> {
    let mut found = identity::by_ids(tx, &[id]).await?.into_iter().next();
    while let Some(row) = found {
        if !sees(&caller.viewer, tx, &row).await? {
            break;
        }
        user::lock(tx, &[row.user_id]).await?;
        found = identity::locked(tx, id).await?;
        // It may have gone to another user while we waited; locked, it can't do so again.
        if let Some(held) = found.take_if(|held| held.user_id == row.user_id) {
            return Ok(held);
        }
    }
    Err(not_found(id))
}
