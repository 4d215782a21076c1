//! What the operator adds to the catalogue of provider types.

use std::path::{Path, PathBuf};

use super::{
    file,
    problem::Check,
    setting::{Default, Setting},
    source::Source,
};

pub(super) const SETTINGS: &[&Setting] = &[&PROVIDER_TYPES];

const PROVIDER_TYPES: Setting = Setting {
    environment: "LANYARD_PROVIDER_TYPES",
    key: Some("provider_types"),
    default: Default::None,
    meaning: "A folder of provider types of your own, one `.toml` file each; one with the key of a \
              built-in type takes its place.",
    secret: false,
};

const MOST_FILES: usize = 200;

/// A file of the folder, as it was at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeFile {
    pub path: PathBuf,
    pub text: String,
}

/// The files, by name.
pub(super) fn types(source: &mut Source) -> Vec<TypeFile> {
    let folder = source.folder();
    let files = source.value(&PROVIDER_TYPES, |text| read(&folder.join(text)));
    files.unwrap_or_default()
}

fn read(folder: &Path) -> Check<Vec<TypeFile>> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    if paths.len() > MOST_FILES {
        return Err(format!("holds more than {MOST_FILES} files"));
    }
    paths.sort();
    let files = paths.into_iter().map(|path| {
        let wrong = |why: &str| format!("holds {}, which {why}", path.display());
        let (bytes, _) =
            file::read(&path).map_err(|error| wrong(&format!("can't be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("is no UTF-8"))?;
        Ok(TypeFile { path, text })
    });
    files.collect()
}
