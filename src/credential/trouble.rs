//! A refresh that has failed: what it means for the grant, the credential and the provider, written
//! in one transaction, with its events.

use serde_json::json;

use super::Credentials;
use super::backoff::wait;
use super::lease::Lease;
use super::refresh::{Failure, Renewed};
use super::settle::{Found, about, give_back, is_newer, locked};
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
        if is_newer(&row, lease) || !is_as_it_was(&row, lease) {
            // What the provider says is said of tokens that nobody has any more.
            let released = give_back(tx, lease, row).await?;
            return Ok(Found::Newer(Box::new(released)));
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
        // Twice at once is one answer.
        let has_waited = row.next_attempt_at.is_none_or(|at| at <= now);
        let again = row.failure_reason.as_deref() == Some(UNAUTHORIZED) && has_waited;
        let failed = Model {
            lease_until: None,
            ..row
        };
        let failure = match error.fault {
            RefreshFault::Ended => {
                // It knows the client, so nothing is wrong with that.
                self.recovered(tx, lease, &identity, origin).await?;
                self.end(tx, identity, failed, error, origin).await?
            }
            RefreshFault::Unauthorized if again => {
                self.end(tx, identity, failed, error, origin).await?
            }
            RefreshFault::Unauthorized | RefreshFault::Unavailable => {
                later(Some(self.put_off(tx, failed, error, now).await?))
            }
            RefreshFault::Refused => {
                // One grant's trouble, for all that is known: the others are tried as they were.
                let at = self.put_off(tx, failed, error, now).await?;
                self.flag(tx, lease, &identity, error, None, origin).await?;
                later(Some(at))
            }
            RefreshFault::Client | RefreshFault::Busy => {
                let forgiven = Model {
                    failure_reason: failed.failure_reason.filter(|why| why != UNAUTHORIZED),
                    ..failed
                };
                credential::update(tx, forgiven).await?;
                let failures = lease.provider_failures.unwrap_or_default() + 1;
                let until = now + wait(clock, failures, error.retry_after);
                if !lease.in_spite {
                    self.flag(tx, lease, &identity, error, Some(until), origin)
                        .await?;
                }
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
            self.set_status(tx, &identity, identity::Status::Invalid)
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

    /// Says of the provider that it refuses, and leaves it alone until then.
    async fn flag(
        &self,
        tx: &Tx,
        lease: &Lease,
        identity: &identity::Model,
        error: &RefreshError,
        until: Option<Time>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let before = provider_health::locked(tx, lease.provider).await?;
        let now = time::now(tx, &self.0.parts.clock).await?;
        let (reason, known) = (&error.reason, before.as_ref());
        let health = provider_health::Model {
            provider_id: lease.provider,
            reason: reason.clone(),
            failures: known.map_or(1, |known| known.failures + 1),
            since: known.map_or(now, |known| known.since),
            // One account's refusal takes nothing back.
            next_attempt_at: until.or(known.and_then(|known| known.next_attempt_at)),
        };
        provider_health::put(tx, known, health).await?;
        if known.is_none_or(|known| known.reason != *reason) {
            let event = NewEvent {
                target: Some(lease.provider.any()),
                organization: identity.organization_id,
                after: Some(json!({ "reason": reason })),
                ..NewEvent::new(Action::ProviderFailing)
            };
            event::record(tx, &self.0.parts.clock, origin, event).await?;
        }
        Ok(())
    }
}

/// Neither a refresh nor a link has changed the tokens since the lease began.
fn is_as_it_was(row: &Model, lease: &Lease) -> bool {
    row.token_fence == lease.row.token_fence && row.date_updated == lease.row.date_updated
}
