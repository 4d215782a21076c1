//! Master keys: the one that seals now, and the check that it is the database's own.

use std::fmt;
use std::sync::Arc;

use aes_gcm::{Aes256Gcm, KeyInit};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use sea_orm::{EntityTrait, IntoActiveModel, PaginatorTrait};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use super::{OpenError, Place, Vault};
use crate::clock::Clock;
use crate::database::secret::master_key;
use crate::database::{Database, Lock, Sealed, Tx};
use crate::error::Error;

/// What every master key seals once, to be known again.
const CHECK: &[u8] = b"lanyard master key";

/// A key of 256 bits and the id that its ciphertexts carry.
#[derive(Clone)]
pub struct MasterKey {
    id: Arc<str>,
    cipher: Arc<Aes256Gcm>,
}

impl MasterKey {
    /// The id is derived from the key (HMAC-SHA-256, cut to 48 bits): the same key has the same
    /// id in every process, and the id tells nothing about the key.
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key[..])
            .expect("HMAC takes keys of every length");
        mac.update(b"lanyard master key id");
        let digest = mac.finalize().into_bytes();
        let id = HEXLOWER.encode(digest.get(..6).unwrap_or_default());
        Self {
            id: id.into(),
            cipher: Arc::new(super::cipher(&key)),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn cipher(&self) -> &Aes256Gcm {
        &self.cipher
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// The master keys that this process has.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: MasterKey,
    others: Vec<MasterKey>,
}

/// Why the keys that were given are not the keys of this database.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("the master key (id {given}) is not the one that this database was made with (id {}). Give that one by LANYARD_MASTER_KEY, LANYARD_MASTER_KEY_FILE or the key file in the data folder; without it the stored secrets can't be read", .expected.join(" or "))]
    WrongKey {
        given: String,
        expected: Vec<String>,
    },
    #[error(
        "the database's check value for the master key {id} doesn't open: {cause}. The row was changed or restored from elsewhere"
    )]
    BrokenCheck { id: String, cause: OpenError },
    #[error(transparent)]
    Database(#[from] Error),
}

impl KeyRing {
    /// `others` only open what they have sealed before.
    pub const fn new(current: MasterKey, others: Vec<MasterKey>) -> Self {
        Self { current, others }
    }

    /// Whether the database's secrets belong to a key already.
    pub async fn is_known_to(database: &Database) -> Result<bool, Error> {
        Ok(master_key::Entity::find().count(database.reader()).await? > 0)
    }

    /// The key that seals.
    pub const fn current(&self) -> &MasterKey {
        &self.current
    }

    /// The key of that id, to open with.
    pub fn get(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.current)
            .chain(&self.others)
            .find(|key| key.id() == id)
    }

    /// Makes sure that the database's secrets are these keys' to open. An empty database takes
    /// the key as its own.
    pub async fn check(&self, database: &Database, clock: &Clock) -> Result<(), KeyRingError> {
        let vault = &Vault::new(self.clone(), clock.clone());
        let mut known = known(database).await?;
        if known.is_empty() {
            known = database
                .write(|tx| async move { adopt(&tx, vault, clock).await })
                .await?;
        }
        self.prove(known, vault)
    }

    /// The same of a database that knows a key already. Writes nothing.
    pub async fn check_known(
        &self,
        database: &Database,
        clock: &Clock,
    ) -> Result<(), KeyRingError> {
        let vault = &Vault::new(self.clone(), clock.clone());
        self.prove(known(database).await?, vault)
    }

    fn prove(&self, known: Vec<master_key::Model>, vault: &Vault) -> Result<(), KeyRingError> {
        let Some(row) = known.iter().find(|row| row.id == self.current.id()) else {
            return Err(KeyRingError::WrongKey {
                given: self.current.id().to_owned(),
                expected: known.into_iter().map(|row| row.id).collect(),
            });
        };
        vault
            .open(&check_place(&row.id), &row.check_sealed)
            .map(drop)
            .map_err(|cause| KeyRingError::BrokenCheck {
                id: row.id.clone(),
                cause,
            })
    }
}

async fn known(database: &Database) -> Result<Vec<master_key::Model>, Error> {
    Ok(master_key::Entity::find().all(database.reader()).await?)
}

/// The keys that the database knows; the current one becomes the first where there is none.
async fn adopt(tx: &Tx, vault: &Vault, clock: &Clock) -> Result<Vec<master_key::Model>, Error> {
    Lock::MasterKey.take(tx).await?;
    if master_key::Entity::find().count(tx).await? == 0 {
        let id = vault.keys.current().id().to_owned();
        let check_sealed: Sealed = vault.seal(&check_place(&id), CHECK);
        let row = master_key::Model {
            id,
            check_sealed,
            date_added: clock.now(),
        };
        master_key::Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(master_key::Entity::find().all(tx).await?)
}

fn check_place(id: &str) -> Place<'_> {
    Place {
        table: "master_key",
        row: id.as_bytes(),
        column: "check_sealed",
    }
}
