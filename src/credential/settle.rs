//! What a provider has given is stored: in one transaction, with its event, unless somebody has
//! brought newer tokens meanwhile.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, IntoActiveModel};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::time::Instant;

use super::Credentials;
use super::lease::Lease;
use super::refresh::{Failure, Renewed};
use crate::clock::Time;
use crate::database::credential::Model;
use crate::database::json::Texts;
use crate::database::{Tx, credential, identity, provider_health, revocation, time};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::IdentityId;
use crate::identity::account::{access_token_place, refresh_token_place};
use crate::identity::revocation::{waiting_access_token, waiting_refresh_token};
use crate::provider::account::Tokens;
use crate::vault::Sealing;

/// How long a database that is away is tried for: what the provider has given may be the only token
/// that it takes from now on.
const PERSISTENCE: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// What was found when an outcome was to be written.
pub(super) enum Found {
    /// Written, or nothing to write: what the caller gets.
    Settled(Result<(), Failure>),
    /// Newer tokens are there.
    Newer(Box<Model>),
}

impl Credentials {
    /// Stores what the provider has given, and then gives it out.
    pub(super) async fn store(
        &self,
        lease: &Lease,
        tokens: Tokens,
        origin: &Origin,
    ) -> Result<Renewed, Failure> {
        let database = &self.0.parts.database;
        let tokens = &tokens;
        let begun = Instant::now();
        let found = loop {
            let written = database
                .write(|tx| async move { self.write_tokens(&tx, lease, tokens, origin).await })
                .await;
            match written {
                Ok(found) => break found,
                Err(error) if begun.elapsed() < PERSISTENCE => {
                    tracing::error!(error = %error, "fresh tokens could not be stored; trying again");
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        match found {
            Found::Settled(settled) => {
                settled?;
                self.0.parts.metrics.count_refresh("refreshed");
                Ok(Renewed(tokens.access_token.clone()))
            }
            Found::Newer(row) => {
                self.0.parts.metrics.count_refresh("late");
                let identity = lease.row.identity_id;
                tracing::warn!(identity = %identity, "an answer came too late: newer tokens are stored");
                Ok(Renewed(self.open_access_token(&row)?))
            }
        }
    }

    async fn write_tokens(
        &self,
        tx: &Tx,
        lease: &Lease,
        tokens: &Tokens,
        origin: &Origin,
    ) -> Result<Found, Error> {
        let Some((identity, row)) = locked(tx, lease.row.identity_id).await? else {
            self.hand_over(tx, lease.row.identity_id, tokens).await?;
            return Ok(Found::Settled(Err(Failure::Gone)));
        };
        if is_newer(&row, lease) {
            return Ok(Found::Newer(Box::new(row)));
        }
        let clock = &self.0.parts.clock;
        // By the clock that all processes agree on, whatever this one's says.
        let now = time::now(tx, clock).await?;
        let tokens = &tokens.clone().later_by(now - clock.now());
        let idle = self.rules(&identity).map(|rules| rules.idle);
        let sealing = self.0.parts.flows.vault.sealing(tx).await?;
        let fresh = fresh(&sealing, lease, &row, tokens, now);
        let fresh = Model {
            keep_alive_at: idle.and_then(|idle| super::keep_alive::due(&fresh, idle)),
            ..fresh
        };
        let told = json!({
            "expiresAt": fresh.expires_at,
            "scopes": fresh.scopes_json.0,
            "refreshTokenReplaced": tokens.refresh_token.is_some(),
        });
        credential::update(tx, fresh).await?;
        let event = about(Action::IdentityRefreshed, &identity, Some(told));
        self.set_status(tx, &identity, identity::Status::Valid)
            .await?;
        event::record(tx, clock, origin, event).await?;
        self.recovered(tx, lease, &identity, origin).await?;
        Ok(Found::Settled(Ok(())))
    }

    /// Nothing is known against the provider any more.
    pub(super) async fn recovered(
        &self,
        tx: &Tx,
        lease: &Lease,
        identity: &identity::Model,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some(failures) = lease.provider_failures else {
            return Ok(());
        };
        if !provider_health::clear(tx, lease.provider, failures).await? {
            return Ok(());
        }
        let event = NewEvent {
            target: Some(lease.provider.any()),
            organization: identity.organization_id,
            ..NewEvent::new(Action::ProviderRecovered)
        };
        event::record(tx, &self.0.parts.clock, origin, event).await
    }

    pub(super) async fn set_status(
        &self,
        tx: &Tx,
        row: &identity::Model,
        status: identity::Status,
    ) -> Result<(), Error> {
        if row.status == status {
            return Ok(());
        }
        let changed = identity::Model {
            status,
            version: row.version + 1,
            date_updated: self.0.parts.clock.now(),
            ..row.clone()
        };
        changed.into_active_model().reset_all().update(tx).await?;
        Ok(())
    }

    /// Gives the lease back with nothing to show for it.
    pub(super) async fn release(&self, lease: &Lease) -> Result<(), Failure> {
        let database = &self.0.parts.database;
        let released = database
            .write(|tx| async move {
                if let Some(row) = credential::locked(&tx, lease.row.identity_id).await? {
                    give_back(&tx, lease, row).await?;
                }
                Ok(())
            })
            .await;
        Ok(released?)
    }

    /// The account was unlinked while its provider was asked: what it has given goes with what is
    /// to be revoked.
    async fn hand_over(&self, tx: &Tx, id: IdentityId, tokens: &Tokens) -> Result<(), Error> {
        let Some(waiting) = revocation::of_identity(tx, id).await? else {
            return Ok(());
        };
        let sealing = self.0.parts.flows.vault.sealing(tx).await?;
        let seal =
            |place, token: &SecretString| sealing.seal(&place, token.expose_secret().as_bytes());
        let id = waiting.id;
        let fresh = tokens.refresh_token.as_ref();
        let fresh = fresh.map(|token| seal(waiting_refresh_token(&id), token));
        let row = revocation::Model {
            access_token_sealed: seal(waiting_access_token(&id), &tokens.access_token),
            refresh_token_sealed: fresh.or(waiting.refresh_token_sealed.clone()),
            // A try that is on its way is with the tokens before.
            attempts: waiting.attempts + 1,
            next_attempt_at: time::now(tx, &self.0.parts.clock).await?,
            ..waiting
        };
        Ok(revocation::update(tx, row).await?)
    }
}

/// Ends the lease, where it is still this one; the row as it is then.
pub(super) async fn give_back(tx: &Tx, lease: &Lease, row: Model) -> Result<Model, Error> {
    if row.lease_fence != lease.fence {
        return Ok(row);
    }
    let released = Model {
        lease_until: None,
        ..row
    };
    credential::update(tx, released.clone()).await?;
    Ok(released)
}

/// The identity before its credential: every writer locks them in this order.
pub(super) async fn locked(
    tx: &Tx,
    id: IdentityId,
) -> Result<Option<(identity::Model, Model)>, Error> {
    let Some(identity) = identity::locked(tx, id).await? else {
        return Ok(None);
    };
    let row = credential::locked(tx, id).await?;
    Ok(row.map(|row| (identity, row)))
}

/// The tokens are another grant's, or those of a later lease.
pub(super) fn is_newer(row: &Model, lease: &Lease) -> bool {
    row.grant_id != lease.row.grant_id || row.token_fence >= lease.fence
}

pub(super) fn about(
    action: Action,
    row: &identity::Model,
    after: Option<serde_json::Value>,
) -> NewEvent {
    NewEvent {
        target: Some(row.id.any()),
        user: Some(row.user_id),
        organization: row.organization_id,
        after,
        ..NewEvent::new(action)
    }
}

/// The row with the new tokens. What the answer leaves out stays (RFC 6749 §6).
fn fresh(sealing: &Sealing, lease: &Lease, row: &Model, tokens: &Tokens, now: Time) -> Model {
    let id = &row.identity_id;
    let seal = |place, token: &SecretString| sealing.seal(&place, token.expose_secret().as_bytes());
    let is_ours = row.lease_fence == lease.fence;
    Model {
        access_token_sealed: seal(access_token_place(id), &tokens.access_token),
        refresh_token_sealed: match &tokens.refresh_token {
            Some(token) => Some(seal(refresh_token_place(id), token)),
            None => row.refresh_token_sealed.clone(),
        },
        refresh_token_expires_at: match &tokens.refresh_token {
            Some(_) => tokens.refresh_token_expires_at,
            None => tokens
                .refresh_token_expires_at
                .or(row.refresh_token_expires_at),
        },
        token_type: Some(tokens.token_type.clone()),
        scopes_json: Texts(tokens.scopes.clone()),
        expires_at: tokens.expires_at,
        date_updated: now,
        refreshed_at: Some(now),
        failures: 0,
        failure_reason: None,
        next_attempt_at: None,
        // Whoever has it meanwhile finds the new tokens.
        lease_until: row.lease_until.filter(|_| !is_ours),
        token_fence: lease.fence,
        ..row.clone()
    }
}
