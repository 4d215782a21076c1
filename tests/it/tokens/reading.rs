//! Reading a token that is good, or can be made so.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use lanyard::demo::provider::{Times, TokenFault};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Account, READ, is_good, refreshes, session, time};
use crate::flows::ACME;
use crate::support::app::{App, Db};
use crate::support::world::World;

#[rstest]
#[tokio::test]
async fn a_token_that_is_good_for_a_minute_is_given_out_as_it_is(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 90).await;
    assert_eq!(Account::token(account.read().await), account.access_token);
    assert_eq!(refreshes(&world), 0);
    // With 59 seconds left it is not good enough.
    world.pass(TimeDelta::seconds(31));
    let token = Account::token(account.read().await);
    assert_ne!(token, account.access_token);
    assert!(is_good(&world, &token).await);
    assert_eq!(refreshes(&world), 1);
    assert_eq!(Account::token(account.read().await), token);
    assert_eq!(refreshes(&world), 1);
}

#[rstest]
#[tokio::test]
async fn a_credential_says_how_it_stands(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 30).await;
    let before = account.about().await;
    let credential = &before["credential"];
    assert_eq!(credential["lastRefreshedAt"], Value::Null);
    assert_eq!(credential["refreshable"], true);
    assert_eq!(credential["failures"], 0);
    let scopes = json!(["openid", "offline_access"]);
    assert_eq!(credential["scopes"], scopes);
    let fault = TokenFault::RefreshTokenExpiresIn(7200);
    world.provider.fault(ACME, fault, Times::Once);
    Account::token(account.read().await);
    let after = account.about().await;
    let credential = &after["credential"];
    let now = world.app.clock.now();
    let within = |field: &str, from: i64, to: i64| {
        let seconds = (time(&credential[field]) - now).num_seconds();
        assert!((from..=to).contains(&seconds), "{field}: {seconds}");
    };
    within("lastRefreshedAt", -30, 0);
    within("expiresAt", 3500, 3600);
    within("refreshTokenExpiresAt", 7100, 7200);
    assert_eq!(credential["tokenType"], "Bearer");
    assert_eq!(credential["failureReason"], Value::Null);
    // Tokens are not what the version counts.
    assert_eq!(after["version"], before["version"]);
    assert_eq!(
        account.events().await,
        ["identity.refreshed", "credential.read"]
    );
}

#[rstest]
#[tokio::test]
async fn what_an_answer_leaves_out_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 30).await;
    for fault in [TokenFault::KeepsRefreshToken, TokenFault::NoScope] {
        world.provider.fault(ACME, fault, Times::Always);
    }
    let first = Account::token(account.read().await);
    let about = account.about().await;
    assert_eq!(about["credential"]["refreshable"], true);
    let scopes = json!(["openid", "offline_access"]);
    assert_eq!(about["credential"]["scopes"], scopes);
    world.pass(TimeDelta::hours(2));
    let second = Account::token(account.read().await);
    assert_ne!(first, second);
    assert!(is_good(&world, &second).await);
}

#[rstest]
#[tokio::test]
async fn a_token_whose_end_is_not_known_is_never_refreshed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::with(&world, "ada", json!({})).await;
    world.pass(TimeDelta::days(40));
    assert_eq!(Account::token(account.read().await), account.access_token);
    assert_eq!(refreshes(&world), 0);
}

#[rstest]
#[tokio::test]
async fn a_token_without_a_refresh_token_is_good_to_its_end_and_no_longer(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let end = world.app.clock.now() + TimeDelta::seconds(40);
    let more = json!({ "expiresAt": end, "refreshToken": null });
    let account = Account::with(&world, "ada", more).await;
    assert_eq!(account.about().await["credential"]["refreshable"], false);
    assert_eq!(Account::token(account.read().await), account.access_token);
    world.pass(TimeDelta::seconds(41));
    let answer = account.read().await;
    assert_eq!(answer.code(), "CREDENTIAL_INVALID");
    let message = answer.message();
    assert!(message.contains("link the account again"), "{message}");
    // Nothing has been heard against the link itself.
    assert_eq!(account.about().await["status"], "VALID");
    let refused = account.refresh().await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_REFRESHABLE");
    assert_eq!(refused["identity"], Value::Null);
    assert_eq!(refreshes(&world), 0);
}

#[rstest]
#[tokio::test]
async fn an_identity_without_tokens_has_no_credential(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("plain").await, app.user("ada").await);
    let id = app.linked(&provider, &user, "1").await;
    let ask = app.ask(READ).variables(json!({ "id": id }));
    assert_eq!(ask.data().await["identity"]["credential"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_token_needs_its_scope_and_is_nothing_for_people(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let app = &world.app;
    let account = Account::new(&world, "ada", -1).await;
    let reader = app.key("reader", &["identity:read"]).await;
    let session = session(app, "ada").await;
    for ask in [app.ask(READ).by(&reader), app.ask(READ).by_person(&session)] {
        let answer = ask.variables(json!({ "id": account.id })).send().await;
        assert_eq!(answer.code(), "FORBIDDEN");
        assert_eq!(answer.body["data"], Value::Null);
    }
    assert_eq!(refreshes(&world), 0, "nothing was executed");
    let holder = app
        .key("holder", &["identity:read", "identity:token"])
        .await;
    let ask = app.ask(READ).by(&holder);
    let answer = ask.variables(json!({ "id": account.id })).send().await;
    assert!(is_good(&world, &Account::token(answer)).await);
}

#[rstest]
#[tokio::test]
async fn a_page_of_tokens_is_one_statement_more(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let app = &world.app;
    for name in ["ada", "bo", "noor"] {
        Account::new(&world, name, 3600).await;
    }
    let read = "{ identities { nodes { credential { accessToken } } } }";
    // Whoever reads first leaves events; in the same minute nothing more is written. The
    // identities, and their tokens with what is known of them.
    assert_eq!(crate::statements::cost(app, read, &json!({})).await, 2);
    let data = app.ask(read).data().await;
    let nodes = data["identities"]["nodes"].as_array().unwrap().iter();
    let tokens: BTreeSet<&str> = nodes
        .map(|node| node["credential"]["accessToken"].as_str().unwrap())
        .collect();
    assert_eq!(tokens.len(), 3);
}
