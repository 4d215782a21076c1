//! A refresh that has failed: what it means for the grant, the credential and the provider, written
//! in one transaction, with its events.

use serde_json::json;

use super::Credentials;
use super::backoff::wait;
use super::lease::{Lease, RATE_LIMITED};
use super::refresh::{Failure, Renewed};
use super::settle::{Found, about, is_newer, locked};
use crate::clock::Time;
use crate::database::credential::Model;
use crate::database::{Tx, credential, identity, provider_health, time};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::provider::relying_party::{RefreshError, RefreshFault};

/// The reason of a bare 401; the second one ends the grant.
const UNAUTHORIZED: &str = "http_401";

impl Credentials {
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
}
