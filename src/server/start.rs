//! What can stand in the way of a start, and the database that it begins with.

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use crate::database::{ConnectError, Database};
use crate::error::Error;
use crate::provider::catalog::CatalogError;
use crate::provider::egress::EgressStartError;
use crate::settings::{DatabaseUrl, Problem, Settings};
use crate::vault::KeyRingError;

/// Why the server does not start. Each says in one line what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{} can't be listened on: {cause}. Stop what uses it, or give another address by {setting}", .address)]
    Listen {
        address: SocketAddr,
        setting: &'static str,
        cause: std::io::Error,
    },
    #[error(
        "{path} can't be {what}: {cause}. Let this user do it, or give another folder by LANYARD_DATA_DIR"
    )]
    File {
        path: PathBuf,
        what: &'static str,
        cause: std::io::Error,
    },
    #[error(
        "{which} in {} is not 32 bytes in base64. Put the right one back; without it the stored secrets can't be read", .path.display()
    )]
    BadKeyFile { path: PathBuf, which: String },
    #[error("the master keys can't be read: {0}")]
    KeySource(Problem),
    #[error("there is no master key where the settings say that there are some")]
    NoKeys,
    #[error(
        "there is no master key: {0} is missing, while the database beside it is there. Put the file back, or give the key by LANYARD_MASTER_KEY; without it the stored secrets can't be read"
    )]
    LostKeyFile(PathBuf),
    #[error(
        "there is no database at {0}. `lanyard serve` and `lanyard migrate up` make one; check LANYARD_DATA_DIR and LANYARD_DATABASE_URL"
    )]
    NoDatabase(String),
    #[error(
        "the database {0} is older than this version: `lanyard migrate up` brings it up to date, and so does `lanyard serve` at its start"
    )]
    OldDatabase(String),
    #[error(transparent)]
    Database(#[from] ConnectError),
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    #[error("the catalogue of provider types is broken: {0}")]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Egress(#[from] EgressStartError),
    #[error("the database failed: {0}")]
    Statement(#[from] Error),
    #[error("a listener failed: {0}")]
    Listener(std::io::Error),
}

/// The database as messages may show it.
pub fn place(settings: &Settings) -> String {
    match &settings.database.url {
        DatabaseUrl::Sqlite(file) => format!("file {}", file.display()),
        postgres @ DatabaseUrl::Postgres(_) => postgres.to_string(),
    }
}

/// Opens the database that the settings name. A SQLite file is made where it is missing.
pub async fn open_database(settings: &Settings) -> Result<Database, StartError> {
    let pool = settings.database.pool;
    Ok(match &settings.database.url {
        DatabaseUrl::Sqlite(file) => {
            if let Some(folder) = file.parent() {
                make_folder(folder)?;
            }
            Box::pin(Database::open_sqlite(file, pool)).await?
        }
        DatabaseUrl::Postgres(url) => {
            Database::connect_postgres(url.expose_secret(), &place(settings), pool).await?
        }
    })
}

/// The same, with its schema up to date.
pub async fn migrated_database(settings: &Settings) -> Result<Database, StartError> {
    let database = open_database(settings).await?;
    migrate(settings, &database).await?;
    Ok(database)
}

/// Brings the schema up to date.
pub async fn migrate(settings: &Settings, database: &Database) -> Result<(), StartError> {
    for name in database.migrate(&place(settings)).await? {
        tracing::info!("the migration {name} was applied");
    }
    Ok(())
}

/// Whether a start before this one has made the tables.
///
/// # Errors
/// They are a newer version's.
pub async fn has_known_tables(
    settings: &Settings,
    database: &Database,
) -> Result<bool, StartError> {
    let place = place(settings);
    let status = database.migration_status(&place).await?;
    if status.unknown.is_empty() {
        return Ok(!status.applied.is_empty());
    }
    let unknown = status.unknown;
    Err(ConnectError::Newer { place, unknown }.into())
}

/// Opens the database that is there; makes none.
pub async fn existing_database(settings: &Settings) -> Result<Database, StartError> {
    if let DatabaseUrl::Sqlite(file) = &settings.database.url
        && !file.exists()
    {
        return Err(StartError::NoDatabase(place(settings)));
    }
    open_database(settings).await
}

/// The database as it is, for commands that must not change its schema: it has to be up to date.
pub async fn ready_database(settings: &Settings) -> Result<Database, StartError> {
    let database = existing_database(settings).await?;
    let status = database.migration_status(&place(settings)).await?;
    if !status.unknown.is_empty() {
        let (place, unknown) = (place(settings), status.unknown);
        return Err(ConnectError::Newer { place, unknown }.into());
    }
    if status.pending.is_empty() {
        return Ok(database);
    }
    Err(StartError::OldDatabase(place(settings)))
}

/// Makes the folder, for its owner alone.
pub fn make_folder(folder: &std::path::Path) -> Result<(), StartError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|cause| StartError::File {
        path: folder.to_owned(),
        what: "made",
        cause,
    })
}
