//! Auth identities: members' links to their organizations' single sign-on.

use super::auth_provider as sign_on;
use super::organization::find;
use crate::access::{Caller, Facts as _, Question, sees};
use crate::clock::Clock;
use crate::database::{
    Database, Tx, auth_identity, auth_provider, disconnect, identity_provider, user,
};
use crate::error::{Error, RefusalCode};
use crate::event::Origin;
use crate::id::{AuthIdentityId, AuthProviderId, OrganizationId, UserId};
use crate::identity::beside;
use crate::identity::disconnect::{Facts, disconnect};
use crate::limits;

/// An account at a sign-on, and the member whose it is.
#[derive(Debug, Clone)]
pub struct LinkAuthIdentity {
    pub auth_provider: AuthProviderId,
    pub user: UserId,
    pub ident: String,
}

/// Links a member to the organization's sign-on, on the caller's word. The same again is the same
/// link, verified now.
///
/// # Errors
/// `BAD_USER_INPUT`, `NOT_FOUND`; refused with `USER_NOT_IN_ORGANIZATION`, `USER_NOT_ACTIVE`,
/// `ACCOUNT_OWNED_BY_ANOTHER_USER` or `USER_HAS_ANOTHER_ACCOUNT`.
pub async fn link(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    input: &LinkAuthIdentity,
) -> Result<AuthIdentityId, Error> {
    limits::text("input.ident", &input.ident, limits::EXTERNAL_ID)?;
    database
        .write(|tx| async move {
            let tx = &*tx;
            let sign_on = auth_provider::by_ids(tx, &[input.auth_provider]).await?;
            let sign_on = sign_on.first();
            let sign_on = sign_on.ok_or_else(|| sign_on::not_found(input.auth_provider))?;
            if !sees(&caller.viewer, tx, sign_on).await? {
                return Err(sign_on::not_found(input.auth_provider));
            }
            member(tx, caller, sign_on.organization_id, input.user).await?;
            let origin = &caller.origin();
            match standing(tx, sign_on, input.user, &input.ident).await? {
                Standing::Free => {
                    beside::insert(tx, clock, origin, sign_on, input.user, &input.ident).await
                }
                Standing::OfTheUser(row) if row.ident == input.ident => {
                    let id = row.id;
                    beside::renew(tx, clock, origin, row, &input.ident).await?;
                    Ok(id)
                }
                Standing::OfTheUser(_) => Err(Error::refused(
                    RefusalCode::UserHasAnotherAccount,
                    &["input", "userId"],
                    "the user is linked to this sign-on by another account",
                )),
                Standing::OfAnother => Err(owned_by_another()),
            }
        })
        .await
}

/// Writes or renews the link of a person whom a flow at the provider has just shown to have the
/// account, where the provider is an organization's sign-on. In the transaction of the flow's
/// end, which holds the lock of the person's row. Somebody else's account is never taken over.
///
/// # Errors
/// Refused with `ACCOUNT_OWNED_BY_ANOTHER_USER`.
pub async fn verified(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    provider: &identity_provider::Model,
    user: UserId,
    ident: &str,
) -> Result<(), Error> {
    if provider.organization_id.is_none() {
        return Ok(());
    }
    let Some(sign_on) = auth_provider::by_provider(tx, provider.id).await? else {
        return Ok(());
    };
    match standing(tx, &sign_on, user, ident).await? {
        Standing::Free => {
            beside::insert(tx, clock, origin, &sign_on, user, ident).await?;
            Ok(())
        }
        Standing::OfTheUser(row) => beside::renew(tx, clock, origin, row, ident).await,
        Standing::OfAnother => Err(owned_by_another()),
    }
}

