use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::super::Fault;
use super::*;

fn down() -> RelyingPartyError {
    Fault::Unavailable.because("down")
}

/// A cache and the clock it goes by.
fn cache() -> (Cache<u32>, Clock) {
    let clock = Clock::default();
    (Cache::new(clock.clone()), clock)
}

async fn get(
    cache: &Cache<u32>,
    answer: Result<u32, RelyingPartyError>,
) -> Result<u32, RelyingPartyError> {
    let got = cache.get("a", || async { answer }).await;
    got.map(|value| *value)
}

/// Asks for one that is `wanted`, where 0 was seen.
async fn newer(
    cache: &Cache<u32>,
    wanted: u32,
    answer: Result<u32, RelyingPartyError>,
) -> Result<Option<u32>, RelyingPartyError> {
    let seen = Arc::new(0);
    let fits = |value: &u32| *value == wanted;
    let got = cache.newer("a", &seen, fits, || async { answer }).await;
    got.map(|value| value.map(|value| *value))
}

/// An answer that comes when the test lets it, and is counted.
#[derive(Default)]
struct Source {
    asked: AtomicU32,
    published: AtomicU32,
    gate: Option<Semaphore>,
}

impl Source {
    fn gated() -> Self {
        Self {
            gate: Some(Semaphore::new(0)),
            ..Self::default()
        }
    }

    /// What was published when the question came.
    async fn answer(&self) -> Result<u32, RelyingPartyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let published = self.published.load(Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        match published {
            u32::MAX => Err(down()),
            published => Ok(published),
        }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    fn publish(&self, value: u32) {
        self.published.store(value, Ordering::SeqCst);
    }

    fn let_answer(&self) {
        self.gate.as_ref().unwrap().add_permits(1);
    }
}

/// The single thread runs all others up to where they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_is_kept_renewed_and_stands_in_through_an_outage() {
    let (cache, clock) = cache();
    assert!(get(&cache, Err(down())).await.is_err());
    assert_eq!(get(&cache, Ok(1)).await.unwrap(), 1, "a failure isn't kept");
    clock.advance(FRESH - TimeDelta::seconds(1));
    assert_eq!(get(&cache, Ok(2)).await.unwrap(), 1);
    clock.advance(TimeDelta::seconds(2));
    let stale = get(&cache, Err(down())).await;
    assert_eq!(stale.unwrap(), 1, "the last good one");
    assert_eq!(get(&cache, Ok(3)).await.unwrap(), 1, "not tried at once");
    clock.advance(RETRY);
    assert_eq!(get(&cache, Ok(3)).await.unwrap(), 3);
    clock.advance(LAST_GOOD + TimeDelta::seconds(1));
    assert!(get(&cache, Err(down())).await.is_err(), "not for ever");
}

