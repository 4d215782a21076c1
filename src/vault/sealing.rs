//! Sealing, with the key that the database says is the current one.

use std::marker::PhantomData;

use super::{MasterKey, Place, Vault, envelope};
use crate::clock::Clock;
use crate::database::{Database, Sealed, Tx, master_key};
use crate::error::Error;

/// The right to seal, as long as a transaction lasts: until it ends no other key becomes the
/// current one.
pub struct Sealing<'tx> {
    key: MasterKey,
    clock: Clock,
    _tx: PhantomData<&'tx Tx>,
}

/// This process lacks the key that all are to seal with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process does not have the current master key {id}, and stores no secrets until it does; it has {}. Add the key to where this process has its keys from, and start it again where that is the environment", .has.join(", ")
)]
pub struct MissingKey {
    pub id: String,
    /// The ids of those that it has.
    pub has: Vec<String>,
}

impl Sealing<'_> {
    /// Seals `value` for its place.
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Sealed {
        envelope::seal(&self.key, place, value, &self.clock)
    }

    pub(super) const fn key(&self) -> &MasterKey {
        &self.key
    }
}

impl Vault {
    /// Asks which key is the current one, in the transaction that what it seals is written in.
    ///
    /// # Errors
    /// `INTERNAL`: this process doesn't have the key, or the database names none.
    pub async fn sealing<'tx>(&self, tx: &'tx Tx) -> Result<Sealing<'tx>, Error> {
        let id = master_key::held_current(tx).await?.ok_or_else(no_current)?;
        let key = self.current_key(&id).map_err(|missing| {
            self.complain(&missing);
            Error::Internal(anyhow::Error::new(missing))
        })?;
        Ok(Sealing {
            key,
            clock: self.clock.clone(),
            _tx: PhantomData,
        })
    }

    /// Whether this process can seal at all now.
    ///
    /// # Errors
    /// As [`Self::sealing`].
    pub async fn can_seal(&self, database: &Database) -> Result<Result<(), MissingKey>, Error> {
        let id = master_key::current(database.reader()).await?;
        let id = id.ok_or_else(no_current)?;
        Ok(self.current_key(&id).map(drop))
    }

    /// For tests that have no database to ask: seals with the ring's first key, whichever is the
    /// current one.
    pub fn sealing_for_tests(&self) -> Sealing<'static> {
        Sealing {
            key: self.keys.now().first().clone(),
            clock: self.clock.clone(),
            _tx: PhantomData,
        }
    }

    fn current_key(&self, id: &str) -> Result<MasterKey, MissingKey> {
        let found = self.keys.get(id, &self.clock);
        found.ok_or_else(|| MissingKey {
            id: id.to_owned(),
            has: self.keys.now().ids(),
        })
    }
}

fn no_current() -> Error {
    Error::Internal(anyhow::anyhow!(
        "the database names no master key as the current one"
    ))
}
