//! The lease to refresh a credential, in its own row: whoever has it asks the provider, all others
//! wait. It has an owner and a number, and runs out by the database's clock.

use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::refresh::Failure;
use super::settle::locked;
use super::standing::is_good;
use super::{Credentials, Parts};
use crate::clock::Time;
use crate::database::credential::Model;
use crate::database::identity::Status;
use crate::database::{Tx, credential, provider_health, time};
use crate::error::Error;
use crate::id::{IdentityId, ProviderId};

/// Three times what a request to a provider may take: a holder that lives has ended by then.
const LIFE: TimeDelta = TimeDelta::seconds(30);
/// Between two looks at a lease that another process has; doubled with each.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_millis(320);
/// Longer than a lease lasts.
const PATIENCE: Duration = Duration::from_secs(45);

/// The reason of a provider that wants less of us.
pub(super) const RATE_LIMITED: &str = crate::provider::relying_party::RATE_LIMITED;

/// What a refresh is wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// An access token that is good for so long.
    GoodFor(TimeDelta),
    /// Other tokens than those that were seen, though nobody has asked.
    Next { grant: Option<Uuid>, fence: i64 },
    /// The same, whatever stands against a try.
    Other {
        grant: Option<Uuid>,
        fence: i64,
        failures: i64,
    },
}

/// Held until what came of it is written, or it runs out.
pub(super) struct Lease {
    /// The credential as it was when the lease began.
    pub row: Model,
    pub fence: i64,
    pub provider: ProviderId,
    /// What was known against the provider: failures in a row.
    pub provider_failures: Option<i64>,
    /// Somebody asks though the provider is to be left alone: that is no reason to leave it alone
    /// for longer.
    pub in_spite: bool,
}

/// How a caller that wants a refresh goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// It is there already.
    Met,
    NotRefreshable,
    /// Another one asks the provider.
    Wait,
    /// The provider has ended the grant.
    Ended,
    Later {
        reason: String,
        at: Time,
    },
    Ask,
}

impl Wanted {
    /// Of somebody who wants other tokens than the ones that he has seen.
    pub fn other_than(row: &Model) -> Self {
        Self::Other {
            grant: row.grant_id,
            fence: row.token_fence,
            failures: row.failures,
        }
    }

    /// Of the server's own doing.
    pub const fn next_after(row: &Model) -> Self {
        Self::Next {
            grant: row.grant_id,
            fence: row.token_fence,
        }
    }

    /// Somebody wants it now.
    pub const fn is_forced(self) -> bool {
        match self {
            Self::GoodFor(_) | Self::Next { .. } => false,
            Self::Other { .. } => true,
        }
    }

    fn is_met(self, row: &Model, now: Time) -> bool {
        match self {
            Self::GoodFor(margin) => is_good(row, margin, now),
            Self::Next { grant, fence } | Self::Other { grant, fence, .. } => {
                row.grant_id != grant || row.token_fence != fence
            }
        }
    }

    /// Whether the last failure is one that the caller has seen, and doesn't take for the last word.
    const fn tries_again(self, row: &Model) -> bool {
        match self {
            Self::GoodFor(_) | Self::Next { .. } => false,
            Self::Other { failures, .. } => row.failures == failures,
        }
    }

    /// What stands against asking the provider now.
    fn stopped(
        self,
        row: &Model,
        health: Option<&provider_health::Model>,
        now: Time,
    ) -> Option<Next> {
        let later = |reason: &str, at| {
            let reason = reason.to_owned();
            Some(Next::Later { reason, at })
        };
        if let Some((health, until)) = health.and_then(|it| Some((it, it.held_until(now)?))) {
            // An operator who has put it right tries at once.
            if !self.is_forced() || health.reason == RATE_LIMITED {
                return later(&health.reason, until);
            }
        }
        let at = row.next_attempt_at.filter(|at| *at > now)?;
        if self.tries_again(row) {
            return None;
        }
        later(row.failure_reason.as_deref().unwrap_or_default(), at)
    }
}

fn next(
    status: Status,
    row: &Model,
    wanted: Wanted,
    health: Option<&provider_health::Model>,
    now: Time,
) -> Next {
    if status == Status::Invalid && !wanted.tries_again(row) {
        return Next::Ended;
    }
    if wanted.is_met(row, now) {
        return Next::Met;
    }
    if row.refresh_token_sealed.is_none() {
        return Next::NotRefreshable;
    }
    if row.lease_until.is_some_and(|until| until > now) {
        return Next::Wait;
    }
    wanted.stopped(row, health, now).unwrap_or(Next::Ask)
}

