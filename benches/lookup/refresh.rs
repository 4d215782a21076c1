//! Reads of tokens that are over: each is refreshed at a provider that answers at once, stored, and
//! given out.

use std::time::Duration;

use lanyard::demo::provider::Issuer;
use sea_orm::ConnectionTrait;

use crate::accounts::{Accounts, MOST};
use crate::client::{self, Request};
use crate::{CONNECTIONS, Ground};

/// All that can be refreshed is over.
const EXPIRE: &str = "UPDATE credential SET expires_at = '2026-01-01T00:00:00+00:00'
     WHERE refresh_token_sealed IS NOT NULL";

/// Prints refreshes per second. All tokens end at once, again and again, and each is read once.
pub async fn measure(ground: &Ground<'_>) {
    let &Ground {
        name,
        url,
        lanyard,
        time,
        ..
    } = ground;
    let accounts = Accounts::link(lanyard, Issuer::Hub, true).await;
    let database = sea_orm::Database::connect(url).await.unwrap();
    println!("{name}, refreshes\n{:>11} {:>12}", "connections", "Lanyard");
    let mut refreshes = 0;
    for connections in CONNECTIONS {
        let (mut taken, mut rounds) = (Duration::ZERO, 0);
        while taken < time {
            database.execute_unprepared(EXPIRE).await.unwrap();
            let reads: Vec<Request> = (0..MOST).map(|number| accounts.read(number)).collect();
            taken += client::answer_all(lanyard.address, connections as usize, reads).await;
            rounds += 1;
        }
        refreshes += u64::from(rounds * MOST);
        let rate = f64::from(rounds * MOST) / taken.as_secs_f64();
        println!("{connections:>11} {rate:>12.0}");
    }
    println!();
    let counts = lanyard.provider.counts(Issuer::Hub);
    assert_eq!((counts.refreshes, counts.reuses), (refreshes, 0));
    database.close().await.unwrap();
}
