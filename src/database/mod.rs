//! The two databases behind one face: connect, read, write. One file a table: the entity and
//! the queries that are safe to use on it. Only this folder names columns and SQL.

pub mod api_key;
pub mod auth_identity;
pub mod auth_provider;
mod bounded;
mod connect;
pub mod credential;
pub mod disconnect;
pub mod event;
pub mod flow;
pub mod idempotency_key;
pub mod identity;
pub mod identity_provider;
pub mod integration;
pub mod job_lease;
pub mod json;
mod lock;
pub mod master_key;
mod nested;
pub mod organization;
pub mod organization_integration;
pub mod organization_member;
pub mod page;
mod parts;
pub mod pending_link;
pub mod provider_health;
pub mod reach;
pub mod revocation;
pub mod rewrap;
mod sealed;
pub mod secret;
pub mod session;
pub mod status;
pub mod time;
pub mod user;
pub mod user_merge;
mod version;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::error::Error;
pub use connect::ConnectError;
pub use lock::Lock;
pub use sealed::Sealed;
pub use version::Version;

/// A transaction that may write. Everything inside it uses this, never the pool.
pub type Tx = DatabaseTransaction;

/// A log filter: what the library says of migrations at info, this program says itself.
pub const QUIET: &str = "sea_orm_migration=warn";

/// The longest that one statement may run.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often [`Database::write`] decides anew after it met another writer.
const WRITE_ATTEMPTS: u32 = 3;

/// A pool of readers, and what writes: on SQLite a single connection, on PostgreSQL the same
/// pool.
#[derive(Debug, Clone)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    /// Where a SQLite database is.
    file: Option<Arc<Path>>,
    statements: Arc<AtomicU64>,
}

impl Database {
    /// For statements that only read, each on its own.
    pub const fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// How many statements readers have run so far.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Runs `work` in one transaction: committed when it answers `Ok`, and else as if it had
    /// never run.
    ///
    /// A unique or foreign key that another writer broke under us, and a deadlock, are no
    /// faults: what was decided rested on rows that have changed, so it is decided again, three
    /// times at most.
    ///
    /// `work` gets a share of the transaction, and has to give it back: an async closure that
    /// borrowed it would not be `Send` wherever it is used.
    pub async fn write<T, F>(&self, work: impl Fn(Arc<Tx>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            match self.write_once(&work).await {
                Err(error) if attempt < WRITE_ATTEMPTS && met_another_writer(&error) => {
                    tracing::debug!(attempt, "another writer came first: deciding again");
                    attempt += 1;
                }
                Err(error) if met_another_writer(&error) => {
                    tracing::warn!(error = %error, "other writers came first, three times");
                    return Err(Error::Timeout);
                }
                result => return result,
            }
        }
    }

    async fn write_once<T, F>(&self, work: &impl Fn(Arc<Tx>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that begins"
        )]
        let transaction = self
            .writer
            .begin_with_options(TransactionOptions {
                // A deferred transaction that has read can't become a writer once another has
                // written (SQLITE_BUSY_SNAPSHOT): begin as a writer.
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            })
            .await?;
        let transaction = Arc::new(transaction);
        let result = work(Arc::clone(&transaction)).await;
        let Some(transaction) = Arc::into_inner(transaction) else {
            // Dropped with its last share, it is rolled back.
            return Err(Error::Internal(anyhow::anyhow!(
                "a transaction outlived its work"
            )));
        };
        match result {
            Ok(value) => {
                transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // What went wrong first is what is told. Where the database has rolled back by
                // itself, there is nothing to roll back: the pool looks at its connections.
                if let Err(also) = transaction.rollback().await {
                    tracing::warn!(error = %also, "a transaction was not rolled back in order");
                }
                Err(error)
            }
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if matches!(error, DbErr::ConnectionAcquire(_)) || was_interrupted(&error) {
            tracing::warn!(error = %error, "a statement or the wait for a connection took too long");
            return Self::Timeout;
        }
        Self::Internal(error.into())
    }
}

/// The database ended the statement at its deadline (PostgreSQL's `query_canceled`, SQLite's
/// `SQLITE_INTERRUPT`), or another process has held SQLite's lock for as long (`SQLITE_BUSY`,
/// `SQLITE_BUSY_SNAPSHOT`).
fn was_interrupted(error: &DbErr) -> bool {
    matches!(
        driver_code(error).as_deref(),
        Some("57014" | "9" | "5" | "517")
    )
}

fn met_another_writer(error: &Error) -> bool {
    let Error::Internal(cause) = error else {
        return false;
    };
    let Some(error) = cause.downcast_ref::<DbErr>() else {
        return false;
    };
    // 40001 serialization_failure, 40P01 deadlock_detected.
    error.sql_err().is_some() || matches!(driver_code(error).as_deref(), Some("40001" | "40P01"))
}

fn driver_code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}
