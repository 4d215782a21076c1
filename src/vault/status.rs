//! How the master keys stand: whose turn it is, and how far what is sealed has passed on.

use super::{KeyRing, Vault};
use crate::clock::Time;
use crate::database::rewrap::{self, SEALED};
use crate::database::{Database, master_key};
use crate::error::Error;

/// How the master keys of a database and of this process stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The database's, the older ones first, then those that only this process has.
    pub keys: Vec<KeyState>,
    /// Where a key is being replaced: how far each table is.
    pub tables: Vec<TableState>,
}

/// A master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    pub id: String,
    pub turn: Turn,
    /// Whether this process has the key.
    pub is_here: bool,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has never been the current one.
    Unused,
    Current,
    /// Secrets may be sealed with it still.
    BeingReplaced,
    /// Nothing has been sealed with it since then.
    Retired(Time),
}

/// How far a table is with passing to the current key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableState {
    pub table: &'static str,
    /// `None`: it has not begun.
    pub progress: Option<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows that there were when it began; new ones have the current key.
    pub rows: i64,
    pub seen: i64,
    pub rewrapped: i64,
    /// Rows with a value that no key opens.
    pub failed: i64,
    pub finished_at: Option<Time>,
}

impl KeyStatus {
    /// The id of the current key.
    pub fn current(&self) -> Option<&str> {
        let mut keys = self.keys.iter();
        let current = keys.find(|key| key.turn == Turn::Current)?;
        Some(&current.id)
    }

    /// Whether a key is being replaced.
    pub fn is_rotating(&self) -> bool {
        self.keys.iter().any(|key| key.turn == Turn::BeingReplaced)
    }

    /// Whether every table was gone through.
    pub fn is_through(&self) -> bool {
        let finished = |table: &TableState| table.progress.is_some_and(|p| p.finished_at.is_some());
        self.tables.iter().all(finished)
    }

    /// Rows with a value that no key opens: they keep the keys that are being replaced.
    pub fn failed(&self) -> i64 {
        let progress = self.tables.iter().filter_map(|table| table.progress);
        progress.map(|progress| progress.failed).sum()
    }

    /// The ids of those that this process has.
    pub fn here(&self) -> Vec<String> {
        let here = self.keys.iter().filter(|key| key.is_here);
        here.map(|key| key.id.clone()).collect()
    }

    fn of(known: Vec<master_key::Model>, ring: &KeyRing, stored: &[rewrap::Model]) -> Self {
        let mut keys: Vec<KeyState> = known
            .into_iter()
            .map(|row| KeyState {
                is_here: ring.get(&row.id).is_some(),
                turn: match row.retired_at {
                    _ if row.is_current => Turn::Current,
                    Some(at) => Turn::Retired(at),
                    None => Turn::BeingReplaced,
                },
                id: row.id,
            })
            .collect();
        for id in ring.ids() {
            if !keys.iter().any(|key| key.id == id) {
                keys.push(KeyState {
                    id,
                    turn: Turn::Unused,
                    is_here: true,
                });
            }
        }
        let mut status = Self {
            keys,
            tables: Vec::new(),
        };
        let current = status.current().unwrap_or_default().to_owned();
        let table = |name: &'static str| TableState {
            table: name,
            progress: stored
                .iter()
                .find(|row| row.table_name == name && row.key_id == current)
                .map(Progress::of),
        };
        status.tables = SEALED.iter().map(|sealed| table(sealed.name)).collect();
        status
    }
}

impl Progress {
    fn of(row: &rewrap::Model) -> Self {
        Self {
            rows: row.rows_total.max(row.rows_seen),
            seen: row.rows_seen,
            rewrapped: row.rows_rewrapped,
            failed: row.rows_failed,
            finished_at: row.date_finished,
        }
    }

    /// Rows that are still to be seen. Some may have gone since they were counted.
    pub fn left(self) -> i64 {
        match self.finished_at {
            Some(_) => 0,
            None => self.rows - self.seen,
        }
    }
}

impl Vault {
    /// How the master keys stand. Writes nothing.
    pub async fn status(&self, database: &Database) -> Result<KeyStatus, Error> {
        let db = database.reader();
        let stored = rewrap::all(db).await?;
        let known = master_key::all(db).await?;
        Ok(KeyStatus::of(known, &self.keys.now(), &stored))
    }
}
