//! What a second brings, on both databases, at 1 and 64 connections:
//!
//! * `lookup`: Lanyard's `identity(filter: {providerId, externalId})` beside a poem handler
//!   written by hand around one prepared statement;
//! * `token`: the same lookup with the account's access token, which is good, beside the one
//!   without it;
//! * `refresh`: tokens that are over and are refreshed as they are read, by a provider in this
//!   process that answers at once.
//!
//!     cargo bench --bench lookup -- [lookup] [token] [refresh] [--seconds 10] [--identities 100000]
//!
//! Servers, clients, provider and PostgreSQL share the machine: the figures compare, they don't
//! boast.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that can't go on has failed"
)]
#![expect(
    clippy::large_futures,
    clippy::zombie_processes,
    reason = "it starts each thing once, and the database's shell ends with this process"
)]

mod accounts;
mod by_hand;
mod client;
mod data;
mod lookup;
#[path = "../../tests/it/support/postgres.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod postgres;
mod refresh;
mod server;
mod token;

use std::time::Duration;

use tempfile::TempDir;

use data::Data;
use server::Lanyard;

/// The measurements, by the names that choose them.
const NAMES: [&str; 3] = ["lookup", "token", "refresh"];
const CONNECTIONS: [u32; 2] = [1, 64];

/// What all measurements of a database stand on.
struct Ground<'a> {
    /// The database's name for people.
    name: &'static str,
    url: &'a str,
    lanyard: &'a Lanyard,
    data: &'a Data,
    /// Of one case.
    time: Duration,
}

#[tokio::main]
async fn main() {
    let time = Duration::from_secs(argument("--seconds", 10).clamp(1, 600));
    let identities = argument("--identities", 100_000).clamp(1, 10_000_000);
    let identities = u32::try_from(identities).unwrap();
    let chosen = chosen();
    let folder = TempDir::new().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("lanyard.db").display());
    let urls = [
        ("SQLite", sqlite),
        ("PostgreSQL", postgres::new_database().await),
    ];
    println!("{identities} identities, {} s a case\n", time.as_secs());
    for (name, url) in &urls {
        let lanyard = Lanyard::start(&folder, url).await;
        let data = Data::fill(url, identities).await;
        let ground = Ground {
            name,
            url,
            lanyard: &lanyard,
            data: &data,
            time,
        };
        for name in &chosen {
            match *name {
                "token" => token::measure(&ground).await,
                "refresh" => refresh::measure(&ground).await,
                _ => lookup::measure(&ground).await,
            }
        }
    }
}

/// What is to be measured: all, unless some is named.
fn chosen() -> Vec<&'static str> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &&str| given.iter().any(|given| given == name);
    let chosen: Vec<_> = NAMES.into_iter().filter(named).collect();
    if chosen.is_empty() {
        NAMES.to_vec()
    } else {
        chosen
    }
}

/// The number behind an option. (`cargo bench` adds `--bench` of its own.)
fn argument(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments
        .nth(1)
        .map_or(default, |value| value.parse().unwrap())
}
