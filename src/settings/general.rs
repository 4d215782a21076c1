//! What belongs to no part alone: the file itself, the data folder, the first key.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{
    problem::Check,
    setting::{Default, Setting},
    source::Source,
};

pub(super) const SETTINGS: &[&Setting] = &[&CONFIG, &DATA_DIR, &BOOTSTRAP_API_KEY];

pub(super) const CONFIG: Setting = Setting {
    environment: "LANYARD_CONFIG",
    key: None,
    default: Default::Rule("lanyard.toml in the working folder, if it exists"),
    meaning: "The file that settings are read from; `--config` goes before it.",
    secret: false,
};

const DEFAULT_DATA_DIR: &str = "./lanyard-data";

const DATA_DIR: Setting = Setting {
    environment: "LANYARD_DATA_DIR",
    key: Some("data_dir"),
    default: Default::Value(DEFAULT_DATA_DIR),
    meaning: "The folder of the embedded database and of a master key that was made up for it.",
    secret: false,
};

const BOOTSTRAP_API_KEY: Setting = Setting {
    environment: "LANYARD_BOOTSTRAP_API_KEY",
    key: Some("bootstrap_api_key"),
    default: Default::None,
    meaning: "An admin API key of your choosing (`lyd_` and more, 32 characters at least in all), \
              taken on while the database has none.",
    secret: true,
};

/// The fewest characters that an API key may have.
const SHORTEST_API_KEY: usize = 32;

pub(super) fn data_dir(source: &mut Source) -> PathBuf {
    let folder = source.folder();
    let wrong = "is not a folder";
    let given = source.value(&DATA_DIR, |text| {
        let path = folder.join(text);
        if is_taken(&path) {
            Err(wrong.to_owned())
        } else {
            Ok(path)
        }
    });
    given.unwrap_or_else(|| {
        let path = folder.join(DEFAULT_DATA_DIR);
        if is_taken(&path) {
            source.needs(
                &DATA_DIR,
                format!("{DEFAULT_DATA_DIR:?} {wrong}; give another"),
            );
        }
        path
    })
}

fn is_taken(path: &Path) -> bool {
    path.exists() && !path.is_dir()
}

pub(super) fn bootstrap_api_key(source: &mut Source) -> Option<SecretString> {
    source.warn_if_readable(&BOOTSTRAP_API_KEY);
    source.value(&BOOTSTRAP_API_KEY, api_key)
}

fn api_key(text: &str) -> Check<SecretString> {
    let Some(rest) = text.strip_prefix("lyd_") else {
        return Err("does not begin with lyd_".to_owned());
    };
    if !rest
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    {
        return Err("has characters other than A-Z, a-z, 0-9, _ and -".to_owned());
    }
    if text.len() < SHORTEST_API_KEY {
        let length = text.len();
        return Err(format!(
            "is {length} characters long; it must have {SHORTEST_API_KEY} or more, lyd_ included"
        ));
    }
    Ok(text.into())
}
