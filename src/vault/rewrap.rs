//! Passes what is sealed to the current master key, while servers answer. Only the data keys are
//! wrapped anew; no value is opened.
//!
//! One process at a time does it, under a lease. Each batch is a transaction that keeps how far it
//! has come: whoever is stopped, another goes on from there.

use std::time::Duration;

use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use serde_json::json;

use super::envelope::Envelope;
use super::{OpenError, Place, Sealing, Vault};
use crate::clock::{Clock, Time};
use crate::database::job_lease::{Held, Job};
use crate::database::rewrap::{self, Model, SEALED, SealedRow, SealedTable};
use crate::database::{Database, Sealed, Tx, master_key};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::metrics::Metrics;

/// Rows of one transaction.
const BATCH: u64 = 100;
/// How long the work is this process's before it has to say so again.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often it says so.
const RENEW: TimeDelta = TimeDelta::seconds(10);
/// Before a table with values that don't open is gone through again: they may have been mended.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// How often a row is looked at again that others change at the same time.
const ATTEMPTS: u32 = 5;

/// The work, and what it needs.
#[derive(Clone)]
pub struct Rewrap {
    database: Database,
    vault: Vault,
    clock: Clock,
    metrics: Metrics,
    owner: String,
    batch: u64,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more.
    Went,
    /// There is no more, now.
    Done,
    /// The work is another process's by now.
    Lost,
}

/// What became of a row.
#[derive(Default)]
struct Tally {
    rewrapped: bool,
    failed: bool,
}

impl Rewrap {
    pub fn new(database: Database, vault: &Vault, clock: Clock, metrics: Metrics) -> Self {
        Self {
            owner: HEXLOWER.encode(&clock.random::<16>()),
            vault: vault.clone(),
            database,
            clock,
            metrics,
            batch: BATCH,
        }
    }

    /// The same, in batches of so many rows: for tests that stop in between.
    #[must_use]
    pub fn in_batches_of(self, rows: u64) -> Self {
        Self {
            batch: rows,
            ..self
        }
    }

    /// Does what there is to do, if no other process does. Without the keys for it, it says so in the
    /// log and leaves it to others.
    pub async fn run(&self) -> Result<(), Error> {
        if !self.is_wanted().await? {
            return Ok(());
        }
        let Some(held) = self.take().await? else {
            return Ok(());
        };
        let ended = self.go_through(&held).await;
        held.give_back(&self.database, &self.clock).await?;
        ended
    }

    /// Takes the work on, or goes on with it; `None`: another process has it.
    pub async fn take(&self) -> Result<Option<Held>, Error> {
        Job::Rewrap
            .take(&self.database, &self.clock, &self.owner, LEASE)
            .await
    }

    async fn is_wanted(&self) -> Result<bool, Error> {
        let db = self.database.reader();
        let replaced = master_key::being_replaced(db).await?;
        self.metrics.count_rotation(!replaced.is_empty());
        if replaced.is_empty() {
            return Ok(false);
        }
        let status = self.vault.status(&self.database).await?;
        for table in &status.tables {
            let progress = table.progress;
            let left = progress.map_or(0, super::status::Progress::left);
            let failed = progress.map_or(0, |progress| progress.failed);
            self.metrics.count_rewrap(table.table, left, failed);
        }
        let current = status.current().unwrap_or_default();
        if !self.has_keys(current, &replaced) {
            return Ok(false);
        }
        let stored = rewrap::all(db).await?;
        let now = self.clock.now();
        let has_table = SEALED
            .iter()
            .any(|table| is_open(table, &stored, current, now));
        Ok(has_table || status.failed() == 0)
    }

    fn has_keys(&self, current: &str, replaced: &[String]) -> bool {
        let missing = |id: &&str| self.vault.keys.get(id, &self.clock).is_none();
        let mut all = std::iter::once(current).chain(replaced.iter().map(String::as_str));
        let Some(id) = all.find(missing) else {
            return true;
        };
        self.vault.complain(format_args!(
            "this process does not have the master key {id}, and leaves it to others to pass on what \
             is sealed"
        ));
        false
    }

