//! Where an application's links may lead back to.

use rstest::rstest;
use serde_json::{Value, json};

use super::Portal;
use crate::support::app::{App, Db};

#[rstest]
#[tokio::test]
async fn a_link_leads_back_to_the_keys_own_origins_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let key = app
        .key_with(json!({
            "name": "portal", "scopes": ["identity:write"],
            "returnOrigins": ["https://app.example", "http://localhost:3000"],
        }))
        .await;
    let bare = app
        .key_with(json!({ "name": "portal", "scopes": ["identity:write"] }))
        .await;
    let start = async |key: &str, place: &str| {
        let input = json!({ "providerId": portal.hub, "userId": portal.ada, "returnTo": place });
        app.start_link(key, input).await.data()["startLink"].clone()
    };
    for (place, leads_to) in [
        ("https://app.example", "https://app.example/"),
        ("https://APP.example:443/x", "https://app.example/x"),
        (
            "https://app.example/a/%2e%2e/../b?c=d#e",
            "https://app.example/b?c=d#e",
        ),
        ("http://localhost:3000/x", "http://localhost:3000/x"),
    ] {
        let payload = start(&key, place).await;
        assert!(payload["url"].is_string(), "{place}: {payload:#}");
        let rows = app.pending_links().await;
        let row = rows
            .iter()
            .max_by_key(|row| (row.date_added, row.id))
            .unwrap();
        assert_eq!(row.return_to, leads_to);
    }
    let before = app.pending_links().await.len();
    for place in [
        "",
        "/",
        "/account",
        "//app.example/",
        "//evil.example",
        "app.example",
        "https:app.example@evil.example",
        "https://app.example@evil.example",
        "https://app.example:443@evil.example",
        "https://app.example%40evil.example",
        "https://user:secret@app.example/",
        "https://app.example\\@evil.example",
        "https://app.example\\.evil.example",
        "https:\\\\app.example",
        "https:/\\app.example",
        "https://app.example.evil.example",
        "https://sub.app.example",
        "https://evilapp.example",
        "https://app.example.",
        "https://app.example:8443",
        "http://app.example",
        "http://localhost",
        "http://localhost:3001",
        "https://localhost:3000",
        "http://127.0.0.1:3000",
        "https://\u{430}pp.example",
        "https://app\u{3002}example.evil.example",
        "https://app.exam\u{200b}ple.evil.example",
        "https://app.example\t.evil.example",
        " https://app.example",
        "https://app.example/\r\nset-cookie: x",
        "javascript:alert(1)//https://app.example",
        "data:text/html,https://app.example",
        "blob:https://app.example/x",
        "ftp://app.example/",
        "https://app.example/?link_code=mine",
        "https://app.example/?x&link_error=",
    ] {
        let payload = start(&key, place).await;
        let refusal = &payload["userErrors"][0];
        assert_eq!(
            refusal["code"], "RETURN_TO_NOT_ALLOWED",
            "{place:?}: {payload:#}"
        );
        assert_eq!(refusal["field"], json!(["input", "returnTo"]));
        assert_eq!(payload["url"], Value::Null);
    }
    // The origins are the key's, not the application's name's.
    let payload = start(&bare, "https://app.example/").await;
    assert_eq!(payload["userErrors"][0]["code"], "RETURN_TO_NOT_ALLOWED");
    assert_eq!(app.pending_links().await.len(), before);
}

#[rstest]
#[tokio::test]
async fn a_keys_origins_are_secure_and_nothing_but_origins(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let create = async |origins: Value| {
        app.ask("mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { returnOrigins } userErrors { code } } }")
            .variables(json!({ "input": {
                "name": "portal", "scopes": ["identity:write"], "returnOrigins": origins,
            } }))
            .send()
            .await
    };
    for (given, kept) in [
        (json!(null), json!([])),
        (json!([]), json!([])),
        (
            json!([
                "https://APP.example:443",
                "https://app.example",
                "https://app.example:8443"
            ]),
            json!(["https://app.example", "https://app.example:8443"]),
        ),
        (
            json!([
                "http://localhost:3000",
                "http://127.0.0.1",
                "http://[::1]:1"
            ]),
            json!([
                "http://localhost:3000",
                "http://127.0.0.1",
                "http://[::1]:1"
            ]),
        ),
    ] {
        let data = create(given).await.data();
        assert_eq!(data["createApiKey"]["apiKey"]["returnOrigins"], kept);
    }
    let long = format!("https://{}.example", "a".repeat(300));
    for given in [
        "",
        "null",
        "*",
        "https://*.example",
        "app.example",
        "http://app.example",
        "http://localhost.evil.example",
        "http://192.0.2.1",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?x",
        "https://app.example#x",
        "https://user@app.example",
        "https:app.example",
        "javascript:x",
        "file:///x",
        &long,
    ] {
        let answer = create(json!([given])).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{given}");
        assert!(answer.message().contains("returnOrigins"), "{answer:?}");
    }
    let many: Vec<String> = (0..21).map(|n| format!("https://a{n}.example")).collect();
    assert_eq!(create(json!(many)).await.code(), "BAD_USER_INPUT");
    assert!(create(json!(many[1..])).await.body.get("errors").is_none());
}