/// Deletes a link that the member can do without.
///
/// # Errors
/// `NOT_FOUND`; refused with `NEEDED_FOR_GLOBAL_AUTH` or `NEEDED_FOR_ORG_AUTH`.
pub async fn delete(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    id: AuthIdentityId,
) -> Result<(), Error> {
    database
        .write(|tx| async move {
            let tx = &*tx;
            let found = auth_identity::by_ids(tx, &[id]).await?.into_iter().next();
            let row = found.ok_or_else(|| not_found(id))?;
            if !sees(&caller.viewer, tx, &row).await? {
                return Err(not_found(id));
            }
            // Of two ways in that are taken away at once, the second has to find the first gone.
            user::lock(tx, &[row.user_id]).await?;
            let facts = disconnect::of_auth_identities(tx, &[id]).await?;
            let facts = facts.first().ok_or_else(|| not_found(id))?;
            disconnect(Facts::from(facts)).check()?;
            if !beside::remove(tx, clock, &caller.origin(), &row).await? {
                return Err(not_found(id));
            }
            Ok(())
        })
        .await
}

/// Deletes the member's links within the organization, whatever they are needed for; identities
/// stay. Answers with their ids.
///
/// # Errors
/// `NOT_FOUND` for the user and the organization.
pub async fn delete_of_member(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    organization: OrganizationId,
    user: UserId,
) -> Result<Vec<AuthIdentityId>, Error> {
    database
        .write(|tx| async move {
            let tx = &*tx;
            find(tx, caller, organization).await?;
            locked_user(tx, caller, user).await?;
            let mut deleted = Vec::new();
            for row in auth_identity::of_member(tx, organization, user).await? {
                if beside::remove(tx, clock, &caller.origin(), &row).await? {
                    deleted.push(row.id);
                }
            }
            Ok(deleted)
        })
        .await
}

/// Who has an account at a sign-on.
enum Standing {
    /// Nobody, and the user has no other.
    Free,
    /// The user is linked already, by this account or by another one.
    OfTheUser(auth_identity::Model),
    OfAnother,
}

async fn standing(
    tx: &Tx,
    sign_on: &auth_provider::Model,
    user: UserId,
    ident: &str,
) -> Result<Standing, Error> {
    let rows = auth_identity::around_locked(tx, sign_on.id, ident, user).await?;
    if rows.iter().any(|row| row.user_id != user) {
        return Ok(Standing::OfAnother);
    }
    let own = rows.into_iter().next();
    Ok(own.map_or(Standing::Free, Standing::OfTheUser))
}

fn owned_by_another() -> Error {
    Error::refused(
        RefusalCode::AccountOwnedByAnotherUser,
        &["input", "ident"],
        "another user is linked to this sign-on by the account",
    )
}

/// The user is an active member of the organization, and the lock of their row is held from now
/// on: a member who is removed waits for it.
async fn member(
    tx: &Tx,
    caller: &Caller,
    organization: OrganizationId,
    id: UserId,
) -> Result<(), Error> {
    let row = locked_user(tx, caller, id).await?;
    if !tx.holds(Question::Member(organization, id)).await? {
        return Err(Error::refused(
            RefusalCode::UserNotInOrganization,
            &["input", "userId"],
            "the user is no member of the organization whose sign-on it is",
        ));
    }
    match row.status {
        user::Status::Active => Ok(()),
        user::Status::Disabled | user::Status::Merged => Err(Error::refused(
            RefusalCode::UserNotActive,
            &["input", "userId"],
            "the user is not active",
        )),
    }
}

async fn locked_user(tx: &Tx, caller: &Caller, id: UserId) -> Result<user::Model, Error> {
    let no_user = || Error::NotFound {
        what: "user",
        id: id.to_string(),
    };
    let row = user::lock(tx, &[id]).await?.into_iter().next();
    let row = row.ok_or_else(no_user)?;
    if !sees(&caller.viewer, tx, &row).await? {
        return Err(no_user());
    }
    Ok(row)
}

/// There is no such auth identity, or none that the caller may see.
pub fn not_found(id: AuthIdentityId) -> Error {
    Error::NotFound {
        what: "auth identity",
        id: id.to_string(),
    }
}
