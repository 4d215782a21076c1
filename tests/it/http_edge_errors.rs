//! Errors: their codes, and that they tell nothing of the inside.

use std::sync::Arc;
use std::time::Duration;

use lanyard::error::{Code, NoDefaultReason};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::support::app::{App, Db};
use crate::support::http::body;
use crate::support::repository::read;

const UPSERT: &str = "mutation($name:String){upsertUser(input:{entityRef:\"user:default/jane\" \
    displayName:$name}){user{displayName}}}";

/// The codes in the first column of the README's table, in its order.
#[test]
fn the_readme_lists_every_code_and_every_reason() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("\n## Errors\n").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<&str> = rows.map(|row| row.split_once('`').unwrap().0).collect();
    assert_eq!(listed, Code::ALL.map(Code::name));
    for reason in NoDefaultReason::ALL.map(NoDefaultReason::name) {
        assert!(section.contains(&format!("`{reason}`")), "{reason}");
    }
}

#[rstest]
#[tokio::test]
async fn errors_have_their_codes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    let provider = app.provider("crm").await;
    app.user("joan").await;
    app.ask("mutation{upsertUser(input:{entityRef:\"user:default/joan\" email:\"jane@example.org\"}){user{id}}}").data().await;
    let gone = app.linked(&provider, &user, "1").await;
    app.execute("DELETE FROM identity").await;
    for (query, code) in [
        ("{viewer{", "GRAPHQL_PARSE_FAILED"),
        (
            "{viewer{__typename}} {viewer{__typename}}",
            "GRAPHQL_PARSE_FAILED",
        ),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{nope}", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query a{viewer{__typename}} query b{viewer{__typename}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query($a:Nope){viewer{__typename}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query($a:[Nope!]!=[1]){viewer{__typename}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("query($a:ID!){node(id:$a){id}}", "BAD_USER_INPUT"),
        (
            "subscription{viewer{__typename}}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{...f}fragment f on Query{...f}",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{node(id:\"x\"){id}}", "BAD_USER_INPUT"),
        ("{users(filter:{}){totalCount}}", "BAD_USER_INPUT"),
        ("{user(email:\"jane@example.org\"){id}}", "AMBIGUOUS"),
    ] {
        assert_eq!(app.ask(query).code().await, code, "{query}");
    }
    let update = "mutation($id:ID!){updateIdentityData(input:{id:$id data:{}}){identity{id}}}";
    let missing = app
        .ask(update)
        .variables(json!({ "id": gone }))
        .send()
        .await;
    assert_eq!(missing.code(), "NOT_FOUND");
    assert_eq!(missing.status, 200, "it ran");
}

#[rstest]
#[tokio::test]
async fn a_fault_of_ours_is_told_by_its_request_id_and_nothing_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let id = app.user("jane").await;
    app.execute("UPDATE \"user\" SET entity_ref = 'what-no-reference-is'")
        .await;
    let query = "query($id:ID!){user(id:$id){displayName entityRef}}";
    let answer = app.ask(query).variables(json!({ "id": id })).send().await;
    let request_id = answer.headers["x-request-id"].to_str().unwrap();
    assert!(request_id.len() >= 32, "{request_id}");
    let error = &answer.body["errors"][0];
    assert_eq!(
        *error,
        json!({
            "message": "something went wrong here; the log says more under this request's id",
            "path": ["user", "entityRef"],
            "locations": error["locations"],
            "extensions": { "code": "INTERNAL", "requestId": request_id },
        })
    );
    assert_eq!(answer.body["data"], json!({ "user": null }));
}

#[rstest]
#[tokio::test]
async fn a_field_that_failed_is_null_and_the_others_are_answered(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    for (query, data) in [
        ("{node(id:\"x\"){id}}", json!({ "node": null })),
        (
            "{a:node(id:\"x\"){id} viewer{__typename}}",
            json!({ "a": null, "viewer": { "__typename": "ApiKey" } }),
        ),
        // A list of users is never null.
        (
            "{users(first:0){totalCount} viewer{__typename}}",
            Value::Null,
        ),
    ] {
        let answer = app.ask(query).send().await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{query}");
        assert_eq!(answer.body["data"], data, "{query}");
    }
}

