//! Connecting, so that both databases behave alike: who writes, how long a statement may take,
//! what is checked before the first use.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, DatabaseConnection, DbErr};
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::{Database, STATEMENT_TIMEOUT};

/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a SQLite file may take to be opened for the first time.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Before the next try to open a file that another process is making.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// How long a migration waits for another process to be done with its own.
const MIGRATION_BUSY_TIMEOUT: Duration = Duration::from_mins(5);

/// SQLite asks whether to go on every so many of its virtual machine's instructions.
const INSTRUCTIONS_BETWEEN_DEADLINE_CHECKS: i32 = 10_000;

/// Why there is no usable database. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "the database {place} can't be reached: {cause}. Check LANYARD_DATABASE_URL, and that the database runs and lets this server in"
    )]
    Unreachable { place: String, cause: String },
    #[error(
        "the database {place} can't be opened: {cause}. Check LANYARD_DATABASE_URL and LANYARD_DATA_DIR, and that the file is a SQLite database that this user may write, in a folder that this user may write"
    )]
    Unopened { place: String, cause: String },
    #[error("the database {place} is newer than this server: it has the migrations {}, which this version doesn't know. Run the version that made them, or a later one", .unknown.join(", "))]
    Newer { place: String, unknown: Vec<String> },
    #[error(
        "the database {place} can't be migrated: {cause}. Nothing was changed; the database must be Lanyard's own, and its user allowed to make tables"
    )]
    Migration { place: String, cause: String },
}

impl Database {
    /// Opens the SQLite database in the file, which is made where it is missing.
    pub async fn open_sqlite(file: &Path, readers: u32) -> Result<Self, ConnectError> {
        let place = format!("file {}", file.display());
        let unopened = |cause: DbErr| ConnectError::Unopened {
            place: place.clone(),
            cause: short(&cause),
        };
        make_for_owner(file).map_err(|cause| ConnectError::Unopened {
            place: place.clone(),
            cause: cause.to_string(),
        })?;
        let first =
            Box::pin(first_connection(file))
                .await
                .map_err(|cause| ConnectError::Unopened {
                    place: place.clone(),
                    cause: in_short(&cause),
                })?;
        let writer = sqlite_pool(file, Role::Writer).await.map_err(unopened)?;
        let reader = Box::pin(sqlite_pool(file, Role::Readers(readers)))
            .await
            .map_err(unopened)?;
        drop(first);
        Ok(Self::counting(reader, writer, Some(file.into())))
    }

    /// Connects to PostgreSQL with at most `connections`. `place` is the URL as it may be shown,
    /// without a password.
    pub async fn connect_postgres(
        url: &str,
        place: &str,
        connections: u32,
    ) -> Result<Self, ConnectError> {
        let driver: PgConnectOptions = url.parse().map_err(|cause| ConnectError::Unreachable {
            place: place.to_owned(),
            cause: in_short(&cause),
        })?;
        let driver =
            sqlx::ConnectOptions::disable_statement_logging(driver.application_name("lanyard"));
        // sea-orm writes this URL into the log, at trace: ours, with its password, comes in by the
        // driver's options.
        let mut options = ConnectOptions::new("postgres://localhost");
        options
            .map_sqlx_postgres_opts(move |_| driver.clone())
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_timeout(ACQUIRE_TIMEOUT)
            .sqlx_logging(false)
            .map_sqlx_postgres_pool_opts(|options| {
                options.after_connect(|connection, _| {
                    Box::pin(async move {
                        // Not a start-up parameter: poolers refuse those they don't know.
                        let set =
                            format!("SET statement_timeout = {}", STATEMENT_TIMEOUT.as_millis());
                        sqlx::Executor::execute(connection, sqlx::AssertSqlSafe(set))
                            .await
                            .map(|_| ())
                    })
                })
            });
        match Box::pin(sea_orm::Database::connect(options)).await {
            Ok(pool) => Ok(Self::counting(pool.clone(), pool, None)),
            Err(error) => Err(ConnectError::Unreachable {
                place: place.to_owned(),
                cause: match why_refused(url).await {
                    Some(cause) => in_short(&cause),
                    None => short(&error),
                },
            }),
        }
    }

