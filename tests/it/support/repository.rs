//! The repository's own files, for tests that are about them.

use std::path::{Path, PathBuf};

/// Folders that no commit holds.
const NOT_OURS: [&str; 8] = [
    ".git",
    "target",
    "node_modules",
    "lanyard-data",
    "lanyard-demo",
    "artifacts",
    "corpus",
    "coverage",
];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file at or below `path`, by its path from the root, in order.
pub fn files(path: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(path), &mut found);
    let mut found: Vec<PathBuf> = found
        .into_iter()
        .map(|file| file.strip_prefix(root()).unwrap().to_owned())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "there is nothing at {path}");
    found
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        return found.push(path.to_owned());
    }
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !NOT_OURS.contains(&name) {
            collect(&path, found);
        }
    }
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// Fails unless the file holds `text`; with `variable` in the environment it is written instead.
#[track_caller]
pub fn assert_generated(path: &str, text: &str, variable: &str) {
    if std::env::var_os(variable).is_some() {
        return std::fs::write(root().join(path), text).unwrap();
    }
    let stored = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    if stored == text {
        return;
    }
    let line = stored
        .lines()
        .zip(text.lines())
        .position(|(one, other)| one != other)
        .unwrap_or(stored.lines().count().min(text.lines().count()));
    panic!(
        "{path} is not up to date, from line {} on:\n  stored: {:?}\n  now:    {:?}\n\
         write it anew with {variable}=1 cargo test --release --test it generated",
        line + 1,
        stored.lines().nth(line),
        text.lines().nth(line),
    );
}