    async fn go_through(&self, held: &Held) -> Result<(), Error> {
        let mut taken_at = self.clock.now();
        loop {
            let began = self.clock.now();
            match self.batch(held).await? {
                Step::Went => {}
                Step::Done | Step::Lost => return Ok(()),
            }
            let now = self.clock.now();
            if now - taken_at >= RENEW {
                if self.take().await?.is_none() {
                    return Ok(());
                }
                taken_at = now;
            }
            // As long as it took: others get half of the time at least.
            let took = (now - began).to_std().unwrap_or_default();
            tokio::time::sleep(took.min(Duration::from_secs(1))).await;
        }
    }

    /// Goes one step on: counts the rows, passes a batch of them on, or retires what is not needed
    /// any more.
    ///
    /// # Errors
    /// `INTERNAL`: the current key, or one that is being replaced, isn't here.
    pub async fn batch(&self, held: &Held) -> Result<Step, Error> {
        let counted = &self.counted().await?;
        let step = self.database.write(|tx| async move {
            let tx = &*tx;
            if !held.still_holds(tx).await? {
                return Ok((Step::Lost, None));
            }
            let sealing = self.vault.sealing(tx).await?;
            let (now, current) = (self.clock.now(), sealing.key().id());
            let stored = rewrap::all(tx).await?;
            let mut has_begun = false;
            for (table, rows) in counted {
                if is_new(table, &stored, current, now) {
                    rewrap::begin(tx, start(table, current, *rows, now)).await?;
                    has_begun = true;
                }
            }
            if has_begun {
                return Ok((Step::Went, None));
            }
            let mut open = SEALED.iter().filter_map(|table| {
                let row = row_of(table, &stored, current)?;
                row.date_finished.is_none().then_some((table, row))
            });
            let Some((table, row)) = open.next() else {
                let has_all = |table| row_of(table, &stored, current).is_some();
                if !SEALED.iter().all(has_all) {
                    // Another key took over since the tables were counted.
                    return Ok((Step::Went, None));
                }
                self.retire(tx, current, &stored, now).await?;
                return Ok((Step::Done, None));
            };
            let row = self.pass_on(tx, &sealing, table, row.clone()).await?;
            rewrap::keep(tx, row.clone()).await?;
            Ok((Step::Went, Some((table, row))))
        });
        let (step, seen) = step.await?;
        if let Some((table, row)) = seen {
            let left = match row.date_finished {
                Some(_) => 0,
                None => row.rows_total.max(row.rows_seen) - row.rows_seen,
            };
            self.metrics.count_rewrap(table.name, left, row.rows_failed);
        }
        Ok(step)
    }

    /// The tables that have not begun, with their rows. Not in the batch's transaction: it takes as
    /// long as a table is large.
    async fn counted(&self) -> Result<Vec<(&'static SealedTable, i64)>, Error> {
        let db = self.database.reader();
        let current = master_key::current(db).await?.unwrap_or_default();
        let stored = rewrap::all(db).await?;
        let now = self.clock.now();
        let mut counted = Vec::new();
        for table in &SEALED {
            if !is_new(table, &stored, &current, now) {
                continue;
            }
            let rows = match table.count(db).await.map_err(Error::from) {
                // It only says how far the work is.
                Err(Error::Timeout) => 0,
                rows => rows?,
            };
            counted.push((table, rows));
        }
        Ok(counted)
    }

    async fn pass_on(
        &self,
        tx: &Tx,
        sealing: &Sealing<'_>,
        table: &SealedTable,
        mut progress: Model,
    ) -> Result<Model, Error> {
        let rows = table
            .rows(tx, progress.last_row.as_deref(), self.batch)
            .await?;
        let seen = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let replaced = master_key::being_replaced(tx).await?;
        if let Some(last) = rows.last() {
            progress.last_row = Some(last.key.as_bytes().to_vec());
        }
        for row in rows {
            let tally = self.pass_row(tx, sealing, table, row, &replaced).await?;
            progress.rows_rewrapped += i64::from(tally.rewrapped);
            progress.rows_failed += i64::from(tally.failed);
        }
        progress.rows_seen += seen;
        if u64::try_from(seen).unwrap_or_default() < self.batch {
            progress.date_finished = Some(self.clock.now());
        }
        Ok(progress)
    }

