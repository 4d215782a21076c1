//! Checks in Node.js against a running server. `scripts/test --quick` leaves this module out.

mod peer;

use std::path::Path;
use std::time::Duration;

use rstest::rstest;
use tokio::process::Command;

use crate::support::app::{ADMIN, App, Db};
use crate::support::demo::{ask, key, start};
use crate::support::site::Site;

/// Node.js with a script of `tests/e2e`.
fn node(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    assert!(
        folder.join("node_modules").is_dir(),
        "the packages are missing: run `npm ci` in tests/e2e, or scripts/test"
    );
    let mut command = Command::new("node");
    command.arg(script).current_dir(&folder).kill_on_drop(true);
    command
}

/// What the script prints; it must succeed.
async fn printed_by(mut command: Command) -> String {
    let ended = tokio::time::timeout(Duration::from_secs(300), command.output()).await;
    let ended = ended
        .expect("the script ends within 300 s")
        .expect("Node.js is installed");
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(ended.status.success(), "{out}\n{err}");
    out.into_owned()
}

#[rstest]
#[tokio::test]
async fn every_audit_of_graphql_http_passes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let mut command = node("graphql-http.mjs");
    command
        .arg(app.url("/graphql"))
        .env("LANYARD_TEST_API_KEY", ADMIN);
    let out = printed_by(command).await;
    assert!(out.contains("every MUST and SHOULD is ok"), "{out}");
}

/// In Chromium, on everything that the demo brings. The script says how to get Chromium.
#[tokio::test]
async fn people_get_where_they_want_in_a_browser() {
    let site = Site::new(Db::Sqlite).await;
    let demo = start(&site, 0).await;
    let key = key(&site);
    let query = "{ identityProvider(slug: \"acme\") { config } }";
    let acme = ask(&demo, &key, query).await;
    let issuer = &acme["identityProvider"]["config"]["issuer"];
    let mut command = node("browser.mjs");
    command
        .env("LANYARD_URL", &demo.url)
        .env("PROVIDER_URL", issuer.as_str().unwrap())
        .env("LANYARD_TEST_API_KEY", &key);
    let out = printed_by(command).await;
    assert!(out.contains("everything went as it should"), "{out}");
    let log = demo.log();
    demo.stop().await;
    assert!(!log.contains("\"ERROR\""), "{log}");
}
