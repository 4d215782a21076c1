//! Identities that an organization's integrations act as, and keys that are bound to another
//! organization: whom an integration acts as is not theirs to change.

use sea_orm::ConnectionTrait;

use crate::access::Caller;
use crate::database::organization_integration;
use crate::error::{Error, RefusalCode};
use crate::id::IdentityId;

/// The caller may change the identities, or take them away: it is bound to no organization, or
/// no integration of another one acts as any of them.
///
/// It stays so where the identities' rows are locked: whoever makes one a default locks it first.
///
/// # Errors
/// Refused with `IN_USE`.
pub(super) async fn may_change(
    db: &impl ConnectionTrait,
    caller: &Caller,
    identities: &[IdentityId],
) -> Result<(), Error> {
    let Some(own) = caller.viewer.bound_to() else {
        return Ok(());
    };
    for &identity in identities {
        if organization_integration::is_acted_as(db, identity, Some(own)).await? {
            return Err(Error::refused(
                RefusalCode::InUse,
                &[],
                "an integration of another organization acts as this identity: a key that is \
                 bound to none changes it",
            ));
        }
    }
    Ok(())
}
