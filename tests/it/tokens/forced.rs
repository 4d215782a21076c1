//! `refreshIdentity`.

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, RefreshFault, Times};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Account, REFRESH, is_good, refreshes, session};
use crate::flows::ACME;
use crate::support::app::Db;
use crate::support::world::World;

fn breaks(world: &World, broken: Broken) {
    let fault = RefreshFault::Broken(broken);
    world.provider.fault(ACME, fault, Times::Once);
}

#[rstest]
#[tokio::test]
async fn a_good_token_is_refreshed_where_that_is_asked_for(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 3600).await;
    let payload = account.refresh().await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["identity"]["id"], account.id);
    assert_ne!(
        payload["identity"]["credential"]["lastRefreshedAt"],
        Value::Null
    );
    let token = Account::token(account.read().await);
    assert_ne!(token, account.access_token);
    assert!(is_good(&world, &token).await);
    assert_eq!(refreshes(&world), 1);
}

#[rstest]
#[tokio::test]
async fn whoever_refreshes_by_force_does_not_wait_for_the_next_attempt(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    breaks(&world, Broken::Down);
    let refused = account.refresh().await;
    assert_eq!(refused["identity"], Value::Null);
    let error = &refused["userErrors"][0];
    assert_eq!(error["code"], "PROVIDER_UNAVAILABLE");
    assert_eq!(error["retryable"], true);
    assert_eq!(error["field"], json!(["id"]));
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    assert_eq!(account.refresh().await["userErrors"], json!([]));
    assert_eq!(refreshes(&world), 2);
}

#[rstest]
#[tokio::test]
async fn a_bare_401_does_not_count_twice_before_its_wait_is_over(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    let fault = RefreshFault::Broken(Broken::BareUnauthorized);
    world.provider.fault(ACME, fault, Times::Always);
    for tries in 1..=2 {
        let refused = account.refresh().await;
        let error = &refused["userErrors"][0];
        assert_eq!(error["code"], "PROVIDER_UNAVAILABLE");
        assert_eq!(error["retryable"], true);
        assert_eq!(account.about().await["status"], "VALID");
        assert_eq!(refreshes(&world), tries);
    }
    // After it, the same answer is the provider's last word.
    world.pass(TimeDelta::minutes(10));
    assert_eq!(account.read().await.code(), "CREDENTIAL_INVALID");
    assert_eq!(account.about().await["status"], "INVALID");
    assert_eq!(refreshes(&world), 3);
}

#[rstest]
#[tokio::test]
async fn a_dead_grant_is_tried_again_by_force_alone(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    breaks(&world, Broken::Error(400, "invalid_grant"));
    let refused = account.refresh().await;
    let error = &refused["userErrors"][0];
    assert_eq!(error["code"], "CREDENTIAL_INVALID");
    assert_eq!(error["retryable"], false);
    assert_eq!(account.read().await.code(), "CREDENTIAL_INVALID");
    // The provider was wrong about it.
    assert_eq!(account.refresh().await["userErrors"], json!([]));
    assert_eq!(account.about().await["status"], "VALID");
    assert!(is_good(&world, &Account::token(account.read().await)).await);
}

#[rstest]
#[tokio::test]
async fn people_refresh_their_own(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let app = &world.app;
    let account = Account::new(&world, "ada", 3600).await;
    let other = Account::new(&world, "bo", 3600).await;
    let session = session(app, "ada").await;
    let as_ada = |id: &str| {
        let ask = app.ask(REFRESH).variables(json!({ "id": id }));
        ask.by_person(&session).send()
    };
    let payload = as_ada(&account.id).await.data();
    assert_eq!(payload["refreshIdentity"]["userErrors"], json!([]));
    assert_eq!(as_ada(&other.id).await.code(), "NOT_FOUND");
    let reader = app.key("reader", &["identity:read"]).await;
    let ask = app.ask(REFRESH).variables(json!({ "id": account.id }));
    assert_eq!(ask.by(&reader).send().await.code(), "FORBIDDEN");
    assert_eq!(refreshes(&world), 1);
    assert_eq!(account.events().await, ["identity.refreshed"]);
    let events = app.stored().await.events;
    let refreshed = events
        .iter()
        .find(|event| event.action == "identity.refreshed")
        .unwrap();
    assert_eq!(refreshed.actor_kind, "USER");
}
