//! What providers publish, kept for a while: one request at a time for each, the last good
//! answer through an outage. Knows nothing of what the answers say.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::RelyingPartyError;
use crate::clock::{Clock, Time};

const FRESH: TimeDelta = TimeDelta::minutes(10);
const LAST_GOOD: TimeDelta = TimeDelta::hours(24);
/// Between two tries to renew an answer that stands in meanwhile.
const RETRY: TimeDelta = TimeDelta::minutes(1);
/// A failure that took this long is remembered for [`REMEMBERED`]: not everybody has to wait for
/// it in turn.
const SLOW: TimeDelta = TimeDelta::seconds(3);
const REMEMBERED: TimeDelta = TimeDelta::seconds(10);
/// How often in a minute an answer is asked for before its time: enough for keys that rotate and
/// rotate again, too little to make us somebody's tool.
const FORCED: usize = 5;
const FORCED_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Beyond so many, those go that nobody has asked for the longest.
const MOST: usize = 1024;

/// Answers by where they come from.
pub(super) struct Cache<T> {
    clock: Clock,
    entries: Mutex<HashMap<String, Arc<Entry<T>>>>,
}

struct Entry<T> {
    /// Held by whoever fetches.
    gate: tokio::sync::Mutex<()>,
    state: Mutex<State<T>>,
}

struct State<T> {
    good: Option<(Arc<T>, Time)>,
    /// Of the last fetch, if it failed.
    failure: Option<Failure>,
    /// Fetches are numbered: the last one that began, and the last one that has ended.
    begun: u64,
    ended: u64,
    /// When there were fetches before their time, in the last minute.
    forced: VecDeque<Time>,
    used_at: Time,
}

struct Failure {
    error: RelyingPartyError,
    at: Time,
    was_slow: bool,
}

impl<T> Cache<T> {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            entries: Mutex::default(),
        }
    }

    /// The answer that is kept, or what `fetch` gets. Who waits for another one's fetch shares
    /// its outcome: a provider that hangs is asked once, not by everyone in turn.
    pub async fn get<F>(
        &self,
        key: &str,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, RelyingPartyError>
    where
        F: Future<Output = Result<T, RelyingPartyError>>,
    {
        let entry = self.entry(key);
        let (known, stale, before) = {
            let (state, now) = (entry.state(), self.clock.now());
            (
                state.known(now),
                state.good_for(LAST_GOOD, now),
                state.ended,
            )
        };
        if let Some(known) = known {
            return known;
        }
        let _gate = match (entry.gate.try_lock(), stale) {
            (Ok(gate), _) => gate,
            (Err(_), Some(stale)) => return Ok(stale),
            (Err(_), None) => entry.gate.lock().await,
        };
        let meanwhile = entry.state().outcome_since(before, self.clock.now());
        match meanwhile {
            Some(outcome) => outcome,
            None => entry.fetched(fetch(), &self.clock).await,
        }
    }

    /// An answer that `fits`, where the one that was `seen` has turned out not to: one that has
    /// come meanwhile, or what `fetch` gets. `None` where there is no other one, or there were
    /// too many such questions.
    ///
    /// # Errors
    /// The fetch failed.
    pub async fn newer<F>(
        &self,
        key: &str,
        seen: &Arc<T>,
        fits: impl Fn(&T) -> bool,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<Arc<T>>, RelyingPartyError>
    where
        F: Future<Output = Result<T, RelyingPartyError>>,
    {
        let entry = self.entry(key);
        let asked = entry.state().begun;
        let _gate = entry.gate.lock().await;
        let kept = entry.state().good_for(LAST_GOOD, self.clock.now());
        let other = kept.filter(|kept| !Arc::ptr_eq(kept, seen));
        if other.as_ref().is_some_and(|other| fits(other)) {
            return Ok(other);
        }
        {
            let (mut state, now) = (entry.state(), self.clock.now());
            // What was asked for after the question holds all that there was.
            let answered = state.ended > asked;
            if let Some(failure) = &state.failure
                && (answered || failure.is_remembered(now))
            {
                return Err(failure.error.clone());
            }
            if answered || !state.may_force(now) {
                return Ok(other);
            }
        }
        entry.fetch(fetch(), &self.clock).await.map(Some)
    }

    fn entry(&self, key: &str) -> Arc<Entry<T>> {
        let now = self.clock.now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(key) {
            entry.state().used_at = now;
            return Arc::clone(entry);
        }
        if entries.len() >= MOST {
            make_room(&mut entries);
        }
        let entry = Arc::new(Entry::new(now));
        entries.insert(key.to_owned(), Arc::clone(&entry));
        entry
    }
}

/// What is in use just now stays: those who wait for it would not find each other again.
fn make_room<T>(entries: &mut HashMap<String, Arc<Entry<T>>>) {
    let idle = entries
        .iter()
        .filter(|(_, entry)| Arc::strong_count(entry) == 1);
    let oldest = idle.min_by_key(|(_, entry)| entry.state().used_at);
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        entries.remove(&key);
    }
}

