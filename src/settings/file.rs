//! `lanyard.toml`: found, read and parsed, with the line of everything in it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::Path,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Problem, shown};

/// The name that is looked for in the working folder.
const NAME: &str = "lanyard.toml";

/// The most that is read of any file: no key, list of authorities or configuration is larger.
const LARGEST: u64 = 1024 * 1024;

/// A `lanyard.toml`.
pub(super) struct File {
    /// As the operator named it.
    name: String,
    /// What is at the top: the place of each key, and its value.
    entries: BTreeMap<String, (String, Given)>,
    /// Unix permissions, where group or others may read.
    pub(super) readable_mode: Option<u32>,
}

/// A value as it was given, before any check.
#[derive(Clone)]
pub(super) enum Given {
    Text(String),
    List(Vec<Item>),
    /// A value that no setting takes, by the name of its type.
    Other(&'static str),
}

/// An element of an array: where it stands, and its text or the name of its type.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) place: String,
    pub(super) text: Result<String, &'static str>,
}

impl File {
    /// Reads the file that was named, by the option or variable `named.0`; else the one in `folder`,
    /// if there is one.
    pub(super) fn find(
        named: Option<(&str, &Path)>,
        folder: &Path,
    ) -> Result<Option<Self>, Problem> {
        let (place, path) = named.unwrap_or((NAME, Path::new(NAME)));
        let shown_path = path.display().to_string();
        let (bytes, readable_mode) = match read(&folder.join(path)) {
            Ok(read) => read,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => {
                let message = format!("{} can't be read: {error}", shown(&shown_path));
                return Err(Problem::new(place, message));
            }
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| Problem::new(shown_path.as_str(), "is not UTF-8 text"))?;
        Self::parse(shown_path, &text, readable_mode).map(Some)
    }

    fn parse(name: String, text: &str, readable_mode: Option<u32>) -> Result<Self, Problem> {
        let table = DeTable::parse(text).map_err(|error| {
            // Only the message: the error's own text quotes the line, which may hold a secret.
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            Problem::new(
                format!("{name} (line {line})"),
                error.message().replace('\n', " "),
            )
        })?;
        let entry = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let place = |offset| {
                let line = line_of(text, offset);
                format!("{name}: {} (line {line})", key.get_ref().escape_debug())
            };
            let given = match value.get_ref() {
                DeValue::Array(items) => Given::List(
                    items
                        .iter()
                        .map(|item| Item {
                            place: place(item.span().start),
                            text: text_of(item.get_ref()),
                        })
                        .collect(),
                ),
                single => text_of(single).map_or_else(Given::Other, Given::Text),
            };
            (key.get_ref().to_string(), (place(key.span().start), given))
        };
        let entries = table.get_ref().iter().map(entry).collect();
        Ok(Self {
            name,
            entries,
            readable_mode,
        })
    }

    /// The value of `key`, and where it stands.
    pub(super) fn get(&self, key: &str) -> Option<&(String, Given)> {
        self.entries.get(key)
    }

    /// Every key at the top, and where it stands.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(key, (place, _))| (place.as_str(), key.as_str()))
    }

    /// As the operator named it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// A string, or a number as it would stand in the environment; else the name of the type.
fn text_of(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        other => Err(other.type_str()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.get(..offset).unwrap_or_default().matches('\n').count()
}

/// A whole file, and its permissions if others may read it.
pub(super) fn read(path: &Path) -> io::Result<(Vec<u8>, Option<u32>)> {
    let file = fs::File::open(path)?;
    let mode = readable_mode(&file.metadata()?);
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok((bytes, mode))
}

#[cfg(unix)]
fn readable_mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o044 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn readable_mode(_: &fs::Metadata) -> Option<u32> {
    None
}