#[rstest]
#[tokio::test]
async fn what_a_variable_leaves_out_is_left_out(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    app.user("jane").await;
    let upsert = "mutation($email:String,$name:String,$input:UpsertUserInput){
        upsertUser(input:{entityRef:\"user:default/jane\",email:$email,displayName:$name}){
            user{email displayName} } }";
    let upsert = upsert.replace(",$input:UpsertUserInput", "");
    for (variables, expected) in [
        (
            json!({}),
            json!({ "email": "jane@example.org", "displayName": "jane" }),
        ),
        (
            json!({ "name": "Jane" }),
            json!({ "email": "jane@example.org", "displayName": "Jane" }),
        ),
        (
            json!({ "email": null }),
            json!({ "email": null, "displayName": "Jane" }),
        ),
    ] {
        let answer = app.ask(&upsert).variables(variables.clone()).data().await;
        assert_eq!(answer["upsertUser"]["user"], expected, "{variables}");
    }
    let users = "query($first:Int,$after:String,$filter:UserFilter,$status:UserStatus){
        all:users(first:$first,after:$after,filter:$filter){totalCount ...f}
        some:users(filter:{email:\"x@example.org\",status:$status}){totalCount} }
        fragment f on UserConnection{edges{node{identities(first:$first,after:$after){totalCount}}}}";
    let answer = app.ask(users).data().await;
    assert_eq!(answer["all"]["totalCount"], 1);
    assert_eq!(answer["some"]["totalCount"], 0);
    // What is left out is checked like what is given.
    for wrong in [
        "query($a:Int){users(nope:$a){totalCount}}",
        "query($a:Int){viewer{__typename}}",
    ] {
        let answer = app.ask(wrong).send().await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{wrong}");
        assert_eq!(answer.status, 400, "{wrong}");
    }
    // One that needs a scope when it is given needs none when it is not.
    let key = app.key("narrow", &["provider:write"]).await;
    let provider = app.provider("crm").await;
    let update = "mutation($id:ID!,$name:String,$signs:Boolean){
        updateIdentityProvider(input:{id:$id,name:$name,allowsSignIn:$signs}){userErrors{code}} }";
    let given = json!({ "id": provider, "name": "CRM" });
    app.ask(update).variables(given).by(&key).data().await;
    let given = json!({ "id": provider, "signs": true });
    assert_eq!(
        app.ask(update).variables(given).by(&key).code().await,
        "FORBIDDEN"
    );
}

#[rstest]
#[tokio::test]
async fn an_operation_that_waits_too_long_is_ended_and_has_written_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = Arc::new(App::start(on).await);
    app.user("jane").await;
    app.all_sealed().await;
    let before = app.dump().await;

    // Another writer holds the row (SQLite: the database) until it is told to let go.
    let (held, holds) = oneshot::channel();
    let (let_go, told) = oneshot::channel::<()>();
    let (held, told) = (
        std::sync::Mutex::new(Some(held)),
        std::sync::Mutex::new(Some(told)),
    );
    let holder = Arc::clone(&app);
    let holder = tokio::spawn(async move {
        let database = &holder.database;
        let ended = database.write(|tx| {
            let (held, told) = (held.lock().unwrap().take(), told.lock().unwrap().take());
            async move {
                tx.execute_unprepared("UPDATE \"user\" SET display_name = 'held'")
                    .await?;
                held.unwrap().send(()).unwrap();
                told.unwrap().await.unwrap();
                Err::<(), _>(lanyard::error::Error::LimitExceeded("roll back".to_owned()))
            }
        });
        ended.await.unwrap_err();
    });
    holds.await.unwrap();

    let send = |query: String| {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let variables = json!({ "name": "Jane" });
            app.ask(&query).variables(variables).send().await
        })
    };
    let one = send(UPSERT.to_owned());
    // Each waits for a statement's time; the operation's is over before the last.
    let upsert = &UPSERT[UPSERT.find("upsertUser").unwrap()..UPSERT.len() - 1];
    let three = send(format!(
        "mutation($name:String){{a:{upsert} b:{upsert} c:{upsert}}}"
    ));
    // Who reads does not wait for it.
    while !(one.is_finished() && three.is_finished()) {
        let query = "{user(entityRef:\"user:default/jane\"){displayName}}";
        let user = app.ask(query).data().await;
        assert_eq!(user["user"]["displayName"], "jane");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let one = one.await.unwrap();
    assert_eq!(one.code(), "TIMEOUT", "{:#}", one.body);
    assert_eq!(one.status, 200, "it ran");
    assert_eq!(one.body["data"], json!({ "upsertUser": null }));
    let three = three.await.unwrap();
    assert_eq!(three.code(), "TIMEOUT", "{:#}", three.body);
    assert_eq!(three.status, 504);
    assert!(three.body.get("data").is_none(), "{:#}", three.body);

    let_go.send(()).unwrap();
    holder.await.unwrap();
    app.all_sealed().await;
    assert_eq!(app.dump().await, before);
    let after = app
        .ask(UPSERT)
        .variables(json!({ "name": "Jane" }))
        .data()
        .await;
    assert_eq!(after["upsertUser"]["user"]["displayName"], "Jane");
}

#[rstest]
#[tokio::test]
async fn errors_are_short_and_not_without_end(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let long = "😀".repeat(10_000);
    for text in [
        body(&"a ".repeat(4_000)),
        body(&format!("{{{}}}", "nope ".repeat(5_000))),
        body(&format!("{{viewer{{__typename}} {long}}}")),
        body(&format!("{{node(id:\"{long}\"){{id}}}}")),
        body(&format!("{{user(entityRef:\"{long}\"){{id}}}}")),
        body(&format!(
            "{{users(filter:{{status:{}}}){{totalCount}}}}",
            "A".repeat(60_000)
        )),
        json!({ "query": "{viewer{__typename}}", "operationName": long }).to_string(),
        json!({ "query": "{viewer{__typename}}", "variables": "x".repeat(100_000) }).to_string(),
        json!({ "query": "{viewer{__typename}}", "operationName": [long] }).to_string(),
    ] {
        let answer = app.post(text).await;
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        assert!((1..=50).contains(&errors.len()), "{answer:?}");
        for error in errors {
            let message = error["message"].as_str().unwrap();
            assert!(message.chars().count() <= 401, "{message}");
        }
        assert!(answer.text.len() < 64 * 1024, "{}", answer.text.len());
    }
}
