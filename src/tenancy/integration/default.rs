//! The identity that an organization's integration acts as: who may be it, and setting it.

use super::{Integrations, share_not_found};
use crate::access::{Scope, sees};
use crate::database::{Tx, identity, organization_integration, organization_member, user};
use crate::error::{Error, RefusalCode};
use crate::id::{IdentityId, OrganizationId, OrganizationIntegrationId};
use crate::identity::default::MOST;
use crate::identity::link;

impl Integrations<'_> {
    /// Sets the identity that it acts as; with none it acts as nobody, on purpose.
    ///
    /// # Errors
    /// `NOT_FOUND`, `FORBIDDEN`; refused with `USER_NOT_ACTIVE` or `USER_NOT_IN_ORGANIZATION`, and
    /// with `TOO_LARGE` where very many act as the identity already.
    pub async fn set_default(
        &self,
        id: OrganizationIntegrationId,
        default: Option<IdentityId>,
    ) -> Result<(), Error> {
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let share = self.share(tx, id).await?;
                let identity = match default {
                    None => None,
                    Some(identity) => Some(
                        self.default_for(tx, share.organization_id, identity, &["identityId"])
                            .await?,
                    ),
                };
                let stored = organization_integration::locked(tx, id)
                    .await?
                    .ok_or_else(|| share_not_found(id))?;
                has_room(tx, identity.as_ref(), Some(&stored), &["identityId"]).await?;
                let row = organization_integration::Model {
                    default_identity_id: default,
                    default_lost_at: None,
                    ..stored.clone()
                };
                let user = identity.map(|identity| identity.user_id);
                self.store_share(tx, &stored, row, user).await
            })
            .await
    }

    /// The identity, if the organization's integrations may act as it. Its user is locked until
    /// the transaction ends: they stay active, a member, and the identity stays theirs.
    pub(super) async fn default_for(
        &self,
        tx: &Tx,
        organization: OrganizationId,
        id: IdentityId,
        field: &[&str],
    ) -> Result<identity::Model, Error> {
        let what = "naming the identity that an integration acts as";
        self.caller.viewer.require(Scope::IdentityWrite, what)?;
        let (row, user) = with_user_locked(tx, id)
            .await?
            .ok_or_else(|| link::not_found(id))?;
        if !sees(&self.caller.viewer, tx, &row).await? {
            return Err(link::not_found(id));
        }
        match user.status {
            user::Status::Active => {}
            user::Status::Disabled | user::Status::Merged => {
                let message = "the identity's user is not active";
                return Err(Error::refused(RefusalCode::UserNotActive, field, message));
            }
        }
        let refused = |message| {
            let code = RefusalCode::UserNotInOrganization;
            Err(Error::refused(code, field, message))
        };
        if !organization_member::is_member(tx, organization, row.user_id).await? {
            return refused("the identity's user is no member of the organization");
        }
        if row
            .organization_id
            .is_some_and(|owner| owner != organization)
        {
            return refused("the identity is at another organization's own provider");
        }
        Ok(row)
    }
}

/// No more act as one identity than can lose it at once. Its user is locked: nobody else makes it
/// a default meanwhile.
pub(super) async fn has_room(
    tx: &Tx,
    identity: Option<&identity::Model>,
    stored: Option<&organization_integration::Model>,
    field: &[&str],
) -> Result<(), Error> {
    let Some(identity) = identity else {
        return Ok(());
    };
    if stored.is_some_and(|stored| stored.default_identity_id == Some(identity.id)) {
        return Ok(());
    }
    if organization_integration::acting_as(tx, identity.id).await? < MOST {
        return Ok(());
    }
    let message = format!(
        "{MOST} organization integrations act as the identity, which is the most: name another one"
    );
    Err(Error::refused(RefusalCode::TooLarge, field, message))
}

/// The identity and its user, locked until the transaction ends; `None` where it is gone.
pub(super) async fn with_user_locked(
    tx: &Tx,
    id: IdentityId,
) -> Result<Option<(identity::Model, user::Model)>, Error> {
    loop {
        let Some(seen) = identity::by_ids(tx, &[id]).await?.into_iter().next() else {
            return Ok(None);
        };
        let user = user::lock(tx, &[seen.user_id]).await?.into_iter().next();
        let row = identity::locked(tx, id).await?;
        if let (Some(user), Some(row)) = (user, row)
            && row.user_id == user.id
        {
            return Ok(Some((row, user)));
        }
        // It has passed to another user meanwhile, or is gone.
    }
}
