//! Who has read which token, and when.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Account, READ};
use crate::support::app::Db;
use crate::support::until::until;
use crate::support::world::World;

/// What the events of reads say, oldest first: by whom, and how many.
async fn reads(account: &Account<'_>) -> Vec<(String, Value)> {
    let stored = account.world.app.stored().await;
    let reads = stored.events.into_iter();
    let reads = reads.filter(|event| {
        event.action == "credential.read" && event.target_id.as_ref() == Some(&account.id)
    });
    reads
        .map(|event| (event.actor_name, event.after_json.unwrap().0))
        .collect()
}

#[rstest]
#[tokio::test]
async fn a_read_is_in_the_log_once_a_minute_and_repeats_are_counted(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 36_000).await;
    begin_of_a_minute(&world);
    for _ in 0..5 {
        Account::token(account.read().await);
    }
    let first = reads(&account).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].1, json!({ "reads": 1 }));
    world.pass(TimeDelta::minutes(1));
    Account::token(account.read().await);
    let both = reads(&account).await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].1["reads"], 1);
    assert_eq!(both[1].1["repeats"], 4);
    let since: chrono::DateTime<chrono::Utc> =
        both[1].1["repeatsSince"].as_str().unwrap().parse().unwrap();
    assert!(since < world.app.clock.now() - TimeDelta::seconds(50));
}

#[rstest]
#[tokio::test]
async fn first_reads_at_the_same_time_are_one_event_and_its_repeats(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::new(&world, "ada", 36_000).await;
    begin_of_a_minute(&world);
    for answer in join_all((0..30).map(|_| account.read())).await {
        Account::token(answer);
    }
    let first = reads(&account).await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0].1, json!({ "reads": 1 }));
    world.pass(TimeDelta::minutes(1));
    Account::token(account.read().await);
    let both = reads(&account).await;
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[1].1["repeats"], 29);
}

#[rstest]
#[tokio::test]
async fn repeats_are_written_down_when_the_server_ends(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (world, mut process) = World::start_process(on, "127.0.0.1", &[]).await;
    let account = Account::new(&world, "ada", 36_000).await;
    // The process has a clock of its own: no minute is to end in the middle.
    let soon = Duration::from_mins(1);
    until("the minute has long to go", soon, async || {
        world.app.clock.now().timestamp().rem_euclid(60) < 40
    })
    .await;
    for _ in 0..3 {
        Account::token(account.read().await);
    }
    let first = reads(&account).await;
    assert_eq!(first.len(), 1, "{first:?}");
    process.last_log().await;
    let both = reads(&account).await;
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[1].0, both[0].0, "by the same caller");
    assert_eq!(both[1].1["reads"], 0);
    assert_eq!(both[1].1["repeats"], 2);
}

#[rstest]
#[tokio::test]
async fn each_caller_has_an_event_of_its_own(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let app = &world.app;
    let account = Account::new(&world, "ada", 36_000).await;
    begin_of_a_minute(&world);
    let scopes = ["identity:read", "identity:token"];
    let keys = [app.key("one", &scopes).await, app.key("two", &scopes).await];
    let ask = |key: &str| {
        let ask = app.ask(READ).variables(json!({ "id": account.id }));
        ask.by(key).send()
    };
    let all = join_all((0..20).map(|number| ask(&keys[number % 2]))).await;
    for answer in all {
        Account::token(answer);
    }
    let found = reads(&account).await;
    for name in ["one", "two"] {
        let own = found.iter().filter(|(caller, _)| caller == name);
        assert_eq!(own.count(), 1, "{found:?}");
    }
    assert_eq!(found.len(), 2);
}

#[rstest]
#[tokio::test]
async fn what_is_refused_is_no_read(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let end = world.app.clock.now();
    let more = json!({ "expiresAt": end, "refreshToken": null });
    let account = Account::with(&world, "ada", more).await;
    assert_eq!(account.read().await.code(), "CREDENTIAL_INVALID");
    assert_eq!(reads(&account).await, []);
}

/// Moves the clock to where a minute has just begun, so that none ends in the middle.
fn begin_of_a_minute(world: &World) {
    let second = world.app.clock.now().timestamp().rem_euclid(60);
    world.pass(TimeDelta::seconds(60 - second));
}
