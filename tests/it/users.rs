//! upsertUser: creating, changing and renaming people, and what a person may be.

use futures_util::future::join_all;
use lanyard::database::user::{Entity, Model};
use rstest::rstest;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::Answer;

const UPSERT: &str = "mutation($input: UpsertUserInput!) { upsertUser(input: $input) {
    user { id entityRef displayName email emailVerified picture annotations { name value }
           status hasOtherSignIn }
    userErrors { code field }
} }";

async fn upsert(app: &App, entity_ref: &str, more: Value) -> Answer {
    let mut input = json!({ "entityRef": entity_ref });
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    app.ask(UPSERT)
        .variables(json!({ "input": input }))
        .send()
        .await
}

async fn upserted(app: &App, entity_ref: &str, more: Value) -> Value {
    let payload = upsert(app, entity_ref, more).await.data()["upsertUser"].clone();
    assert_eq!(payload["userErrors"], json!([]));
    payload["user"].clone()
}

/// Code and field of a refusal.
async fn refused(app: &App, entity_ref: &str, more: Value) -> Value {
    let payload = upsert(app, entity_ref, more).await.data()["upsertUser"].clone();
    assert_eq!(payload["user"], Value::Null, "{payload:#}");
    let error = &payload["userErrors"][0];
    json!([error["code"], error["field"]])
}

async fn rows(app: &App) -> (Vec<Model>, usize) {
    let rows = Entity::find().order_by_asc(lanyard::database::user::Column::Id);
    let rows = rows.all(app.database.reader()).await.unwrap();
    (rows, app.stored().await.events.len())
}

#[rstest]
#[tokio::test]
async fn a_user_is_created_and_changed_field_by_field(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let bare = upserted(&app, "user:bare", json!({})).await;
    assert_eq!(
        bare,
        json!({ "id": bare["id"], "entityRef": "user:default/bare", "displayName": null,
                "email": null, "emailVerified": null, "picture": null, "annotations": [],
                "status": "ACTIVE", "hasOtherSignIn": false })
    );
    let input = json!({
        "displayName": "Jane Ä", "email": "Jane@Example.org", "emailVerified": true,
        "picture": "https://example.org/jane.png", "annotations": { "b": "2", "a": "" },
        "status": "DISABLED", "hasOtherSignIn": true,
    });
    let mut jane = upserted(&app, "user:default/jane", input).await;
    assert_eq!(
        jane,
        json!({ "id": jane["id"], "entityRef": "user:default/jane", "displayName": "Jane Ä",
                "email": "Jane@Example.org", "emailVerified": true,
                "picture": "https://example.org/jane.png",
                "annotations": [{ "name": "a", "value": "" }, { "name": "b", "value": "2" }],
                "status": "DISABLED", "hasOtherSignIn": true })
    );
    assert_eq!(upserted(&app, "user:default/jane", json!({})).await, jane);
    for (field, value, shown) in [
        ("displayName", json!("Other"), json!("Other")),
        ("displayName", Value::Null, Value::Null),
        ("emailVerified", json!(false), json!(false)),
        ("emailVerified", Value::Null, Value::Null),
        (
            "email",
            json!("other@example.org"),
            json!("other@example.org"),
        ),
        ("email", Value::Null, Value::Null),
        (
            "picture",
            json!("http://example.org/"),
            json!("http://example.org/"),
        ),
        ("picture", Value::Null, Value::Null),
        (
            "annotations",
            json!({ "c": "3" }),
            json!([{ "name": "c", "value": "3" }]),
        ),
        ("annotations", Value::Null, json!([])),
        ("status", json!("ACTIVE"), json!("ACTIVE")),
        ("hasOtherSignIn", json!(false), json!(false)),
    ] {
        let events = rows(&app).await.1;
        jane[field] = shown;
        let change = json!({ field: value });
        assert_eq!(
            upserted(&app, "user:default/jane", change.clone()).await,
            jane,
            "{change}"
        );
        let after = rows(&app).await;
        assert_eq!(after.1, events + 1);
        // The same again changes nothing, not even when it was last changed.
        assert_eq!(upserted(&app, "user:default/jane", change).await, jane);
        assert_eq!(rows(&app).await, after);
    }
    let event = app.stored().await.events.pop().unwrap();
    assert_eq!(event.action, "user.updated");
    assert_eq!(event.before_json.unwrap().0["hasOtherSignIn"], true);
    assert_eq!(event.after_json.unwrap().0["hasOtherSignIn"], false);
    let (rows, _) = rows(&app).await;
    let row = rows
        .iter()
        .find(|row| row.entity_ref == "user:default/jane")
        .unwrap();
    assert!(row.date_updated > row.date_added);
}

