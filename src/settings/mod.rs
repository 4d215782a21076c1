//! Settings, read once at start: the environment, over `lanyard.toml`, over the defaults.
//!
//! One file a section (`general`, `http`, `database`, `vault`, `providers`, `egress`, `log`); each of its
//! settings is a `Setting` with its names, default and meaning, a place in the section's `SETTINGS`,
//! and a check in the section's `read`. All that is wrong is told at once. Starts and connects
//! nothing, and never looks at the process's own environment.

mod database;
mod egress;
mod file;
mod general;
mod given;
mod http;
mod log;
mod problem;
mod providers;
mod setting;
mod source;
mod unknown;
mod vault;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use secrecy::SecretString;

pub use self::{
    database::{Database, DatabaseUrl},
    egress::{CaFile, Egress, EgressRule},
    http::{Http, Origin},
    log::{Log, LogFormat},
    problem::{Problem, Problems},
    providers::TypeFile,
    setting::{Default, Setting},
    source::Source,
    vault::{BadKey, KeyBytes, MasterKeys, Vault, master_keys},
};

/// Every setting, section by section, in the order in which they are told.
const SECTIONS: [&[&Setting]; 7] = [
    general::SETTINGS,
    http::SETTINGS,
    database::SETTINGS,
    vault::SETTINGS,
    providers::SETTINGS,
    egress::SETTINGS,
    log::SETTINGS,
];

/// What this process was told to be.
#[derive(Debug)]
pub struct Settings {
    /// The folder of the embedded database and of a key file that was made up.
    pub data_dir: PathBuf,
    /// An admin key of the operator's choosing, taken on while the database has none.
    pub bootstrap_api_key: Option<SecretString>,
    /// Addresses: our own, and those that we believe.
    pub http: Http,
    /// Where rows are kept.
    pub database: Database,
    /// What encrypts credentials.
    pub vault: Vault,
    /// The operator's own provider types.
    pub provider_types: Vec<TypeFile>,
    /// What requests to the outside may reach.
    pub egress: Egress,
    /// What is logged, and how.
    pub log: Log,
    /// What works, but should be put right; one sentence each, to be logged.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads the environment and `lanyard.toml`: `config`, else `LANYARD_CONFIG`, else the one in
    /// the working folder, if there is one.
    pub fn read(
        environment: impl IntoIterator<Item = (String, String)>,
        config: Option<&Path>,
    ) -> Result<Self, Problems> {
        Self::from_source(Source::new(environment, config, Path::new("")))
    }

    /// Reads and checks every setting of `source`.
    pub fn from_source(mut source: Source) -> Result<Self, Problems> {
        source.refuse_unknown_names();
        let data_dir = general::data_dir(&mut source);
        let bootstrap_api_key = general::bootstrap_api_key(&mut source);
        let http = Http::read(&mut source);
        let database = Database::read(&mut source, &data_dir);
        let vault = Vault::read(&mut source, &database);
        let provider_types = providers::types(&mut source);
        let egress = Egress::read(&mut source);
        let log = Log::read(&mut source);
        let warnings = source.finish()?;
        Ok(Self {
            data_dir,
            bootstrap_api_key,
            http,
            database,
            vault,
            provider_types,
            egress,
            log,
            warnings,
        })
    }

    /// All settings, for the README's table, `--help` and `config check`.
    pub fn describe() -> impl Iterator<Item = &'static Setting> {
        SECTIONS.into_iter().flatten().copied()
    }
}
