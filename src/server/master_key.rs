//! The master keys: the operator's, or for the embedded database those of a file beside it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::start::{StartError, make_folder};
use crate::clock::Clock;
use crate::settings::{KeyBytes, MasterKeys, Settings, master_keys};
use crate::vault::{KeyRing, KeySource, MasterKey};

/// The file's name in the data folder.
const FILE: &str = "master.key";

/// The keys that the settings give; for the embedded database else those in the data folder,
/// where the first start makes one. (With PostgreSQL the settings have been refused without one:
/// a key made up here would be known to one process only.)
///
/// # Errors
/// The file is no key, can't be read, or is missing although the database has been used.
pub fn find(
    settings: &Settings,
    clock: &Clock,
    database_is_used: bool,
) -> Result<KeyRing, StartError> {
    if let Some(keys) = existing(settings, database_is_used)? {
        return Ok(keys);
    }
    make_folder(&settings.data_dir)?;
    make(&file(settings), clock)
}

/// The keys that are there: the settings', or those in the data folder. None is made up.
///
/// # Errors
/// The file is no key, can't be read, or is missing although the database has been used.
pub fn existing(
    settings: &Settings,
    database_is_used: bool,
) -> Result<Option<KeyRing>, StartError> {
    match read(&settings.vault.master_keys, &file(settings)) {
        Ok(keys) => Ok(Some(keys)),
        Err(StartError::LostKeyFile(_)) if !database_is_used => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a running process looks for more keys.
pub fn source(settings: &Settings) -> KeySource {
    let (given, file) = (settings.vault.master_keys.clone(), file(settings));
    Arc::new(move || read(&given, &file).map_err(|error| error.to_string()))
}

/// The file that keys may be added to: the embedded database's own.
pub fn own_file(settings: &Settings) -> Option<PathBuf> {
    (!settings.vault.master_keys.is_given()).then(|| file(settings))
}

/// Makes a key and adds it to the file; those in it stay. When it returns, the key is on the
/// disk.
///
/// # Errors
/// The file can't be read or written.
pub fn add(path: &Path, clock: &Clock) -> Result<MasterKey, StartError> {
    let failed = |cause| StartError::File {
        path: path.to_owned(),
        what: "written",
        cause,
    };
    // Where the name is a link, what it leads to is replaced.
    let path = path.canonicalize().map_err(failed)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let folder = File::open(folder).map_err(failed)?;
    // Two that add at the same time would lose one of the keys. Ends with the handle.
    folder.lock().map_err(failed)?;
    let mut text = Zeroizing::new(std::fs::read_to_string(&path).map_err(failed)?);
    keys_of(&path, &text)?;
    let key = Zeroizing::new(clock.random::<32>());
    let line = Zeroizing::new(BASE64.encode(&key[..]));
    let parts = [text.trim_end(), "\n", &line, "\n"];
    text = Zeroizing::new(parts.concat());
    let beside = beside(&path, clock);
    let replaced = write(&beside, &text)
        .and_then(|()| keep_owner(&path, &beside))
        .and_then(|()| std::fs::rename(&beside, &path))
        .and_then(|()| folder.sync_all());
    if let Err(cause) = replaced {
        remove(&beside);
        return Err(failed(cause));
    }
    Ok(MasterKey::new(key))
}

fn file(settings: &Settings) -> PathBuf {
    settings.data_dir.join(FILE)
}

fn read(given: &MasterKeys, file: &Path) -> Result<KeyRing, StartError> {
    if given.is_given() {
        let keys = ring(&given.read().map_err(StartError::KeySource)?);
        return keys.ok_or(StartError::NoKeys);
    }
    match std::fs::read_to_string(file) {
        Ok(text) => keys_of(file, &Zeroizing::new(text)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            Err(StartError::LostKeyFile(file.to_owned()))
        }
        Err(cause) => Err(StartError::File {
            path: file.to_owned(),
            what: "read",
            cause,
        }),
    }
}

fn keys_of(path: &Path, text: &str) -> Result<KeyRing, StartError> {
    let bad = |which: Option<String>| StartError::BadKeyFile {
        path: path.to_owned(),
        which: which.unwrap_or_else(|| "the master key".to_owned()),
    };
    let keys = master_keys(text).map_err(|wrong| bad(wrong.place()))?;
    ring(&keys).ok_or_else(|| bad(None))
}

fn ring(keys: &[KeyBytes]) -> Option<KeyRing> {
    let keys = keys.iter();
    KeyRing::of(keys.map(|key| MasterKey::new(Zeroizing::new(*key.expose_secret()))))
}

/// Written beside its place and then linked into it: of processes that start together one makes
/// the key, and nobody reads half of it.
fn make(path: &Path, clock: &Clock) -> Result<KeyRing, StartError> {
    let failed = |cause| StartError::File {
        path: path.to_owned(),
        what: "written",
        cause,
    };
    let key = Zeroizing::new(clock.random::<32>());
    let text = Zeroizing::new(BASE64.encode(&key[..]) + "\n");
    let beside = beside(path, clock);
    let linked = write(&beside, &text).and_then(|()| std::fs::hard_link(&beside, path));
    remove(&beside);
    match linked {
        Ok(()) => {
            tracing::info!(
                "a master key was made: {}; keep a copy of it apart from the database",
                path.display()
            );
            Ok(KeyRing::new(MasterKey::new(key), Vec::new()))
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(path).map_err(failed)?;
            keys_of(path, &Zeroizing::new(text))
        }
        Err(cause) => Err(failed(cause)),
    }
}

fn beside(path: &Path, clock: &Clock) -> PathBuf {
    path.with_extension(HEXLOWER.encode(&clock.random::<8>()))
}

fn remove(beside: &Path) {
    match std::fs::remove_file(beside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(error = %error, "{} could not be removed", beside.display());
        }
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

/// The server may run as another user than the one at the command line.
#[cfg(unix)]
fn keep_owner(of: &Path, on: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let (wanted, given) = (std::fs::metadata(of)?, std::fs::metadata(on)?);
    let (wanted, given) = ((wanted.uid(), wanted.gid()), (given.uid(), given.gid()));
    if wanted == given {
        return Ok(());
    }
    chown(on, Some(wanted.0), Some(wanted.1))
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &Path) -> std::io::Result<()> {
    Ok(())
}
