//! Takes committed events in the order in which they became visible, and seals them. Any
//! process may; one at a time does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::sync::Notify;

use super::chain;
use crate::database::{Database, Lock, Tx, event};
use crate::error::Error;

/// Events sealed in one transaction.
const BATCH: u64 = 200;

/// How long an event of another process may wait before this one looks.
const POLL: Duration = Duration::from_millis(500);

/// Seals events until it is dropped.
#[derive(Debug, Clone)]
pub struct Sealer {
    database: Database,
    chain_key: Arc<Zeroizing<Vec<u8>>>,
    written: Arc<Notify>,
}

impl Sealer {
    pub fn new(database: Database, chain_key: Zeroizing<Vec<u8>>) -> Self {
        Self {
            database,
            chain_key: Arc::new(chain_key),
            written: Arc::default(),
        }
    }

    /// Says that this process has just written events, so that they are sealed at once.
    pub fn wake(&self) {
        self.written.notify_one();
    }

    /// Seals as events come, until the future is dropped. A database that is away is tried
    /// again.
    pub async fn run(self) -> Infallible {
        loop {
            if let Err(error) = self.seal_all().await {
                tracing::warn!(error = %error, "events could not be sealed; trying again");
            }
            // Whichever comes first; both mean: look again.
            let _ = tokio::time::timeout(POLL, self.written.notified()).await;
        }
    }

    /// Seals all that is committed now.
    pub async fn seal_all(&self) -> Result<(), Error> {
        while event::any_unsealed(self.database.reader()).await? {
            let sealed = self
                .database
                .write(|tx| async move { self.seal_batch(&tx).await })
                .await?;
            if sealed == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn seal_batch(&self, tx: &Tx) -> Result<usize, Error> {
        if !Lock::Sealer.try_take(tx).await? {
            return Ok(0);
        }
        let events = event::unsealed(tx, BATCH).await?;
        let last = event::last_seal(tx).await?;
        let first = last.as_ref().map_or(1, |seal| seal.sequence + 1);
        let mut latest = last.as_ref().map(|seal| seal.at);
        let mut previous = last.map(|seal| seal.hash).unwrap_or_default();
        let mut seals = Vec::with_capacity(events.len());
        for (sequence, event) in (first..).zip(events) {
            previous = chain::hash(&self.chain_key, &previous, &event);
            // Never earlier than the seal before: a span of time is a span of the sequence.
            let at = latest.map_or(event.at, |latest| latest.max(event.at));
            latest = Some(at);
            seals.push(event::seal::Model {
                sequence,
                event_number: event.number,
                hash: previous.clone(),
                at,
                action: event.action,
                actor_id: event.actor_id,
                target_id: event.target_id,
                user_id: event.user_id,
                organization_id: event.organization_id,
            });
        }
        let sealed = seals.len();
        if sealed > 0 {
            event::insert_seals(tx, seals).await?;
        }
        Ok(sealed)
    }
}