#[rstest]
#[tokio::test]
async fn the_proof_of_an_address_goes_with_it(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for (input, proven) in [
        (
            json!({ "email": "jane@example.org", "emailVerified": true }),
            json!(true),
        ),
        (
            json!({ "email": "jane@example.org", "displayName": "Jane" }),
            json!(true),
        ),
        (json!({ "email": "other@example.org" }), Value::Null),
        (json!({ "emailVerified": true }), json!(true)),
        (json!({ "email": null }), Value::Null),
        (json!({ "email": "other@example.org" }), Value::Null),
    ] {
        let jane = upserted(&app, "user:default/jane", input.clone()).await;
        assert_eq!(jane["emailVerified"], proven, "{input}");
    }
}

#[rstest]
#[tokio::test]
async fn a_reference_has_one_canonical_form(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for (forms, canonical) in [
        (
            vec![
                "user:jane",
                "User:Default/Jane",
                "USER:DEFAULT/JANE",
                "user:default/jane",
            ],
            "user:default/jane",
        ),
        (
            vec!["user:Jane@Example.org"],
            "user:default/jane@example.org",
        ),
        (vec!["user:a/b/c", "user:A/B/C"], "user:a/b/c"),
        (vec!["user:a/b:c"], "user:a/b:c"),
        (vec!["user:b:c"], "user:default/b:c"),
        (
            vec!["user:Élève", "user:default/éLÈVE"],
            "user:default/élève",
        ),
    ] {
        let first = upserted(&app, forms[0], json!({})).await;
        assert_eq!(first["entityRef"], canonical);
        for form in forms {
            assert_eq!(upserted(&app, form, json!({})).await, first, "{form}");
        }
    }
    assert_eq!(rows(&app).await.0.len(), 6);
    let longest = format!("user:default/{}", "x".repeat(499));
    assert_eq!(longest.len(), 512);
    assert_eq!(
        upserted(&app, &longest, json!({})).await["entityRef"],
        longest
    );
}

#[rstest]
#[tokio::test]
async fn only_references_of_users_are_taken(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let before = rows(&app).await;
    let long = format!("user:default/{}", "x".repeat(500));
    for wrong in [
        "",
        "jane",
        "default/jane",
        ":jane",
        "user:",
        "user:/jane",
        "user:default/",
        "user:a b",
        "user:a\0",
        "user:\n",
        long.as_str(),
    ] {
        assert_eq!(
            upsert(&app, wrong, json!({})).await.code(),
            "BAD_USER_INPUT",
            "{wrong:?}"
        );
    }
    for other in ["group:default/jane", "users:jane", "component:jane"] {
        let answer = upsert(&app, other, json!({})).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        let message = answer.message();
        assert!(message.starts_with("input.entityRef: "), "{message}");
        assert!(message.contains("is not a user"), "{message}");
    }
    assert_eq!(rows(&app).await, before);
}

#[rstest]
#[tokio::test]
async fn a_user_is_renamed_by_its_id(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let john = app.user("john").await;
    let renamed = upserted(
        &app,
        "user:Smith/Jane",
        json!({ "id": jane, "displayName": "J" }),
    )
    .await;
    assert_eq!(renamed["id"], jane);
    assert_eq!(renamed["entityRef"], "user:smith/jane");
    assert_eq!(
        renamed["email"], "jane@example.org",
        "what is left out stays"
    );
    let data = app
        .ask("{ old: user(entityRef: \"user:jane\") { id } new: user(entityRef: \"user:smith/jane\") { id } }")
        .data()
        .await;
    assert_eq!(data, json!({ "old": null, "new": { "id": jane } }));
    // With its own reference, the id changes nothing.
    let before = rows(&app).await;
    upserted(&app, "user:smith/jane", json!({ "id": jane })).await;
    assert_eq!(
        refused(
            &app,
            "user:default/john",
            json!({ "id": jane, "displayName": "x" })
        )
        .await,
        json!(["ALREADY_EXISTS", ["input", "entityRef"]])
    );
    for (id, code) in [
        ("user_01h455vb4pex5vsknk084sn02q", "NOT_FOUND"),
        ("provider_01h455vb4pex5vsknk084sn02q", "BAD_USER_INPUT"),
        ("jane", "BAD_USER_INPUT"),
    ] {
        assert_eq!(
            upsert(&app, "user:new", json!({ "id": id })).await.code(),
            code
        );
    }
    assert_eq!(rows(&app).await, before);
    // The old reference is free.
    let again = upserted(&app, "user:jane", json!({})).await;
    assert!(again["id"] != jane && again["id"] != john);
}

