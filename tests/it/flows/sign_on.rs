//! Flows at an organization's sign-on: the auth identity beside the identity.

use chrono::TimeDelta;
use lanyard::database::auth_identity::{Entity, Model};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::json;

use super::{ACME, HUB, world};
use crate::support::app::Db;
use crate::support::client::text;
use crate::support::sign_on;
use crate::support::world::{Browser, World};

async fn auth_identities(world: &World) -> Vec<Model> {
    let all = Entity::find().all(world.app.database.reader()).await;
    let mut all = all.unwrap();
    all.sort_by_key(|row| row.id);
    all
}

/// An organization whose sign-on is a provider `own` at Hub, and Ada, who is a member.
struct Acme {
    organization: String,
    sign_on: String,
    ada: String,
}

impl Acme {
    async fn new(world: &World) -> Self {
        let organization = world.app.organization("acme").await;
        let own = world.own_provider(&organization, "own", HUB).await;
        let ada = user(world, "ada").await;
        world.app.add_member(&organization, &ada).await;
        Self {
            sign_on: sign_on::sign_on(&world.app, &organization, &own, true).await,
            organization,
            ada,
        }
    }
}

async fn user(world: &World, name: &str) -> String {
    let ask = "query($name: EntityRef!) { user(entityRef: $name) { id } }";
    let name = json!({ "name": format!("user:default/{name}") });
    let found = world.app.ask(ask).variables(name).data().await;
    text(&found, "/user/id")
}

/// Ada, who has signed in at Acme, and now links her account at the sign-on.
async fn link(browser: &Browser<'_>) {
    let seen = browser.link_at("own", "amarlow").await;
    seen.leads_to("/account?connected=own");
}

#[rstest]
#[tokio::test]
async fn a_link_and_a_sign_in_write_the_auth_identity_and_renew_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let acme = Acme::new(&world).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    assert!(
        auth_identities(&world).await.is_empty(),
        "Acme is no sign-on"
    );
    let before = world.app.stored().await;
    link(&browser).await;
    let linked = auth_identities(&world).await;
    assert_eq!(linked.len(), 1);
    let stored = world.app.stored().await;
    let identity = stored
        .identities
        .iter()
        .find(|row| row.external_id == linked[0].ident);
    let within = identity.unwrap().organization_id;
    assert_eq!(within, Some(linked[0].organization_id));
    assert_eq!(linked[0].organization_id.to_string(), acme.organization);
    assert_eq!(linked[0].user_id.to_string(), acme.ada);
    assert_eq!(linked[0].auth_provider_id.to_string(), acme.sign_on);
    let told = stored.events_since(&before);
    let actions: Vec<_> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["identity.linked", "auth_identity.linked"]);

    world.pass(TimeDelta::hours(1));
    let elsewhere = world.browser();
    elsewhere
        .sign_in_at("own", "amarlow")
        .await
        .leads_to("/account");
    let renewed = auth_identities(&world).await;
    assert_eq!(renewed.len(), 1);
    assert_eq!(renewed[0].id, linked[0].id);
    assert_eq!(renewed[0].date_added, linked[0].date_added);
    let hour = TimeDelta::hours(1);
    assert!(renewed[0].last_verified - linked[0].last_verified >= hour);
    assert!(renewed[0].last_synced - linked[0].last_synced >= hour);
}

#[rstest]
#[tokio::test]
async fn a_sign_in_makes_good_for_an_auth_identity_that_was_taken_away(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    Acme::new(&world).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    link(&browser).await;
    world.app.execute("DELETE FROM auth_identity").await;
    let elsewhere = world.browser();
    elsewhere
        .sign_in_at("own", "amarlow")
        .await
        .leads_to("/account");
    assert_eq!(auth_identities(&world).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn somebody_elses_ident_is_never_taken_over(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let acme = Acme::new(&world).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    link(&browser).await;
    let ident = auth_identities(&world).await.remove(0).ident;
    // An application has said that the account is Bo's.
    let bo = user(&world, "bo").await;
    world.app.add_member(&acme.organization, &bo).await;
    world.app.execute("DELETE FROM auth_identity").await;
    sign_on::auth_identity(&world.app, &acme.sign_on, &bo, &ident).await;
    world.app.all_sealed().await;

    let before = world.app.stored().await;
    let elsewhere = world.browser();
    elsewhere
        .sign_in_at("own", "amarlow")
        .await
        .is_refused(409, "ACCOUNT_MISMATCH");
    let stored = world.app.stored().await;
    assert_eq!(stored.identities, before.identities);
    assert_eq!(stored.events.len(), before.events.len());
    let left = auth_identities(&world).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].user_id.to_string(), bo);
}
