//! Checks in Node.js against a running server. `scripts/test --quick` leaves this module out.

use std::path::Path;
use std::time::Duration;

use rstest::rstest;
use tokio::process::Command;

use crate::support::app::{ADMIN, App, Db};

#[rstest]
#[tokio::test]
async fn every_audit_of_graphql_http_passes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    assert!(
        folder.join("node_modules").is_dir(),
        "the packages are missing: run `npm ci` in tests/e2e, or scripts/test"
    );
    let mut command = Command::new("node");
    command
        .arg("graphql-http.mjs")
        .arg(app.url("/graphql"))
        .current_dir(&folder)
        .env("LANYARD_TEST_API_KEY", ADMIN)
        .kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(120), command.output()).await;
    let ended = ended
        .expect("the audits end within 120 s")
        .expect("Node.js is installed");
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(ended.status.success(), "{out}\n{err}");
    assert!(out.contains("every MUST and SHOULD is ok"), "{out}");
}