/// What a try came to.
pub(super) enum Tried {
    /// Somebody else has refreshed meanwhile.
    Met(Box<Model>),
    Ask(Box<Lease>),
}

impl Credentials {
    /// Takes the lease, waiting for whoever has it.
    pub(super) async fn lease(
        &self,
        id: IdentityId,
        provider: ProviderId,
        wanted: Wanted,
    ) -> Result<Tried, Failure> {
        let waiting = async {
            let mut look = FIRST_LOOK;
            loop {
                if self.0.flights.are_closing() {
                    return Err(Failure::Busy);
                }
                if let Some(tried) = self.try_lease(id, provider, wanted).await? {
                    return Ok(tried);
                }
                let mut held = true;
                while held {
                    tokio::time::sleep(look).await;
                    look = (look * 2).min(LONGEST_LOOK);
                    held = self.is_held(id).await?;
                }
            }
        };
        let tried = tokio::time::timeout(PATIENCE, waiting).await;
        tried.unwrap_or(Err(Failure::Busy))
    }

    /// Whether the lease is another one's still: a look that locks nothing.
    async fn is_held(&self, id: IdentityId) -> Result<bool, Failure> {
        let Parts {
            database, clock, ..
        } = &self.0.parts;
        let rows = credential::by_identities(database.reader(), &[id]).await;
        let row = rows.map_err(Error::from)?.pop();
        let until = row.and_then(|row| row.lease_until);
        Ok(until.is_some_and(|until| until > clock.now()))
    }

    /// `None`: another one has it.
    async fn try_lease(
        &self,
        id: IdentityId,
        provider: ProviderId,
        wanted: Wanted,
    ) -> Result<Option<Tried>, Failure> {
        let database = &self.0.parts.database;
        let (row, next) = database
            .write(|tx| async move { self.take(&tx, id, provider, wanted).await })
            .await?
            .ok_or(Failure::Gone)?;
        match next {
            Next::Met => Ok(Some(Tried::Met(Box::new(row.row)))),
            Next::NotRefreshable => Err(Failure::NotRefreshable),
            Next::Ended => Err(Failure::ended(&row.row)),
            Next::Wait => Ok(None),
            Next::Later { reason, at } => Err(Failure::Later {
                reason,
                at: Some(at),
            }),
            Next::Ask => Ok(Some(Tried::Ask(Box::new(row)))),
        }
    }