    /// Brings the schema up to date, or refuses a database that is newer than this server.
    pub async fn migrate(&self, place: &str) -> Result<Vec<String>, ConnectError> {
        let failed = |cause| ConnectError::Migration {
            place: place.to_owned(),
            cause: short(&cause),
        };
        let status = self.migration_status(place).await?;
        if !status.unknown.is_empty() {
            return Err(ConnectError::Newer {
                place: place.to_owned(),
                unknown: status.unknown,
            });
        }
        if status.pending.is_empty() {
            return Ok(Vec::new());
        }
        let Some(file) = &self.file else {
            return migration::up(&self.writer).await.map_err(failed);
        };
        // An index over a large table takes longer than a statement may.
        let connection = Box::pin(sqlite_pool(file, Role::Migrator))
            .await
            .map_err(failed)?;
        let applied = migration::up(&connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(applied)
    }

    /// What is applied, pending and unknown.
    pub async fn migration_status(&self, place: &str) -> Result<migration::Status, ConnectError> {
        migration::status(&self.writer)
            .await
            .map_err(|cause| ConnectError::Migration {
                place: place.to_owned(),
                cause: short(&cause),
            })
    }

    /// Closes all connections, and waits until they are closed.
    pub async fn close(self) {
        for pool in [self.reader, self.writer] {
            if let Err(error) = pool.close().await {
                tracing::warn!(error = %error, "a connection did not close in order");
            }
        }
    }

    fn counting(
        mut reader: DatabaseConnection,
        writer: DatabaseConnection,
        file: Option<Arc<Path>>,
    ) -> Self {
        let statements = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&statements);
        reader.set_metric_callback(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        Self {
            reader,
            writer,
            file,
            statements,
        }
    }
}

#[derive(Clone, Copy)]
enum Role {
    Writer,
    Readers(u32),
    /// Writes, and takes its time.
    Migrator,
}

/// Makes the file where it is missing, for its owner alone; SQLite gives the files beside it the
/// same mode.
fn make_for_owner(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

async fn sqlite_pool(file: &Path, role: Role) -> Result<DatabaseConnection, DbErr> {
    // sea-orm wants a URL; the file's name comes in by the options, whatever it contains.
    let mut options = ConnectOptions::new("sqlite::memory:");
    let file = file.to_owned();
    options
        .max_connections(match role {
            Role::Writer | Role::Migrator => 1,
            Role::Readers(count) => count,
        })
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |_| sqlite_options(&file, role));
    if matches!(role, Role::Writer | Role::Readers(_)) {
        with_deadline(&mut options);
    }
    Box::pin(sea_orm::Database::connect(options)).await
}

/// Opens the file once before the pools do. A new file gets its journal here, which waits for the
/// disk: a busy one takes longer than a pool would wait for a connection.
async fn first_connection(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = sqlite_options(file, Role::Writer);
    let options = sqlx::ConnectOptions::disable_statement_logging(options);
    let opening = async {
        loop {
            match sqlx::ConnectOptions::connect(&options).await {
                Err(sqlx::Error::Database(error)) if is_busy(&*error) => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                opened => return opened,
            }
        }
    };
    tokio::time::timeout(OPEN_TIMEOUT, opening)
        .await
        .map_err(|_| sqlx::Error::PoolTimedOut)?
}

/// Another process is giving the same new file its journal. SQLite says so at once: for a change
/// of the journal it asks no busy handler.
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

fn with_deadline(options: &mut ConnectOptions) {
    options
        .map_sqlx_sqlite_pool_opts(|options| {
            options.after_connect(|connection, _| Box::pin(arm_deadline(connection)))
        })
        .map_sqlx_sqlite_before_acquire(|connection, _| {
            Box::pin(async move {
                arm_deadline(connection).await?;
                // SQLite rolls back by itself when it is interrupted or its disk is full. The
                // driver then believes itself in a transaction still, and would never commit
                // again: such a connection goes.
                Ok(!connection.is_in_transaction())
            })
        });
}

fn sqlite_options(file: &Path, role: Role) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(matches!(role, Role::Writer))
        .busy_timeout(STATEMENT_TIMEOUT)
        .foreign_keys(true)
        .pragma("secure_delete", "on");
    match role {
        Role::Writer => options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal),
        Role::Readers(_) => options.pragma("query_only", "on"),
        Role::Migrator => options.busy_timeout(MIGRATION_BUSY_TIMEOUT),
    }
}

/// A connection is taken for one statement or one transaction: from then on it has this long.
async fn arm_deadline(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + STATEMENT_TIMEOUT;
    connection
        .lock_handle()
        .await?
        .set_progress_handler(INSTRUCTIONS_BETWEEN_DEADLINE_CHECKS, move || {
            Instant::now() < deadline
        });
    Ok(())
}

/// A pool tries until its time is over, and says no more than that: the cause comes from one try
/// without it.
async fn why_refused(url: &str) -> Option<sqlx::Error> {
    let options: PgConnectOptions = url.parse().ok()?;
    let attempt = Box::pin(sqlx::ConnectOptions::connect(&options));
    tokio::time::timeout(ACQUIRE_TIMEOUT, attempt)
        .await
        .ok()?
        .err()
}

/// The driver's own words, without sea-orm's wrapping.
fn short(error: &DbErr) -> String {
    match error {
        DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => match cause {
            sea_orm::RuntimeErr::SqlxError(cause) => in_short(cause),
            sea_orm::RuntimeErr::Internal(cause) => cause.clone(),
        },
        other => other.to_string(),
    }
}

/// What the database or the system said, without the driver's preface.
fn in_short(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(cause) => cause.message().to_owned(),
        sqlx::Error::Io(cause) => cause.to_string(),
        other => other.to_string(),
    }
}
