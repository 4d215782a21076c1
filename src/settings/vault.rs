//! What encrypts credentials.

use data_encoding::BASE64_NOPAD;
use secrecy::SecretBox;
use secrecy::zeroize::Zeroizing;

use super::{
    database::{Database, DatabaseUrl},
    problem::Check,
    setting::{Default, Setting},
    source::Source,
};

pub(super) const SETTINGS: &[&Setting] = &[&MASTER_KEY];

const MASTER_KEY: Setting = Setting {
    environment: "LANYARD_MASTER_KEY",
    key: Some("master_key"),
    default: Default::Rule("a key file in the data folder; required with PostgreSQL"),
    meaning: "The key that wraps all other keys: 32 bytes in base64, from `openssl rand -base64 32`.",
    secret: true,
};

const HOW_TO: &str = "make one with: openssl rand -base64 32";

/// What encrypts credentials.
#[derive(Debug)]
pub struct Vault {
    /// The key that wraps all others; with the embedded database it may be missing.
    pub master_key: Option<SecretBox<[u8; 32]>>,
}

impl Vault {
    pub(super) fn read(source: &mut Source, database: &Database) -> Self {
        source.warn_if_readable(&MASTER_KEY);
        let master_key = source.value(&MASTER_KEY, master_key);
        match database.url {
            DatabaseUrl::Sqlite(_) => {}
            DatabaseUrl::Postgres(_) => {
                source.needs(
                    &MASTER_KEY,
                    format!("is required with PostgreSQL; {HOW_TO}"),
                );
            }
        }
        Self { master_key }
    }
}

/// Takes the standard alphabet and the one for URLs, padded or not.
fn master_key(text: &str) -> Check<SecretBox<[u8; 32]>> {
    let standard = Zeroizing::new(text.replace('-', "+").replace('_', "/"));
    let bytes = BASE64_NOPAD
        .decode(standard.trim_end_matches('=').as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| format!("is not base64; {HOW_TO}"))?;
    let length = bytes.len();
    let mut wrong_length = false;
    let key = SecretBox::init_with_mut(|key: &mut [u8; 32]| match bytes.as_slice().try_into() {
        Ok(bytes) => *key = bytes,
        Err(_) => wrong_length = true,
    });
    if wrong_length {
        return Err(format!("is {length} bytes long, not 32; {HOW_TO}"));
    }
    Ok(key)
}
