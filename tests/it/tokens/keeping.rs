//! Credentials that nobody reads are refreshed before their provider forgets them. A server looks
//! for them when it starts, too: that is what these tests wait for.

use std::time::Duration;

use chrono::TimeDelta;
use lanyard::database::credential::Column;
use lanyard::database::provider_health;
use lanyard::demo::provider::{Broken, RefreshFault, Times};
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::json;

use super::{Account, refreshes};
use crate::flows::ACME;
use crate::support::app::{App, Db};
use crate::support::until::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(20);

/// As it would be so long after its tokens came.
async fn is_old(account: &Account<'_>, age: TimeDelta) {
    let then = account.world.app.clock.now() - age;
    account.set(Column::DateUpdated, Some(then)).await;
    account.set(Column::KeepAliveAt, Some(then)).await;
}

/// Another server begins on the same database; it may speak to the provider.
async fn another_server(world: &World) -> App {
    let issuer = world.provider.issuer(ACME);
    let allowed = format!("localhost:{}", issuer.port().unwrap());
    let settings = [("LANYARD_EGRESS_ALLOW", allowed.as_str())];
    App::start_at(&world.app.database_url, &settings).await
}

/// When it is to be looked at again, from now on.
async fn next(account: &Account<'_>) -> Option<TimeDelta> {
    let stored = account.world.app.stored().await.credentials;
    let mut own = stored.into_iter();
    let own = own.find(|row| row.identity_id.to_string() == account.id);
    Some(own.unwrap().keep_alive_at? - account.world.app.clock.now())
}

#[rstest]
#[tokio::test]
async fn an_idle_credential_is_refreshed_in_time(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::with(&world, "ada", json!({})).await;
    is_old(&account, TimeDelta::days(25)).await;
    let beside = another_server(&world).await;
    until("it is refreshed", SOON, async || {
        account.events().await == ["identity.refreshed"]
    })
    .await;
    assert_eq!(refreshes(&world), 1);
    // Nobody asked for it.
    let events = beside.stored().await.events;
    let refreshed = events
        .iter()
        .find(|event| event.action == "identity.refreshed");
    assert_eq!(refreshed.unwrap().actor_kind, "SERVER");
    let days = next(&account).await.unwrap().num_days();
    assert!((14..=23).contains(&days), "{days}");
}

#[rstest]
#[tokio::test]
async fn a_new_credential_is_only_given_its_time(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::with(&world, "ada", json!({})).await;
    let _beside = another_server(&world).await;
    until("it has its time", SOON, async || {
        next(&account).await > Some(TimeDelta::days(14))
    })
    .await;
    assert!(next(&account).await < Some(TimeDelta::days(23)));
    assert_eq!(refreshes(&world), 0);
}

#[rstest]
#[tokio::test]
async fn one_provider_is_not_asked_for_all_at_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let mut accounts = Vec::new();
    for number in 0..23 {
        let username = format!("person-{number}");
        let person = lanyard::demo::provider::Person::new(
            &format!("sub-{number}"),
            &username,
            &username,
            &format!("{username}@acme.example"),
        );
        world.provider.put_person(ACME, person);
        let account = Account::with(&world, &username, json!({})).await;
        is_old(&account, TimeDelta::days(25)).await;
        accounts.push(account);
    }
    let _beside = another_server(&world).await;
    until("a round is done", SOON, async || refreshes(&world) >= 20).await;
    until("nothing is left to do", SOON, async || {
        let mut waits = Vec::new();
        for account in &accounts {
            waits.push(next(account).await.unwrap());
        }
        waits.iter().all(|wait| *wait > TimeDelta::zero())
    })
    .await;
    assert_eq!(refreshes(&world), 20);
    let mut soon = 0;
    for account in &accounts {
        soon += usize::from(next(account).await < Some(TimeDelta::minutes(31)));
    }
    assert_eq!(soon, 3);
}

#[rstest]
#[tokio::test]
async fn a_provider_that_is_left_alone_is_not_asked(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let other = Account::new(&world, "bo", 0).await;
    let account = Account::with(&world, "ada", json!({})).await;
    let refused = RefreshFault::Broken(Broken::Error(401, "invalid_client"));
    world.provider.fault(ACME, refused, Times::Always);
    assert_eq!(other.read().await.code(), "PROVIDER_UNAVAILABLE");
    // Longer than this test takes.
    let until_then = world.app.clock.now() + TimeDelta::hours(1);
    let written = world.app.database.write(|tx| async move {
        let update = provider_health::Entity::update_many().col_expr(
            provider_health::Column::NextAttemptAt,
            Expr::value(until_then),
        );
        Ok(update.exec(&*tx).await?.rows_affected)
    });
    assert_eq!(written.await.unwrap(), 1);
    is_old(&account, TimeDelta::days(25)).await;
    let _beside = another_server(&world).await;
    until("it is looked at", SOON, async || {
        next(&account).await > Some(TimeDelta::zero())
    })
    .await;
    assert_eq!(refreshes(&world), 1);
    let about = account.about().await;
    assert_eq!(about["status"], "VALID");
    assert_eq!(about["credential"]["failures"], 0);
}

#[rstest]
#[tokio::test]
async fn two_servers_refresh_it_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let account = Account::with(&world, "ada", json!({})).await;
    is_old(&account, TimeDelta::days(25)).await;
    let (_one, _two) = tokio::join!(another_server(&world), another_server(&world));
    until("it is refreshed", SOON, async || {
        next(&account).await > Some(TimeDelta::days(1))
    })
    .await;
    assert_eq!(refreshes(&world), 1);
}

#[rstest]
#[tokio::test]
async fn what_fails_is_tried_again_later_and_a_dead_grant_never(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let account = Account::with(&world, "ada", json!({})).await;
    is_old(&account, TimeDelta::days(25)).await;
    let down = RefreshFault::Broken(Broken::Down);
    world.provider.fault(ACME, down, Times::Once);
    let _beside = another_server(&world).await;
    until("it has failed", SOON, async || {
        account.about().await["credential"]["failures"] == 1
    })
    .await;
    let wait = next(&account).await.unwrap().num_seconds();
    assert!((0..=3700).contains(&wait), "{wait}");
    is_old(&account, TimeDelta::days(25)).await;
    account.set(Column::NextAttemptAt, None).await;
    let dead = RefreshFault::Broken(Broken::Error(400, "invalid_grant"));
    world.provider.fault(ACME, dead, Times::Once);
    let _third = another_server(&world).await;
    until("it is found to be dead", SOON, async || {
        account.about().await["status"] == "INVALID"
    })
    .await;
    assert_eq!(next(&account).await, None);
    assert_eq!(refreshes(&world), 2);
}
