//! Where values come from: the environment over the file. Gathers what is wrong on the way.

use std::path::{Path, PathBuf};

use super::{
    file::File,
    general,
    given::{Layers, Text},
    problem::{Check, Problem, Problems, shown},
    setting::{Default, Setting},
    unknown,
};

/// Every variable of ours begins so.
pub(super) const PREFIX: &str = "LANYARD_";

/// The environment and `lanyard.toml`, and what was found wrong with them so far.
pub struct Source {
    layers: Layers,
    /// The file can't be read: what seems to be missing may stand in it.
    file_failed: bool,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Source {
    /// Takes the variables that are ours, and reads the file: `config`, else `LANYARD_CONFIG`, else
    /// `lanyard.toml` if it exists. Relative paths start from `folder`; empty: the working folder.
    pub fn new(
        environment: impl IntoIterator<Item = (String, String)>,
        config: Option<&Path>,
        folder: &Path,
    ) -> Self {
        let environment = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX));
        let mut source = Self {
            layers: Layers {
                environment: environment.collect(),
                file: None,
                folder: folder.into(),
            },
            file_failed: false,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        source.open_file(config);
        source
    }

    fn open_file(&mut self, config: Option<&Path>) {
        let named = match config {
            Some(path) => Some(("--config", path.to_owned())),
            None => self
                .value(&general::CONFIG, |text| Ok(PathBuf::from(text)))
                .map(|path| (general::CONFIG.environment, path)),
        };
        let named = named.as_ref().map(|(place, path)| (*place, path.as_path()));
        match File::find(named, &self.layers.folder) {
            Ok(file) => self.layers.file = file,
            Err(problem) => {
                self.file_failed = true;
                self.problems.push(problem);
            }
        }
    }

    /// The value of `setting`, if it is given and passes `check`.
    pub(super) fn value<T>(
        &mut self,
        setting: &Setting,
        check: impl FnOnce(&str) -> Check<T>,
    ) -> Option<T> {
        let value = self.layers.text(setting).and_then(|found| {
            let Some(Text {
                place,
                subject,
                value,
            }) = found
            else {
                return Ok(None);
            };
            check(&value)
                .map(Some)
                .map_err(|message| Problem::new(place, format!("{subject} {message}")))
        });
        value.unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        })
    }

    /// The value of `setting`, or its default, which must be a value.
    pub(super) fn value_or_default<T>(
        &mut self,
        setting: &Setting,
        check: impl Fn(&str) -> Check<T>,
    ) -> T {
        self.value(setting, &check).unwrap_or_else(|| {
            let Default::Value(text) = setting.default else {
                unreachable!("{} has no value by default", setting.environment)
            };
            check(text).expect("a default passes its own check")
        })
    }

    /// The elements of `setting`: separated by commas in the environment, an array in the file.
    pub(super) fn list<T>(
        &mut self,
        setting: &Setting,
        check: impl Fn(&str) -> Check<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for item in self.layers.items(setting) {
            let checked = item.and_then(|(place, text)| {
                check(&text)
                    .map_err(|message| Problem::new(place, format!("{} {message}", shown(&text))))
            });
            match checked {
                Ok(value) => values.push(value),
                Err(problem) => self.problems.push(problem),
            }
        }
        values
    }

    /// Says why the default of `setting` won't do, unless the setting was given, or may stand in a
    /// file that can't be read.
    pub(super) fn needs(&mut self, setting: &Setting, message: impl Into<String>) {
        let absent = self.layers.find(setting).is_ok_and(|found| found.is_none());
        if absent && !self.file_failed {
            self.problems
                .push(Problem::new(setting.environment, message));
        }
    }

    /// Whether `setting` was given, be it right or wrong.
    pub(super) fn is_given(&self, setting: &Setting) -> bool {
        self.layers
            .find(setting)
            .map_or(true, |found| found.is_some())
    }

    /// The file that holds the secret `setting`, where one was named.
    pub(super) fn secret_file(&self, setting: &Setting) -> Option<PathBuf> {
        self.layers.secret_file(setting)
    }

    pub(super) fn warn(&mut self, setting: &Setting, message: &str) {
        self.warnings
            .push(format!("{}: {message}", setting.environment));
    }

    /// Warns if the secret `setting` stands in a file that others may read.
    pub(super) fn warn_if_readable(&mut self, setting: &Setting) {
        let Some(file) = &self.layers.file else {
            return;
        };
        let Some(mode) = file.readable_mode else {
            return;
        };
        if let Some((place, _)) = setting.key.and_then(|key| file.get(key)) {
            let name = file.name();
            self.warnings.push(format!(
                "{place}: is secret, and others may read the file (mode {mode:04o}): chmod 600 {name}"
            ));
        }
    }

    /// Refuses variables and keys that no setting has.
    pub(super) fn refuse_unknown_names(&mut self) {
        let variables = unknown::variables(&self.layers.environment);
        let keys = self
            .layers
            .file
            .iter()
            .flat_map(|file| unknown::keys(file.keys()));
        self.problems.extend(variables.into_iter().chain(keys));
    }

    /// Where relative paths start from.
    pub(super) fn folder(&self) -> PathBuf {
        self.layers.folder.clone()
    }

    /// The warnings, or all that is wrong.
    pub(super) fn finish(self) -> Result<Vec<String>, Problems> {
        Problems::any(self.problems).map_or(Ok(self.warnings), Err)
    }
}