    async fn take(
        &self,
        tx: &Tx,
        id: IdentityId,
        provider: ProviderId,
        wanted: Wanted,
    ) -> Result<Option<(Lease, Next)>, Error> {
        let Some((identity, row)) = locked(tx, id).await? else {
            return Ok(None);
        };
        let health = provider_health::locked(tx, provider).await?;
        let now = time::now(tx, &self.0.parts.clock).await?;
        let next = next(identity.status, &row, wanted, health.as_ref(), now);
        let fence = row.lease_fence + 1;
        if next == Next::Ask {
            // What comes back has to be sealed: without the key for it nobody is asked.
            self.0.parts.flows.vault.sealing(tx).await?;
            let leased = Model {
                lease_owner: Some(self.0.owner.clone()),
                lease_fence: fence,
                lease_until: Some(now + LIFE),
                ..row.clone()
            };
            credential::update(tx, leased).await?;
            if let Some(health) = health.as_ref().filter(|it| it.next_attempt_at.is_some()) {
                // One at a time finds out whether it is well again.
                let probed = provider_health::Model {
                    next_attempt_at: health.next_attempt_at.max(Some(now + LIFE)),
                    ..health.clone()
                };
                provider_health::put(tx, Some(health), probed).await?;
            }
        }
        let lease = Lease {
            row,
            fence,
            provider,
            provider_failures: health.as_ref().map(|health| health.failures),
            in_spite: health.is_some_and(|health| health.held_until(now).is_some()),
        };
        Ok(Some((lease, next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::credential::tests::row;

    const MARGIN: Wanted = Wanted::GoodFor(TimeDelta::seconds(60));

    fn health(row: &Model, reason: &str, seconds: i64) -> provider_health::Model {
        provider_health::Model {
            provider_id: ProviderId::new(&Clock::default()),
            reason: reason.to_owned(),
            failures: 1,
            since: row.date_added,
            next_attempt_at: Some(row.date_added + TimeDelta::seconds(seconds)),
        }
    }

    #[test]
    fn one_asks_and_the_others_wait_until_the_lease_has_run_out() {
        let mut row = row();
        let now = row.date_added;
        assert_eq!(next(Status::Valid, &row, MARGIN, None, now), Next::Ask);
        row.lease_until = Some(now + TimeDelta::microseconds(1));
        assert_eq!(next(Status::Valid, &row, MARGIN, None, now), Next::Wait);
        row.lease_until = Some(now);
        assert_eq!(next(Status::Valid, &row, MARGIN, None, now), Next::Ask);
    }

    #[test]
    fn what_somebody_else_has_brought_is_taken() {
        let mut row = row();
        let now = row.date_added;
        let other = Wanted::other_than(&row);
        row.expires_at = Some(now + TimeDelta::seconds(61));
        assert_eq!(next(Status::Valid, &row, MARGIN, None, now), Next::Met);
        assert_eq!(
            next(Status::Valid, &row, other, None, now),
            Next::Ask,
            "a forced one"
        );
        row.token_fence = 5;
        assert_eq!(next(Status::Valid, &row, other, None, now), Next::Met);
        row.token_fence = 4;
        row.grant_id = Some(Uuid::from_u128(2));
        assert_eq!(next(Status::Valid, &row, other, None, now), Next::Met);
    }

    #[test]
    fn a_failure_is_waited_out_unless_the_refresh_is_forced() {
        let mut row = row();
        let now = row.date_added;
        let at = now + TimeDelta::seconds(1);
        let seen_before = Wanted::other_than(&row);
        (row.failures, row.next_attempt_at) = (1, Some(at));
        row.failure_reason = Some("timed_out".to_owned());
        let later = Next::Later {
            reason: "timed_out".to_owned(),
            at,
        };
        assert_eq!(next(Status::Valid, &row, MARGIN, None, now), later);
        assert_eq!(next(Status::Valid, &row, MARGIN, None, at), Next::Ask);
        assert_eq!(
            next(Status::Valid, &row, Wanted::other_than(&row), None, now),
            Next::Ask
        );
        // It has waited for the one that has failed.
        assert_eq!(next(Status::Valid, &row, seen_before, None, now), later);
    }

    #[test]
    fn a_provider_that_refuses_us_is_left_alone() {
        let row = row();
        let now = row.date_added;
        let refuses = health(&row, "invalid_client", 1);
        let is_later = |next: &Next| matches!(next, Next::Later { .. });
        assert!(is_later(&next(
            Status::Valid,
            &row,
            MARGIN,
            Some(&refuses),
            now
        )));
        let other = Wanted::other_than(&row);
        assert_eq!(
            next(Status::Valid, &row, other, Some(&refuses), now),
            Next::Ask
        );
        let unasked = Wanted::next_after(&row);
        assert!(is_later(&next(
            Status::Valid,
            &row,
            unasked,
            Some(&refuses),
            now
        )));
        let busy = health(&row, RATE_LIMITED, 1);
        assert!(is_later(&next(
            Status::Valid,
            &row,
            other,
            Some(&busy),
            now
        )));
        let over = health(&row, RATE_LIMITED, 0);
        assert_eq!(
            next(Status::Valid, &row, MARGIN, Some(&over), now),
            Next::Ask
        );
    }

    #[test]
    fn a_dead_grant_is_asked_for_by_force_alone() {
        let mut row = row();
        let now = row.date_added;
        let seen_before = Wanted::other_than(&row);
        row.failures = 1;
        let next = |wanted| next(Status::Invalid, &row, wanted, None, now);
        assert_eq!(next(MARGIN), Next::Ended);
        // It has waited for the one that has found out.
        assert_eq!(next(seen_before), Next::Ended);
        assert_eq!(next(Wanted::other_than(&row)), Next::Ask);
    }

    #[test]
    fn nothing_refreshes_without_a_refresh_token() {
        let row = Model {
            refresh_token_sealed: None,
            ..row()
        };
        let now = row.date_added;
        assert_eq!(
            next(Status::Valid, &row, MARGIN, None, now),
            Next::NotRefreshable
        );
    }
}
