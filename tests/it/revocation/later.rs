//! A provider that fails is asked again, and given up in the end.

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, Client, Endpoint, Times};
use rstest::rstest;
use serde_json::json;

use super::{HUB, Linked, failed, revoked, until};
use crate::support::app::Db;

/// Unlinked while the provider answers like this.
async fn delayed(on: Db, broken: Broken) -> Linked {
    let it = Linked::start(on).await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, broken), Times::Always);
    assert!(!it.unlink(json!({})).await);
    it
}

#[rstest]
#[case::down(Broken::Down, "http_503")]
#[case::gone(Broken::Closes, "unreachable")]
#[case::a_page(Broken::Html(200), "unreadable")]
#[case::busy(
    Broken::Error(400, "temporarily_unavailable"),
    "temporarily_unavailable"
)]
#[tokio::test]
async fn what_the_provider_did_not_do_is_done_when_it_is_due(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[case] broken: Broken,
    #[case] reason: &str,
) {
    let it = delayed(on, broken).await;
    let queued = it.queued().await;
    let [row] = &queued[..] else {
        panic!("{queued:?}");
    };
    assert_eq!(row.attempts, 1);
    assert_eq!(row.failure_reason.as_deref(), Some(reason));
    let wait = row.next_attempt_at - row.date_added;
    let expected = TimeDelta::minutes(1)..TimeDelta::minutes(2);
    assert!(expected.contains(&wait), "{wait}");
    assert!(it.is_alive().await);
    assert_eq!(it.told().await, [], "it isn't over");

    it.world.provider.clear_faults(HUB);
    it.world.pass(TimeDelta::minutes(2));
    it.until_done().await;
    assert_eq!(it.told().await, revoked());
    assert!(!it.is_alive().await);
    assert_eq!(it.calls().len(), 2);
}

#[rstest]
#[tokio::test]
async fn each_try_waits_twice_as_long(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = delayed(on, Broken::Down).await;
    let mut minutes = 1;
    for tries in 2..=4 {
        // A quarter more is chance.
        it.world.pass(TimeDelta::seconds(minutes * 75 + 1));
        let before = it.app().clock.now();
        until("another try", async || {
            let row = it.queued().await.remove(0);
            row.attempts == tries && row.next_attempt_at > before + TimeDelta::seconds(70)
        })
        .await;
        minutes *= 2;
        let wait = it.queued().await[0].next_attempt_at - before;
        assert!(wait >= TimeDelta::minutes(minutes), "{wait}");
        assert!(wait <= TimeDelta::seconds(minutes * 75 + 30), "{wait}");
        assert_eq!(it.calls().len(), usize::try_from(tries).unwrap());
    }
}

#[rstest]
#[tokio::test]
async fn a_provider_that_says_when_is_not_asked_before(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = delayed(on, Broken::TooMany(3600)).await;
    let row = it.queued().await.remove(0);
    assert_eq!(row.failure_reason.as_deref(), Some("rate_limited"));
    let wait = row.next_attempt_at - row.date_added;
    let expected = TimeDelta::minutes(60)..TimeDelta::minutes(61);
    assert!(expected.contains(&wait), "{wait}");
}

#[rstest]
#[tokio::test]
async fn after_three_days_it_is_given_up(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = delayed(on, Broken::Down).await;
    it.world.pass(TimeDelta::days(3));
    it.until_done().await;
    assert_eq!(it.told().await, failed("http_503"));
    assert_eq!(it.calls().len(), 2);
}

#[rstest]
#[tokio::test]
async fn what_an_operator_can_mend_is_tried_again(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("disabled", "another secret")] what: &str,
) {
    let it = Linked::start(on).await;
    let hub = &it.world.provider;
    let client = hub.client(HUB);
    let reason = if what == "disabled" {
        let change = json!({ "enabled": false });
        it.world.reconfigure("hub", change).await;
        "unusable"
    } else {
        let other = Client {
            secret: "another".into(),
            ..client.clone()
        };
        hub.set_client(HUB, other);
        "invalid_client"
    };
    assert!(!it.unlink(json!({})).await);
    let row = it.queued().await.remove(0);
    assert_eq!(row.failure_reason.as_deref(), Some(reason));

    let change = json!({ "enabled": true });
    it.world.reconfigure("hub", change).await;
    hub.set_client(HUB, client);
    it.world.pass(TimeDelta::minutes(2));
    it.until_done().await;
    assert_eq!(it.told().await, revoked());
    assert!(!it.is_alive().await);
}
