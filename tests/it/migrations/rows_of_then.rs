//! A database as the release before left it: its schema, and the statements that it wrote.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lanyard::clock::Clock;
use lanyard::demo::provider::{Handle, Issuer};
use sea_orm::DbBackend;

use super::{Empty, run};

/// What the release before wrote, in its own statements.
const ROWS: &str = include_str!("before_tenancy.sql");
/// Its migrations.
const GROUND: &str = "m20261122_000001_ground";
/// What it had written when it ended.
const WRITTEN: &str = "2026-11-22T10:48:48Z";
/// Where its people signed in; the provider of this test takes that place.
const PROVIDER_THEN: &str = "http://localhost:18981";

/// The release's own migration, and the note that it was applied.
pub async fn apply_ground(empty: &Empty) {
    let backend = empty.database.backend();
    let ground = migration::sql(GROUND, backend).unwrap();
    run(&empty.database, &ground).await;
    run(
        &empty.database,
        &format!(
            "CREATE TABLE seaql_migrations
                 (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);
             INSERT INTO seaql_migrations (version, applied_at) VALUES ('{GROUND}', 1795344524)"
        ),
    )
    .await;
}

/// Writes the rows with the statements of then, which name no column of now.
pub async fn write_rows(empty: &Empty, provider: &Handle) {
    let backend = empty.database.backend();
    let mut issuer = provider.issuer(Issuer::Acme);
    issuer.set_path("");
    let provider_now = issuer.as_str().trim_end_matches('/');
    let mut statements: Vec<String> = ROWS
        .split_inclusive(";\n")
        .map(|statement| {
            let table = statement
                .split("INSERT INTO ")
                .nth(1)
                .unwrap()
                .split(' ')
                .next();
            let statement = match table.unwrap() {
                "identity_provider" => statement.replace(PROVIDER_THEN, provider_now),
                // They end by themselves.
                "session" | "flow" | "idempotency_key" => moved_to_now(statement),
                _ => statement.to_owned(),
            };
            in_words_of(backend, &statement)
        })
        .collect();
    if backend == DbBackend::Postgres {
        // SQLite's goes on from the highest by itself.
        let go_on =
            "SELECT setval(pg_get_serial_sequence('event', 'number'), max(number)) FROM event";
        statements.push(go_on.to_owned());
    }
    run(&empty.database, &statements.concat()).await;
}

/// Every time in the statement as long ago as it was when the release ended.
fn moved_to_now(statement: &str) -> String {
    let written: DateTime<Utc> = WRITTEN.parse().unwrap();
    let since: TimeDelta = Clock::default().now() - written;
    let mut parts = statement.split("timestamptz '");
    let mut moved = parts.next().unwrap().to_owned();
    for part in parts {
        let (time, rest) = part.split_once('\'').unwrap();
        let time = time.parse::<DateTime<Utc>>().unwrap() + since;
        let time = time.to_rfc3339_opts(SecondsFormat::Micros, false);
        moved += &format!("timestamptz '{time}'{rest}");
    }
    moved
}

/// PostgreSQL's literals, or SQLite's.
pub fn in_words_of(backend: DbBackend, statement: &str) -> String {
    if backend == DbBackend::Postgres {
        return statement.to_owned();
    }
    let mut parts = statement.split("uuid '");
    let mut said = parts.next().unwrap().to_owned();
    for part in parts {
        let (uuid, rest) = part.split_once('\'').unwrap();
        said += &format!("X'{}'{rest}", uuid.replace('-', ""));
    }
    said.replace("bytea '\\x", "X'")
        .replace("timestamptz '", "'")
        .replace(" OVERRIDING SYSTEM VALUE", "")
}
