//! Attacks on a relying party, and what stops each of them: the table below names the tests, here
//! and elsewhere. What is attacked here comes before the database, so these run on SQLite alone;
//! what has to do with rows runs on both, in the modules that the table names.

mod accounts;
mod code_injection;
mod forgery;
mod framing;
mod mix_up;
mod open_redirects;
mod outages;
mod pre_hijacking;
mod secrets_in_logs;
mod ssrf;
mod table;

use url::Url;

use crate::flows;
use crate::support::app::Db;
use crate::support::world::World;

/// A world in which Ada and Bo are known.
async fn world() -> World {
    flows::world(Db::Sqlite).await
}

/// The value of a parameter that is there once.
#[track_caller]
fn parameter(url: &Url, name: &str) -> String {
    let found: Vec<String> = url
        .query_pairs()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect();
    let [value] = found.as_slice() else {
        panic!("{name} in {url}");
    };
    value.clone()
}

/// The URL with another value of that parameter.
fn with(url: &Url, name: &str, value: &str) -> Url {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear();
    for (key, old) in &pairs {
        let value = if key == name { value } else { old };
        changed.query_pairs_mut().append_pair(key, value);
    }
    changed
}
