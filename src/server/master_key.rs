//! The master key: the operator's, or for the embedded database a file beside it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::start::{StartError, make_folder};
use crate::clock::Clock;
use crate::settings::Settings;
use crate::vault::MasterKey;

/// The file's name in the data folder.
const FILE: &str = "master.key";

/// The key that the settings give; for the embedded database else the one in the data folder,
/// which is made up at the first start. (With PostgreSQL the settings have been refused without
/// one: a key made up here would be known to one process only.)
///
/// # Errors
/// The file is no key, can't be read, or is missing although the database has been used.
pub fn find(
    settings: &Settings,
    clock: &Clock,
    database_is_used: bool,
) -> Result<MasterKey, StartError> {
    if let Some(key) = existing(settings, database_is_used)? {
        return Ok(key);
    }
    make_folder(&settings.data_dir)?;
    make(&file(settings), clock)
}

/// The key that is there: the settings', or the one in the data folder. None is made up.
///
/// # Errors
/// The file is no key, can't be read, or is missing although the database has been used.
pub fn existing(
    settings: &Settings,
    database_is_used: bool,
) -> Result<Option<MasterKey>, StartError> {
    if let Some(key) = &settings.vault.master_key {
        return Ok(Some(MasterKey::new(*key.expose_secret())));
    }
    let path = file(settings);
    match std::fs::read_to_string(&path) {
        Ok(text) => read(&path, &Zeroizing::new(text)).map(Some),
        Err(cause) if cause.kind() == ErrorKind::NotFound && database_is_used => {
            Err(StartError::LostKeyFile(path))
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(StartError::File {
            path,
            what: "read",
            cause,
        }),
    }
}

fn file(settings: &Settings) -> PathBuf {
    settings.data_dir.join(FILE)
}

fn read(path: &Path, text: &str) -> Result<MasterKey, StartError> {
    let bytes = BASE64
        .decode(text.trim().as_bytes())
        .map(Zeroizing::new)
        .ok();
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(MasterKey::new)
        .ok_or_else(|| StartError::BadKeyFile(path.to_owned()))
}

/// Written beside its place and then linked into it: of processes that start together one makes
/// the key, and nobody reads half of it.
fn make(path: &Path, clock: &Clock) -> Result<MasterKey, StartError> {
    let failed = |cause| StartError::File {
        path: path.to_owned(),
        what: "written",
        cause,
    };
    let key = Zeroizing::new(clock.random::<32>());
    let text = Zeroizing::new(BASE64.encode(&key[..]) + "\n");
    let beside = path.with_extension(HEXLOWER.encode(&clock.random::<8>()));
    let linked = write(&beside, &text).and_then(|()| std::fs::hard_link(&beside, path));
    if let Err(error) = std::fs::remove_file(&beside) {
        tracing::warn!(error = %error, "{} could not be removed", beside.display());
    }
    match linked {
        Ok(()) => {
            tracing::info!(
                "a master key was made: {}; keep a copy of it apart from the database",
                path.display()
            );
            Ok(MasterKey::new(*key))
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(path).map_err(failed)?;
            read(path, &Zeroizing::new(text))
        }
        Err(cause) => Err(failed(cause)),
    }
}

/// For its owner alone, and on the disk when it returns.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
