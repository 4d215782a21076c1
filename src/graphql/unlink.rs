//! Disconnecting accounts, and the one that counts where a user has several.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::context::Asking;
use super::link::IdentityPayload;
use super::scalar::{Refusal, id, settled};
use crate::error::Error;
use crate::id::IdentityId;
use crate::identity::{Unlink, set_primary, unlink};

/// An identity to be unlinked.
#[derive(Debug, InputObject)]
pub struct UnlinkIdentityInput {
    /// The identity.
    id: ID,
    /// Also revoke the tokens at the provider, where its type has a way, and nobody else has the
    /// same account by the same client. It is tried again for three days where the provider fails.
    #[graphql(default = true)]
    revoke: bool,
    /// Past the disconnect rules: whatever the account is needed for. Needs the scope admin; a
    /// key that is bound to an organization may do so at the organization's own providers.
    #[graphql(default = false)]
    force: bool,
}

/// What unlinkIdentity did.
#[derive(SimpleObject)]
pub struct UnlinkIdentityPayload {
    /// The identity that is gone; null where that was refused.
    deleted_id: Option<ID>,
    /// The provider has confirmed by now that the tokens are revoked. False where it has not: it
    /// has no way, it was not asked to, it said no, or it is tried again. The audit log has what
    /// comes of it.
    revoked: bool,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct UnlinkMutation;

#[Object]
impl UnlinkMutation {
    /// Unlinks an account from its user, where the user can do without it: see `disconnect`. Its
    /// tokens go, and are revoked at the provider where it can; what acts as it acts as nobody, and
    /// the user's other sessions end; by a key that is bound to an organization, those that the
    /// account has opened, and the organization's own providers. People unlink their own, within
    /// 15 minutes of a sign-in. Refused (`IN_USE`) for a bound key where an integration of another
    /// organization acts as the identity.
    async fn unlink_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity.")] input: UnlinkIdentityInput,
    ) -> Result<Option<UnlinkIdentityPayload>, Error> {
        let app = ctx.app()?;
        let identity: IdentityId = id("input.id", &input.id)?;
        let what = Unlink {
            id: identity,
            force: input.force,
            revoking: input.revoke.then_some(&app.revoking),
        };
        let result = unlink(&app.database, &app.clock, ctx.caller()?, what).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        let revoked = match done.flatten() {
            None => false,
            Some(queued) => app.revocations.begin(queued, ctx.patience()).await,
        };
        Ok(Some(UnlinkIdentityPayload {
            deleted_id: done.map(|_| input.id),
            revoked,
            user_errors,
        }))
    }

    /// Makes the identity the one that counts where its user has several at its provider.
    async fn set_primary_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity.")] id: ID,
    ) -> Result<Option<IdentityPayload>, Error> {
        let app = ctx.app()?;
        let identity: IdentityId = super::scalar::id("id", &id)?;
        let result = set_primary(&app.database, &app.clock, ctx.caller()?, identity).await;
        app.sealer.wake();
        IdentityPayload::of(ctx, identity, result).await.map(Some)
    }
}
