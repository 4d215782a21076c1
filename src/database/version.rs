//! Which database answers.

use std::fmt;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, DbBackend};

use super::Database;
use crate::error::Error;

/// The first PostgreSQL that Lanyard is made for.
const FIRST_POSTGRES: u32 = 15;

/// The database's own name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub backend: DbBackend,
    /// In its own words: `15.4 (Debian 15.4-1)`.
    pub version: String,
}

impl Version {
    /// Whether it is older than what Lanyard is made for. SQLite comes with Lanyard.
    pub fn is_too_old(&self) -> bool {
        let major = self.version.split(|c: char| !c.is_ascii_digit()).next();
        let major = major.and_then(|digits| digits.parse::<u32>().ok());
        self.backend == DbBackend::Postgres && major.is_some_and(|major| major < FIRST_POSTGRES)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.backend {
            DbBackend::Postgres => "PostgreSQL",
            _ => "SQLite",
        };
        let version = self.version.split(' ').next().unwrap_or_default();
        write!(f, "{name} {version}")
    }
}

impl Database {
    /// Asks the database which one it is.
    pub async fn version(&self) -> Result<Version, Error> {
        let backend = self.backend();
        let version = match backend {
            DbBackend::Postgres => "current_setting('server_version')",
            _ => "sqlite_version()",
        };
        let query = Query::select()
            .expr_as(Expr::cust(version), "version")
            .take();
        let row = self.reader().query_one(&query).await?;
        let version = row.map_or_else(|| Ok(String::new()), |row| row.try_get("", "version"))?;
        Ok(Version { backend, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_is_told_by_its_major_version() {
        let is_too_old = |version: &str| {
            let version = version.to_owned();
            let backend = DbBackend::Postgres;
            Version { backend, version }.is_too_old()
        };
        for old in ["14.12", "9.6.24", "14beta1", "14.2 (Debian 14.2-1)"] {
            assert!(is_too_old(old), "{old}");
        }
        for new in ["15.0", "17.5 (Debian 17.5-1)", "18beta1", "100", "devel"] {
            assert!(!is_too_old(new), "{new}");
        }
    }

    #[test]
    fn sqlite_is_as_old_as_lanyard() {
        let sqlite = Version {
            backend: DbBackend::Sqlite,
            version: "3.51.1".to_owned(),
        };
        assert!(!sqlite.is_too_old());
        assert_eq!(sqlite.to_string(), "SQLite 3.51.1");
    }
}
