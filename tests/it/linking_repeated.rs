//! Idempotency keys: the same request under the same key is carried out once.

use chrono::TimeDelta;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::Answer;
use crate::support::fixtures::LINK;

struct Ground {
    app: App,
    provider: String,
    user: String,
}

impl Ground {
    async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        Self {
            provider: app.provider("crm").await,
            user: app.user("jane").await,
            app,
        }
    }

    fn input(&self, key: &str, more: Value) -> Value {
        let mut input = json!({
            "providerId": self.provider, "userId": self.user, "externalId": "4711",
            "idempotencyKey": key,
        });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    }

    async fn link(&self, key: &str, more: Value) -> Value {
        self.app.link(self.input(key, more)).await.data()["linkIdentity"].clone()
    }

    async fn link_by(&self, api_key: &str, key: &str, more: Value) -> Answer {
        self.app
            .ask(LINK)
            .by(api_key)
            .variables(json!({ "input": self.input(key, more) }))
            .send()
            .await
    }
}

#[rstest]
#[tokio::test]
async fn the_same_request_under_the_same_key_is_done_once_and_answered_alike(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on).await;
    let more = json!({
        "profile": { "email": null, "username": "jane" }, "data": { "b": 1, "a": 2 },
        "credential": { "accessToken": "canary-token-a", "expiresAt": "2031-01-01T00:00:00Z" },
    });
    let first = ground.link("key", more.clone()).await;
    assert_eq!(first["outcome"], "CREATED");
    let before = ground.app.stored().await;
    // Spelled otherwise, it is the same request.
    let mut again = more;
    again["data"] = json!({ "a": 2, "b": 1 });
    again["credential"]["expiresAt"] = json!("2031-01-01T01:00:00+01:00");
    again["onConflict"] = json!("FAIL");
    assert_eq!(ground.link("key", again).await, first);
    assert_eq!(ground.app.stored().await, before, "nothing is done twice");
    let other_key = ground.link("another key", json!({})).await;
    assert_eq!(other_key["outcome"], "UPDATED");
}

#[rstest]
#[tokio::test]
async fn every_part_of_the_input_counts(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on).await;
    let stranger = ground.app.user("stranger").await;
    let elsewhere = ground.app.provider("elsewhere").await;
    let full = json!({
        "scopes": ["a"], "data": { "a": 1 }, "onConflict": "FAIL",
        "profile": { "email": "jane@example.org", "emailVerified": true, "username": "jane",
                     "displayName": "Jane", "attributes": { "a": "1" } },
        "credential": { "accessToken": "canary-token-a", "refreshToken": "canary-token-r", "tokenType": "Bearer",
                        "expiresAt": "2031-01-01T00:00:00Z", "scopes": ["a"],
                        "refreshTokenExpiresAt": "2032-01-01T00:00:00Z" },
    });
    ground.link("key", full.clone()).await;
    let before = ground.app.stored().await;
    for (path, value) in [
        ("/providerId", json!(elsewhere)),
        ("/userId", json!(stranger)),
        ("/externalId", json!("4712")),
        ("/scopes", json!(["b"])),
        ("/scopes", Value::Null),
        ("/data", json!({ "a": 2 })),
        ("/data", Value::Null),
        ("/onConflict", json!("REATTACH")),
        ("/profile", Value::Null),
        ("/profile/email", json!("other@example.org")),
        ("/profile/email", Value::Null),
        ("/profile/emailVerified", json!(false)),
        ("/profile/emailVerified", Value::Null),
        ("/profile/username", json!("other")),
        ("/profile/displayName", json!("Other")),
        ("/profile/attributes", json!({ "a": "2" })),
        ("/profile/attributes", Value::Null),
        ("/credential", Value::Null),
        ("/credential/accessToken", json!("canary-token-b")),
        ("/credential/refreshToken", json!("canary-token-s")),
        ("/credential/tokenType", json!("mac")),
        ("/credential/expiresAt", json!("2031-01-01T00:00:01Z")),
        (
            "/credential/refreshTokenExpiresAt",
            json!("2032-01-01T00:00:01Z"),
        ),
        ("/credential/scopes", json!(["b"])),
    ] {
        let mut changed = ground.input("key", full.clone());
        *changed.pointer_mut(path).unwrap() = value.clone();
        let payload = ground.app.link(changed).await.data()["linkIdentity"].clone();
        assert_eq!(payload["identity"], Value::Null, "{path} {value}");
        assert_eq!(
            payload["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED",
            "{path} {value}"
        );
    }
    // Null clears a field, and one that is left out stays: not the same request.
    let mut left_out = ground.input("key", full.clone());
    left_out["profile"].as_object_mut().unwrap().remove("email");
    let payload = ground.app.link(left_out).await.data()["linkIdentity"].clone();
    assert_eq!(payload["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(
        payload["userErrors"][0]["field"],
        json!(["input", "idempotencyKey"])
    );
    assert_eq!(ground.app.stored().await, before);
}

#[rstest]
#[tokio::test]
async fn keys_belong_to_an_application(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on).await;
    let api_key = async |name: &str, application: &str| {
        let data = ground
            .app
            .ask("mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }")
            .variables(json!({ "input": {
                "name": name, "application": application,
                "scopes": ["identity:write", "identity:read", "provider:read", "directory:read"],
            } }))
            .data()
            .await;
        data["createApiKey"]["secret"].as_str().unwrap().to_owned()
    };
    let crm = api_key("crm 1", "crm").await;
    let crm_too = api_key("crm 2", "crm").await;
    let shop = api_key("shop", "shop").await;
    let outcome = async |api_key: &str, more: Value| {
        let answer = ground.link_by(api_key, "key", more).await.data();
        answer["linkIdentity"].clone()
    };
    let first = outcome(&crm, json!({})).await;
    assert_eq!(first["outcome"], "CREATED");
    assert_eq!(outcome(&crm_too, json!({})).await, first);
    assert_eq!(outcome(&shop, json!({})).await["outcome"], "UPDATED");
    let other = json!({ "externalId": "other" });
    assert_eq!(
        outcome(&crm_too, other).await["userErrors"][0]["code"],
        "IDEMPOTENCY_KEY_REUSED"
    );
}