impl<T> Entry<T> {
    fn new(now: Time) -> Self {
        Self {
            gate: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                good: None,
                failure: None,
                begun: 0,
                ended: 0,
                forced: VecDeque::new(),
                used_at: now,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches; what fails is made up for by the last good answer.
    async fn fetched(
        &self,
        fetch: impl Future<Output = Result<T, RelyingPartyError>>,
        clock: &Clock,
    ) -> Result<Arc<T>, RelyingPartyError> {
        let fetched = self.fetch(fetch, clock).await;
        let error = match fetched {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let stands_in = self.state().good_for(LAST_GOOD, clock.now());
        if stands_in.is_some() {
            tracing::warn!(error = %error, "a provider's last good answer stands in");
        }
        stands_in.ok_or(error)
    }

    /// Fetches, and takes note of what comes.
    async fn fetch(
        &self,
        fetch: impl Future<Output = Result<T, RelyingPartyError>>,
        clock: &Clock,
    ) -> Result<Arc<T>, RelyingPartyError> {
        let (number, began) = {
            let mut state = self.state();
            state.begun += 1;
            (state.begun, clock.now())
        };
        let fetched = fetch.await;
        let (mut state, now) = (self.state(), clock.now());
        state.ended = number;
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                state.good = Some((Arc::clone(&value), now));
                state.failure = None;
                Ok(value)
            }
            Err(error) => {
                state.failure = Some(Failure {
                    error: error.clone(),
                    at: now,
                    was_slow: now - began >= SLOW,
                });
                Err(error)
            }
        }
    }
}

impl<T> State<T> {
    /// What needs no fetch: a fresh answer, or what came of one just now.
    fn known(&self, now: Time) -> Option<Result<Arc<T>, RelyingPartyError>> {
        if let Some(fresh) = self.good_for(FRESH, now) {
            return Some(Ok(fresh));
        }
        let failure = self.failure.as_ref()?;
        match self.good_for(LAST_GOOD, now) {
            Some(stale) => (now - failure.at < RETRY).then_some(Ok(stale)),
            None => failure
                .is_remembered(now)
                .then(|| Err(failure.error.clone())),
        }
    }

    fn good_for(&self, life: TimeDelta, now: Time) -> Option<Arc<T>> {
        let (good, at) = self.good.as_ref()?;
        (now - *at < life).then(|| Arc::clone(good))
    }

    /// What a fetch that ended since then came to.
    fn outcome_since(&self, ended: u64, now: Time) -> Option<Result<Arc<T>, RelyingPartyError>> {
        if self.ended == ended {
            return None;
        }
        let good = self.good_for(LAST_GOOD, now).map(Ok);
        good.or_else(|| Some(Err(self.failure.as_ref()?.error.clone())))
    }

    /// Whether there may be one more fetch before its time; it is counted.
    fn may_force(&mut self, now: Time) -> bool {
        while self
            .forced
            .front()
            .is_some_and(|at| now - *at >= FORCED_WITHIN)
        {
            self.forced.pop_front();
        }
        let may = self.forced.len() < FORCED;
        if may {
            self.forced.push_back(now);
        }
        may
    }
}

impl Failure {
    fn is_remembered(&self, now: Time) -> bool {
        self.was_slow && now - self.at < REMEMBERED
    }
}

#[cfg(test)]
mod tests;
