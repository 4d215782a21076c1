//! Who is a member of an organization: added by those who run the server, and what ends with a
//! membership. The organization is locked before the user: whatever asks under the user's lock
//! whether there is a membership has an answer that holds.

use serde_json::json;

use super::organization::{about, find};
use crate::access::{Caller, session};
use crate::clock::Clock;
use crate::database::{
    Database, Tx, auth_identity, organization_integration, organization_member, user,
};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{OrganizationId, UserId};
use crate::identity::{beside, default};

/// Makes the user a member. Nothing is changed where the user is one already.
///
/// # Errors
/// `NOT_FOUND` for both, `FORBIDDEN` for a key that is bound to an organization; refused with
/// `USER_NOT_ACTIVE`.
pub async fn add(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), Error> {
    caller.viewer.require_unbound("adding a member")?;
    database
        .write(|tx| async move {
            let tx = &*tx;
            let status = lock(tx, caller, organization, user).await?;
            if organization_member::is_member(tx, organization, user).await? {
                return Ok(());
            }
            match status {
                user::Status::Active => {}
                user::Status::Disabled | user::Status::Merged => {
                    let message = "the user is disabled, or was merged into another one";
                    let code = RefusalCode::UserNotActive;
                    return Err(Error::refused(code, &["userId"], message));
                }
            }
            let row = organization_member::Model {
                organization_id: organization,
                user_id: user,
                date_added: clock.now(),
            };
            organization_member::insert(tx, row).await?;
            event::record(tx, clock, &caller.origin(), joined(organization, user)).await
        })
        .await
}

/// Ends the membership, and what rests on it: the links to the organization's sign-on, the
/// sessions that its own providers have opened, and the defaults of its integrations that act as
/// the user. The identities stay. Nothing is changed where the user is no member.
///
/// # Errors
/// `NOT_FOUND` for both, `FORBIDDEN` for a key that is bound to an organization.
pub async fn remove(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), Error> {
    caller.viewer.require_unbound("removing a member")?;
    database
        .write(|tx| async move {
            let tx = &*tx;
            lock(tx, caller, organization, user).await?;
            end(tx, clock, &caller.origin(), organization, user).await
        })
        .await
}

/// The same in a transaction that holds the user's lock.
pub(super) async fn end(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), Error> {
    if !organization_member::delete(tx, organization, user).await? {
        return Ok(());
    }
    event::record(tx, clock, origin, left(organization, user)).await?;
    for row in auth_identity::of_member(tx, organization, user).await? {
        beside::remove(tx, clock, origin, &row).await?;
    }
    session::end_of_member(tx, clock, origin, organization, user).await?;
    default::lose_of_member(tx, clock, origin, organization, user).await
}

/// Where the user is no member, the organization's integrations stop acting as the user: for one
/// who has got identities that they act as. The transaction holds the user's lock.
pub(super) async fn lose_defaults_elsewhere(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    user: UserId,
) -> Result<(), Error> {
    for organization in organization_integration::acting_as_stranger(tx, user).await? {
        default::lose_of_member(tx, clock, origin, organization, user).await?;
    }
    Ok(())
}

/// A membership that begins, as events tell of it.
pub(super) fn joined(organization: OrganizationId, user: UserId) -> NewEvent {
    NewEvent {
        user: Some(user),
        after: Some(json!({ "userId": user.to_string() })),
        ..about(organization, Action::OrganizationMemberAdded)
    }
}

/// One that ends.
pub(super) fn left(organization: OrganizationId, user: UserId) -> NewEvent {
    NewEvent {
        user: Some(user),
        before: Some(json!({ "userId": user.to_string() })),
        ..about(organization, Action::OrganizationMemberRemoved)
    }
}

/// Locks the organization, then the user, and says whether the user may act.
async fn lock(
    tx: &Tx,
    caller: &Caller,
    organization: OrganizationId,
    user: UserId,
) -> Result<user::Status, Error> {
    find(tx, caller, organization).await?;
    let row = user::lock(tx, &[user]).await?.into_iter().next();
    row.map(|row| row.status).ok_or_else(|| Error::NotFound {
        what: "user",
        id: user.to_string(),
    })
}
