//! Secrets of the server itself: made once, sealed in the database, the same in all processes.

use sea_orm::{EntityTrait, IntoActiveModel};
use secrecy::zeroize::Zeroizing;

use super::{Place, Vault};
use crate::database::{Database, secret};
use crate::error::Error;

/// What the server keeps a secret for. The names are stored: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerSecret {
    /// Chains the seals of events.
    EventChain,
    /// Signs the cursors of pages.
    Cursor,
    /// Hashes the inputs of idempotency keys.
    Idempotency,
    /// Signs what the forms of our pages carry.
    FormToken,
    /// Signs the plans of merges.
    MergePlan,
}

impl ServerSecret {
    pub const ALL: [Self; 5] = [
        Self::EventChain,
        Self::Cursor,
        Self::Idempotency,
        Self::FormToken,
        Self::MergePlan,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::EventChain => "event_chain",
            Self::Cursor => "cursor",
            Self::Idempotency => "idempotency",
            Self::FormToken => "form_token",
            Self::MergePlan => "merge_plan",
        }
    }

    const fn place(self) -> Place<'static> {
        Place {
            table: "secret",
            row: self.name().as_bytes(),
            column: "value_sealed",
        }
    }
}

impl Vault {
    /// The secret's 32 bytes where it has been made. Writes nothing.
    ///
    /// # Errors
    /// `INTERNAL`: it is sealed with another master key, or the row was changed.
    pub async fn stored_server_secret(
        &self,
        database: &Database,
        which: ServerSecret,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let stored = secret::Entity::find_by_id(which.name())
            .one(database.reader())
            .await?;
        stored
            .map(|row| self.open_secret(&which.place(), &row))
            .transpose()
    }

    /// The secret's 32 bytes; the first process to ask makes them.
    pub async fn server_secret(
        &self,
        database: &Database,
        which: ServerSecret,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        if let Some(value) = self.stored_server_secret(database, which).await? {
            return Ok(value);
        }
        let name = which.name();
        let place = &which.place();
        let row = database
            .write(|tx| async move {
                let tx = &*tx;
                if let Some(row) = secret::Entity::find_by_id(name).one(tx).await? {
                    return Ok(row);
                }
                let sealing = self.sealing(tx).await?;
                let value = Zeroizing::new(self.clock.random::<32>());
                let row = secret::Model {
                    name: name.to_owned(),
                    value_sealed: sealing.seal(place, &value[..]),
                    date_added: self.clock.now(),
                };
                secret::Entity::insert(row.clone().into_active_model())
                    .exec_without_returning(tx)
                    .await?;
                Ok(row)
            })
            .await?;
        self.open_secret(place, &row)
    }

    fn open_secret(
        &self,
        place: &Place<'_>,
        row: &secret::Model,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.open(place, &row.value_sealed)
            .map_err(|cause| Error::Internal(anyhow::Error::new(cause).context(row.name.clone())))
    }
}
