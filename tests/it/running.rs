//! The running process: its first key, health, metrics, and its end.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{ADMIN, App, Db};
use crate::support::process::Process;
use crate::support::site::{Ended, Site};
use crate::support::until::until;

const OPERATION: &str = r#"{"query": "{ viewer { __typename } }"}"#;

#[rstest]
#[tokio::test]
async fn the_first_start_prints_an_admin_key_that_works_and_the_second_none(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    let first = site.serve().await;
    let (url, log) = (first.url.clone(), first.log());
    let printed = first.stop().await;
    let (heading, rest) = printed.split_once("\n\n").unwrap();
    assert_eq!(heading, "The first admin API key, shown this once:");
    let key = rest.trim();
    assert!(key.starts_with("lyd_") && key.len() >= 40, "{printed:?}");
    assert!(!log.contains(key), "the log is kept, the key must not be");
    assert!(log.contains(&url), "the log says where it answers");

    let second = site.serve().await;
    assert_eq!(viewer(&second, key).await, json!(["admin"]));
    assert_eq!(second.stop().await, "");
}

#[rstest]
#[tokio::test]
async fn an_admin_key_of_the_operators_choosing_is_taken_on_in_silence(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    let chosen = [("LANYARD_BOOTSTRAP_API_KEY", ADMIN)];
    let first = site.serve_with(&chosen).await;
    assert_eq!(viewer(&first, ADMIN).await, json!(["admin"]));
    assert_eq!(first.stop().await, "");
    // Once there is a key, another one is not taken on.
    let other = "lyd_another-key-of-the-tests-0123456789";
    let second = site
        .serve_with(&[("LANYARD_BOOTSTRAP_API_KEY", other)])
        .await;
    assert_eq!(viewer(&second, other).await, Value::Null);
    assert_eq!(viewer(&second, ADMIN).await, json!(["admin"]));
    second.stop().await;
}

/// The scopes of the key; null where the server doesn't know it.
async fn viewer(process: &Process, key: &str) -> Value {
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/graphql", process.url))
        .bearer_auth(key)
        .json(&json!({ "query": "{ viewer { ... on ApiKey { scopes } } }" }))
        .send()
        .await
        .unwrap();
    let body: Value = answer.json().await.unwrap();
    body["data"]["viewer"]["scopes"].clone()
}

#[rstest]
#[tokio::test]
async fn a_signal_to_stop_lets_open_requests_end_and_takes_no_new_ones(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("TERM", "INT")] signal: &str,
) {
    let site = Site::new(on).await;
    let chosen = [("LANYARD_BOOTSTRAP_API_KEY", ADMIN)];
    let process = site.serve_with(&chosen).await;
    let address = process.url.trim_start_matches("http://").to_owned();
    // A connection that has been used and is kept for later does not hold the end up.
    let mut kept = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /livez HTTP/1.1\r\nHost: {address}\r\n\r\n");
    kept.write_all(request.as_bytes()).await.unwrap();
    let mut byte = [0];
    kept.read_exact(&mut byte).await.unwrap();

    let mut open = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {ADMIN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        OPERATION.len()
    );
    open.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is in its hands.
    let mut said = [0; 25];
    open.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (one, rest) = OPERATION.as_bytes().split_at(10);
    open.write_all(one).await.unwrap();

    process.signal(signal).await;
    let refused = "new connections are refused";
    until(refused, Duration::from_secs(10), async || {
        TcpStream::connect(&address).await.is_err()
    })
    .await;

    open.write_all(rest).await.unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with(r#"{"data":{"viewer":{"__typename":"ApiKey"}}}"#),
        "{answer}"
    );
    let (code, _) = process.ended().await;
    assert_eq!(code, Some(0));
}

#[rstest]
#[tokio::test]
async fn health_is_asked_by_a_command(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let site = Site::new(on).await;
    let process = site.serve().await;
    let address = process.url.trim_start_matches("http://").to_owned();
    let health = async || {
        let mut command = site.lanyard(&["health"]);
        Ended::of(command.env("LANYARD_LISTEN", &address)).await
    };
    let healthy = health().await;
    assert_eq!(
        (healthy.code, healthy.out.as_str(), healthy.err.as_str()),
        (Some(0), "", "")
    );
    process.stop().await;
    health().await.fails_saying(&[format!(
        "nothing answers at http://{address}/readyz; is the server running?"
    )]);
}

