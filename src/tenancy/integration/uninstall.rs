//! Uninstalling: the organization's share goes, and with it an account that was linked for its
//! sake alone.

use sea_orm::ModelTrait;
use uuid::Uuid;

use super::default::with_user_locked;
use super::told::Told;
use super::{Integrations, share_not_found};
use crate::access::session::is_live;
use crate::access::{Scope, sees};
use crate::database::{
    Tx, auth_identity, identity, identity_provider, organization_integration, session,
};
use crate::error::Error;
use crate::event::{self, Action, NewEvent};
use crate::id::OrganizationIntegrationId;
use crate::identity::remove::remove;

impl Integrations<'_> {
    /// Takes the integration out of the organization. The integration stays; the default identity
    /// goes where nothing else refers to it; for a caller without the scope `identity:write` it
    /// stays. Its tokens are queued to be revoked; answers which revocation that is, if there is one.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn uninstall(&self, id: OrganizationIntegrationId) -> Result<Option<Uuid>, Error> {
        self.database
            .write(|tx| async move { self.uninstall_in(&tx, id).await })
            .await
    }

    async fn uninstall_in(
        &self,
        tx: &Tx,
        id: OrganizationIntegrationId,
    ) -> Result<Option<Uuid>, Error> {
        let (share, identity) = self.locked_with_default(tx, id).await?;
        let origin = &self.caller.origin();
        let event = NewEvent {
            target: Some(id.any()),
            user: identity.as_ref().map(|identity| identity.user_id),
            organization: Some(share.organization_id),
            before: Some(share.told()),
            ..NewEvent::new(Action::OrgIntegrationUninstalled)
        };
        share.delete(tx).await?;
        event::record(tx, self.clock, origin, event).await?;
        match identity {
            Some(identity) if self.may_go(tx, &identity).await? => {
                remove(tx, self.clock, origin, &identity, Some(self.revoking)).await
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The share, and its default identity where it has one; locked until the transaction ends,
    /// the identity by its user.
    async fn locked_with_default(
        &self,
        tx: &Tx,
        id: OrganizationIntegrationId,
    ) -> Result<(organization_integration::Model, Option<identity::Model>), Error> {
        loop {
            let default = self.share(tx, id).await?.default_identity_id;
            let identity = match default {
                None => None,
                Some(identity) => with_user_locked(tx, identity).await?,
            };
            let share = organization_integration::locked(tx, id)
                .await?
                .ok_or_else(|| share_not_found(id))?;
            if share.default_identity_id == default {
                return Ok((share, identity.map(|(identity, _)| identity)));
            }
            // It acts as another one since: whose user is not locked.
        }
    }

    /// The caller may unlink, nothing refers to the identity any more, and nobody comes in by it.
    async fn may_go(&self, tx: &Tx, row: &identity::Model) -> Result<bool, Error> {
        let providers = identity_provider::by_ids(tx, &[row.provider_id]).await?;
        let signs_in = providers.iter().any(|provider| provider.allows_sign_in);
        Ok(self.caller.viewer.has(Scope::IdentityWrite)
            && !signs_in
            && sees(&self.caller.viewer, tx, row).await?
            && !organization_integration::is_acted_as(tx, row.id, None).await?
            && !self.opens_sessions(tx, row).await?
            && !auth_identity::is_at(tx, row.user_id, row.provider_id).await?)
    }

    async fn opens_sessions(&self, tx: &Tx, row: &identity::Model) -> Result<bool, Error> {
        let now = self.clock.now();
        let opened = session::of_identities(tx, &[row.id]).await?;
        Ok(opened.iter().any(|session| is_live(session, now)))
    }
}
