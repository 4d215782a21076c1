//! A provider that refuses this server itself: accounts are untouched, and the row says so.

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, RefreshFault, Times};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Account, is_good, refreshes, time};
use crate::flows::ACME;
use crate::support::app::{App, Db};
use crate::support::world::World;

async fn health(app: &App) -> Value {
    let data = app
        .ask(
            "{ identityProvider(slug: \"acme\") {
                health { failing reason since failures nextAttemptAt } } }",
        )
        .data()
        .await;
    data["identityProvider"]["health"].clone()
}

fn well() -> Value {
    json!({ "failing": false, "reason": null, "since": null, "failures": 0, "nextAttemptAt": null })
}

#[rstest]
#[tokio::test]
async fn an_expired_client_secret_leaves_every_identity_valid(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let app = &world.app;
    let mut accounts = Vec::new();
    for name in ["ada", "bo", "noor"] {
        accounts.push(Account::new(&world, name, 0).await);
    }
    assert_eq!(health(app).await, well());
    app.reconfigure(
        "acme",
        json!({ "clientSecret": "canary-one-that-has-expired" }),
    )
    .await;
    for account in &accounts {
        assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    }
    // One has found out for all of them.
    assert_eq!(refreshes(&world), 1);
    let failing = health(app).await;
    assert_eq!(failing["failing"], true);
    assert_eq!(failing["reason"], "invalid_client");
    assert_eq!(failing["failures"], 1);
    assert!(time(&failing["nextAttemptAt"]) > app.clock.now());
    world.pass(TimeDelta::seconds(40));
    for account in &accounts {
        assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    }
    assert_eq!(refreshes(&world), 2);
    let failing = health(app).await;
    assert_eq!(failing["failures"], 2);
    for account in &accounts {
        let about = account.about().await;
        assert_eq!(about["status"], "VALID");
        assert_eq!(about["credential"]["failures"], 0);
        assert_eq!(account.events().await, Vec::<String>::new());
    }
    // With the right one they are read at once.
    let secret = world.provider.client(ACME).secret;
    let secret = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
    app.reconfigure("acme", json!({ "clientSecret": secret }))
        .await;
    assert_eq!(health(app).await, well());
    for account in &accounts {
        let token = Account::token(account.read().await);
        assert!(is_good(&world, &token).await);
    }
}

#[rstest]
#[case::unauthorized_client(Broken::Error(400, "unauthorized_client"), "unauthorized_client")]
#[case::gone(Broken::Html(404), "http_404")]
#[tokio::test]
async fn a_provider_recovers_by_itself(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[case] broken: Broken,
    #[case] reason: &str,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 50).await;
    let fault = RefreshFault::Broken(broken);
    world.provider.fault(ACME, fault, Times::Once);
    // The old token is given out while it is good.
    assert_eq!(Account::token(account.read().await), account.access_token);
    assert_eq!(health(&world.app).await["reason"], reason);
    world.pass(TimeDelta::seconds(40));
    let token = Account::token(account.read().await);
    assert!(is_good(&world, &token).await);
    assert_eq!(health(&world.app).await, well());
    let events = world.app.stored().await.events;
    let of_provider = events.iter().map(|event| event.action.as_str());
    let of_provider: Vec<&str> = of_provider
        .filter(|action| ["provider.failing", "provider.recovered"].contains(action))
        .collect();
    assert_eq!(of_provider, ["provider.failing", "provider.recovered"]);
}

#[rstest]
#[tokio::test]
async fn a_refusal_that_names_no_client_holds_up_nobody_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    let other = Account::new(&world, "bo", 0).await;
    let fault = RefreshFault::Broken(Broken::Error(400, "invalid_request"));
    world.provider.fault(ACME, fault, Times::Once);
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    assert_eq!(health(&world.app).await["reason"], "invalid_request");
    let about = account.about().await;
    assert_eq!(about["status"], "VALID");
    assert_eq!(about["credential"]["failureReason"], "invalid_request");
    assert!(is_good(&world, &Account::token(other.read().await)).await);
    assert_eq!(health(&world.app).await, well());
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    assert_eq!(refreshes(&world), 2);
}

#[rstest]
#[tokio::test]
async fn a_disabled_provider_refreshes_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 50).await;
    world
        .app
        .reconfigure("acme", json!({ "enabled": false }))
        .await;
    assert_eq!(Account::token(account.read().await), account.access_token);
    world.pass(TimeDelta::seconds(60));
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    assert_eq!(refreshes(&world), 0);
    assert_eq!(account.about().await["status"], "VALID");
    world
        .app
        .reconfigure("acme", json!({ "enabled": true }))
        .await;
    assert!(is_good(&world, &Account::token(account.read().await)).await);
}
