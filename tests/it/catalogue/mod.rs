//! Every type of the catalogue goes through every case of its recording, `tests/recorded`: a
//! person who is signed in connects an account, and the provider answers as its documentation
//! says, or as gateways do when it fails. A type without a recording fails.
//!
//! Each type has a server of its own, as a process, so that its log can be looked at. All of them
//! run on SQLite, one of them on PostgreSQL too: which type an account is of makes no difference
//! to what is stored, and that the databases are alike is for other tests (`flows`, `connect`,
//! `both_databases_alike`).

mod documentation;
mod instances;
mod operators;
mod trial;

use futures_util::{StreamExt, stream};
use lanyard::provider::catalog::{Catalog, Protocol};

use crate::support::app::Db;
use crate::support::player::{Entry, Recording};
use crate::support::repository::{files, read};

/// Servers side by side.
const AT_ONCE: usize = 3;

/// The files of the catalogue that is compiled in, by name and text.
fn builtin_files() -> Vec<(String, String)> {
    files("src/provider/catalog")
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, read(&path))
        })
        .collect()
}

/// What fails of a type of the catalogue.
async fn failures_of(on: Db, key: &str) -> Vec<String> {
    let files = builtin_files();
    let name = format!("{key}.toml");
    let (_, text) = files.iter().find(|(found, _)| *found == name).unwrap();
    let recording = Recording::of(key);
    let mut failures: Vec<String> = recording
        .mistakes(&Entry::parse(text))
        .iter()
        .map(|mistake| format!("tests/recorded/{name}: {mistake}"))
        .collect();
    failures.extend(trial::failures(on, key, &files, recording).await);
    failures
}

#[tokio::test]
async fn every_type_goes_through_every_case_of_its_recording() {
    let catalog = Catalog::builtin().unwrap();
    let types = catalog
        .iter()
        .filter(|known| known.protocol != Protocol::None);
    let keys: Vec<String> = types.map(|known| known.key.clone()).collect();
    let runs = keys.iter().map(|key| async move {
        let run = async { failures_of(Db::Sqlite, key).await };
        let failed = trial::caught(run).await;
        failed.into_iter().map(move |said| format!("{key}: {said}"))
    });
    let failed: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<String> = failed.into_iter().flatten().collect();
    let said = failed.join("\n");
    assert!(
        failed.is_empty(),
        "{} failures in {} types:\n{said}",
        failed.len(),
        keys.len()
    );
}

#[tokio::test]
async fn a_type_goes_through_its_cases_on_postgresql_too() {
    let failed = failures_of(Db::Postgres, "github").await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn nothing_is_recorded_of_what_is_no_type_with_a_flow() {
    let catalog = Catalog::builtin().unwrap();
    let recorded: Vec<String> = files("tests/recorded")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|key| {
            let known = catalog.get(key);
            known.is_none_or(|known| known.protocol == Protocol::None)
        })
        .collect();
    assert!(recorded.is_empty(), "{recorded:?}");
}
