//! Whether the keys of this process are those of the database: asked at the start.

use sea_orm::{EntityTrait, IntoActiveModel};

use super::{KeyRing, MasterKey, OpenError, Place, envelope};
use crate::clock::Clock;
use crate::database::{Database, Lock, Sealed, Tx, master_key};
use crate::error::Error;

/// What every master key seals once, to be known again.
const CHECK: &[u8] = b"lanyard master key";

/// Why the keys that were given are not the keys of this database.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("{} (id {}) is not the one that this database was made with (id {}). Give that one by LANYARD_MASTER_KEY, LANYARD_MASTER_KEY_FILE, LANYARD_MASTER_KEY_DIR or the key file in the data folder; without it the stored secrets can't be read", if .given.len() == 1 { "the master key" } else { "each of the master keys" }, .given.join(", "), .expected.join(" or "))]
    WrongKey {
        given: Vec<String>,
        expected: Vec<String>,
    },
    #[error(
        "the master key {id} is missing: it is this database's current one, and those that are there are {}. Give it beside them; without it nothing can be stored", .given.join(", ")
    )]
    NoCurrentKey { id: String, given: Vec<String> },
    #[error(
        "the master key {id} is missing: it is being replaced, and secrets are sealed with it still; those that are there are {}. Give it beside them until `lanyard key status` says that it is retired", .given.join(", ")
    )]
    StillNeeded { id: String, given: Vec<String> },
    #[error(
        "the database's check value for the master key {id} doesn't open: {cause}. The row was changed or restored from elsewhere"
    )]
    BrokenCheck { id: String, cause: OpenError },
    #[error(transparent)]
    Database(#[from] Error),
}

impl KeyRing {
    /// Whether the database's secrets belong to a key already.
    pub async fn is_known_to(database: &Database) -> Result<bool, Error> {
        Ok(!checks(database).await?.is_empty())
    }

    /// Whether one of the keys at least is this database's, whichever release has made it: before
    /// that is known, nothing is changed.
    pub async fn belongs_to(&self, database: &Database) -> Result<(), KeyRingError> {
        self.prove(&checks(database).await?)
    }

    /// Makes sure that the database's secrets are these keys' to open, and that they can seal. An
    /// empty database takes the first as its own.
    pub async fn check(&self, database: &Database, clock: &Clock) -> Result<(), KeyRingError> {
        if !Self::is_known_to(database).await? {
            database
                .write(|tx| async move { adopt(&tx, self.first(), clock).await })
                .await?;
        }
        self.check_known(database).await
    }

    /// The same of a database that knows a key already. Writes nothing.
    pub async fn check_known(&self, database: &Database) -> Result<(), KeyRingError> {
        self.belongs_to(database).await?;
        let known = master_key::all(database.reader()).await;
        for row in known.map_err(Error::from)? {
            let is_there = self.get(&row.id).is_some();
            if is_there || row.retired_at.is_some() {
                continue;
            }
            let (id, given) = (row.id, self.ids());
            return Err(if row.is_current {
                KeyRingError::NoCurrentKey { id, given }
            } else {
                KeyRingError::StillNeeded { id, given }
            });
        }
        Ok(())
    }

    fn prove(&self, known: &[(String, Sealed)]) -> Result<(), KeyRingError> {
        let mut is_ours = false;
        for (id, check) in known {
            let Some(key) = self.get(id) else { continue };
            is_ours = true;
            proves(key, check).map_err(|cause| KeyRingError::BrokenCheck {
                id: id.clone(),
                cause,
            })?;
        }
        if is_ours {
            return Ok(());
        }
        Err(KeyRingError::WrongKey {
            given: self.ids(),
            expected: known.iter().map(|(id, _)| id.clone()).collect(),
        })
    }
}

async fn checks(database: &Database) -> Result<Vec<(String, Sealed)>, Error> {
    Ok(master_key::checks(database.reader()).await?)
}

/// The first key of a database that has none.
async fn adopt(tx: &Tx, key: &MasterKey, clock: &Clock) -> Result<(), Error> {
    Lock::MasterKey.take(tx).await?;
    if master_key::current(tx).await?.is_none() {
        let row = known_row(key, clock);
        master_key::Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// The row of a key that becomes the current one.
pub(super) fn known_row(key: &MasterKey, clock: &Clock) -> master_key::Model {
    master_key::Model {
        id: key.id().to_owned(),
        check_sealed: envelope::seal(key, &check_place(key.id()), CHECK, clock),
        date_added: clock.now(),
        is_current: true,
        retired_at: None,
    }
}

/// Whether the key is the one that has sealed the check value.
pub(super) fn proves(key: &MasterKey, check: &Sealed) -> Result<(), OpenError> {
    let envelope = envelope::Envelope::of(check)?;
    envelope.open(key, &check_place(key.id())).map(drop)
}

fn check_place(id: &str) -> Place<'_> {
    Place {
        table: "master_key",
        row: id.as_bytes(),
        column: "check_sealed",
    }
}
