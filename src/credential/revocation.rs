//! Grants are given back: what was queued when an account was unlinked is revoked at its provider,
//! tried again where that failed, and given up in the end. Each outcome leaves its event.

mod call;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use self::work::{Claim, Turn};
use crate::database::job_lease::Job;
use crate::database::revocation;
use crate::error::Error;
use crate::event::Sealer;
use crate::id::ProviderId;
use crate::metrics::Metrics;
use crate::provider::flow::Flows;

/// Taken at once, so that a lease is good for them: of one provider it takes four rounds, of four
/// requests at most each, which have ten seconds.
const BATCH: u64 = 16;
const AT_ONCE: usize = 4;
const LEASE: TimeDelta = TimeDelta::minutes(3);
/// Providers that a run leaves alone because they fail; with more of them it ends.
const MOST_FAILING: usize = 100;

/// Revokes what is queued. Cheap to clone.
#[derive(Clone)]
pub struct Revocations {
    flows: Flows,
    sealer: Sealer,
    metrics: Metrics,
    /// This process, among those that may do the work.
    owner: Arc<str>,
}

/// What has become of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has said so, or doesn't know the token any more.
    Revoked,
    /// It is not to be revoked: it is in use, or there is no way.
    Skipped,
    /// The provider has said no, or has failed for too long.
    Failed,
    /// It is tried again later.
    Delayed,
    /// Another process has it in hand, or it is over.
    Others,
}

impl Revocations {
    pub fn new(flows: Flows, sealer: Sealer, metrics: Metrics) -> Self {
        let owner = flows.clock.new_uuid().to_string().into();
        Self {
            flows,
            sealer,
            metrics,
            owner,
        }
    }

    /// Begins what has just been queued, and waits for it so long: whether the provider has revoked
    /// it by then. Whoever waits may go away meanwhile; it goes on.
    pub async fn begin(&self, id: Uuid, patience: Duration) -> bool {
        let outcome = tokio::time::timeout(patience, self.set_out(id)).await;
        matches!(outcome, Ok(Ok(Outcome::Revoked)))
    }

    /// Begins what has just been queued, and waits for nothing. What it fails with is in the log,
    /// and it is queued still.
    pub fn set_out(&self, id: Uuid) -> tokio::task::JoinHandle<Outcome> {
        let all = self.clone();
        tokio::spawn(async move {
            let attempt = all.attempt(id, Turn::First).await;
            attempt.unwrap_or_else(|error| {
                tracing::warn!(revocation.id = %id, %error, "a revocation could not be begun");
                Outcome::Delayed
            })
        })
    }

    /// Does what is due now, where no other process is at it. A provider that fails is left alone
    /// for the rest of the run.
    ///
    /// # Errors
    /// The database failed.
    pub async fn run_due(&self) -> Result<(), Error> {
        let (database, clock) = (&self.flows.database, &self.flows.clock);
        let mut failing = Vec::new();
        let mut lease = None;
        while failing.len() <= MOST_FAILING {
            let due = revocation::due(database.reader(), clock.now(), &failing, BATCH).await?;
            if due.is_empty() {
                break;
            }
            let held = Job::Revoke
                .take(database, clock, &self.owner, LEASE)
                .await?;
            if held.is_none() {
                return Ok(());
            }
            lease = held;
            let done = self.attempt_all(due).await?;
            if done.iter().all(|(_, outcome)| *outcome == Outcome::Others) {
                break;
            }
            let delayed = done.iter().filter(|(_, what)| *what == Outcome::Delayed);
            failing.extend(delayed.map(|(provider, _)| *provider));
            failing.sort_unstable();
            failing.dedup();
        }
        match lease {
            Some(held) => held.give_back(database, clock).await,
            None => Ok(()),
        }
    }

    async fn attempt_all(
        &self,
        due: Vec<(Uuid, ProviderId)>,
    ) -> Result<Vec<(ProviderId, Outcome)>, Error> {
        let mut of_providers: BTreeMap<ProviderId, Vec<Uuid>> = BTreeMap::new();
        for (id, provider) in due {
            of_providers.entry(provider).or_default().push(id);
        }
        let of_each = of_providers.into_iter().map(|(provider, ids)| {
            stream::iter(ids)
                .map(move |id| async move {
                    let outcome = self.attempt(id, Turn::Due).await?;
                    Ok((provider, outcome))
                })
                .buffer_unordered(AT_ONCE)
                .collect::<Vec<_>>()
        });
        join_all(of_each).await.into_iter().flatten().collect()
    }

    /// One try, if it is ours to make.
    async fn attempt(&self, id: Uuid, turn: Turn) -> Result<Outcome, Error> {
        let outcome = match self.claim(id, turn).await? {
            Claim::Others => Outcome::Others,
            Claim::InUse => Outcome::Skipped,
            Claim::Ours(work) => {
                let result = self.call(&work).await;
                self.settle(&work, result).await?
            }
        };
        if outcome != Outcome::Others {
            self.metrics.count_revocation(outcome.name());
            self.sealer.wake();
        }
        Ok(outcome)
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Revocations").field(&self.owner).finish()
    }
}

impl Outcome {
    /// As metrics name it.
    const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Others => "others",
        }
    }
}