    async fn pass_row(
        &self,
        tx: &Tx,
        sealing: &Sealing<'_>,
        table: &SealedTable,
        mut row: SealedRow,
        replaced: &[String],
    ) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        for _ in 0..ATTEMPTS {
            tally.failed = false;
            let mut changed = false;
            for (column, sealed) in table.columns.iter().zip(&row.sealed) {
                let Some(sealed) = sealed else { continue };
                let place = Place {
                    table: table.name,
                    row: row.key.as_bytes(),
                    column,
                };
                match self.rewrapped(sealing, &place, sealed) {
                    Ok(None) => {}
                    Ok(Some(new)) => {
                        let is_done = table.exchange(tx, &row.key, column, sealed, new).await?;
                        tally.rewrapped |= is_done;
                        changed |= !is_done;
                    }
                    Err(OpenError::UnknownKey(id)) if replaced.contains(&id) => {
                        let cause = OpenError::UnknownKey(id);
                        return Err(Error::Internal(anyhow::Error::new(cause)));
                    }
                    Err(cause) => {
                        tracing::error!(table = table.name, row = %row.key, column, "{}.{column} of the row {} can't pass to the current master key: {cause}", table.name, row.key);
                        tally.failed = true;
                    }
                }
            }
            if !changed {
                return Ok(tally);
            }
            let Some(now) = table.row_of(tx, &row.key).await? else {
                return Ok(Tally::default());
            };
            row = now;
        }
        Err(Error::Timeout)
    }

    /// The value under the current key; `None`: it is already.
    fn rewrapped(
        &self,
        sealing: &Sealing<'_>,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, OpenError> {
        let envelope = Envelope::of(sealed)?;
        let to = sealing.key();
        if envelope.key_id == to.id() {
            return Ok(None);
        }
        let from = self.vault.keys.get(envelope.key_id, &self.clock);
        let from = from.ok_or_else(|| OpenError::UnknownKey(envelope.key_id.to_owned()))?;
        envelope.rewrap(&from, to, place, &self.clock).map(Some)
    }

    /// Every table was gone through. Where a value didn't open, no key goes: it may be the one that
    /// mends it.
    async fn retire(
        &self,
        tx: &Tx,
        current: &str,
        stored: &[Model],
        now: Time,
    ) -> Result<(), Error> {
        if stored.iter().any(|row| row.rows_failed > 0) {
            return Ok(());
        }
        let ids = master_key::being_replaced(tx).await?;
        if ids.is_empty() {
            return Ok(());
        }
        master_key::retire(tx, &ids, now).await?;
        let event = NewEvent {
            after: Some(json!({ "current": current, "retired": ids })),
            ..NewEvent::new(Action::MasterKeyRetired)
        };
        event::record(tx, &self.clock, &Origin::server(), event).await
    }
}

fn row_of<'a>(table: &SealedTable, stored: &'a [Model], current: &str) -> Option<&'a Model> {
    let mut rows = stored.iter();
    rows.find(|row| row.table_name == table.name && row.key_id == current)
}

/// Whether a table is to be begun.
fn is_new(table: &SealedTable, stored: &[Model], current: &str, now: Time) -> bool {
    let Some(row) = row_of(table, stored, current) else {
        return true;
    };
    row.rows_failed > 0 && row.date_finished.is_some_and(|at| now - at >= AGAIN)
}

/// Whether there is something to do in a table.
fn is_open(table: &SealedTable, stored: &[Model], current: &str, now: Time) -> bool {
    is_new(table, stored, current, now)
        || row_of(table, stored, current).is_none_or(|row| row.date_finished.is_none())
}

fn start(table: &SealedTable, current: &str, rows: i64, now: Time) -> Model {
    Model {
        table_name: table.name.to_owned(),
        key_id: current.to_owned(),
        last_row: None,
        rows_total: rows,
        rows_seen: 0,
        rows_rewrapped: 0,
        rows_failed: 0,
        date_started: now,
        date_finished: None,
    }
}
