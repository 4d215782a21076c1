//! One refresh of a credential at a time in this process: who comes while it is on its way waits
//! for it. It goes on when all who wait are gone: what the provider answers has to be stored.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::refresh::{Failure, Renewed};
use crate::id::IdentityId;

type Outcome = Result<Renewed, Failure>;
type Waiting = watch::Receiver<Option<Outcome>>;

/// The refreshes that are on their way.
#[derive(Clone, Default)]
pub(super) struct Flights {
    on_their_way: Arc<Mutex<HashMap<IdentityId, Waiting>>>,
    closing: Arc<AtomicBool>,
}

impl Flights {
    /// What comes of the refresh that is on its way, or of the one that `begin` makes.
    pub async fn join<F>(&self, id: IdentityId, begin: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut waiting = {
            let mut flights = self.flights();
            let on_its_way = flights.get(&id).cloned();
            on_its_way.unwrap_or_else(|| {
                let (sender, waiting) = watch::channel(None);
                flights.insert(id, waiting.clone());
                let landing = Landing(self.clone(), id);
                let flight = begin();
                tokio::spawn(async move {
                    let outcome = flight.await;
                    // Whoever comes from now on begins another one.
                    drop(landing);
                    // All who have waited may be gone.
                    let _ = sender.send(Some(outcome));
                });
                waiting
            })
        };
        let landed = waiting.wait_for(Option::is_some).await;
        match landed.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            // It was dropped: the server ends, or it has panicked.
            Ok(None) | Err(_) => Err(Failure::Lost),
        }
    }

    /// Whether the server ends: no provider is asked any more.
    pub fn are_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Lets none begin to ask its provider, and waits until none is on its way.
    pub async fn landed(&self) {
        self.closing.store(true, Ordering::Relaxed);
        loop {
            let next = self.flights().values().next().cloned();
            let Some(mut next) = next else { return };
            let _ = next.wait_for(Option::is_some).await;
            tokio::task::yield_now().await;
        }
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<IdentityId, Waiting>> {
        let flights = self.on_their_way.lock();
        flights.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a flight from the list when it ends, in whatever way.
struct Landing(Flights, IdentityId);

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.flights().remove(&self.1);
    }
}
