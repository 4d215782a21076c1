//! By-key lookups per second, on both databases, at 1 and 64 connections: Lanyard's
//! `identity(filter: {providerId, externalId})` beside a poem handler written by hand around one
//! prepared statement.
//!
//!     cargo bench --bench lookup -- [--seconds 10] [--identities 100000]
//!
//! Servers, clients and PostgreSQL share the machine: the figures compare, they don't boast.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that can't go on has failed"
)]
#![expect(
    clippy::large_futures,
    clippy::zombie_processes,
    reason = "it starts each thing once, and the database's shell ends with this process"
)]

mod by_hand;
mod client;
mod data;
#[path = "../../tests/it/support/postgres.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod postgres;

use std::net::SocketAddr;
use std::time::Duration;

use lanyard::clock::Clock;
use lanyard::server::Server;
use lanyard::settings::{Settings, Source};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use client::{Request, measure};
use data::Data;

const ADMIN: &str = "lyd_admin-key-of-the-bench-0123456789";
const MASTER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const QUERY: &str = "query($provider: ID!, $account: String!) {
    identity(filter: {providerId: $provider, externalId: $account}) { id user { id } }
}";

#[tokio::main]
async fn main() {
    let time = Duration::from_secs(argument("--seconds", 10));
    let identities = u32::try_from(argument("--identities", 100_000)).unwrap();
    let folder = TempDir::new().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("lanyard.db").display());
    let urls = [
        ("SQLite", sqlite),
        ("PostgreSQL", postgres::new_database().await),
    ];
    println!(
        "{identities} identities, {} s a case, lookups per second:\n",
        time.as_secs()
    );
    println!(
        "{:<12} {:>11} {:>12} {:>12} {:>8}",
        "database", "connections", "by hand", "Lanyard", "of it"
    );
    for (name, url) in urls {
        let lanyard = start_lanyard(&folder, &url).await;
        let data = Data::fill(&url, identities).await;
        let by_hand = by_hand::serve(&url, listener().await).await;
        for connections in [1, 64] {
            let hand = measure(by_hand, connections, time, |number| {
                let account = data.account(number);
                let body = json!({ "provider": data.provider, "account": account });
                Request::new("/identity", None, &body)
            });
            let hand = hand.await;
            let ours = measure(lanyard, connections, time, |number| {
                let variables =
                    json!({ "provider": data.provider_id, "account": data.account(number) });
                let body = json!({ "query": QUERY, "variables": variables });
                Request::new("/graphql", Some(ADMIN), &body)
            });
            let ours = ours.await;
            println!(
                "{name:<12} {connections:>11} {hand:>12.0} {ours:>12.0} {:>7.0}%",
                100.0 * ours / hand
            );
        }
    }
}

/// The number behind an option. (`cargo bench` adds `--bench` of its own.)
fn argument(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments
        .nth(1)
        .map_or(default, |value| value.parse().unwrap())
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Lanyard as it is started by default, in this process.
async fn start_lanyard(folder: &TempDir, url: &str) -> SocketAddr {
    let environment = [
        ("LANYARD_LISTEN", "127.0.0.1:0"),
        ("LANYARD_DATABASE_URL", url),
        ("LANYARD_MASTER_KEY", MASTER_KEY),
        ("LANYARD_BOOTSTRAP_API_KEY", ADMIN),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::from_source(Source::new(environment, None, folder.path())).unwrap();
    let server = Box::pin(Server::bind(&settings, Clock::default()))
        .await
        .unwrap();
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}
