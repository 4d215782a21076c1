//! Making another key the current one, in one transaction.

use serde_json::json;

use super::check::{known_row, proves};
use super::status::{KeyStatus, Turn};
use super::{MasterKey, OpenError, Vault};
use crate::database::{Database, Lock, Tx, master_key, rewrap};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};

/// A rotation that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    pub from: String,
    pub to: String,
}

/// Why no other key takes over.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error("{0} is the current master key already")]
    IsCurrent(String),
    #[error("there is no master key {id} here, only {}", .has.join(", "))]
    NotHere { id: String, has: Vec<String> },
    #[error("several master keys have not been used yet: {}. Say which is to take over, with --to", .0.join(", "))]
    Several(Vec<String>),
    #[error(
        "the database's check value for the master key {id} doesn't open: {cause}. The row was changed or restored from elsewhere"
    )]
    BrokenCheck { id: String, cause: OpenError },
    #[error("the database failed: {0}")]
    Database(#[from] Error),
}

/// Which key takes over: the one that is named, or the only one of this process that has never been
/// the current one; `None` where there is no such key.
pub fn successor(status: &KeyStatus, named: Option<&str>) -> Result<Option<String>, RotationError> {
    if let Some(id) = named {
        let here = |key: &&super::status::KeyState| key.is_here;
        if status.keys.iter().filter(here).any(|key| key.id == id) {
            return Ok(Some(id.to_owned()));
        }
        return Err(RotationError::NotHere {
            id: id.to_owned(),
            has: status.here(),
        });
    }
    let unused = status.keys.iter().filter(|key| key.turn == Turn::Unused);
    let mut unused: Vec<String> = unused.map(|key| key.id.clone()).collect();
    match unused.len() {
        0 | 1 => Ok(unused.pop()),
        _ => Err(RotationError::Several(unused)),
    }
}

impl Vault {
    /// Makes the key the current one. From then on all processes seal with it, and what others have
    /// sealed passes to it; where that was unfinished for another key, it begins anew.
    ///
    /// # Errors
    /// The key is not here, or is the current one already.
    pub async fn rotate(
        &self,
        database: &Database,
        origin: &Origin,
        to: &str,
    ) -> Result<Rotated, RotationError> {
        let key = self.keys.get(to, &self.clock);
        let key = &key.ok_or_else(|| RotationError::NotHere {
            id: to.to_owned(),
            has: self.keys.now().ids(),
        })?;
        database
            .write(|tx| async move { self.make_current(&tx, origin, key).await })
            .await?
    }

    async fn make_current(
        &self,
        tx: &Tx,
        origin: &Origin,
        key: &MasterKey,
    ) -> Result<Result<Rotated, RotationError>, Error> {
        Lock::MasterKey.take(tx).await?;
        master_key::hold_off_sealers(tx).await?;
        let known = master_key::all(tx).await?;
        let to = key.id().to_owned();
        let before = known.iter().find(|row| row.is_current);
        let from = before.map(|row| row.id.clone()).unwrap_or_default();
        if from == to {
            return Ok(Err(RotationError::IsCurrent(to)));
        }
        let stored = known.into_iter().find(|row| row.id == to);
        if let Some(row) = &stored
            && let Err(cause) = proves(key, &row.check_sealed)
        {
            return Ok(Err(RotationError::BrokenCheck { id: to, cause }));
        }
        let is_new = stored.is_none();
        let row = stored.unwrap_or_else(|| known_row(key, &self.clock));
        master_key::make_current(tx, row, is_new).await?;
        rewrap::forget(tx).await?;
        let event = NewEvent {
            before: Some(json!({ "current": from })),
            after: Some(json!({ "current": to })),
            ..NewEvent::new(Action::MasterKeyRotated)
        };
        event::record(tx, &self.clock, origin, event).await?;
        Ok(Ok(Rotated { from, to }))
    }
}
