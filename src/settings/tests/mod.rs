//! Settings from environments and files that these tests make up.

mod addresses;
mod files;
mod mistakes;
mod secrets;
mod values;

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{Problems, Settings, Source};

/// A folder to read settings in, empty at first.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file that only its owner may read.
    fn with(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        self
    }

    fn read(&self, environment: &[(&str, &str)]) -> Result<Settings, Problems> {
        self.read_with(environment, None)
    }

    fn read_with(
        &self,
        environment: &[(&str, &str)],
        config: Option<&str>,
    ) -> Result<Settings, Problems> {
        let environment = environment
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into()));
        Settings::from_source(Source::new(environment, config.map(Path::new), self.path()))
    }
}

/// Reads the settings of an environment alone.
fn read(environment: &[(&str, &str)]) -> Result<Settings, Problems> {
    Folder::new().read(environment)
}

/// What is told about settings that are wrong.
fn told(settings: Result<Settings, Problems>) -> String {
    settings.unwrap_err().to_string()
}

/// Each of `values` of the variable is refused by its text and `message`.
fn refuses(name: &str, values: &[&str], message: &str) {
    for value in values {
        let told = told(read(&[(name, value)]));
        assert_eq!(told, format!("{name}: {value:?} {message}"));
    }
}

/// Each of `values` of the variable is refused by `message`, without its text.
fn refuses_secret(name: &str, values: &[&str], message: &str) {
    for value in values {
        assert_eq!(
            told(read(&[(name, value)])),
            format!("{name}: the value {message}"),
            "{value}"
        );
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Something that looks like a certificate from afar.
const PEM: &str = "Authority\n-----BEGIN CERTIFICATE-----\nMAMC\nAQE=\n-----END CERTIFICATE-----\n";

/// 32 bytes in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
