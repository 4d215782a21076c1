//! GraphQL over HTTP: methods, media types, status codes, the headers of every answer.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use crate::support::app::{ADMIN, App, Db};
use crate::support::http::{QUESTION, Reply, body, reply};

const GRAPHQL: &str = "application/graphql-response+json; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

#[rstest]
#[tokio::test]
async fn the_client_chooses_the_media_type(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for (accept, expected) in [
        (Some("application/graphql-response+json"), GRAPHQL),
        (Some("application/json"), JSON),
        (Some("*/*"), JSON),
        (
            Some("application/json;q=0.5, application/graphql-response+json"),
            GRAPHQL,
        ),
        (None, JSON),
    ] {
        let mut request = app.http().post(app.url("/graphql")).bearer_auth(ADMIN);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let answer = reply(request.json(&json!({ "query": QUESTION }))).await;
        answer.is_ok();
        assert_eq!(answer.header("content-type"), expected, "{accept:?}");
        assert_eq!(
            answer.json(),
            json!({ "data": { "viewer": { "__typename": "ApiKey" } } })
        );
    }
}

#[rstest]
#[tokio::test]
async fn what_did_not_run_has_its_status_in_the_newer_media_type_and_200_in_the_older(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let narrow = app.key("narrow", &["audit:read"]).await;
    let users = "{users{edges{cursor}}}";
    for (query, key, status, code) in [
        ("{", Some(ADMIN), 400, "GRAPHQL_PARSE_FAILED"),
        ("{nope}", Some(ADMIN), 400, "GRAPHQL_VALIDATION_FAILED"),
        (users, None, 401, "UNAUTHENTICATED"),
        (users, Some(narrow.as_str()), 403, "FORBIDDEN"),
    ] {
        for (accept, media_type, status) in [
            ("application/graphql-response+json", GRAPHQL, status),
            ("application/json", JSON, 200),
        ] {
            let request = app
                .http()
                .post(app.url("/graphql"))
                .header("accept", accept);
            let mut request = request.json(&json!({ "query": query }));
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            let answer = reply(request).await;
            assert_eq!(answer.status, status, "{query} {accept}");
            assert_eq!(answer.header("content-type"), media_type);
            assert_eq!(answer.code(), code, "{query} {accept}");
            assert!(answer.json().get("data").is_none(), "{answer:?}");
            let challenge = answer.headers.get("www-authenticate");
            assert_eq!(challenge.is_some(), status == 401, "{query} {accept}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_wrong_key_is_refused_whatever_it_asks(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for authorization in [
        "Bearer lyd_nobody-has-this-key-0123456789".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Basic YTpi".to_owned(),
        ADMIN.to_owned(),
        format!("Bearer {ADMIN}x"),
        format!("Bearer {}", &ADMIN[..ADMIN.len() - 1]),
        format!("Bearer lyd_{}", "x".repeat(4_000)),
    ] {
        for accept in ["application/json", "application/graphql-response+json"] {
            let request = app.http().post(app.url("/graphql"));
            let request = request.header("authorization", &authorization);
            let request = request.header("accept", accept);
            let answer = reply(request.json(&json!({ "query": QUESTION }))).await;
            assert_eq!(answer.status, 401, "{authorization}");
            assert_eq!(answer.code(), "UNAUTHENTICATED");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(!answer.text.contains("0123456789"), "{answer:?}");
        }
    }
    // The scheme's case does not count (RFC 9110 §11.1).
    let request = app.http().post(app.url("/graphql"));
    let request = request.header("authorization", format!("bearer {ADMIN}"));
    let answer = reply(request.json(&json!({ "query": QUESTION }))).await;
    assert_eq!(answer.json()["data"]["viewer"]["__typename"], "ApiKey");
}

#[rstest]
#[tokio::test]
async fn an_answer_that_the_client_would_not_take_is_not_made(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    for accept in [
        "text/html",
        "image/*, text/plain",
        "application/json;q=0",
        "",
    ] {
        let request = app.http().post(app.url("/graphql")).bearer_auth(ADMIN);
        let request = request.header("accept", accept);
        let answer = reply(request.json(&json!({ "query": QUESTION }))).await;
        assert_eq!(answer.status, 406, "{accept:?}");
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
}

#[rstest]
#[tokio::test]
async fn only_get_and_post_are_methods(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for method in [
        "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY",
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = app.request(method.clone()).body(body(QUESTION));
        let answer = reply(request.header("content-type", "application/json")).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET, POST", "{method}");
    }
}

#[rstest]
#[tokio::test]
async fn a_body_that_is_no_operation_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for text in [
        "",
        "null",
        "7",
        "\"{viewer{__typename}}\"",
        "{",
        "{\"query\":",
        "{}",
        r#"{"query":null}"#,
        r#"{"query":7}"#,
        r#"{"query":["{viewer{__typename}}"]}"#,
        r#"{"query":"{viewer{__typename}}","operationName":7}"#,
        r#"{"query":"{viewer{__typename}}","variables":[]}"#,
        r#"{"query":"{viewer{__typename}}","variables":"{}"}"#,
        r#"{"query":"{viewer{__typename}}","extensions":[]}"#,
        r#"{"query":"{viewer{__typename}}"} {}"#,
        r#"[{"query":"{viewer{__typename}}"}]"#,
        "[]",
    ] {
        let answer = app.post(text).await;
        assert_eq!(answer.status, 400, "{text}");
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{text}");
    }
    for text in [
        r#"{"query":"{viewer{__typename}}","operationName":null,"variables":null,"extensions":null}"#,
        r#"{"query":"{viewer{__typename}}","operationName":"","variables":{},"extensions":{"a":1}}"#,
        r#"{"query":"{viewer{__typename}}","somethingElse":1}"#,
    ] {
        app.post(text).await.is_ok();
    }
}

#[rstest]
#[tokio::test]
async fn a_query_may_come_by_get(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    let document = "query a{viewer{__typename}} query b($id:ID!){user(id:$id){displayName}}";
    let variables = json!({ "id": user }).to_string();
    let parameters = [
        ("query", document),
        ("operationName", "b"),
        ("variables", &variables),
        ("extensions", ""),
        ("unknown", "x"),
    ];
    let answer = app.get(&parameters).await;
    answer.is_ok();
    assert_eq!(answer.json()["data"]["user"]["displayName"], "jane");
    for parameters in [
        &[][..],
        &[("query", "")],
        &[("query", "{")],
        &[("query", QUESTION), ("variables", "{")],
        &[("query", QUESTION), ("variables", "[]")],
        &[("query", QUESTION), ("extensions", "7")],
        &[("query", QUESTION), ("query", QUESTION)],
        &[
            ("query", QUESTION),
            ("variables", "{}"),
            ("variables", "{}"),
        ],
        &[
            ("query", QUESTION),
            ("operationName", "a"),
            ("operationName", "a"),
        ],
    ] {
        let answer = app.get(parameters).await;
        assert_eq!(answer.status, 400, "{parameters:?}");
    }
}

#[rstest]
#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_is_neither_stored_nor_sniffed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let large = reply(
        app.request(Method::POST)
            .header("content-type", "application/json")
            .body(" ".repeat(1024 * 1024 + 1)),
    );
    let answers: [Reply; 8] = [
        app.post(body(QUESTION)).await,
        app.post(body("{")).await,
        app.get(&[("query", "mutation{__typename}")]).await,
        reply(app.request(Method::POST).body(body(QUESTION))).await,
        reply(app.request(Method::PUT)).await,
        reply(
            app.http()
                .post(app.url("/graphql"))
                .header("accept", "text/html"),
        )
        .await,
        reply(app.http().get(app.url("/nowhere"))).await,
        large.await,
    ];
    let statuses = answers.iter().map(|answer| answer.status.as_u16());
    assert_eq!(
        statuses.collect::<Vec<_>>(),
        [200, 400, 405, 415, 405, 406, 404, 413]
    );
    let mut ids: Vec<&str> = answers
        .iter()
        .map(|answer| answer.header("x-request-id"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), answers.len());
    for answer in &answers {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[rstest]
#[tokio::test]
async fn other_origins_are_those_that_the_settings_name(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let friend = "https://app.example.com";
    let app = App::start_with(on, &[("LANYARD_ALLOWED_ORIGINS", friend)]).await;
    let own = format!("http://{}", app.address);
    let from = |method: Method, origin: &str| {
        let request = app.request(method).header("origin", origin);
        let request = request.header("content-type", "application/json");
        request.body(body(QUESTION))
    };
    for origin in [friend, &own] {
        let answer = reply(from(Method::POST, origin)).await;
        answer.is_ok();
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "x-request-id"
        );
        // Pages of a named origin may call with the session's cookie.
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
    }
    let preflight = from(Method::OPTIONS, friend)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        );
    let answer = reply(preflight).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), friend);
    let allowed = answer.header("access-control-allow-headers");
    assert!(
        allowed.contains("authorization") && allowed.contains("content-type"),
        "{allowed}"
    );

    let before = app.dump().await;
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        let mutation = r#"mutation{upsertUser(input:{entityRef:"user:default/eve"}){user{id}}}"#;
        let answer = reply(from(Method::POST, origin).body(body(mutation))).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert!(
            !answer.headers.contains_key("access-control-allow-origin"),
            "{origin}"
        );
        let preflight =
            from(Method::OPTIONS, origin).header("access-control-request-method", "POST");
        assert_eq!(reply(preflight).await.status, 403, "{origin}");
    }
    assert_eq!(app.dump().await, before);
    // Without the header it is no browser.
    app.post(body(QUESTION)).await.is_ok();
}

#[rstest]
#[tokio::test]
async fn without_the_setting_no_other_origin_may_read(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let own = format!("http://{}", app.address);
    for origin in ["https://app.example.com", "null", &own] {
        let request = app.request(Method::OPTIONS).header("origin", origin);
        let answer = reply(request.header("access-control-request-method", "POST")).await;
        assert!(
            !answer.headers.contains_key("access-control-allow-origin") || origin == own,
            "{origin}"
        );
    }
}
