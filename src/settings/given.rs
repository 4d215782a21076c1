//! What was given for a setting, before any check: by the environment, or else by the file.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::zeroize::Zeroizing;

use super::{
    file::{self, File, Given},
    problem::{Problem, shown},
    setting::Setting,
    vault::is_keys,
};

/// All that was given.
pub(super) struct Layers {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) file: Option<File>,
    /// Where relative paths start from.
    pub(super) folder: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Environment,
    File,
}

/// What was given for a setting: itself, or the path of a file that holds it.
pub(super) struct Found {
    layer: Layer,
    pub(super) place: String,
    given: Given,
    is_path: bool,
}

/// A single value and how to speak of it.
pub(super) struct Text {
    pub(super) place: String,
    pub(super) subject: String,
    pub(super) value: Zeroizing<String>,
}

impl Layers {
    pub(super) fn text(&self, setting: &Setting) -> Result<Option<Text>, Problem> {
        let Some(found) = self.find(setting)? else {
            return Ok(None);
        };
        let text = match found.given {
            Given::Text(text) if text.is_empty() => {
                return Err(Problem::new(
                    found.place,
                    "is empty; give it a value or leave it out",
                ));
            }
            Given::Text(text) => Zeroizing::new(text),
            Given::List(_) => return Err(wrong_type(found.place, "a string", "array")),
            Given::Other(kind) => return Err(wrong_type(found.place, "a string", kind)),
        };
        if found.is_path {
            let subject = format!("what {} holds", shown(&text));
            let value = self.secret(&found.place, &text)?;
            return Ok(Some(Text {
                place: found.place,
                subject,
                value,
            }));
        }
        let subject = if setting.secret || is_keys(&text) {
            "the value".to_owned()
        } else {
            shown(&text)
        };
        Ok(Some(Text {
            place: found.place,
            subject,
            value: text,
        }))
    }

    pub(super) fn items(&self, setting: &Setting) -> Vec<Result<(String, String), Problem>> {
        let found = match self.find(setting) {
            Ok(Some(found)) => found,
            Ok(None) => return Vec::new(),
            Err(problem) => return vec![Err(problem)],
        };
        let wanted = "an array of strings";
        match found.given {
            // An empty variable is an empty list: it takes back the file's.
            Given::Text(text) if found.layer == Layer::Environment => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Ok((found.place.clone(), item.to_owned())))
                .collect(),
            Given::List(items) => items
                .into_iter()
                .map(|item| match item.text {
                    Ok(text) => Ok((item.place, text)),
                    Err(kind) => Err(wrong_type(item.place, "a string", kind)),
                })
                .collect(),
            Given::Text(_) => vec![Err(wrong_type(found.place, wanted, "string"))],
            Given::Other(kind) => vec![Err(wrong_type(found.place, wanted, kind))],
        }
    }

    /// What was given for `setting`: by the environment, or else by the file.
    pub(super) fn find(&self, setting: &Setting) -> Result<Option<Found>, Problem> {
        for layer in [Layer::Environment, Layer::File] {
            let (name, path_name) = match layer {
                Layer::Environment => (Some(setting.environment), setting.environment_file()),
                Layer::File => (setting.key, setting.key_file()),
            };
            let value = name.and_then(|name| self.look_up(layer, name));
            let path = path_name
                .as_deref()
                .and_then(|name| self.look_up(layer, name));
            let ((place, given), is_path) = match (value, path) {
                (Some((place, _)), Some(_)) => {
                    let other = path_name.unwrap_or_default();
                    let message = format!("{other} is given too; give one of the two");
                    return Err(Problem::new(place, message));
                }
                (Some(value), None) => (value, false),
                (None, Some(path)) => (path, true),
                (None, None) => continue,
            };
            return Ok(Some(Found {
                layer,
                place,
                given,
                is_path,
            }));
        }
        Ok(None)
    }

    /// The file that holds the secret, where one was named.
    pub(super) fn secret_file(&self, setting: &Setting) -> Option<PathBuf> {
        match self.find(setting).ok()?? {
            Found {
                given: Given::Text(path),
                is_path: true,
                ..
            } => Some(self.folder.join(path)),
            Found { .. } => None,
        }
    }

    fn look_up(&self, layer: Layer, name: &str) -> Option<(String, Given)> {
        match layer {
            Layer::Environment => {
                let text = self.environment.get(name)?;
                Some((name.to_owned(), Given::Text(text.clone())))
            }
            Layer::File => self.file.as_ref()?.get(name).cloned(),
        }
    }

    /// The secret in the file at `path`, without the newline that editors put at its end.
    fn secret(&self, place: &str, path: &str) -> Result<Zeroizing<String>, Problem> {
        if looks_secret(path) && !self.folder.join(path).exists() {
            let message = "must be the path of a file that holds the secret, not the secret";
            return Err(Problem::new(place, message));
        }
        let refuse = |message: String| Problem::new(place, format!("{} {message}", shown(path)));
        let (bytes, _) = file::read(&self.folder.join(path))
            .map_err(|error| refuse(format!("can't be read: {error}")))?;
        let bytes = Zeroizing::new(bytes);
        let text = str::from_utf8(&bytes).map_err(|_| refuse("is not UTF-8 text".to_owned()))?;
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Err(refuse("is empty".to_owned()));
        }
        Ok(Zeroizing::new(text.to_owned()))
    }
}

/// Whether this is hardly a path, but a key or URL that was given in its place and must not be shown.
fn looks_secret(path: &str) -> bool {
    let is_long_word = path.len() >= 32 && !path.starts_with('/') && !path.contains('.');
    path.starts_with("lyd_") || path.ends_with('=') || path.contains("://") || is_long_word
}

fn wrong_type(place: String, wanted: &str, kind: &str) -> Problem {
    Problem::new(place, format!("must be {wanted}; this is of type {kind}"))
}
