//! Lanyard's database schema, for SQLite and PostgreSQL alike.
//!
//! A migration is one SQL file, never edited after release: expand first, contract in a later
//! release, so that the version before still runs on the new schema. The SQL is written once;
//! where the two databases name a type differently it says `{uuid}`, `{text}` and so on, and
//! `in_dialect` puts in what each of them calls it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    DatabaseConnection, DbBackend, EntityTrait, QueryOrder, QuerySelect, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::seaql_migrations;

/// The migrations in their order: name and SQL.
const MIGRATIONS: &[(&str, &str)] = &[
    (
        "m20261122_000001_ground",
        include_str!("m20261122_000001_ground.sql"),
    ),
    (
        "m20261122_000002_tenancy",
        include_str!("m20261122_000002_tenancy.sql"),
    ),
    (
        "m20261122_000003_flows",
        include_str!("m20261122_000003_flows.sql"),
    ),
    (
        "m20261122_000004_vault",
        include_str!("m20261122_000004_vault.sql"),
    ),
];

/// Serializes migrations between processes: an arbitrary number that nothing else locks.
const ADVISORY_LOCK: i64 = 0x006c_616e_7961_7264;

/// Where a database stands against this server's migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Applied here, in order.
    pub applied: Vec<String>,
    /// Known to this server and not applied yet, in order.
    pub pending: Vec<String>,
    /// Applied here and unknown to this server: the database is newer.
    pub unknown: Vec<String>,
}

/// Says which migrations are applied, pending and unknown. Writes nothing.
pub async fn status<'c>(
    connection: impl IntoSchemaManagerConnection<'c> + Copy,
) -> Result<Status, DbErr> {
    let applied = applied(connection).await?;
    let known = |name: &String| MIGRATIONS.iter().any(|(known, _)| known == name);
    let pending = MIGRATIONS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .filter(|name| !applied.contains(name))
        .collect();
    let (applied, unknown) = applied.into_iter().partition(known);
    Ok(Status {
        applied,
        pending,
        unknown,
    })
}

/// A migration's SQL, as a database of this kind gets it; `None` where there is none of that name.
/// Runs nothing: for whoever wants to read it, and for tests that begin with an older release.
pub fn sql(name: &str, backend: DbBackend) -> Option<String> {
    MIGRATIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, sql)| in_dialect(sql, backend))
}

/// Applies what is pending, all of it or nothing, and returns the names applied. Processes that
/// start together wait for each other.
///
/// A newer database (see [`Status::unknown`]) is left alone: the result is empty.
pub async fn up(database: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    #[expect(
        clippy::disallowed_methods,
        reason = "migrations run before there is a `Database`, under a lock of their own"
    )]
    let transaction = database
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await?;
    if database.get_database_backend() == DbBackend::Postgres {
        // Both end with the transaction: a pooler in transaction mode may stand in between.
        transaction
            .execute_unprepared(&format!(
                "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"
            ))
            .await?;
    }
    let before = status(&transaction).await?;
    if before.pending.is_empty() || !before.unknown.is_empty() {
        return transaction.rollback().await.map(|()| Vec::new());
    }
    Migrator::up(&transaction, None).await?;
    transaction.commit().await?;
    Ok(before.pending)
}

async fn applied<'c>(
    connection: impl IntoSchemaManagerConnection<'c> + Copy,
) -> Result<Vec<String>, DbErr> {
    if !SchemaManager::new(connection)
        .has_table("seaql_migrations")
        .await?
    {
        return Ok(Vec::new());
    }
    seaql_migrations::Entity::find()
        .select_only()
        .column(seaql_migrations::Column::Version)
        .order_by_asc(seaql_migrations::Column::Version)
        .into_tuple()
        .all(&connection.into_database_executor())
        .await
}

#[derive(Debug)]
struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        MIGRATIONS
            .iter()
            .map(|&(name, sql)| Box::new(SqlFile { name, sql }) as Box<dyn MigrationTrait>)
            .collect()
    }
}

struct SqlFile {
    name: &'static str,
    sql: &'static str,
}

impl MigrationName for SqlFile {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SqlFile {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = in_dialect(self.sql, manager.get_database_backend());
        manager
            .get_connection()
            .execute_unprepared(&sql)
            .await
            .map(|_| ())
    }

    /// [`up`] has one transaction around all that is pending.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// Text that is ordered, unique or compared goes by its bytes on both databases: SQLite does so
/// by itself, PostgreSQL under the collation `C`.
fn in_dialect(sql: &str, backend: DbBackend) -> String {
    let names = match backend {
        DbBackend::Postgres => [
            ("{uuid}", "uuid"),
            ("{text}", "text COLLATE \"C\""),
            ("{time}", "timestamptz"),
            ("{bytes}", "bytea"),
            (
                "{serial_key}",
                "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            ),
        ],
        _ => [
            ("{uuid}", "uuid_blob"),
            ("{text}", "text"),
            ("{time}", "timestamp_text"),
            ("{bytes}", "blob"),
            ("{serial_key}", "integer PRIMARY KEY AUTOINCREMENT"),
        ],
    };
    names
        .into_iter()
        .fold(sql.to_owned(), |sql, (name, native)| {
            sql.replace(name, native)
        })
}
