//! What encrypts credentials.

mod keys;

use super::{
    database::{Database, DatabaseUrl},
    setting::{Default, Setting},
    source::Source,
};
pub(super) use keys::is_keys;
pub use keys::{BadKey, KeyBytes, MasterKeys, master_keys};

pub(super) const SETTINGS: &[&Setting] = &[&MASTER_KEY, &MASTER_KEY_DIR];

const MASTER_KEY: Setting = Setting {
    environment: "LANYARD_MASTER_KEY",
    key: Some("master_key"),
    default: Default::Rule("a key file in the data folder; required with PostgreSQL"),
    meaning: "The key that wraps all other keys: 32 bytes in base64, from `openssl rand -base64 \
              32`. While one replaces another there are several, separated by commas, spaces or \
              lines; a new database takes the first. `docs/keys.md` says how they take turns.",
    secret: true,
};

const MASTER_KEY_DIR: Setting = Setting {
    environment: "LANYARD_MASTER_KEY_DIR",
    key: Some("master_key_dir"),
    default: Default::None,
    meaning: "A folder of such keys, one file each, beside or in place of `LANYARD_MASTER_KEY`. A \
              key that is added while the server runs is found when it is needed; names that \
              begin with a dot are skipped.",
    secret: false,
};

/// What encrypts credentials.
#[derive(Debug)]
pub struct Vault {
    /// The keys that wrap all others; with the embedded database there may be none here.
    pub master_keys: MasterKeys,
}

impl Vault {
    pub(super) fn read(source: &mut Source, database: &Database) -> Self {
        source.warn_if_readable(&MASTER_KEY);
        let mut given = MasterKeys::default();
        let file = source.secret_file(&MASTER_KEY);
        if let Some(keys) = source.value(&MASTER_KEY, keys::given) {
            match file {
                Some(path) => given.file(path),
                None => given.text(keys),
            }
        }
        let folder = source.folder();
        let path = source.value(&MASTER_KEY_DIR, |text| {
            let path = folder.join(text);
            keys::of_folder(&path).map(|_| path)
        });
        if let Some(path) = path {
            given.folder(path);
        }
        match database.url {
            DatabaseUrl::Sqlite(_) => {}
            DatabaseUrl::Postgres(_) if source.is_given(&MASTER_KEY_DIR) => {}
            DatabaseUrl::Postgres(_) => {
                source.needs(
                    &MASTER_KEY,
                    format!("is required with PostgreSQL; {}", keys::HOW_TO),
                );
            }
        }
        Self { master_keys: given }
    }
}
