//! Lookups by key, beside a handler written by hand.

use serde_json::json;
use tokio::net::TcpListener;

use crate::client::{self, Request};
use crate::server::ADMIN;
use crate::{CONNECTIONS, Ground, by_hand};

const QUERY: &str = "query($provider: ID!, $account: String!) {
    identity(filter: {providerId: $provider, externalId: $account}) { id user { id } }
}";

/// Prints lookups per second.
pub async fn measure(ground: &Ground<'_>) {
    let &Ground {
        name,
        url,
        lanyard,
        data,
        time,
    } = ground;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let by_hand = by_hand::serve(url, listener).await;
    println!(
        "{name}, lookups\n{:>11} {:>12} {:>12} {:>8}",
        "connections", "by hand", "Lanyard", "of it"
    );
    for connections in CONNECTIONS {
        let hand = client::measure(by_hand, connections, time, |number| {
            let account = data.account(number);
            let body = json!({ "provider": data.provider, "account": account });
            Request::new("/identity", None, &body)
        });
        let hand = hand.await;
        let ours = client::measure(lanyard.address, connections, time, |number| {
            let variables =
                json!({ "provider": data.provider_id, "account": data.account(number) });
            let body = json!({ "query": QUERY, "variables": variables });
            Request::new("/graphql", Some(ADMIN), &body)
        });
        let ours = ours.await;
        let share = 100.0 * ours / hand;
        println!("{connections:>11} {hand:>12.0} {ours:>12.0} {share:>7.0}%");
    }
    println!();
}
