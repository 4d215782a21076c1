//! Reads of tokens that are good, beside reads of their identities. The reads are in the audit log,
//! one event a minute for each identity.

use lanyard::demo::provider::Issuer;
use serde_json::json;

use crate::accounts::Accounts;
use crate::client::{self, Request};
use crate::{CONNECTIONS, Ground};

const QUERY: &str = "query($provider: ID!, $account: String!) {
    identity(filter: {providerId: $provider, externalId: $account}) { id }
}";

/// Prints reads per second, and how many times as long the one with the token takes.
pub async fn measure(ground: &Ground<'_>) {
    let &Ground {
        name,
        lanyard,
        time,
        ..
    } = ground;
    let accounts = Accounts::link(lanyard, Issuer::Acme, false).await;
    println!(
        "{name}, reads of good tokens\n{:>11} {:>12} {:>12} {:>8}",
        "connections", "identity", "and token", "times"
    );
    for connections in CONNECTIONS {
        let identity = client::measure(lanyard.address, connections, time, |number| {
            let body = json!({ "query": QUERY, "variables": accounts.variables(number) });
            Request::new("/graphql", Some(&accounts.key), &body)
        });
        let identity = identity.await;
        let token = client::measure(lanyard.address, connections, time, |number| {
            accounts.read(number)
        });
        let token = token.await;
        let times = identity / token;
        println!("{connections:>11} {identity:>12.0} {token:>12.0} {times:>8.2}");
    }
    println!();
}
