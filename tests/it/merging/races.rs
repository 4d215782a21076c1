//! Merges at the same moment as links, other merges and undos: nothing stays behind, and nobody
//! gets a fault.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ask_undo, merge, merged};
use crate::support::app::{App, Db};
use crate::support::client::text;

const ROUNDS: usize = 20;
const LINKS: usize = 6;

async fn link(app: &App, provider: &str, user: &str, account: &str, policy: &str) -> Value {
    let input = json!({ "providerId": provider, "userId": user, "externalId": account,
                        "onConflict": policy });
    app.link(input).await.data()["linkIdentity"].clone()
}

/// Everybody has one primary identity wherever they have any.
async fn assert_primaries(app: &App) {
    let stored = app.stored().await;
    for row in &stored.identities {
        let there = stored
            .identities
            .iter()
            .filter(|other| other.user_id == row.user_id && other.provider_id == row.provider_id);
        let primary = there.filter(|other| other.is_primary).count();
        assert_eq!(primary, 1, "at the provider of {row:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_link_to_the_merged_user_moves_or_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let many = json!({ "allowsMultiplePerUser": true });
    let many = app.provider_with("many", many).await;
    let (mut moved, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let from = app.user(&format!("from-{round}")).await;
        let into = app.user(&format!("into-{round}")).await;
        let links = (0..LINKS).map(|number| {
            let (app, many, from) = (&app, &many, &from);
            async move {
                let account = format!("{round}-{number}");
                Some(link(app, many, from, &account, "FAIL").await)
            }
        });
        let merging = async {
            merged(&app, &from, &into, "FAIL").await;
            None
        };
        // The merge stands at another place in every round.
        let mut calls: Vec<std::pin::Pin<Box<dyn Future<Output = Option<Value>>>>> = Vec::new();
        for call in links {
            calls.push(Box::pin(call));
        }
        calls.insert(round % (LINKS + 1), Box::pin(merging));
        let answers = join_all(calls).await;
        let stored = app.stored().await;
        for answer in answers.into_iter().flatten() {
            if answer["outcome"] == "CREATED" {
                moved += 1;
                let row = stored.identity(&text(&answer, "/identity/id"));
                assert_eq!(row.user_id.to_string(), into);
            } else {
                refused += 1;
                assert_eq!(
                    answer["userErrors"][0]["code"], "USER_NOT_ACTIVE",
                    "{answer:#}"
                );
            }
        }
        let left = stored
            .identities
            .iter()
            .filter(|row| row.user_id.to_string() == from);
        assert_eq!(left.count(), 0, "nothing stays behind");
    }
    assert_eq!(moved + refused, ROUNDS * LINKS);
    assert_primaries(&app).await;
}

#[rstest]
#[tokio::test]
async fn of_merges_in_both_directions_one_is_done(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for round in 0..ROUNDS {
        let (a, b) = (
            app.user(&format!("a-{round}")).await,
            app.user(&format!("b-{round}")).await,
        );
        let provider = app.provider(&format!("a-{round}")).await;
        let other = app.provider(&format!("b-{round}")).await;
        app.linked(&provider, &a, "a").await;
        app.linked(&other, &b, "b").await;
        let calls = (0..4).map(|number| {
            let (from, into) = if number % 2 == 0 { (&a, &b) } else { (&b, &a) };
            merge(&app, from, into, "FAIL")
        });
        let answers = join_all(calls).await;
        let done: Vec<_> = answers
            .iter()
            .filter(|answer| answer["merge"].is_object())
            .collect();
        assert_eq!(done.len(), 1, "{answers:#?}");
        let into = text(done[0], "/user/id");
        for answer in answers.iter().filter(|answer| answer["merge"].is_null()) {
            assert_eq!(
                answer["userErrors"][0]["code"], "USER_NOT_ACTIVE",
                "{answer:#}"
            );
        }
        let stored = app.stored().await;
        let here = [provider, other];
        let mut rows = stored.identities.iter();
        let all = rows.all(|row| {
            !here.contains(&row.provider_id.to_string()) || row.user_id.to_string() == into
        });
        assert!(all, "everything is of the one that is left");
    }
}

#[rstest]
#[tokio::test]
async fn whoever_takes_an_account_over_meanwhile_gets_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    for round in 0..ROUNDS {
        let [from, into, taker] = ["from", "into", "taker"].map(|name| format!("{name}-{round}"));
        let (from, into, taker) = (
            app.user(&from).await,
            app.user(&into).await,
            app.user(&taker).await,
        );
        let many = json!({ "allowsMultiplePerUser": round % 2 == 0 });
        let provider = app.provider_with(&format!("p-{round}"), many).await;
        app.linked(&provider, &from, "1").await;
        if round % 2 == 0 {
            app.linked(&provider, &from, "2").await;
            app.linked(&provider, &into, "3").await;
        }
        let (taken, _) = futures_util::future::join(
            link(&app, &provider, &taker, "1", "REATTACH"),
            merged(&app, &from, &into, "FAIL"),
        )
        .await;
        assert_eq!(taken["outcome"], "REATTACHED", "{taken:#}");
        let stored = app.stored().await;
        let row = stored.identity(&text(&taken, "/identity/id"));
        assert_eq!(row.user_id.to_string(), taker);
        let left = stored
            .identities
            .iter()
            .filter(|row| row.user_id.to_string() == from);
        assert_eq!(left.count(), 0);
        assert_primaries(&app).await;
    }
}

#[rstest]
#[tokio::test]
async fn of_many_undos_one_is_done(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let provider = app.provider("crm").await;
    let identity = app.linked(&provider, &from, "1").await;
    for _ in 0..5 {
        let merge = merged(&app, &from, &into, "FAIL").await;
        let id = text(&merge, "/id");
        let answers = join_all((0..8).map(|_| ask_undo(&app, &id))).await;
        let mut done = 0;
        for answer in answers {
            let payload = answer.data()["undoMerge"].clone();
            if payload["merge"].is_object() {
                done += 1;
            } else {
                assert_eq!(payload["userErrors"][0]["code"], "NOT_UNDOABLE");
            }
        }
        assert_eq!(done, 1);
        assert_eq!(app.owner(&identity).await, from);
    }
}

#[tokio::test]
async fn merges_that_sweep_at_once_do_not_wait_for_each_other() {
    let app = App::start(Db::Postgres).await;
    let beside = app.start_beside().await;
    let into = app.user("into").await;
    for number in 0..20 {
        let from = app.user(&format!("old-{number}")).await;
        merged(&app, &from, &into, "FAIL").await;
    }
    let mut pairs = Vec::new();
    for number in 0..8 {
        pairs.push((
            app.user(&format!("from-{number}")).await,
            app.user(&format!("into-{number}")).await,
        ));
    }
    for server in [&app, &beside] {
        server.clock.advance(chrono::TimeDelta::days(31));
    }
    let calls = pairs.iter().enumerate().map(|(number, (from, into))| {
        let server = if number % 2 == 0 { &app } else { &beside };
        merged(server, from, into, "FAIL")
    });
    join_all(calls).await;
    let data = app
        .ask("{ users(filter: { status: MERGED }) { totalCount } }")
        .data()
        .await;
    assert_eq!(data["users"]["totalCount"], 8);
    let stored = app.stored().await;
    let deleted = stored
        .events
        .iter()
        .filter(|event| event.action == "user.deleted");
    assert_eq!(deleted.count(), 20, "each is told once");
}
