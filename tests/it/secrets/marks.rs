//! The checks that every test runs without calling them fail where a token shows. See
//! `support::marks`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement, Value as Bound};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::app::{ADMIN, App, Db};
use crate::support::marks::answers::{Asked, check_answer, check_page, check_reply};
use crate::support::marks::log::Watch;
use crate::support::process::Process;
use crate::support::until::until;

/// As the make-believe provider makes them, and as tests link them.
const TOKENS: [&str; 4] = [
    "mba_makebelieve_planted",
    "mbr_makebelieve_planted",
    "mbc_makebelieve_planted",
    "canary-token-planted",
];

/// By somebody who may have tokens.
const fn asked(document: &str) -> Asked<'_> {
    Asked {
        document,
        may_have_tokens: true,
    }
}

fn fails(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_err()
}

#[test]
fn an_answer_with_a_token_that_nobody_asked_for_fails() {
    let headers = &HeaderMap::new();
    let asking =
        asked("query { identity { credential { expiresAt\n t : accessToken accessToken } } }");
    let linking = asked("mutation { linkIdentity(input: { accessToken: \"x\" }) { outcome } }");
    let without_scope = Asked {
        may_have_tokens: false,
        ..asking
    };
    for token in TOKENS {
        for allowed in [
            json!({ "data": { "identity": { "credential": { "accessToken": token } } } }),
            json!({ "data": { "list": [{ "t": token }, { "t": null }] } }),
        ] {
            check_answer(asking, headers, &allowed);
            assert!(fails(|| check_answer(
                asked("{ viewer { id } }"),
                headers,
                &allowed
            )));
            assert!(fails(|| check_answer(linking, headers, &allowed)));
            assert!(fails(|| check_answer(without_scope, headers, &allowed)));
        }
        for wrong in [
            json!({ "data": { "identity": { "externalId": token } } }),
            json!({ "data": { "accessToken": { "deeper": token } } }),
            json!({ "data": null, "errors": [{ "message": format!("no {token}") }] }),
            json!({ "data": {}, "extensions": { "accessToken": token } }),
        ] {
            assert!(fails(|| check_answer(asking, headers, &wrong)), "{wrong}");
            let text = wrong.to_string();
            assert!(fails(|| check_reply(asking, headers, &text)), "{wrong}");
        }
        let page = format!("<p>{token}</p>");
        assert!(fails(|| check_page(headers, &page)));
        assert!(fails(|| check_reply(asking, headers, &page)));
        let mut telling = HeaderMap::new();
        telling.insert("location", HeaderValue::from_str(token).unwrap());
        assert!(fails(|| check_page(&telling, "")));
        assert!(fails(|| check_answer(asking, &telling, &json!({}))));
    }
    let nothing = json!({ "data": { "list": [{ "t": "a name" }, { "t": null }] } });
    check_answer(without_scope, headers, &nothing);
    check_page(headers, "a page");
    check_answer(asking, headers, &json!({ "data": { "identity": null } }));
}

#[rstest]
#[tokio::test]
async fn keys_may_have_tokens_by_their_scopes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let asking = "{ identity { credential { accessToken } } }";
    let all_but = app.key("all but", &["identity:read", "audit:read"]).await;
    let reader = app
        .key("reader", &["identity:read", "identity:token"])
        .await;
    let admin = app.key("admin", &["admin"]).await;
    for (key, expected) in [
        (None, false),
        (Some("lyd_unknown"), false),
        (Some(all_but.as_str()), false),
        (Some(reader.as_str()), true),
        (Some(admin.as_str()), true),
        (Some(ADMIN), true),
    ] {
        let asked = app.asked(asking, key).await;
        assert_eq!(asked.may_have_tokens, expected, "{key:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_token_that_is_stored_in_clear_fails(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("text", "bytes")] kind: &str,
) {
    for token in TOKENS {
        let app = App::start(on).await;
        app.user("jane").await;
        let (sql, value) = match kind {
            "text" => (
                "UPDATE \"user\" SET display_name = $1",
                Bound::from(format!("Jane {token}")),
            ),
            _ => (
                "UPDATE api_key SET hash = $1",
                Bound::from(format!("\0{token}").into_bytes()),
            ),
        };
        // The value is bound: a statement may be logged.
        let plant = Statement::from_sql_and_values(app.database.backend(), sql, [value]);
        let plant = &plant;
        let planted = app
            .database
            .write(|tx| async move { Ok(tx.execute_raw(plant.clone()).await?.rows_affected()) });
        assert_eq!(planted.await.unwrap(), 1);
        assert!(fails(|| drop(app)), "{token}");
    }
}

#[test]
fn a_token_that_is_logged_is_seen() {
    let watch = Watch::default();
    for token in TOKENS {
        tracing::subscriber::with_default(watch.subscriber(), || {
            tracing::debug!(token, "a field");
            tracing::info!("a message with {token}");
            tracing::error!(list = ?token.as_bytes(), "another form");
            tracing::warn!("nothing");
        });
        for _ in 0..3 {
            assert!(watch.take().is_some(), "{token}");
        }
        assert_eq!(watch.take(), None);
    }
}

#[tokio::test]
async fn a_token_that_a_server_of_a_test_logs_fails_it() {
    let app = App::start(Db::Sqlite).await;
    tracing::debug!("it says {}", TOKENS[0]);
    assert!(fails(|| drop(app)));
    drop(App::start(Db::Sqlite).await);
}

#[tokio::test]
async fn a_token_that_a_process_leaves_fails() {
    let stored = Process::serve().await;
    let file = stored.folder.path().join("lanyard-data/planted.db-wal");
    std::fs::write(file, TOKENS[1]).unwrap();
    assert!(fails(|| drop(stored)));

    let mut command = Command::new("sh");
    let script = format!(
        "echo '{}' >&2; echo 'it says {}' >&2; exec sleep 60",
        json!({ "fields": { "address": "127.0.0.1:1" } }),
        TOKENS[3]
    );
    command
        .args(["-c", &script])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let talks = Process::spawn(command, TempDir::new().unwrap()).await;
    until("it has talked", Duration::from_secs(30), async || {
        talks.log().contains("it says")
    })
    .await;
    assert!(fails(|| drop(talks)));
}