#[rstest]
#[tokio::test]
async fn what_a_person_may_not_be_is_refused_by_field(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let long_address = format!("{}@example.org", "x".repeat(309));
    assert_eq!(long_address.len(), 321);
    let before = rows(&app).await;
    let mut cases: Vec<(Value, &str)> = [
        "",
        " ",
        "jane",
        "@example.org",
        "jane@",
        "ja ne@example.org",
        "jane@example.org\n",
        "jane@example.org\0",
        long_address.as_str(),
    ]
    .into_iter()
    .map(|address| (json!({ "email": address }), "input.email"))
    .collect();
    let many: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), json!("x"))).collect();
    cases.extend([
        (json!({ "displayName": "" }), "input.displayName"),
        (
            json!({ "displayName": "x".repeat(201) }),
            "input.displayName",
        ),
        (json!({ "displayName": "\0" }), "input.displayName"),
        (json!({ "picture": "jane.png" }), "input.picture"),
        (json!({ "picture": "javascript:alert(1)" }), "input.picture"),
        (json!({ "picture": "data:text/html,x" }), "input.picture"),
        (
            json!({ "picture": format!("https://example.org/{}", "x".repeat(2048)) }),
            "input.picture",
        ),
        (json!({ "annotations": [] }), "input.annotations"),
        (json!({ "annotations": { "a": 1 } }), "input.annotations.a"),
        (json!({ "annotations": { "": "x" } }), "input.annotations"),
        (
            json!({ "annotations": { "a": "\0" } }),
            "input.annotations.a",
        ),
        (
            json!({ "annotations": { "a": "x".repeat(4097) } }),
            "input.annotations.a",
        ),
        (
            json!({ "annotations": { "x".repeat(129): "x" } }),
            "input.annotations",
        ),
        (json!({ "annotations": many }), "input.annotations"),
        (json!({ "status": "MERGED" }), "input.status"),
        (json!({ "status": null }), "input.status"),
        (json!({ "hasOtherSignIn": null }), "input.hasOtherSignIn"),
    ]);
    for (more, field) in cases {
        let answer = upsert(&app, "user:jane", more.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{more}");
        assert!(
            answer.message().starts_with(field),
            "{more}: {}",
            answer.message()
        );
    }
    let token = json!({ "annotations": { "idToken": "x" } });
    assert_eq!(
        refused(&app, "user:jane", token).await,
        json!(["SECRET_IN_DATA", ["input", "annotations"]])
    );
    assert_eq!(rows(&app).await, before);
    for address in [
        "a@b",
        "\"a@b\"@c",
        "jane+x@example.org",
        "élève@exämple.org",
        &long_address[1..],
    ] {
        let user = upserted(&app, "user:jane", json!({ "email": address })).await;
        assert_eq!(user["email"], address);
    }
}

#[rstest]
#[tokio::test]
async fn a_disabled_user_comes_back_and_a_merged_one_does_not(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    for status in ["DISABLED", "ACTIVE", "DISABLED"] {
        let user = upserted(&app, "user:jane", json!({ "status": status })).await;
        assert_eq!(user["status"], status);
    }
    app.execute("UPDATE \"user\" SET status = 'MERGED'").await;
    let before = rows(&app).await;
    for more in [
        json!({}),
        json!({ "status": "ACTIVE" }),
        json!({ "id": jane }),
    ] {
        assert_eq!(
            refused(&app, "user:jane", more).await,
            json!(["USER_NOT_ACTIVE", ["input", "entityRef"]])
        );
    }
    assert_eq!(rows(&app).await, before);
}

#[rstest]
#[tokio::test]
async fn users_at_once_under_one_reference_are_one_user(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    for round in 0..5 {
        let entity_ref = format!("user:round-{round}");
        let before = rows(&app).await;
        let calls = (0..16).map(|_| upserted(&app, &entity_ref, json!({ "displayName": "J" })));
        let users = join_all(calls).await;
        assert!(users.iter().all(|user| *user == users[0]), "{users:#?}");
        let after = rows(&app).await;
        assert_eq!((after.0.len(), after.1), (before.0.len() + 1, before.1 + 1));
    }
    // Renames to one reference: one gets it.
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(app.user(&format!("user-{number}")).await);
    }
    let calls = ids
        .iter()
        .map(|id| upsert(&app, "user:wanted", json!({ "id": id })));
    let payloads: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|answer| answer.data()["upsertUser"].clone())
        .collect();
    let got = payloads
        .iter()
        .filter(|payload| payload["user"] != Value::Null)
        .count();
    assert_eq!(got, 1, "{payloads:#?}");
    for payload in payloads.iter().filter(|payload| payload["user"].is_null()) {
        assert_eq!(payload["userErrors"][0]["code"], "ALREADY_EXISTS");
    }
}
