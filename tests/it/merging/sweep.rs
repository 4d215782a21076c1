//! Merged users whose time is over: gone where they have nothing left.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ask_undo, merged};
use crate::support::app::{App, Db};
use crate::support::client::text;

async fn status(app: &App, user: &str) -> Value {
    let data = app
        .ask("query($id: ID!) { user(id: $id) { status } }")
        .variables(json!({ "id": user }))
        .data()
        .await;
    data["user"]["status"].clone()
}

async fn upsert(app: &App, entity_ref: &str, id: Option<&str>) -> Value {
    let mut input = json!({ "entityRef": entity_ref });
    if let Some(id) = id {
        input["id"] = json!(id);
    }
    app.ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { id status } userErrors { code field } } }")
        .variables(json!({ "input": input }))
        .data()
        .await["upsertUser"]
        .clone()
}

/// A merge of two users that nothing else is about: it sweeps.
async fn another_merge(app: &App, name: &str) {
    let from = app.user(&format!("{name}-from")).await;
    let into = app.user(&format!("{name}-into")).await;
    merged(app, &from, &into, "FAIL").await;
}

#[rstest]
#[tokio::test]
async fn the_next_merge_deletes_those_with_nothing_left(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (empty, full, into) = (
        app.user("empty").await,
        app.user("full").await,
        app.user("into").await,
    );
    let provider = app.provider("crm").await;
    let kept = app.linked(&provider, &full, "full").await;
    app.linked(&provider, &into, "into").await;
    let merge = merged(&app, &empty, &into, "FAIL").await;
    merged(&app, &full, &into, "SKIP").await;
    app.clock
        .advance(TimeDelta::days(30) - TimeDelta::seconds(30));
    another_merge(&app, "early").await;
    assert_eq!(status(&app, &empty).await, "MERGED", "not yet");
    app.clock.advance(TimeDelta::seconds(60));
    another_merge(&app, "late").await;
    assert_eq!(status(&app, &empty).await, Value::Null);
    assert_eq!(
        ask_undo(&app, &text(&merge, "/id")).await.code(),
        "NOT_FOUND"
    );
    assert_eq!(status(&app, &full).await, "MERGED", "it has an account");
    assert_eq!(app.owner(&kept).await, full);
    let stored = app.stored().await;
    let deleted = stored
        .events
        .iter()
        .filter(|event| event.action == "user.deleted");
    let deleted: Vec<_> = deleted.collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].target_id.as_deref(), Some(empty.as_str()));
    assert_eq!(deleted[0].actor_kind, "SERVER");
    let before = deleted[0].before_json.as_ref().unwrap();
    assert_eq!(before.0["entityRef"], "user:default/empty");
    // Once its account is gone, so is the user, by a later look.
    super::outdated::delete_identity(&app, &kept).await;
    another_merge(&app, "soon").await;
    assert_eq!(status(&app, &full).await, "MERGED", "looked at once a day");
    app.clock.advance(TimeDelta::days(1));
    another_merge(&app, "next-day").await;
    assert_eq!(status(&app, &full).await, Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_reference_is_free_again_when_somebody_asks_for_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, other, into) = (
        app.user("from").await,
        app.user("other").await,
        app.user("into").await,
    );
    merged(&app, &from, &into, "FAIL").await;
    merged(&app, &other, &into, "FAIL").await;
    let refused = |payload: &Value| payload["userErrors"][0]["code"].clone();
    let taken = upsert(&app, "user:default/from", None).await;
    assert_eq!(refused(&taken), "USER_NOT_ACTIVE");
    let taken = upsert(&app, "user:default/other", Some(&into)).await;
    assert_eq!(refused(&taken), "ALREADY_EXISTS");
    app.clock.advance(TimeDelta::days(30));
    let new = upsert(&app, "user:default/from", None).await;
    assert_eq!(new["userErrors"], json!([]));
    assert_eq!(new["user"]["status"], "ACTIVE");
    assert_ne!(new["user"]["id"], from);
    assert_eq!(status(&app, &from).await, Value::Null);
    // A rename takes one too.
    let renamed = upsert(&app, "user:default/other", Some(&into)).await;
    assert_eq!(renamed["user"]["id"], into);
    assert_eq!(status(&app, &other).await, Value::Null);
    // The merged user itself is not changed, whenever it is.
    let gone = app.user("gone").await;
    merged(&app, &gone, &into, "FAIL").await;
    app.clock.advance(TimeDelta::days(30));
    let itself = upsert(&app, "user:default/gone", Some(&gone)).await;
    assert_eq!(refused(&itself), "USER_NOT_ACTIVE");
}

#[rstest]
#[tokio::test]
async fn a_reference_with_an_account_stays_taken(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let provider = app.provider("crm").await;
    app.linked(&provider, &from, "from").await;
    app.linked(&provider, &into, "into").await;
    merged(&app, &from, &into, "SKIP").await;
    app.clock.advance(TimeDelta::days(100));
    let before = app.stored().await;
    let taken = upsert(&app, "user:default/from", None).await;
    assert_eq!(taken["userErrors"][0]["code"], "USER_NOT_ACTIVE");
    assert_eq!(app.stored().await, before);
}

#[rstest]
#[tokio::test]
async fn users_that_went_into_one_another_go_one_after_the_other(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (a, b, c) = (
        app.user("a").await,
        app.user("b").await,
        app.user("c").await,
    );
    merged(&app, &a, &b, "FAIL").await;
    merged(&app, &b, &c, "FAIL").await;
    app.clock.advance(TimeDelta::days(30));
    another_merge(&app, "first").await;
    assert_eq!(status(&app, &a).await, Value::Null);
    assert_eq!(
        status(&app, &b).await,
        "MERGED",
        "somebody had gone into it"
    );
    app.clock.advance(TimeDelta::days(1));
    another_merge(&app, "second").await;
    assert_eq!(status(&app, &b).await, Value::Null);
    assert_eq!(status(&app, &c).await, "ACTIVE");
}

#[rstest]
#[tokio::test]
async fn a_sweep_is_bounded_and_leaves_whoever_is_back(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let into = app.user("into").await;
    let back = app.user("back").await;
    let merge = merged(&app, &back, &into, "FAIL").await;
    super::undone(&app, &merge).await;
    for number in 0..101 {
        let from = app.user(&format!("many-{number}")).await;
        merged(&app, &from, &into, "FAIL").await;
    }
    app.clock.advance(TimeDelta::days(30));
    let left = async || {
        let data = app
            .ask("{ users(filter: { status: MERGED }) { totalCount } }")
            .data()
            .await;
        data["users"]["totalCount"].as_u64().unwrap()
    };
    assert_eq!(left().await, 101);
    another_merge(&app, "first").await;
    assert_eq!(left().await, 2, "one over, and the merge's own");
    another_merge(&app, "second").await;
    assert_eq!(left().await, 2);
    assert_eq!(status(&app, &back).await, "ACTIVE");
}
