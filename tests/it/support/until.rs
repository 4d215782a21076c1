//! Waiting for a fact, and never for luck.

use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until the fact is there.
///
/// # Panics
/// It isn't within that time; `what` says what was waited for.
pub async fn until(what: &str, within: Duration, mut fact: impl AsyncFnMut() -> bool) {
    until_some(what, within, async || fact().await.then_some(())).await;
}

/// The same for a fact that brings something.
///
/// # Panics
/// It isn't there within that time; `what` says what was waited for.
pub async fn until_some<T>(
    what: &str,
    within: Duration,
    mut fact: impl AsyncFnMut() -> Option<T>,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = fact().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let looked = tokio::time::timeout(within, looking).await;
    looked.unwrap_or_else(|_| panic!("not within {within:?}: {what}"))
}

#[tokio::test]
async fn a_fact_is_waited_for() {
    let mut looks = 0;
    let soon = Duration::from_secs(10);
    let found = until_some("three looks", soon, async || {
        looks += 1;
        (looks == 3).then_some(looks)
    });
    assert_eq!(found.await, 3);
}

#[tokio::test]
#[should_panic(expected = "not within 20ms: what never comes")]
async fn a_fact_that_does_not_come_fails() {
    until("what never comes", Duration::from_millis(20), async || {
        false
    })
    .await;
}
