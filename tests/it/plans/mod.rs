//! Query plans with a million identities: no lookup reads more than it answers with.
//!
//! The functions of `lanyard::database` run on a connection that notes the statements that they
//! send; each is then explained, with its own values.

mod fill;
mod lookups;
mod postgres_plan;
mod recorder;
mod sqlite_plan;

use rstest::rstest;
use sea_orm::DbBackend;
use tempfile::TempDir;

use crate::support::app::Db;
use crate::support::postgres;
use lanyard::database::Database;
use recorder::Recorder;

#[rstest]
#[tokio::test]
async fn no_lookup_scans_a_table(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("lanyard.db");
    let url = match on {
        Db::Sqlite => {
            // Migrated as the server does it.
            let database = Database::open_sqlite(&file, 1).await.unwrap();
            database.migrate("here").await.unwrap();
            database.close().await;
            format!("sqlite:{}", file.display())
        }
        Db::Postgres => postgres::new_database().await,
    };
    let mut recorder = Recorder::connect(&url).await;
    let database = recorder.database();
    if on == Db::Sqlite {
        fill::run(database, "PRAGMA synchronous = off").await;
        fill::run(database, "PRAGMA temp_store = memory").await;
        fill::run(database, "PRAGMA cache_size = -200000").await;
    }
    fill::fill(database).await;
    // SQLite first without statistics: nobody makes them there by themselves.
    let mut wrong = match on {
        Db::Sqlite => explain_all(&mut recorder).await,
        Db::Postgres => Vec::new(),
    };
    fill::run(recorder.database(), "ANALYZE").await;
    wrong.extend(explain_all(&mut recorder).await);
    assert!(
        wrong.is_empty(),
        "{} bad plans:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

/// What is wrong with the plan of any statement of any lookup.
async fn explain_all(recorder: &mut Recorder) -> Vec<String> {
    let mut wrong = Vec::new();
    for lookup in lookups::all() {
        let statements = recorder.statements_of(&lookup).await;
        assert!(!statements.is_empty(), "{} sends nothing", lookup.name);
        for statement in statements {
            let database = recorder.database();
            let found = match statement.db_backend {
                DbBackend::Postgres => postgres_plan::faults(database, &lookup, &statement).await,
                _ => sqlite_plan::faults(database, &lookup, &statement).await,
            };
            wrong.extend(found.map(|fault| format!("{}: {fault}\n{statement}", lookup.name)));
        }
    }
    wrong
}
