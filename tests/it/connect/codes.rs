//! The code: for one application, for one user, once.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Portal, STRANGERS};
use crate::support::app::Db;

#[rstest]
#[tokio::test]
async fn a_code_is_for_its_application_and_its_user_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let scopes = [
        "identity:write",
        "identity:read",
        "identity:assert",
        "admin",
    ];
    let other = app.application("other", &scopes).await;
    let connect = portal.start().await;
    let code = portal.code(&portal.world.browser(), &connect).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let (ada, unknown) = (portal.ada.as_str(), "user_01h455vb4pex5vsknk084sn02q");
    for (key, code, user) in [
        (other.as_str(), code.as_str(), ada),
        (&portal.key, &code, &portal.bo),
        (&portal.key, &code, unknown),
        (&portal.key, "", ada),
        (&portal.key, &code[1..], ada),
        (&portal.key, &code.to_uppercase(), ada),
        // What the connect link had.
        (
            &portal.key,
            connect.path().trim_start_matches("/connect/"),
            ada,
        ),
    ] {
        portal.is_no_code(key, code, user).await;
        assert_eq!(app.dump().await, before);
    }
    let answer = app.complete_link(&portal.key, &code, "ada").await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    // Another key of the same application will do: keys are replaced while links are open.
    let second = app
        .application("portal", &["identity:write", "identity:read"])
        .await;
    let answer = app.complete_link(&second, &code, &portal.ada).await;
    assert_eq!(answer.data()["completeLink"]["outcome"], "CREATED");
}

#[rstest]
#[tokio::test]
async fn a_code_counts_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let connect = portal.start().await;
    let code = portal.code(&portal.world.browser(), &connect).await;
    let tries = (0..6).map(|_| app.complete_link(&portal.key, &code, &portal.ada));
    let answers = join_all(tries).await;
    let done: Vec<_> = answers
        .iter()
        .filter(|answer| answer.body.get("errors").is_none())
        .collect();
    assert_eq!(done.len(), 1, "{answers:#?}");
    assert_eq!(done[0].body["data"]["completeLink"]["outcome"], "CREATED");
    for answer in answers
        .iter()
        .filter(|answer| answer.body.get("errors").is_some())
    {
        assert_eq!(answer.code(), "NOT_FOUND", "{answer:#?}");
    }
    portal.is_no_code(&portal.key, &code, &portal.ada).await;
    let stored = app.stored().await;
    assert_eq!(stored.identities.len(), 1);
    let linked = |event: &&lanyard::database::event::Model| event.action.starts_with("identity.");
    assert_eq!(stored.events.iter().filter(linked).count(), 1);
}

#[rstest]
#[tokio::test]
async fn of_two_links_that_want_one_account_one_is_completed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let mut codes = Vec::new();
    for user in [&portal.ada, &portal.bo] {
        let connect = app.started(&portal.key, &portal.hub, user, json!({})).await;
        let browser = portal.world.browser();
        let code = portal.code_of(&browser, &connect, STRANGERS.0).await;
        codes.push((code, user));
    }
    let tries = codes.iter().map(|(code, user)| portal.complete(code, user));
    let payloads = join_all(tries).await;
    let outcomes: Vec<&Value> = payloads.iter().map(|payload| &payload["outcome"]).collect();
    assert!(outcomes.contains(&&json!("CREATED")), "{payloads:#?}");
    let refused = payloads.iter().find(|payload| payload["outcome"].is_null());
    assert_eq!(
        refused.unwrap()["userErrors"][0]["code"],
        "ACCOUNT_OWNED_BY_ANOTHER_USER"
    );
    assert_eq!(app.stored().await.identities.len(), 1);
    portal.nothing_waits().await;
}
