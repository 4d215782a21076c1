//! Accounts that are disconnected at the same moment: somebody keeps a way in.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::{UNLINK, door, unlink};
use crate::support::app::{App, Db};

/// Of these many ways in, each unlinked by its own caller at once, one is left; and what is told
/// agrees.
async fn one_is_left(app: &App, servers: &[&App], callers: usize, rounds: usize) {
    let mut doors = Vec::new();
    for number in 0..callers {
        doors.push(door(app, &format!("door-{number}")).await);
    }
    for round in 0..rounds {
        let user = app.user(&format!("user-{round}")).await;
        let mut ids = Vec::new();
        for door in &doors {
            let account = format!("account-{round}");
            ids.push(app.linked(door, &user, &account).await);
        }
        let calls = ids
            .iter()
            .enumerate()
            .map(|(number, id)| unlink(servers[number % servers.len()], id));
        let answers: Vec<Value> = join_all(calls)
            .await
            .into_iter()
            .map(|answer| answer.data()["unlinkIdentity"].clone())
            .collect();
        let gone = answers
            .iter()
            .filter(|payload| !payload["deletedId"].is_null());
        assert_eq!(gone.count(), callers - 1, "{answers:#?}");
        let refused: Vec<_> = answers
            .iter()
            .filter_map(|payload| payload["userErrors"][0]["code"].as_str())
            .collect();
        assert_eq!(refused, ["NEEDED_FOR_GLOBAL_AUTH"]);
        let stored = app.stored().await;
        let left = stored
            .identities
            .iter()
            .filter(|row| row.user_id.to_string() == user);
        assert_eq!(left.count(), 1);
        let told = stored.events.iter().filter(|event| {
            event.action == "identity.unlinked" && event.user_id.as_ref() == Some(&user)
        });
        assert_eq!(told.count(), callers - 1);
    }
}

#[rstest]
#[tokio::test]
async fn two_parallel_unlinks_leave_one_way_in(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let beside = app.start_beside().await;
    one_is_left(&app, &[&app, &beside], 2, 25).await;
}

#[rstest]
#[tokio::test]
async fn sixteen_parallel_unlinks_leave_one_way_in(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    one_is_left(&app, &[&app], 16, 5).await;
}

#[rstest]
#[tokio::test]
async fn the_same_account_is_unlinked_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let slack = app.provider("slack").await;
    for round in 0..10 {
        let user = app.user(&format!("user-{round}")).await;
        let id = app.linked(&slack, &user, &format!("{round}")).await;
        let answers = join_all((0..8).map(|_| unlink(&app, &id))).await;
        let done = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(
            done.filter(|answer| answer.body.get("errors").is_none())
                .count(),
            1
        );
        for answer in answers {
            if answer.body.get("errors").is_some() {
                assert_eq!(answer.code(), "NOT_FOUND");
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn of_a_persons_two_sessions_one_unlinks_and_the_other_is_over(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (slack, hub) = (app.provider("slack").await, app.provider("hub").await);
    let entrance = door(&app, "door").await;
    for round in 0..10 {
        let user = app.user(&format!("user-{round}")).await;
        let account = format!("{round}");
        let ids = [
            app.linked(&slack, &user, &account).await,
            app.linked(&hub, &user, &account).await,
        ];
        let tokens = [
            app.session(&user, &entrance).await,
            app.session(&user, &entrance).await,
        ];
        let ask = |at: usize| {
            app.ask(UNLINK)
                .by_person(&tokens[at])
                .variables(json!({ "input": { "id": ids[at] } }))
                .send()
        };
        let (one, other) = tokio::join!(ask(0), ask(1));
        let failed: Vec<String> = [&one, &other]
            .into_iter()
            .filter(|answer| answer.body.get("errors").is_some())
            .map(crate::support::client::Answer::code)
            .collect();
        assert_eq!(failed, ["UNAUTHENTICATED"], "{one:?} {other:?}");
        let rows = app.stored().await.identities;
        let left = rows.iter().filter(|row| row.user_id.to_string() == user);
        assert_eq!(left.count(), 1);
    }
}
