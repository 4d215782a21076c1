//! What a refresh that fails does: to the grant, to the identity, to the provider, and to whoever
//! reads meanwhile.

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, RefreshFault, Times};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Account, is_good, is_good_at, refreshes, time};
use crate::flows::{ACME, HUB};
use crate::support::app::Db;
use crate::support::client::text;
use crate::support::world::World;

fn breaks(world: &World, broken: Broken, times: Times) {
    world
        .provider
        .fault(ACME, RefreshFault::Broken(broken), times);
}

#[rstest]
#[case::down(Broken::Down, "http_503")]
#[case::closes(Broken::Closes, "unreachable")]
#[case::broken_json(Broken::BrokenJson, "unreadable")]
#[case::huge(Broken::Huge, "unreadable")]
#[case::redirect(Broken::Redirect("https://other.example/".parse().unwrap()), "unreadable")]
#[case::says_so(
    Broken::Error(400, "temporarily_unavailable"),
    "temporarily_unavailable"
)]
#[tokio::test]
async fn a_failure_on_the_way_is_waited_out(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[case] broken: Broken,
    #[case] reason: &str,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 50).await;
    breaks(&world, broken, Times::Once);
    // The old one is given out while it is good.
    assert_eq!(Account::token(account.read().await), account.access_token);
    let about = account.about().await;
    assert_eq!(about["status"], "VALID");
    assert_eq!(about["credential"]["failures"], 1);
    assert_eq!(about["credential"]["failureReason"], reason);
    let next = time(&about["credential"]["nextAttemptAt"]) - world.app.clock.now();
    assert!((1..=36).contains(&next.num_seconds()), "{next}");
    // Nobody asks again before that.
    assert_eq!(Account::token(account.read().await), account.access_token);
    assert_eq!(refreshes(&world), 1);
    world.pass(TimeDelta::seconds(40));
    let token = Account::token(account.read().await);
    assert!(is_good(&world, &token).await);
    let about = account.about().await;
    assert_eq!(about["credential"]["failures"], 0);
    assert_eq!(about["credential"]["failureReason"], Value::Null);
    assert_eq!(about["credential"]["nextAttemptAt"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_token_that_is_over_is_not_given_out_while_the_provider_fails(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    breaks(&world, Broken::Down, Times::Always);
    for _ in 0..2 {
        let answer = account.read().await;
        assert_eq!(answer.code(), "PROVIDER_UNAVAILABLE");
        let message = answer.message();
        assert!(message.contains("http_503"), "{message}");
        assert!(message.contains("the next try is at"), "{message}");
    }
    assert_eq!(refreshes(&world), 1);
    // Each failure doubles the wait.
    for (failures, seconds) in [(2, 60), (3, 120)] {
        world.pass(TimeDelta::seconds(seconds));
        assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
        assert_eq!(account.about().await["credential"]["failures"], failures);
    }
    assert_eq!(account.about().await["status"], "VALID");
}

#[rstest]
#[tokio::test]
async fn a_provider_that_hangs_does_not_keep_a_good_token_back(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 50).await;
    breaks(&world, Broken::Hangs, Times::Always);
    assert_eq!(Account::token(account.read().await), account.access_token);
    assert_eq!(refreshes(&world), 1);
}

#[rstest]
#[tokio::test]
async fn a_provider_that_hangs_costs_nothing_but_its_own_tokens(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    let over = json!({ "expiresAt": world.app.clock.now() });
    let other = Account::at(HUB, &world, "amarlow", over).await;
    breaks(&world, Broken::Hangs, Times::Always);
    let answer = world
        .app
        .ask(
            "query($hanging: ID!, $other: ID!) {
            hanging: identity(filter: { id: $hanging }) { id credential { accessToken } }
            other: identity(filter: { id: $other }) { credential { accessToken } } }",
        )
        .variables(json!({ "hanging": account.id, "other": other.id }))
        .send()
        .await;
    let errors = answer.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(answer.code(), "PROVIDER_UNAVAILABLE");
    let path = json!(["hanging", "credential", "accessToken"]);
    assert_eq!(errors[0]["path"], path);
    assert_eq!(answer.body["data"]["hanging"]["id"], account.id);
    let token = text(&answer.body, "/data/other/credential/accessToken");
    assert_ne!(token, other.access_token);
    assert!(is_good_at(HUB, &world, &token).await);
    assert_eq!(account.about().await["status"], "VALID");
}

#[rstest]
#[case::usual(400, "invalid_grant")]
#[case::with_200(200, "invalid_grant")]
#[case::while_failing(503, "invalid_grant")]
#[tokio::test]
async fn a_grant_that_the_provider_has_ended_makes_the_identity_invalid(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[case] status: u16,
    #[case] code: &'static str,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 50).await;
    let before = account.about().await;
    breaks(&world, Broken::Error(status, code), Times::Once);
    let answer = account.read().await;
    assert_eq!(answer.code(), "CREDENTIAL_INVALID");
    let message = answer.message();
    assert!(message.contains(code), "{message}");
    let about = account.about().await;
    assert_eq!(about["status"], "INVALID");
    assert_eq!(about["version"], before["version"].as_i64().unwrap() + 1);
    assert_eq!(about["credential"]["failureReason"], code);
    assert_eq!(account.events().await, ["identity.invalidated"]);
    // Nobody asks for a dead grant again.
    assert_eq!(account.read().await.code(), "CREDENTIAL_INVALID");
    assert_eq!(refreshes(&world), 1);
    let found = world
        .app
        .ask("{ identities(filter: { status: INVALID }) { nodes { id } } }")
        .data()
        .await;
    assert_eq!(found["identities"]["nodes"], json!([{ "id": account.id }]));
}

#[rstest]
#[tokio::test]
async fn a_new_link_makes_an_invalid_identity_good_again(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    breaks(&world, Broken::Error(400, "invalid_grant"), Times::Once);
    assert_eq!(account.read().await.code(), "CREDENTIAL_INVALID");
    let again = Account::new(&world, "ada", 3600).await;
    assert_eq!(again.id, account.id);
    assert_eq!(account.about().await["status"], "VALID");
    assert_eq!(Account::token(account.read().await), again.access_token);
}

#[rstest]
#[tokio::test]
async fn a_bare_401_ends_the_grant_at_the_second_time(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    breaks(&world, Broken::BareUnauthorized, Times::Always);
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    assert_eq!(account.about().await["status"], "VALID");
    // Within the wait nothing changes.
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    assert_eq!(account.about().await["status"], "VALID");
    world.pass(TimeDelta::seconds(40));
    assert_eq!(account.read().await.code(), "CREDENTIAL_INVALID");
    assert_eq!(account.about().await["status"], "INVALID");
    assert_eq!(refreshes(&world), 2);
}

#[rstest]
#[tokio::test]
async fn another_failure_between_two_bare_401_forgives_the_first(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(Broken::Down, Broken::TooMany(1))] another: Broken,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    for broken in [Broken::BareUnauthorized, another, Broken::BareUnauthorized] {
        breaks(&world, broken, Times::Once);
        assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
        world.pass(TimeDelta::seconds(300));
    }
    assert_eq!(refreshes(&world), 3);
    assert_eq!(account.about().await["status"], "VALID");
    assert!(is_good(&world, &Account::token(account.read().await)).await);
}

#[rstest]
#[tokio::test]
async fn a_provider_that_wants_less_is_left_alone_for_as_long_as_it_says(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 0).await;
    let other = Account::new(&world, "bo", 0).await;
    breaks(&world, Broken::TooMany(500), Times::Once);
    assert_eq!(account.read().await.code(), "PROVIDER_UNAVAILABLE");
    world.pass(TimeDelta::seconds(490));
    for one in [&account, &other] {
        assert_eq!(one.read().await.code(), "PROVIDER_UNAVAILABLE");
    }
    // Nor is it asked by whoever forces it.
    let refused = account.refresh().await;
    assert_eq!(refused["userErrors"][0]["code"], "PROVIDER_UNAVAILABLE");
    assert_eq!(refreshes(&world), 1);
    world.pass(TimeDelta::seconds(20));
    for one in [&account, &other] {
        assert!(is_good(&world, &Account::token(one.read().await)).await);
    }
}
