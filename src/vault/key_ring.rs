//! The master keys that a process has, and where it looks for more.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::MasterKey;
use crate::clock::{Clock, Time};

/// Before the source of the keys is read again.
const PATIENCE: TimeDelta = TimeDelta::seconds(2);

/// The master keys that a process has. Which of them seals, the database says.
#[derive(Debug, Clone)]
pub struct KeyRing {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl KeyRing {
    /// The first becomes the current one of a database that knows none.
    pub const fn new(first: MasterKey, others: Vec<MasterKey>) -> Self {
        Self { first, others }
    }

    /// Keys in their order, each once; `None` where there are none.
    pub fn of(keys: impl IntoIterator<Item = MasterKey>) -> Option<Self> {
        let mut keys = keys.into_iter();
        let mut ring = Self::new(keys.next()?, Vec::new());
        keys.for_each(|key| ring.add(key));
        Some(ring)
    }

    fn add(&mut self, key: MasterKey) {
        if self.get(key.id()).is_none() {
            self.others.push(key);
        }
    }

    /// The key that an empty database takes.
    pub const fn first(&self) -> &MasterKey {
        &self.first
    }

    /// The key of that id.
    pub fn get(&self, id: &str) -> Option<&MasterKey> {
        self.iter().find(|key| key.id() == id)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The ids of all, as messages name them.
    pub fn ids(&self) -> Vec<String> {
        self.iter().map(|key| key.id().to_owned()).collect()
    }
}

/// Reads the keys anew, from a file or folder that may have more of them by now; else says what
/// is wrong there.
pub type KeySource = Arc<dyn Fn() -> Result<KeyRing, String> + Send + Sync>;

/// A ring that grows while the process runs: a key that it has had once, it keeps.
pub(super) struct GrowingRing {
    state: Mutex<State>,
    source: Option<KeySource>,
}

struct State {
    ring: Arc<KeyRing>,
    read_at: Option<Time>,
}

impl GrowingRing {
    pub(super) fn new(ring: KeyRing, source: Option<KeySource>) -> Self {
        let ring = Arc::new(ring);
        let read_at = None;
        Self {
            state: Mutex::new(State { ring, read_at }),
            source,
        }
    }

    /// The keys that are there now.
    pub(super) fn now(&self) -> Arc<KeyRing> {
        Arc::clone(&self.state().ring)
    }

    /// The key of that id, from the source where it wasn't there at the start.
    pub(super) fn get(&self, id: &str, clock: &Clock) -> Option<MasterKey> {
        if let Some(key) = self.now().get(id) {
            return Some(key.clone());
        }
        self.read_again(clock);
        self.now().get(id).cloned()
    }

    /// Reads small files, and no more often than each [`PATIENCE`].
    fn read_again(&self, clock: &Clock) {
        let Some(source) = &self.source else { return };
        let now = clock.now();
        let mut state = self.state();
        if state.read_at.is_some_and(|at| now - at < PATIENCE) {
            return;
        }
        state.read_at = Some(now);
        match source() {
            Ok(found) => {
                let mut ring = KeyRing::clone(&state.ring);
                found.iter().for_each(|key| ring.add(key.clone()));
                state.ring = Arc::new(ring);
            }
            Err(why) => tracing::warn!("the master keys can't be read again: {why}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for GrowingRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}
