//! What is stored, looked through when a test is done with it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, DbErr, Statement};
use tokio::runtime::Runtime;

use super::{expression, marked};

/// More is read of no file: a few tests store very much, and none of it is a token.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// More is read of no table.
const MOST_ROWS: u32 = 10_000;
/// Nobody holds a table for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of its own: a test's may be about to end, or be blocked by who asks.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("marks")
        .enable_all()
        .build()
        .unwrap()
});

/// The surroundings of a token that stands in clear in the database of that URL, if there is one:
/// in SQLite's files, which keep much of what is gone, or in a row.
pub fn in_database(url: &str) -> Option<String> {
    match url.strip_prefix("sqlite:") {
        Some(file) => in_files(Path::new(file)),
        None => in_postgres(url),
    }
}

/// The same for all databases of SQLite's in a folder.
pub fn in_folder(folder: &Path) -> Option<String> {
    let mut found = Vec::new();
    collect(folder, &mut found);
    found.iter().find_map(|file| in_file(file))
}

/// A database file and what SQLite keeps beside it.
fn in_files(database: &Path) -> Option<String> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
    ["", "-wal", "-shm", "-journal"]
        .iter()
        .find_map(|suffix| in_file(&beside(suffix)))
}

fn in_file(path: &Path) -> Option<String> {
    // Not there: never made, or gone.
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    let found = marked(&bytes)?;
    Some(format!("{}: {found}", path.display()))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            collect(&path, found);
        } else if name.to_string_lossy().contains(".db") {
            found.push(path);
        }
    }
}

fn in_postgres(url: &str) -> Option<String> {
    let (answer, answered) = mpsc::channel();
    let url = url.to_owned();
    RUNTIME.spawn(async move { answer.send(in_rows(&url).await) });
    let looked = answered.recv_timeout(PATIENCE);
    match looked.expect("a database is looked through in no time") {
        Ok(found) => found,
        // A test has taken it away.
        Err(error) if error.to_string().contains("does not exist") => None,
        Err(error) => panic!("the database could not be looked through: {error}"),
    }
}

async fn in_rows(url: &str) -> Result<Option<String>, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await?;
    let found = look(&database).await;
    database.close().await?;
    found
}

async fn look(database: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let texts = async |sql: String| -> Result<Vec<String>, DbErr> {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let rows = database.query_all_raw(statement).await?;
        rows.iter().map(|row| row.try_get("", "found")).collect()
    };
    let tables = "SELECT relname::text AS found FROM pg_class
                  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let expression = expression();
    // Bytes are shown in hexadecimal.
    let selects = texts(tables.to_owned()).await?.into_iter().map(|table| {
        format!(
            "(SELECT '{table}: ' || r::text AS found FROM (SELECT * FROM \"{table}\" LIMIT {MOST_ROWS}) r
              WHERE r::text ~ '{expression}' LIMIT 1)"
        )
    });
    let all = selects.collect::<Vec<_>>().join(" UNION ALL ");
    if all.is_empty() {
        return Ok(None);
    }
    Ok(texts(all).await?.into_iter().next())
}
