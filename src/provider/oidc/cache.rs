//! What providers publish, kept for a while: one request at a time for each, the last good
//! answer through an outage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::OidcError;
use crate::clock::{Clock, Time};

const FRESH: TimeDelta = TimeDelta::minutes(10);
const LAST_GOOD: TimeDelta = TimeDelta::hours(24);
/// Between two answers that were asked for before their time.
const FORCED: TimeDelta = TimeDelta::minutes(1);
/// More than providers are configured: beyond it something makes up addresses.
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
    /// How many fetches have ended, and how the last one failed.
    fetches: u64,
    failure: Option<OidcError>,
    forced_at: Option<Time>,
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
    pub async fn get<F>(&self, key: &str, fetch: impl FnOnce() -> F) -> Result<Arc<T>, OidcError>
    where
        F: Future<Output = Result<T, OidcError>>,
    {
        let entry = self.entry(key);
        let (fresh, before) = {
            let state = entry.state();
            (state.good_for(FRESH, self.clock.now()), state.fetches)
        };
        if let Some(fresh) = fresh {
            return Ok(fresh);
        }
        let stale = entry.state().good_for(LAST_GOOD, self.clock.now());
        let _gate = match (entry.gate.try_lock(), stale) {
            (Ok(gate), _) => gate,
            (Err(_), Some(stale)) => return Ok(stale),
            (Err(_), None) => entry.gate.lock().await,
        };
        let meanwhile = entry.state().outcome_since(before, self.clock.now());
        match meanwhile {
            Some(outcome) => outcome,
            None => entry.fetched(fetch().await, &self.clock),
        }
    }

    /// A newer answer than `seen`, which has turned out not to do: at most once a minute, so
    /// that nobody makes us ask as often as they like.
    pub async fn newer<F>(
        &self,
        key: &str,
        seen: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Option<Arc<T>>
    where
        F: Future<Output = Result<T, OidcError>>,
    {
        let entry = self.entry(key);
        let _gate = entry.gate.lock().await;
        let now = self.clock.now();
        {
            let mut state = entry.state();
            if let Some((good, _)) = &state.good
                && !Arc::ptr_eq(good, seen)
            {
                return Some(Arc::clone(good));
            }
            if state.forced_at.is_some_and(|at| now - at < FORCED) {
                return None;
            }
            state.forced_at = Some(now);
        }
        let fetched = fetch().await;
        if let Err(error) = &fetched {
            tracing::warn!(error = %error, "a provider's keys were not renewed");
            return None;
        }
        entry.fetched(fetched, &self.clock).ok()
    }

    fn entry(&self, key: &str) -> Arc<Entry<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST && !entries.contains_key(key) {
            entries.clear();
        }
        Arc::clone(entries.entry(key.to_owned()).or_default())
    }
}

impl<T> Entry<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a fetch; what failed is made up for by the last good answer.
    fn fetched(&self, fetched: Result<T, OidcError>, clock: &Clock) -> Result<Arc<T>, OidcError> {
        let now = clock.now();
        let mut state = self.state();
        state.fetches += 1;
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                state.good = Some((Arc::clone(&value), now));
                state.failure = None;
                Ok(value)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                let good = state.good_for(LAST_GOOD, now);
                if good.is_some() {
                    tracing::warn!(error = %error, "a provider's last good answer stands in");
                }
                good.ok_or(error)
            }
        }
    }
}

impl<T> Default for Entry<T> {
    fn default() -> Self {
        Self {
            gate: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                good: None,
                fetches: 0,
                failure: None,
                forced_at: None,
            }),
        }
    }
}

impl<T> State<T> {
    fn good_for(&self, life: TimeDelta, now: Time) -> Option<Arc<T>> {
        let (good, at) = self.good.as_ref()?;
        (now - *at < life).then(|| Arc::clone(good))
    }

    /// What a fetch that ended since then came to.
    fn outcome_since(&self, fetches: u64, now: Time) -> Option<Result<Arc<T>, OidcError>> {
        if self.fetches == fetches {
            return None;
        }
        let good = self.good_for(LAST_GOOD, now).map(Ok);
        good.or_else(|| self.failure.clone().map(Err))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::Fault;
    use super::*;

    fn down() -> OidcError {
        Fault::Unavailable.because("down")
    }

    #[tokio::test]
    async fn an_answer_is_kept_renewed_and_stands_in_through_an_outage() {
        let clock = Clock::default();
        let cache = Cache::new(clock.clone());
        let get = async |answer: Result<u32, OidcError>| {
            cache
                .get("a", || async { answer })
                .await
                .map(|value| *value)
        };
        assert!(get(Err(down())).await.is_err());
        assert_eq!(get(Ok(1)).await.unwrap(), 1, "a failure isn't kept");
        clock.advance(FRESH - TimeDelta::seconds(1));
        assert_eq!(get(Ok(2)).await.unwrap(), 1);
        clock.advance(TimeDelta::seconds(2));
        assert_eq!(get(Err(down())).await.unwrap(), 1, "the last good one");
        assert_eq!(get(Ok(3)).await.unwrap(), 3);
        clock.advance(LAST_GOOD + TimeDelta::seconds(1));
        assert!(get(Err(down())).await.is_err(), "not for ever");
    }

    #[tokio::test]
    async fn those_who_wait_share_one_fetch_and_its_failure() {
        let cache = Arc::new(Cache::<u32>::new(Clock::default()));
        let (count, gate) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(tokio::sync::Notify::new()),
        );
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (cache, count, gate) =
                    (Arc::clone(&cache), Arc::clone(&count), Arc::clone(&gate));
                tokio::spawn(async move {
                    let fetch = || async {
                        count.fetch_add(1, Ordering::SeqCst);
                        gate.notified().await;
                        Err(down())
                    };
                    cache.get("a", fetch).await
                })
            })
            .collect();
        // The single thread runs all of them up to where they wait.
        while count.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        for one in all {
            assert!(one.await.unwrap().is_err());
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn nobody_is_asked_before_the_time_more_than_once_a_minute() {
        let clock = Clock::default();
        let cache = Cache::new(clock.clone());
        let first = cache.get("a", || async { Ok(1) }).await.unwrap();
        let second = cache.newer("a", &first, || async { Ok(2) }).await.unwrap();
        assert_eq!(*second, 2);
        let known = cache.newer("a", &first, || async { Ok(3) }).await;
        assert_eq!(known.as_deref(), Some(&2), "someone else has renewed it");
        assert_eq!(cache.newer("a", &second, || async { Ok(3) }).await, None);
        clock.advance(FORCED);
        let failed = cache.newer("a", &second, || async { Err(down()) }).await;
        assert_eq!(failed, None);
        let kept = cache.get("a", || async { Ok(4) }).await.unwrap();
        assert_eq!(*kept, 2, "a failure takes nothing away");
    }
}