#[rstest]
#[tokio::test]
async fn keys_are_forgotten_after_a_day(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on).await;
    let first = ground.link("key", json!({})).await;
    ground
        .app
        .clock
        .advance(TimeDelta::hours(24) - TimeDelta::minutes(1));
    assert_eq!(ground.link("key", json!({})).await, first);
    ground.app.clock.advance(TimeDelta::minutes(1));
    let anew = ground
        .link("key", json!({ "data": { "other": "input" } }))
        .await;
    assert_eq!(anew["outcome"], "UPDATED");
    assert_eq!(
        ground.app.stored().await.keys.len(),
        1,
        "old keys don't pile up"
    );
}

#[rstest]
#[tokio::test]
async fn a_refusal_does_not_use_the_key_up(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on).await;
    let stranger = ground.app.user("stranger").await;
    ground.app.linked(&ground.provider, &stranger, "4711").await;
    let refused = ground.link("key", json!({})).await;
    assert_eq!(
        refused["userErrors"][0]["code"],
        "ACCOUNT_OWNED_BY_ANOTHER_USER"
    );
    ground.app.execute("DELETE FROM identity").await;
    assert_eq!(ground.link("key", json!({})).await["outcome"], "CREATED");
}

#[rstest]
#[tokio::test]
async fn requests_at_once_with_one_key_link_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on).await;
    for round in 0..5 {
        let before = ground.app.stored().await;
        let key = format!("key {round}");
        let external_id = format!("account {round}");
        let more = json!({ "externalId": external_id, "onConflict": "UPDATE_IN_PLACE" });
        let answers = join_all((0..8).map(|_| ground.link(&key, more.clone()))).await;
        let outcome = if round == 0 {
            "CREATED"
        } else {
            "UPDATED_IN_PLACE"
        };
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
            assert_eq!(answer["outcome"], outcome, "{answer:#}");
        }
        let after = ground.app.stored().await;
        assert_eq!(after.events.len(), before.events.len() + 1, "one event");
        assert_eq!(after.identities[0].version, round + 1);
    }
}
