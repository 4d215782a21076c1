//! Reading the log: filters, pages, and a reader that goes on while others write.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{ADMIN, App, Db};
use crate::support::client::text;

const PAGE: &str =
    "query($filter: AuditFilter, $first: Int, $after: String, $last: Int, $before: String) {
    auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { sequence action targetId at }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

async fn page(app: &App, variables: Value) -> Value {
    app.ask(PAGE).variables(variables).data().await["auditEvents"].clone()
}

/// Sequences of the events that a filter finds.
async fn found(app: &App, filter: Value) -> Vec<i64> {
    let page = page(app, json!({ "filter": filter, "first": 100 })).await;
    let found = sequences(&page);
    assert_eq!(page["totalCount"], found.len(), "{filter}");
    found
}

fn sequences(page: &Value) -> Vec<i64> {
    let nodes = page["nodes"].as_array().unwrap().iter();
    nodes
        .map(|node| text(node, "/sequence").parse().unwrap())
        .collect()
}

#[rstest]
#[tokio::test]
async fn filters_find_what_they_say_and_nothing_else(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tick = || app.clock.advance(TimeDelta::seconds(10));
    let admin = app.key_id(ADMIN).await;
    tick();
    let jane = app.user("jane").await; // 2; 1 is the first key
    let provider = app.provider("crm").await; // 3
    tick();
    let middle = app.clock.now();
    let identity = app.linked(&provider, &jane, "1").await; // 4
    let other = app
        .key("other", &["directory:write", "directory:read"])
        .await; // 5
    let other_id = app.key_id(&other).await;
    tick();
    let joe = app
        .ask("mutation { upsertUser(input: { entityRef: \"user:default/joe\" }) { user { id } } }")
        .by(&other)
        .data()
        .await; // 6
    let joe = text(&joe, "/upsertUser/user/id");
    app.linked(&provider, &joe, "2").await; // 7
    app.all_sealed().await;
    let all = page(&app, json!({ "first": 100 })).await;
    assert_eq!(sequences(&all), [1, 2, 3, 4, 5, 6, 7]);
    let at = |sequence: usize| all["nodes"][sequence - 1]["at"].clone();
    for (filter, expected) in [
        (json!({ "actorId": other_id }), vec![6]),
        (json!({ "actorId": admin }), vec![2, 3, 4, 5, 7]),
        (json!({ "actions": ["user.created"] }), vec![2, 6]),
        (
            json!({ "actions": ["user.created", "identity.linked", "user.created"] }),
            vec![2, 4, 6, 7],
        ),
        (json!({ "actions": ["user.updated"] }), vec![]),
        (json!({ "targetId": identity }), vec![4]),
        (json!({ "targetId": other_id }), vec![5]),
        (
            json!({ "targetId": "identity_01h455vb4pex5vsknk084sn02q" }),
            vec![],
        ),
        (json!({ "userId": jane }), vec![2, 4]),
        (json!({ "userId": joe }), vec![6, 7]),
        (json!({ "since": middle }), vec![4, 5, 6, 7]),
        (json!({ "until": middle }), vec![1, 2, 3]),
        // From its own time on, and before it.
        (json!({ "since": at(6) }), vec![6, 7]),
        (json!({ "until": at(6) }), vec![1, 2, 3, 4, 5]),
        (json!({ "since": middle, "until": at(6) }), vec![4, 5]),
        (json!({ "since": at(6), "until": middle }), vec![]),
        (json!({ "userId": joe, "actorId": admin }), vec![7]),
        (
            json!({ "actions": ["user.created"], "since": middle, "actorId": other_id, "userId": joe, "targetId": joe }),
            vec![6],
        ),
    ] {
        assert_eq!(found(&app, filter.clone()).await, expected, "{filter}");
    }
}

#[rstest]
#[tokio::test]
async fn a_filter_that_can_not_be_meant_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for (filter, says) in [
        (
            json!({ "actions": ["user.created", "user.vanished"] }),
            "\"user.vanished\" is no action; there are api_key.created, ",
        ),
        (json!({ "actions": [""] }), "\"\" is no action"),
        (json!({ "actions": ["USER.CREATED"] }), "is no action"),
        (json!({ "actions": [] }), "is an empty list"),
        (
            json!({ "actions": vec!["user.created"; 100] }),
            "has 100 entries",
        ),
        (json!({ "actions": null }), "is null"),
        (json!({ "actorId": "nobody" }), "filter.actorId"),
        (json!({ "actorId": null }), "filter.actorId"),
        (
            json!({ "targetId": "role_01h455vb4pex5vsknk084sn02q" }),
            "filter.targetId",
        ),
        (
            json!({ "userId": "identity_01h455vb4pex5vsknk084sn02q" }),
            "user_",
        ),
        (json!({ "since": null }), "filter.since"),
        (json!({}), "filter: is empty"),
    ] {
        let answer = app
            .ask(PAGE)
            .variables(json!({ "filter": filter }))
            .send()
            .await;
        assert_eq!(
            answer.code(),
            "BAD_USER_INPUT",
            "{filter}: {:#}",
            answer.body
        );
        assert!(
            answer.message().contains(says),
            "{filter}: {}",
            answer.message()
        );
    }
}

