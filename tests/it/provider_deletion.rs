//! Deleting providers: what is in use stays.

use rstest::rstest;
use serde_json::{Value, json};

use crate::providers::rows;
use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

async fn delete(app: &App, id: &str) -> Answer {
    app.ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId userErrors { code message field } } }")
        .variables(json!({ "id": id }))
        .send()
        .await
}

#[rstest]
#[tokio::test]
async fn a_provider_in_use_stays_and_one_that_is_not_goes(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let slack = json!({ "type": "slack", "clientId": "x", "clientSecret": "s" });
    let lender = app.provider_with("lender", slack).await;
    let mut input = json!({ "type": "slack", "clientOf": lender });
    input["config"] = json!({ "team": "T012" });
    let borrower = app.provider_with("borrower", input).await;
    for name in ["one", "two"] {
        let user = app.user(name).await;
        app.linked(&lender, &user, name).await;
    }
    for (identities, borrowers) in [(2, 1), (0, 1)] {
        if identities == 0 {
            app.execute("DELETE FROM identity").await;
        }
        let before = rows(&app).await;
        let payload = delete(&app, &lender).await.data()["deleteIdentityProvider"].clone();
        assert_eq!(payload["deletedId"], Value::Null);
        let error = &payload["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("IN_USE"), &json!(["id"]))
        );
        let counts = format!(
            "{identities} identities are linked here and {borrowers} providers use this one's client"
        );
        assert!(text(error, "/message").starts_with(&counts), "{error:#}");
        assert_eq!(rows(&app).await, before);
    }
    for id in [&borrower, &lender] {
        let payload = delete(&app, id).await.data()["deleteIdentityProvider"].clone();
        assert_eq!(payload, json!({ "deletedId": id, "userErrors": [] }));
        let found = app
            .ask("query($id: ID!) { identityProvider(id: $id) { id } }")
            .variables(json!({ "id": id }))
            .data()
            .await;
        assert_eq!(found["identityProvider"], Value::Null);
        let event = app.stored().await.events.pop().unwrap();
        assert_eq!(
            (event.action.as_str(), event.target_id.as_ref()),
            ("provider.deleted", Some(id))
        );
        assert_eq!(delete(&app, id).await.code(), "NOT_FOUND");
    }
    let user = app.user("three").await;
    assert_eq!(delete(&app, &user).await.code(), "BAD_USER_INPUT");
}

#[rstest]
#[tokio::test]
async fn a_provider_is_not_deleted_under_a_link(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    for round in 0..10 {
        let provider = app.provider(&format!("round-{round}")).await;
        let input = json!({ "providerId": provider, "userId": user, "externalId": "1" });
        let (linked, deleted) = tokio::join!(app.link(input), delete(&app, &provider));
        let deleted = deleted.data()["deleteIdentityProvider"].clone();
        if deleted["deletedId"].is_null() {
            assert_eq!(deleted["userErrors"][0]["code"], "IN_USE");
            assert_eq!(linked.data()["linkIdentity"]["outcome"], "CREATED");
        } else {
            assert_eq!(linked.code(), "NOT_FOUND");
        }
    }
}
