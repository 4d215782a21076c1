//! Master keys as they are written down: in a text, in a file, in the files of a folder. No
//! message says more of a key than how long it is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64_NOPAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox};

use crate::settings::file;
use crate::settings::problem::{Check, Problem};

pub(super) const HOW_TO: &str = "make one with: openssl rand -base64 32";

/// More keys than this are no folder of keys.
const MOST_FILES: usize = 100;

/// The bytes of a master key.
pub type KeyBytes = SecretBox<[u8; 32]>;

/// Where master keys were given. Those of files and folders are read each time: there may be more
/// of them by then.
#[derive(Debug, Clone, Default)]
pub struct MasterKeys {
    given: Vec<Given>,
}

#[derive(Debug, Clone)]
enum Given {
    Text(Arc<Vec<KeyBytes>>),
    File(PathBuf),
    Folder(PathBuf),
}

impl MasterKeys {
    pub(super) fn text(&mut self, keys: Vec<KeyBytes>) {
        self.given.push(Given::Text(Arc::new(keys)));
    }

    pub(super) fn file(&mut self, path: PathBuf) {
        self.given.push(Given::File(path));
    }

    pub(super) fn folder(&mut self, path: PathBuf) {
        self.given.push(Given::Folder(path));
    }

    /// Whether the settings say where keys are.
    pub const fn is_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// Every key that is there now, in the order in which they are given, the folder's by the
    /// names of their files.
    ///
    /// # Errors
    /// A file or folder that was in order at the start is not any more.
    pub fn read(&self) -> Result<Vec<KeyBytes>, Problem> {
        let mut found = Vec::new();
        for given in &self.given {
            match given {
                Given::Text(keys) => found.extend(keys.iter().map(copy)),
                Given::File(path) => {
                    let keys = text_of(path).and_then(|text| self::given(&text));
                    found.extend(keys.map_err(|why| problem(path, &why))?);
                }
                Given::Folder(path) => {
                    found.extend(of_folder(path).map_err(|why| problem(path, &why))?);
                }
            }
        }
        Ok(found)
    }

    /// Where an operator adds or removes keys, in words.
    pub fn places(&self) -> Vec<String> {
        let place = |given: &Given| match given {
            Given::Text(_) => "LANYARD_MASTER_KEY".to_owned(),
            Given::File(path) => format!("the file {}", path.display()),
            Given::Folder(path) => format!("the folder {}", path.display()),
        };
        self.given.iter().map(place).collect()
    }
}

fn problem(path: &Path, why: &str) -> Problem {
    Problem::new(path.display().to_string(), why)
}

fn copy(key: &KeyBytes) -> KeyBytes {
    SecretBox::init_with_mut(|copy: &mut [u8; 32]| copy.copy_from_slice(key.expose_secret()))
}

/// What is wrong with one of several keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadKey {
    number: usize,
    of: usize,
    why: String,
}

impl BadKey {
    /// Which it is, where there are several.
    pub fn place(&self) -> Option<String> {
        (self.of > 1).then(|| format!("key {} of {}", self.number, self.of))
    }
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            None => f.write_str(&self.why),
            Some(place) => write!(f, "has a mistake: {place} {}", self.why),
        }
    }
}

/// The keys of a text, which commas, spaces and lines separate; one at least.
pub fn master_keys(text: &str) -> Result<Vec<KeyBytes>, BadKey> {
    let separates = |letter: char| letter == ',' || letter.is_whitespace();
    let parts: Vec<&str> = text
        .split(separates)
        .filter(|part| !part.is_empty())
        .collect();
    let of = parts.len();
    if of == 0 {
        let why = format!("holds no key; {HOW_TO}");
        return Err(BadKey { number: 0, of, why });
    }
    let keys = parts.into_iter().zip(1..).map(|(part, number)| {
        let bad = |why| BadKey { number, of, why };
        master_key(part).map_err(bad)
    });
    keys.collect()
}

pub(super) fn given(text: &str) -> Check<Vec<KeyBytes>> {
    master_keys(text).map_err(|bad| bad.to_string())
}

/// Whether a text is keys, which somebody has given where something else belongs.
pub(in crate::settings) fn is_keys(text: &str) -> bool {
    master_keys(text).is_ok()
}

/// Takes the standard alphabet and the one for URLs, padded or not.
fn master_key(text: &str) -> Check<KeyBytes> {
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

/// The keys of a folder, by the names of their files. Names that begin with a dot are skipped: so
/// are called the folders that Kubernetes keeps beside the links to its files.
pub(super) fn of_folder(folder: &Path) -> Check<Vec<KeyBytes>> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    if paths.is_empty() {
        return Err(format!("holds no key; {HOW_TO}"));
    }
    if paths.len() > MOST_FILES {
        return Err(format!("holds more than {MOST_FILES} files"));
    }
    paths.sort();
    let keys = paths.iter().map(|path| {
        let wrong = |why: String| format!("holds {}, which {why}", path.display());
        of_file(path).map_err(wrong)
    });
    keys.collect()
}

fn of_file(path: &Path) -> Check<KeyBytes> {
    if !path.is_file() {
        return Err("is no file".to_owned());
    }
    let mut keys = given(&text_of(path)?)?;
    match (keys.pop(), keys.len()) {
        (Some(key), 0) => Ok(key),
        (_, more) => Err(format!("holds {} keys; give each its own file", more + 1)),
    }
}

fn text_of(path: &Path) -> Check<Zeroizing<String>> {
    let (bytes, _) = file::read(path).map_err(|error| format!("can't be read: {error}"))?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}
