//! What becomes of a provider's answer: written in one transaction, with its event, unless somebody
//! has brought newer tokens meanwhile.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, IntoActiveModel};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::time::Instant;

use super::Credentials;
use super::backoff::wait;
use super::lease::{Lease, RATE_LIMITED};
use super::refresh::{Failure, Renewed};
use crate::clock::Time;
use crate::database::credential::Model;
use crate::database::json::Texts;
use crate::database::{Tx, credential, identity, provider_health, time};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::IdentityId;
use crate::identity::account::{access_token_place, refresh_token_place};
use crate::provider::account::Tokens;
use crate::provider::relying_party::{RefreshError, RefreshFault};
use crate::vault::Sealing;

/// How long a database that is away is tried for: what the provider has given may be the only token
/// that it takes from now on.
const PERSISTENCE: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// The reason of a bare 401; the second one ends the grant.
const UNAUTHORIZED: &str = "http_401";

/// What was found when an outcome was to be written.
enum Found {
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
            return Ok(Found::Settled(Err(Failure::Gone)));
        };
        if is_newer(&row, lease) {
            return Ok(Found::Newer(Box::new(row)));
        }
        let clock = &self.0.parts.clock;
        let now = clock.now();
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
        self.set_status(tx, identity, identity::Status::Valid)
            .await?;
        event::record(tx, clock, origin, event).await?;
        if lease.was_failing && provider_health::clear(tx, lease.client).await? {
            let event = NewEvent {
                target: Some(lease.client.any()),
                ..NewEvent::new(Action::ProviderRecovered)
            };
            event::record(tx, clock, origin, event).await?;
        }
        Ok(Found::Settled(Ok(())))
    }

    /// Writes down a failure.
    pub(super) async fn failed(
        &self,
        lease: &Lease,
        error: &RefreshError,
        origin: &Origin,
    ) -> Result<Renewed, Failure> {
        let database = &self.0.parts.database;
        let found = database
            .write(|tx| async move { self.write_failure(&tx, lease, error, origin).await })
            .await?;
        self.0.parts.metrics.count_refresh(match error.fault {
            RefreshFault::Ended => "ended",
            RefreshFault::Client | RefreshFault::Refused => "refused",
            RefreshFault::Unauthorized | RefreshFault::Busy | RefreshFault::Unavailable => {
                "unavailable"
            }
        });
        match found {
            Found::Settled(Err(failure)) => Err(failure),
            Found::Settled(Ok(())) => Err(Failure::Lost),
            Found::Newer(row) => Ok(Renewed(self.open_access_token(&row)?)),
        }
    }

    async fn write_failure(
        &self,
        tx: &Tx,
        lease: &Lease,
        error: &RefreshError,
        origin: &Origin,
    ) -> Result<Found, Error> {
        let Some((identity, row)) = locked(tx, lease.row.identity_id).await? else {
            return Ok(Found::Settled(Err(Failure::Gone)));
        };
        if is_newer(&row, lease) {
            return Ok(Found::Newer(Box::new(row)));
        }
        let later = |at| Failure::Later {
            reason: error.reason.clone(),
            at,
        };
        if row.lease_fence != lease.fence {
            // Another one asks meanwhile, and says what comes of it.
            return Ok(Found::Settled(Err(later(None))));
        }
        let clock = &self.0.parts.clock;
        let now = time::now(tx, clock).await?;
        let again = row.failure_reason.as_deref() == Some(UNAUTHORIZED);
        let failed = Model {
            lease_until: None,
            ..row
        };
        let failure = match error.fault {
            RefreshFault::Ended => self.end(tx, identity, failed, error, origin).await?,
            RefreshFault::Unauthorized if again => {
                self.end(tx, identity, failed, error, origin).await?
            }
            RefreshFault::Unauthorized | RefreshFault::Unavailable => {
                later(Some(self.put_off(tx, failed, error, now).await?))
            }
            RefreshFault::Refused => {
                // One grant's trouble, for all that is known: the others are tried as they were.
                self.flag(tx, lease, error, now, now, origin).await?;
                later(Some(self.put_off(tx, failed, error, now).await?))
            }
            RefreshFault::Client | RefreshFault::Busy => {
                credential::update(tx, failed).await?;
                let failures = provider_health::locked(tx, lease.client).await?;
                let failures = failures.map_or(1, |health| health.failures + 1);
                let until = now + wait(clock, failures, error.retry_after);
                self.flag(tx, lease, error, now, until, origin).await?;
                later(Some(until))
            }
        };
        Ok(Found::Settled(Err(failure)))
    }

    /// The grant has ended: only the person can give another one.
    async fn end(
        &self,
        tx: &Tx,
        identity: identity::Model,
        failed: Model,
        error: &RefreshError,
        origin: &Origin,
    ) -> Result<Failure, Error> {
        let reason = error.reason.clone();
        let ended = Model {
            failures: failed.failures + 1,
            failure_reason: Some(reason.clone()),
            next_attempt_at: None,
            keep_alive_at: None,
            ..failed
        };
        credential::update(tx, ended).await?;
        let told = json!({ "reason": reason });
        let event = about(Action::IdentityInvalidated, &identity, Some(told));
        if identity.status != identity::Status::Invalid {
            self.set_status(tx, identity, identity::Status::Invalid)
                .await?;
            event::record(tx, &self.0.parts.clock, origin, event).await?;
        }
        Ok(Failure::Ended { reason })
    }

    /// This credential is not tried before then.
    async fn put_off(
        &self,
        tx: &Tx,
        failed: Model,
        error: &RefreshError,
        now: Time,
    ) -> Result<Time, Error> {
        let failures = failed.failures + 1;
        let at = now + wait(&self.0.parts.clock, failures, error.retry_after);
        let put_off = Model {
            failures,
            failure_reason: Some(error.reason.clone()),
            next_attempt_at: Some(at),
            keep_alive_at: failed.keep_alive_at.map(|due| due.max(at)),
            ..failed
        };
        credential::update(tx, put_off).await?;
        Ok(at)
    }

    /// Says of the provider that it refuses us, and leaves it alone until then.
    async fn flag(
        &self,
        tx: &Tx,
        lease: &Lease,
        error: &RefreshError,
        now: Time,
        until: Time,
        origin: &Origin,
    ) -> Result<(), Error> {
        let before = provider_health::locked(tx, lease.client).await?;
        let reason = match error.fault {
            RefreshFault::Busy => RATE_LIMITED,
            _ => &error.reason,
        };
        let health = provider_health::Model {
            provider_id: lease.client,
            reason: reason.to_owned(),
            failures: before.as_ref().map_or(1, |before| before.failures + 1),
            since: before.as_ref().map_or(now, |before| before.since),
            next_attempt_at: until,
        };
        provider_health::put(tx, before.as_ref(), health).await?;
        if before.is_none_or(|before| before.reason != reason) {
            let event = NewEvent {
                target: Some(lease.client.any()),
                after: Some(json!({ "reason": reason })),
                ..NewEvent::new(Action::ProviderFailing)
            };
            event::record(tx, &self.0.parts.clock, origin, event).await?;
        }
        Ok(())
    }

    async fn set_status(
        &self,
        tx: &Tx,
        row: identity::Model,
        status: identity::Status,
    ) -> Result<(), Error> {
        if row.status == status {
            return Ok(());
        }
        let changed = identity::Model {
            status,
            version: row.version + 1,
            date_updated: self.0.parts.clock.now(),
            ..row
        };
        changed.into_active_model().reset_all().update(tx).await?;
        Ok(())
    }

    /// Gives the lease back with nothing to show for it.
    pub(super) async fn release(&self, lease: &Lease) -> Result<(), Failure> {
        let database = &self.0.parts.database;
        let released = database
            .write(|tx| async move {
                let row = credential::locked(&tx, lease.row.identity_id).await?;
                if let Some(row) = row.filter(|row| row.lease_fence == lease.fence) {
                    let released = Model {
                        lease_until: None,
                        ..row
                    };
                    credential::update(&tx, released).await?;
                }
                Ok(())
            })
            .await;
        Ok(released?)
    }
}

/// The identity before its credential: every writer locks them in this order.
async fn locked(tx: &Tx, id: IdentityId) -> Result<Option<(identity::Model, Model)>, Error> {
    let Some(identity) = identity::locked(tx, id).await? else {
        return Ok(None);
    };
    let row = credential::locked(tx, id).await?;
    Ok(row.map(|row| (identity, row)))
}

/// The tokens are another grant's, or those of a later lease.
fn is_newer(row: &Model, lease: &Lease) -> bool {
    row.grant_id != lease.row.grant_id || row.token_fence >= lease.fence
}

fn about(action: Action, row: &identity::Model, after: Option<serde_json::Value>) -> NewEvent {
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
