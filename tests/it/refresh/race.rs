//! Many callers, one token that is over, and a provider whose refresh tokens are good for once: it
//! is asked once, and everybody gets what it gave.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use lanyard::demo::provider::{Broken, RefreshFault, Times};
use rstest::rstest;
use serde_json::json;

use super::account::{Account, REFRESH, counts, is_good, one_token};
use super::fleet::Fleet;
use crate::flows::ACME;
use crate::support::app::{App, Db};
use crate::support::world::World;

const CALLERS: usize = 64;
const ROUNDS: u64 = 10;

/// Every round ends with a new token for all, from one call.
async fn race(world: &World, apps: &[&App]) {
    let account = Account::new(world).await;
    let mut seen = BTreeSet::new();
    for round in 1..=ROUNDS {
        account.expire(&world.app).await;
        let token = one_token(account.read_by_many(apps, CALLERS).await);
        assert_eq!(counts(world).refreshes, round);
        assert!(is_good(world, &token).await, "round {round}");
        assert!(seen.insert(token), "round {round} has brought an old token");
    }
    assert_eq!(counts(world).reuses, 0);
    let (identity, credential) = account.stored(&world.app).await;
    assert_eq!(identity.status, lanyard::database::identity::Status::Valid);
    assert_eq!(identity.version, 1, "what the API shows has not changed");
    assert_eq!((credential.failures, credential.lease_until), (0, None));
    assert_eq!(credential.lease_fence, i64::try_from(ROUNDS).unwrap());
}

#[rstest]
#[tokio::test]
async fn many_callers_of_one_server_cause_one_refresh(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    race(&world, &[&world.app]).await;
}

#[tokio::test]
async fn many_callers_of_eight_processes_cause_one_refresh() {
    let fleet = Fleet::start(8).await;
    race(&fleet.world, &fleet.apps()).await;
}

#[rstest]
#[tokio::test]
async fn a_refresh_that_is_forced_by_many_uses_no_token_twice(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world).await;
    // Time for all to come while the first is on its way.
    let slow = RefreshFault::Broken(Broken::Delay(Duration::from_secs(1)));
    world.provider.fault(ACME, slow, Times::Always);
    let forced = join_all((0..CALLERS).map(|_| {
        let asked = world
            .app
            .ask(REFRESH)
            .variables(json!({ "id": account.id }));
        asked.data()
    }));
    for payload in forced.await {
        let payload = &payload["refreshIdentity"];
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        assert_eq!(payload["identity"]["status"], "VALID", "{payload}");
    }
    let asked = counts(&world);
    assert_eq!(asked.reuses, 0);
    // Whoever comes late begins another one, for all who come then.
    assert!((1..=4).contains(&asked.refreshes), "{asked:?}");
    let token = one_token(account.read_by_many(&[&world.app], CALLERS).await);
    assert!(is_good(&world, &token).await);
    assert_eq!(counts(&world), asked, "the token is fresh");
}
