//! Rules of the sources that no compiler checks: who uses whom, where SQL stands, how long a
//! file is, what never gets into the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::repository::{files, read, root};

const LONGEST_FILE: usize = 500;

/// A source file without its comments and its tests.
struct Source {
    path: String,
    /// The module at the top that it belongs to.
    module: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> = files("src")
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !is_test(path))
        .map(|path| Source {
            path: path.display().to_string(),
            module: module_of(path),
            code: code_of(&read(path)),
        })
        .collect();
    assert!(sources.len() > 50, "{} files", sources.len());
    sources
}

/// `tests.rs`, or below a folder `tests`.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        ["tests", "tests.rs"]
            .iter()
            .any(|name| part.as_os_str() == *name)
    })
}

fn module_of(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {");
    text[..end.unwrap_or(text.len())]
        .lines()
        .map(|line| match line.find("//") {
            // Not the // of a URL in a text.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules of this crate that a file names, by `crate::…` or, in the binary, `lanyard::…`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect()
    };
    let mut used = BTreeSet::new();
    for prefix in ["crate::", "lanyard::"] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            let group = rest.strip_prefix('{');
            assert!(
                group.is_none(),
                "write `use crate::…` line by line: a group hides what is used"
            );
            used.insert(word(rest));
        }
    }
    used
}

/// The list in src/lib.rs: every module with those that it may use.
fn allowed_uses() -> BTreeMap<String, BTreeSet<String>> {
    let lib = read("src/lib.rs");
    let list = lib.split("//! ```text\n").nth(1).unwrap();
    let list = list.split("//! ```").next().unwrap().replace("//!", "");
    let layers: Vec<Vec<String>> = list
        .split('→')
        .map(|layer| {
            layer
                .trim()
                .trim_matches(['{', '}'])
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        })
        .collect();
    let mut allowed = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        let behind: BTreeSet<String> = layers[index + 1..].iter().flatten().cloned().collect();
        for name in layer {
            let twice = allowed.insert(name.clone(), behind.clone());
            assert!(twice.is_none(), "{name} stands twice in src/lib.rs's list");
        }
    }
    allowed
}

#[test]
fn modules_use_only_what_stands_to_their_right() {
    let allowed = allowed_uses();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut uses = 0;
    for source in sources() {
        if source.module == "lib" {
            continue;
        }
        let Some(may_use) = allowed.get(&source.module) else {
            wrong.push(format!("{} is not in src/lib.rs's list", source.module));
            continue;
        };
        for used in used_modules(&source.code) {
            uses += 1;
            if used != source.module && !may_use.contains(&used) {
                wrong.push(format!("{} uses {used}", source.path));
            }
        }
        seen.insert(source.module);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(uses > 100, "only {uses} uses were found");
    let listed: BTreeSet<String> = allowed.into_keys().collect();
    assert_eq!(listed, seen, "src/lib.rs lists what is there");
}

#[test]
fn only_the_database_names_columns_and_sql() {
    let sql = [
        "Column::",
        "sea_query",
        "sqlx::",
        "Statement::",
        "unprepared(",
    ];
    // Whatever runs inside `Database::write` passes the transaction on.
    let edges = ["cli", "server", "http", "graphql"];
    let mut wrong = Vec::new();
    for source in sources() {
        let names = |word: &str| source.code.contains(word);
        let uses_columns = source.module != "database" && sql.iter().any(|word| names(word));
        let runs_statements = edges.contains(&source.module.as_str()) && names("sea_orm::");
        if uses_columns || runs_statements {
            wrong.push(source.path);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_but_a_test_unwraps_or_panics() {
    let mut wrong = Vec::new();
    for source in sources() {
        for word in ["unwrap()", "panic!", "todo!", "unimplemented!", "dbg!"] {
            if source.code.contains(word) {
                wrong.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_fits_in_the_head() {
    let rust = |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == "rs");
    let mut sources = files("src");
    sources.extend(files("migration/src"));
    let long: Vec<_> = sources
        .iter()
        .filter(rust)
        .filter(|path| read(path).lines().count() > LONGEST_FILE)
        .collect();
    assert!(long.is_empty(), "over {LONGEST_FILE} lines: {long:?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> = files("src")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !is_test(path) && !read(path).starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// What one machine knows is no business of the others.
#[test]
fn nothing_names_a_registry_or_a_path_of_one_machine() {
    let cargo = read("Cargo.lock");
    let sources = cargo.lines().filter(|line| line.starts_with("source = "));
    let sources: BTreeSet<_> = sources.collect();
    // Which one it is shows where `--locked` builds from it.
    let is_registry = |source: &&str| source.starts_with("source = \"registry+https://");
    assert!(
        sources.len() == 1 && sources.iter().all(is_registry),
        "in Cargo.lock: {sources:?}"
    );
    let homes = ["root", "work", "home", "Users"].map(|home| format!("/{home}/"));
    let here = root().display().to_string();
    let mut wrong = Vec::new();
    for path in files("") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let shown = path.display();
        if [".npmrc", ".yarnrc", "pip.conf"].contains(&name) || path.starts_with(".cargo") {
            wrong.push(format!("{shown} configures a registry"));
        }
        // What isn't text names nothing.
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            continue;
        };
        if name == "package-lock.json" && text.contains("\"resolved\"") {
            wrong.push(format!("{shown} names where npm got its packages"));
        }
        // A URL or a word may go on in front of the slash; a path begins there.
        let begins_path = |prefix: &str| {
            text.match_indices(prefix).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                before.is_none_or(|before| before.is_whitespace() || "\"'`=(:".contains(before))
            })
        };
        if homes.iter().any(|home| begins_path(home)) || text.contains(&here) {
            wrong.push(format!("{shown} has a path of one machine"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