#[tokio::test]
async fn a_failure_that_took_long_is_remembered_for_a_while() {
    let (cache, clock) = cache();
    let slow = cache.get("a", || async {
        clock.advance(SLOW);
        Err(down())
    });
    assert!(slow.await.is_err());
    assert!(get(&cache, Ok(1)).await.is_err(), "nobody waits for it now");
    assert!(newer(&cache, 1, Ok(1)).await.is_err());
    clock.advance(REMEMBERED);
    assert_eq!(get(&cache, Ok(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn those_who_wait_share_one_fetch_and_its_failure() {
    let (cache, _) = cache();
    let source = Source::gated();
    source.publish(u32::MAX);
    let all = join_all((0..20).map(|_| cache.get("a", || source.answer())));
    let answering = async {
        settle().await;
        source.let_answer();
    };
    let (all, ()) = tokio::join!(all, answering);
    assert!(all.iter().all(Result::is_err));
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn nobody_waits_for_the_renewal_of_what_stands_in() {
    let (cache, clock) = cache();
    get(&cache, Ok(1)).await.unwrap();
    clock.advance(FRESH);
    let source = Source::gated();
    let renewing = cache.get("a", || source.answer());
    let others = async {
        settle().await;
        assert_eq!(source.asked(), 1);
        assert_eq!(get(&cache, Ok(9)).await.unwrap(), 1);
        source.let_answer();
    };
    let (renewed, ()) = tokio::join!(renewing, others);
    assert_eq!(*renewed.unwrap(), 0);
}

#[tokio::test]
async fn whoever_gives_up_waiting_takes_nothing_away() {
    let (cache, _) = cache();
    let source = Source::gated();
    {
        let given_up = cache.get("a", || source.answer());
        tokio::select! {
            _ = given_up => panic!("nothing is answered yet"),
            () = settle() => {}
        }
    }
    assert_eq!(get(&cache, Ok(2)).await.unwrap(), 2);
}

#[tokio::test]
async fn an_answer_is_asked_for_before_its_time_a_few_times_a_minute() {
    let (cache, clock) = cache();
    for value in 1..=5 {
        let found = newer(&cache, value, Ok(value)).await.unwrap();
        assert_eq!(found, Some(value));
    }
    let found = newer(&cache, 5, Ok(6)).await.unwrap();
    assert_eq!(found, Some(5), "someone else has renewed it");
    let found = newer(&cache, 6, Ok(6)).await.unwrap();
    assert_eq!(found, Some(5), "no more in this minute");
    clock.advance(FORCED_WITHIN);
    assert_eq!(newer(&cache, 6, Ok(6)).await.unwrap(), Some(6));
    assert!(newer(&cache, 7, Err(down())).await.is_err());
    assert_eq!(newer(&cache, 7, Ok(7)).await.unwrap(), Some(7), "recovered");
    assert_eq!(get(&cache, Ok(8)).await.unwrap(), 7);
}

#[tokio::test]
async fn many_who_miss_the_same_cost_one_fetch() {
    let (cache, _) = cache();
    get(&cache, Ok(1)).await.unwrap();
    let seen = cache.get("a", || async { Ok(9) }).await.unwrap();
    let source = Source::gated();
    source.publish(2);
    let fits = |value: &u32| *value == 2;
    let all = join_all((0..20).map(|_| cache.newer("a", &seen, fits, || source.answer())));
    let answering = async {
        settle().await;
        source.let_answer();
    };
    let (all, ()) = tokio::join!(all, answering);
    for one in all {
        assert_eq!(one.unwrap().as_deref(), Some(&2));
    }
    assert_eq!(source.asked(), 1);
}

/// An answer holds what was published before it was asked for, and no more.
#[tokio::test]
async fn what_was_published_during_a_fetch_is_asked_for_anew() {
    let (cache, _) = cache();
    let source = Source::gated();
    let seen = Arc::new(0);
    source.publish(1);
    let first = cache.newer("a", &seen, |value| *value == 1, || source.answer());
    let second = async {
        settle().await;
        source.publish(2);
        let second = cache.newer("a", &seen, |value| *value == 2, || source.answer());
        let answering = async {
            settle().await;
            source.let_answer();
            settle().await;
            source.let_answer();
        };
        tokio::join!(second, answering).0
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().as_deref(), Some(&1));
    assert_eq!(second.unwrap().as_deref(), Some(&2));
    assert_eq!(source.asked(), 2);
}

/// The storm of those who ask in vain ends after two.
#[tokio::test]
async fn what_nobody_publishes_is_asked_for_twice_at_most() {
    let (cache, _) = cache();
    let source = Source::gated();
    let seen = Arc::new(0);
    let one = || cache.newer("a", &seen, |_| false, || source.answer());
    let early = join_all((0..10).map(|_| one()));
    let late = async {
        settle().await;
        let answering = async {
            settle().await;
            source.let_answer();
            settle().await;
            source.let_answer();
        };
        tokio::join!(join_all((0..10).map(|_| one())), answering).0
    };
    let (early, late) = tokio::join!(early, late);
    assert!(early.iter().chain(&late).all(Result::is_ok));
    assert_eq!(source.asked(), 2);
}

/// A cache that makes room by forgetting everything would lose what stands in for a provider
/// that is down, whenever somebody else makes up addresses.
#[tokio::test]
async fn made_up_addresses_push_out_each_other_and_nothing_in_use() {
    let (cache, clock) = cache();
    let mut keep_using = Vec::new();
    for round in 0..4 {
        let kept = cache.get("kept", || async { Ok(1) }).await.unwrap();
        keep_using.push(kept);
        for number in 1..MOST {
            clock.advance(TimeDelta::microseconds(1));
            let key = format!("made up {round} {number}");
            cache.get(&key, || async { Ok(0) }).await.unwrap();
        }
    }
    let same = |kept: &Arc<u32>| Arc::ptr_eq(kept, &keep_using[0]);
    assert!(keep_using.iter().all(same), "it was never fetched again");
    assert_eq!(cache.entries.lock().unwrap().len(), MOST);
}

/// Else each of the waiting would fetch by itself.
#[tokio::test]
async fn what_is_being_fetched_is_not_pushed_out() {
    let (cache, clock) = cache();
    let source = Source::gated();
    let first = cache.get("a", || source.answer());
    let others = async {
        settle().await;
        for number in 0..MOST {
            clock.advance(TimeDelta::microseconds(1));
            let key = number.to_string();
            cache.get(&key, || async { Ok(0) }).await.unwrap();
        }
        let joined = cache.get("a", || source.answer());
        let answering = async {
            settle().await;
            source.let_answer();
        };
        tokio::join!(joined, answering).0.unwrap()
    };
    let (first, joined) = tokio::join!(first, others);
    assert!(Arc::ptr_eq(&first.unwrap(), &joined));
    assert_eq!(source.asked(), 1);
}
