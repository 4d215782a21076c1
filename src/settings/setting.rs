//! A setting as it is described to people: its names, default and meaning.

use std::fmt;

/// One setting. Its check is in its section's `read`.
#[derive(Debug)]
pub struct Setting {
    /// The name in the environment.
    pub environment: &'static str,
    /// The name in `lanyard.toml`; none where it can't stand there.
    pub key: Option<&'static str>,
    /// What holds where it isn't given.
    pub default: Default,
    /// What it is for, in one sentence.
    pub meaning: &'static str,
    /// Never shown, and may be given as the path of a file, under its name with `_FILE`.
    pub secret: bool,
}

/// What holds where a setting isn't given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// This value; it passes the setting's own check.
    Value(&'static str),
    /// What these words say.
    Rule(&'static str),
    /// Nothing.
    None,
}

impl fmt::Display for Default {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Value(text) | Self::Rule(text) => text,
            Self::None => "none",
        })
    }
}

impl Setting {
    /// The name in the environment under which a secret may be given as the path of a file.
    pub fn environment_file(&self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.environment))
    }

    /// The same in `lanyard.toml`.
    pub fn key_file(&self) -> Option<String> {
        self.key
            .filter(|_| self.secret)
            .map(|key| format!("{key}_file"))
    }
}
