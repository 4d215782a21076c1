//! Several processes, and one that dies in the middle.

use std::time::Duration;

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, Endpoint, Times};
use rstest::rstest;
use serde_json::json;

use super::{HUB, Linked, queued, revoked, told, until};
use crate::support::app::{App, Db};
use crate::support::world::World;

/// Another server on the same database, that may speak to the same provider.
async fn beside(it: &Linked) -> App {
    let port = it.world.provider.issuer(HUB).port().unwrap();
    let allowed = format!("localhost:{port}");
    let settings = [("LANYARD_EGRESS_ALLOW", allowed.as_str())];
    App::start_at(&it.app().database_url, &settings).await
}

#[rstest]
#[tokio::test]
async fn of_two_servers_one_makes_the_call(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Linked::start(on).await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, Broken::Down), Times::Once);
    assert!(!it.unlink(json!({})).await);
    let other = beside(&it).await;
    // Long enough for the other one to come by.
    let slow = Broken::Delay(Duration::from_secs(6));
    hub.fault(HUB, (Endpoint::Revoke, slow), Times::Always);
    it.world.pass(TimeDelta::minutes(2));
    other.clock.advance(TimeDelta::minutes(2));
    it.until_done().await;
    assert_eq!(it.calls().len(), 2, "one each time");
    assert_eq!(it.told().await, revoked());
}

#[rstest]
#[tokio::test]
async fn a_server_that_dies_leaves_it_to_the_next(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("before the try", "during the try")] when: &str,
) {
    let (world, mut process) = World::start_process(on, "127.0.0.1", &[]).await;
    let it = Linked::within(world).await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, Broken::Hangs), Times::Always);
    let unlinking = it.unlink(json!({}));
    let asked = until("the provider is asked", async || it.calls().len() == 1);
    tokio::select! {
        _ = unlinking => panic!("the provider hangs"),
        () = asked => {}
    }
    process.signal("KILL").await;
    process.child.wait().await.unwrap();
    hub.clear_faults(HUB);
    if when == "before the try" {
        // As it was before that.
        it.app().execute("UPDATE revocation SET attempts = 0").await;
    }
    assert!(it.is_alive().await);
    let next = beside(&it).await;
    next.clock.advance(TimeDelta::minutes(2));
    until("it is done", async || queued(&next).await.is_empty()).await;
    assert_eq!(told(&next, &it.identity).await, revoked());
    assert!(!it.is_alive().await);

    // What the first one has logged at its most talkative.
    let log = process.log();
    assert!(log.contains("\"DEBUG\"") && log.contains("/graphql"));
    for token in [&it.tokens.access, &it.tokens.refresh] {
        assert!(!log.contains(token.as_str()), "a token is in the log");
    }
}

#[rstest]
#[tokio::test]
async fn what_comes_of_it_is_logged_without_tokens(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(
        Broken::Down,
        Broken::Error(400, "invalid_request"),
        Broken::Delay(Duration::ZERO)
    )]
    broken: Broken,
) {
    let (world, mut process) = World::start_process(on, "127.0.0.1", &[]).await;
    let it = Linked::within(world).await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, broken), Times::Always);
    it.unlink(json!({})).await;
    let log = process.last_log().await;
    assert!(log.contains("revoked"), "nothing is said of it");
    let stored = format!("{:?}{:?}", it.app().stored().await, it.app().dump().await);
    for token in [&it.tokens.access, &it.tokens.refresh] {
        assert!(!log.contains(token.as_str()), "a token is in the log");
        assert!(!stored.contains(token.as_str()), "a token is stored");
    }
}
