//! Keys change while applications link and read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard::database::credential;
use lanyard::id::IdentityId;
use lanyard::vault::Place;
use rstest::rstest;
use sea_orm::EntityTrait;

use super::*;
use crate::support::app::Db;

const WRITERS: usize = 4;
/// Accounts of each writer: more than a batch in all.
const ACCOUNTS: usize = 30;

/// What a writer has linked last, by identity.
type Linked = BTreeMap<String, String>;

#[rstest]
#[tokio::test]
async fn a_rotation_under_load_loses_nothing_and_leaves_nothing_of_the_old_key(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let given = [("LANYARD_MASTER_KEY", keys(&[1, 2, 3]))];
    let given = given
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let app = App::start_with(on, &given).await;
    let beside = App::start_at(&app.database_url, &given).await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let mut users = Vec::new();
    for writer in 0..WRITERS {
        users.push(app.user(&format!("user-{writer}")).await);
    }
    let is_over = AtomicBool::new(false);
    let servers = [&app, &beside];
    let writing = users.iter().enumerate().map(|(writer, user)| {
        let (server, provider, is_over) = (servers[writer % 2], &provider, &is_over);
        async move { write_and_read(server, provider, user, writer, is_over).await }
    });
    let turning = async {
        // All that there is to be sealed has been linked once.
        until("every account is linked", SOON, async || {
            let filter = lanyard::database::identity::Filter::default();
            let found = lanyard::database::identity::count(app.database.reader(), &filter).await;
            found.unwrap() as usize == WRITERS * ACCOUNTS
        })
        .await;
        rotate(&app, &[1, 2, 3], 2).await;
        until("the work has begun", SOON, async || {
            let tables = status(&app).await.tables;
            tables.iter().any(|table| table.progress.is_some())
        })
        .await;
        // The third may come before the second is through.
        rotate(&app, &[1, 2, 3], 3).await;
        until_rotated(&app).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (linked, ()) = tokio::join!(futures_util::future::join_all(writing), turning);
    let linked: Linked = linked.into_iter().flatten().collect();
    assert_eq!(linked.len(), WRITERS * ACCOUNTS);
    assert_eq!(sealed_with(&app).await, BTreeSet::from([id(3)]));
    // With the third key alone everything opens.
    let only = vault(&[3]);
    let rows = credential::Entity::find().all(app.database.reader()).await;
    for row in rows.unwrap() {
        let open = |column, sealed| {
            let place = Place {
                table: "credential",
                row: row.identity_id.0.as_bytes(),
                column,
            };
            String::from_utf8(only.open(&place, sealed).unwrap().to_vec()).unwrap()
        };
        let expected = &linked[&row.identity_id.to_string()];
        let access = open("access_token_sealed", &row.access_token_sealed);
        assert_eq!(access, *expected);
        let refresh = row.refresh_token_sealed.as_ref().unwrap();
        let refresh = open("refresh_token_sealed", refresh);
        assert_eq!(refresh, format!("{expected}-refresh"));
    }
    let first: IdentityId = linked.keys().next().unwrap().parse().unwrap();
    let id = first.to_string();
    for server in servers {
        assert_eq!(token(read(server, &id).await), linked[&id]);
    }
}

/// Links each of its accounts again and again, and reads what it has linked.
async fn write_and_read(
    app: &App,
    provider: &str,
    user: &str,
    writer: usize,
    is_over: &AtomicBool,
) -> Linked {
    let mut linked = Linked::new();
    let mut round = 0;
    while !is_over.load(Ordering::Relaxed) {
        round += 1;
        for account in 0..ACCOUNTS {
            let account = format!("{writer}-{account}");
            let new = format!("canary-token-{account}-{round}");
            let id = identity(link(app, provider, user, &account, &new).await);
            assert_eq!(token(read(app, &id).await), new);
            linked.insert(id, new);
        }
    }
    linked
}

#[rstest]
#[tokio::test]
async fn a_rotation_shows_in_metrics_and_in_the_audit_log(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start_with(on, &[("LANYARD_MASTER_KEY", &keys(&[1, 2]))]).await;
    let unfinished = "lanyard_master_key_rotations_unfinished";
    until("nothing is being replaced", SOON, async || {
        metric(&app, unfinished).await == Some(json!(0))
    })
    .await;
    // What no key opens keeps the rotation from ending.
    let provider = app.provider("crm").await;
    let user = app.user("jane").await;
    identity(link(&app, &provider, &user, "1", "canary-token-1").await);
    app.execute("CREATE TABLE kept AS SELECT * FROM credential")
        .await;
    app.execute("UPDATE credential SET refresh_token_sealed = access_token_sealed")
        .await;
    rotate(&app, &[1, 2], 2).await;
    until("the damage is counted", SOON, async || {
        metric(&app, unfinished).await == Some(json!(1))
            && metric(&app, "lanyard_rewrap_rows_failed{table=\"credential\"}").await
                == Some(json!(1))
    })
    .await;
    assert!(status(&app).await.is_rotating());
    app.execute(
        "UPDATE credential SET refresh_token_sealed = (SELECT refresh_token_sealed FROM kept)",
    )
    .await;
    app.clock.advance(chrono::TimeDelta::minutes(61));
    until_rotated(&app).await;
    until("metrics say so", SOON, async || {
        metric(&app, unfinished).await == Some(json!(0))
    })
    .await;
    assert_eq!(sealed_with(&app).await, BTreeSet::from([id(2)]));
    app.all_sealed().await;
    let data = app
        .ask("{ auditEvents(filter: { actions: [\"master_key.rotated\", \"master_key.retired\"] }) { nodes { action before after actor { kind } } } }")
        .data()
        .await;
    assert_eq!(
        data["auditEvents"]["nodes"],
        json!([
            { "action": "master_key.rotated", "before": { "current": id(1) },
              "after": { "current": id(2) }, "actor": { "kind": "COMMAND_LINE" } },
            { "action": "master_key.retired", "before": null,
              "after": { "current": id(2), "retired": [id(1)] }, "actor": { "kind": "SERVER" } },
        ])
    );
}