#[rstest]
#[tokio::test]
async fn pages_lead_through_the_whole_log_both_ways(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for n in 0..10 {
        app.user(&format!("user-{n}")).await;
        app.provider(&format!("provider-{n}")).await;
    }
    app.all_sealed().await;
    for (filter, expected) in [
        (Value::Null, (1..=21).collect::<Vec<i64>>()),
        (
            json!({ "actions": ["user.created"] }),
            (1..=10).map(|n| 2 * n).collect(),
        ),
    ] {
        for size in [1, 4, 7, 100] {
            let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
            let mut cursor = Value::Null;
            loop {
                let page = page(
                    &app,
                    json!({ "filter": filter, "first": size, "after": cursor }),
                )
                .await;
                assert_eq!(page["pageInfo"]["hasPreviousPage"], !cursor.is_null());
                forwards.extend(sequences(&page));
                cursor = page["pageInfo"]["endCursor"].clone();
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            let mut cursor = Value::Null;
            loop {
                let page = page(
                    &app,
                    json!({ "filter": filter, "last": size, "before": cursor }),
                )
                .await;
                assert_eq!(page["pageInfo"]["hasNextPage"], !cursor.is_null());
                backwards.splice(0..0, sequences(&page));
                cursor = page["pageInfo"]["startCursor"].clone();
                if page["pageInfo"]["hasPreviousPage"] == false {
                    break;
                }
            }
            assert_eq!(forwards, expected, "{size} at a time");
            assert_eq!(backwards, expected, "{size} at a time");
        }
    }
    // A cursor is of its list.
    let users = app
        .ask("{ users(first: 1) { pageInfo { endCursor } } }")
        .data()
        .await;
    let other = &users["users"]["pageInfo"]["endCursor"];
    let answer = app
        .ask(PAGE)
        .variables(json!({ "after": other }))
        .send()
        .await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
}

#[rstest]
#[tokio::test]
async fn a_reader_misses_nothing_while_others_write(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    const WRITERS: usize = 8;
    const EACH: usize = 15;
    let app = App::start(on).await;
    let beside = app.start_beside().await;
    let write = |writer: usize| {
        let server = if writer % 2 == 0 { &app } else { &beside };
        async move {
            for n in 0..EACH {
                server.user(&format!("writer-{writer}-{n}")).await;
            }
        }
    };
    let writing = futures_util::future::join_all((0..WRITERS).map(write));
    // It begins with the first event, before anybody writes, and never looks back.
    let expected = 1 + WRITERS * EACH;
    let reading = async {
        let (mut seen, mut after) = (Vec::<(i64, Value)>::new(), Value::Null);
        while seen.len() < expected {
            let page = page(&app, json!({ "first": 3, "after": after })).await;
            for node in page["nodes"].as_array().unwrap() {
                seen.push((
                    text(node, "/sequence").parse().unwrap(),
                    node["targetId"].clone(),
                ));
            }
            if !page["pageInfo"]["endCursor"].is_null() {
                after = page["pageInfo"]["endCursor"].clone();
            }
        }
        (seen, after)
    };
    let reading = tokio::time::timeout(std::time::Duration::from_secs(120), reading);
    let ((), read) = tokio::join!(async { drop(writing.await) }, reading);
    let (seen, after) = read.expect("the reader has seen every event");
    assert!(
        seen.iter()
            .map(|(sequence, _)| *sequence)
            .eq(1..=expected as i64),
        "{seen:?}"
    );
    let users = app.ask("{ users { totalCount } }").data().await;
    assert_eq!(users["users"]["totalCount"], WRITERS * EACH);
    let mut targets: Vec<String> = seen.iter().map(|(_, target)| target.to_string()).collect();
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), expected, "each event once");
    app.all_sealed().await;
    let rest = page(&app, json!({ "first": 3, "after": after })).await;
    assert_eq!(rest["nodes"], json!([]));
}