#[tokio::test]
async fn a_process_without_its_database_lives_and_is_not_ready_until_it_is_back() {
    let site = Site::new(Db::Postgres).await;
    let process = site.serve().await;
    let get = async |path: &str| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .get(format!("{}{path}", process.url))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/readyz").await, (200, "ok\n".to_owned()));
    site.drop_database().await;
    let away = (503, "the database does not answer\n".to_owned());
    assert_eq!(get("/readyz").await, away);
    assert_eq!(get("/livez").await, (200, "ok\n".to_owned()));
    let address = process.url.trim_start_matches("http://");
    let mut health = site.lanyard(&["health"]);
    Ended::of(health.env("LANYARD_LISTEN", address))
        .await
        .fails_saying(&[format!(
            "{}/readyz answers 503 Service Unavailable: the database does not answer",
            process.url
        )]);
    site.restore_database().await;
    // An empty database has no key to seal with until a start gives it one.
    let another = site.serve().await;
    assert_eq!(get("/readyz").await, (200, "ok\n".to_owned()));
    another.stop().await;
    process.stop().await;
}

#[rstest]
#[tokio::test]
async fn metrics_are_for_admins_and_count_requests_and_links_by_outcome(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let reader = app.key("reader", &["audit:read"]).await;
    let (jane, john, provider) = (
        app.user("jane").await,
        app.user("john").await,
        app.provider("crm").await,
    );
    app.linked(&provider, &jane, "1").await;
    app.linked(&provider, &jane, "1").await;
    let taken = json!({ "providerId": provider, "userId": john, "externalId": "1" });
    app.link(taken.clone()).await.data();
    let mut reattach = taken;
    reattach["onConflict"] = json!("REATTACH");
    app.link(reattach).await.data();
    app.ask("{ nonsense }").code().await;
    app.http()
        .get(app.url("/wp-login.php"))
        .send()
        .await
        .unwrap();

    assert_eq!(metrics(&app, None).await.0, 401);
    assert_eq!(
        metrics(&app, Some("lyd_nobody-has-this-key-0123456789"))
            .await
            .0,
        401
    );
    assert_eq!(metrics(&app, Some(&reader)).await.0, 403);
    let (status, text) = metrics(&app, Some(ADMIN)).await;
    assert_eq!(status, 200);
    for line in [
        r#"lanyard_links_total{outcome="created"} 1"#,
        r#"lanyard_links_total{outcome="updated"} 1"#,
        r#"lanyard_links_total{outcome="refused"} 1"#,
        r#"lanyard_links_total{outcome="reattached"} 1"#,
        r#"lanyard_graphql_operations_total{outcome="ok"} 8"#,
        r#"lanyard_graphql_operations_total{outcome="GRAPHQL_VALIDATION_FAILED"} 1"#,
        r#"lanyard_requests_total{route="/graphql",status="200"} 8"#,
        r#"lanyard_requests_total{route="/graphql",status="400"} 1"#,
        r#"lanyard_requests_total{route="other",status="404"} 1"#,
        r#"lanyard_requests_total{route="/metrics",status="401"} 2"#,
        r#"lanyard_requests_total{route="/metrics",status="403"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn what_acts_as_nobody_is_counted_by_its_own_code() {
    let app = App::start(Db::Sqlite).await;
    let id = "org_integration_01h455vb4pex5vsknk084sn02q";
    let asked = format!("{{ defaultIdentity(organizationIntegrationId: \"{id}\") {{ id }} }}");
    assert_eq!(app.ask(&asked).code().await, "IDENTITY_NOT_FOUND");
    let (_, text) = metrics(&app, Some(ADMIN)).await;
    let counted = r#"lanyard_graphql_operations_total{outcome="IDENTITY_NOT_FOUND"} 1"#;
    assert!(text.lines().any(|found| found == counted), "{text}");
}

#[tokio::test]
async fn a_private_listener_has_health_and_metrics_and_the_public_one_then_not() {
    let private = [("LANYARD_PRIVATE_LISTEN", "127.0.0.1:0")];
    let app = App::start_with(Db::Sqlite, &private).await;
    let inside = app.private_address.unwrap();
    for path in ["/livez", "/readyz", "/metrics"] {
        let url = format!("http://{inside}{path}");
        let private = app.http().get(url).send().await.unwrap();
        assert_eq!(private.status(), 200, "{path} on the private listener");
        let public = app
            .http()
            .get(app.url(path))
            .bearer_auth(ADMIN)
            .send()
            .await;
        assert_eq!(
            public.unwrap().status(),
            404,
            "{path} on the public listener"
        );
    }
    for path in ["/graphql", "/schema.graphql", "/"] {
        let url = format!("http://{inside}{path}");
        let answer = app.http().get(url).bearer_auth(ADMIN).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path} on the private listener");
    }
}

async fn metrics(app: &App, key: Option<&str>) -> (u16, String) {
    let mut request = app.http().get(app.url("/metrics"));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
