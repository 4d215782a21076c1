//! Keeps secrets sealed: AES-256-GCM under a data key of its own for every value, which a named
//! master key wraps. A ciphertext is bound to its table, row and column; moved elsewhere it
//! doesn't open. Knows nothing of what the secrets are for.
//!
//! Master keys take turns. The database says which one seals; whoever seals asks for it in the
//! transaction that it writes in, and refuses where it lacks that key.

mod check;
mod envelope;
mod key_ring;
mod master_key;
mod place;
mod rewrap;
mod rotation;
mod sealing;
mod server_secret;
mod status;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use secrecy::zeroize::Zeroizing;

use self::envelope::Envelope;
use self::key_ring::GrowingRing;
use crate::clock::{Clock, Time};
use crate::database::Sealed;
pub use check::KeyRingError;
pub use key_ring::{KeyRing, KeySource};
pub use master_key::MasterKey;
pub use place::Place;
pub use rewrap::{Rewrap, Step};
pub use rotation::{Rotated, RotationError, successor};
pub use sealing::{MissingKey, Sealing};
pub use server_secret::ServerSecret;
pub use status::{KeyState, KeyStatus, Progress, TableState, Turn};

/// Before the log is told once more that a key is missing.
const COMPLAIN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Why a sealed value doesn't open. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the sealed value is not of a form that this server knows")]
    Malformed,
    #[error("the value was sealed with the master key {0}, which this server doesn't have")]
    UnknownKey(String),
    #[error("the sealed value was changed, or belongs elsewhere")]
    NotAuthentic,
}

/// Seals and opens with the master keys of this process.
#[derive(Debug, Clone)]
pub struct Vault {
    keys: Arc<GrowingRing>,
    clock: Clock,
    complained_at: Arc<Mutex<Option<Time>>>,
}

impl Vault {
    /// With these keys for as long as it lives.
    pub fn new(keys: KeyRing, clock: Clock) -> Self {
        Self::over(GrowingRing::new(keys, None), clock)
    }

    /// With these keys, and more from the source when one is missing.
    pub fn growing(keys: KeyRing, source: KeySource, clock: Clock) -> Self {
        Self::over(GrowingRing::new(keys, Some(source)), clock)
    }

    fn over(keys: GrowingRing, clock: Clock) -> Self {
        Self {
            keys: Arc::new(keys),
            clock,
            complained_at: Arc::default(),
        }
    }

    /// Opens what was sealed for this place, under any of the keys.
    pub fn open(
        &self,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let envelope = Envelope::of(sealed)?;
        let found = self.keys.get(envelope.key_id, &self.clock);
        let master = found.ok_or_else(|| OpenError::UnknownKey(envelope.key_id.to_owned()))?;
        envelope.open(&master, place)
    }

    /// Tells the log what is missing, once a minute at most: every caller who is refused for it is
    /// told by itself.
    fn complain(&self, missing: impl fmt::Display) {
        let now = self.clock.now();
        let mut last = self
            .complained_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| now - at >= COMPLAIN_EVERY) {
            *last = Some(now);
            tracing::error!("{missing}");
        }
    }
}

/// The id of the master key that a value was sealed with.
pub fn key_of(sealed: &Sealed) -> Result<&str, OpenError> {
    Envelope::of(sealed).map(|envelope| envelope.key_id)
}

#[cfg(test)]
mod tests;
