//! Where rows are kept.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    problem::Check,
    setting::{Default, Setting},
    source::Source,
};

pub(super) const SETTINGS: &[&Setting] = &[&DATABASE_URL, &DATABASE_POOL];

const DATABASE_URL: Setting = Setting {
    environment: "LANYARD_DATABASE_URL",
    key: Some("database_url"),
    default: Default::Rule("the SQLite file lanyard.db in the data folder"),
    meaning: "The database: `sqlite:path` or `postgres://user:password@host/name`.",
    secret: true,
};

const DATABASE_POOL: Setting = Setting {
    environment: "LANYARD_DATABASE_POOL",
    key: Some("database_pool"),
    default: Default::Value("8"),
    meaning: "The most connections to the database that are open at once.",
    secret: false,
};

/// The parameters that sqlx knows. It logs any other one with its value, which may be a password.
const PARAMETERS: [&str; 18] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "application_name",
    "options",
];

/// Where rows are kept.
#[derive(Debug)]
pub struct Database {
    /// Which database.
    pub url: DatabaseUrl,
    /// The most connections at once; at least one.
    pub pool: u32,
}

/// A database of either kind. Shows itself without its password.
#[derive(Debug)]
pub enum DatabaseUrl {
    /// The embedded database, in this file.
    Sqlite(PathBuf),
    /// A server, by a URL with a host or socket and a database's name.
    Postgres(SecretString),
}

impl Database {
    pub(super) fn read(source: &mut Source, data_dir: &Path) -> Self {
        let folder = source.folder();
        let given = source.value(&DATABASE_URL, |text| database_url(text, &folder));
        if given.as_ref().is_some_and(DatabaseUrl::holds_password) {
            source.warn_if_readable(&DATABASE_URL);
        }
        let url = given.unwrap_or_else(|| DatabaseUrl::Sqlite(data_dir.join("lanyard.db")));
        let pool = source.value_or_default(&DATABASE_POOL, |text| match text.parse() {
            Ok(number @ 1..=1000) => Ok(number),
            _ => Err("is not a number from 1 to 1000".to_owned()),
        });
        Self { url, pool }
    }
}

impl DatabaseUrl {
    fn holds_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(url) => Url::parse(url.expose_secret()).is_ok_and(|url| {
                url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password")
            }),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => match without_password(url.expose_secret()) {
                Some(url) => write!(formatter, "{url}"),
                None => formatter.write_str("postgres://***"),
            },
        }
    }
}

fn without_password(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    if url.password().is_some() {
        url.set_password(Some("***")).ok()?;
    }
    if url.query().is_some() {
        let shown: Vec<_> = url
            .query_pairs()
            .map(|(key, value)| match &*key {
                "password" => (key, "***".into()),
                _ => (key, value),
            })
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    Some(url)
}

fn database_url(text: &str, folder: &Path) -> Check<DatabaseUrl> {
    match text.split_once(':') {
        Some(("sqlite", rest)) => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            sqlite_path(path, folder).map(DatabaseUrl::Sqlite)
        }
        Some(("postgres" | "postgresql", _)) => {
            check_postgres(text).map(|()| DatabaseUrl::Postgres(text.into()))
        }
        _ => Err("must begin with sqlite: or postgres://".to_owned()),
    }
}

fn sqlite_path(path: &str, folder: &Path) -> Check<PathBuf> {
    if path == ":memory:" {
        return Err(
            "is a database in memory; it must be a file, which the write-ahead log and \
                    readers beside the writer need"
                .to_owned(),
        );
    }
    if path.contains('?') {
        return Err("has options after a ?; give the path alone".to_owned());
    }
    let full = folder.join(path);
    if path.is_empty() || path.ends_with('/') || full.is_dir() {
        return Err("does not name a file; give one like sqlite:lanyard.db".to_owned());
    }
    Ok(full)
}

fn check_postgres(text: &str) -> Check<()> {
    let example = "postgres://user:password@host/name";
    let url = Url::parse(text).map_err(|_| {
        format!("is not a URL like {example}; in a password, write / ? # @ : % as %2F %3F %23 %40 %3A %25")
    })?;
    if url.fragment().is_some() {
        return Err("has a #; in a password, write it as %23".to_owned());
    }
    if url
        .query_pairs()
        .any(|(key, _)| !PARAMETERS.contains(&&*key))
    {
        // Unnamed, because a ? in a password makes its rest look like one.
        let known = PARAMETERS.join(", ");
        return Err(format!(
            "has a parameter after the ? that is none of {known}"
        ));
    }
    let has = |names: &[&str]| {
        url.query_pairs()
            .any(|(key, value)| names.contains(&&*key) && !value.is_empty())
    };
    if url.host_str().is_none_or(str::is_empty) && !has(&["host", "hostaddr"]) {
        return Err(format!(
            "has no host and no socket; give one like {example}"
        ));
    }
    if url.path().trim_matches('/').is_empty() && !has(&["dbname"]) {
        return Err(format!("has no database's name; give one like {example}"));
    }
    Ok(())
}
