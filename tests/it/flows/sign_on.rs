//! Flows at an organization's sign-on: the auth identity beside the identity.

use chrono::TimeDelta;
use lanyard::database::auth_identity::{Entity, Model};
use rstest::rstest;
use sea_orm::EntityTrait;

use super::{ACME, HUB, world};
use crate::support::app::Db;
use crate::support::sign_on;
use crate::support::world::World;

async fn auth_identities(world: &World) -> Vec<Model> {
    let all = Entity::find().all(world.app.database.reader()).await;
    let mut all = all.unwrap();
    all.sort_by_key(|row| row.id);
    all
}

/// Hub is an organization's own, and its sign-on; Ada is a member. People are not looked for by
/// their addresses there.
async fn at_hub(world: &World) -> (String, String) {
    let organization = world.app.organization("hub-org").await;
    world
        .app
        .execute(
            "UPDATE identity_provider SET organization_id = (SELECT id FROM organization)
             WHERE slug = 'hub'",
        )
        .await;
    let ask =
        "{ identityProvider(slug: \"hub\") { id } user(entityRef: \"user:default/ada\") { id } }";
    let found = world.app.ask(ask).data().await;
    let hub = crate::support::client::text(&found, "/identityProvider/id");
    let ada = crate::support::client::text(&found, "/user/id");
    world.app.add_member(&organization, &ada).await;
    let sign_on = sign_on::sign_on(&world.app, &organization, &hub, true).await;
    (sign_on, ada)
}

#[rstest]
#[tokio::test]
async fn a_link_and_a_sign_in_write_the_auth_identity_and_renew_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let (sign_on, ada) = at_hub(&world).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    assert!(
        auth_identities(&world).await.is_empty(),
        "Acme is no sign-on"
    );
    let before = world.app.stored().await;
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let linked = auth_identities(&world).await;
    assert_eq!(linked.len(), 1);
    let stored = world.app.stored().await;
    let identity = stored
        .identities
        .iter()
        .find(|row| row.organization_id.is_some() || row.external_id == linked[0].ident);
    assert_eq!(identity.unwrap().external_id, linked[0].ident);
    assert_eq!(linked[0].user_id.to_string(), ada);
    assert_eq!(linked[0].auth_provider_id.to_string(), sign_on);
    let told = stored.events_since(&before);
    let actions: Vec<_> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["identity.linked", "auth_identity.linked"]);

    world.pass(TimeDelta::hours(1));
    let elsewhere = world.browser();
    elsewhere.sign_in(HUB, "amarlow").await.leads_to("/account");
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
    at_hub(&world).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    world.app.execute("DELETE FROM auth_identity").await;
    let elsewhere = world.browser();
    elsewhere.sign_in(HUB, "amarlow").await.leads_to("/account");
    assert_eq!(auth_identities(&world).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn somebody_elses_ident_is_never_taken_over(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let (sign_on, ada) = at_hub(&world).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let ident = auth_identities(&world).await.remove(0).ident;
    // An application has said that the account is Bo's.
    let bo = "{ user(entityRef: \"user:default/bo\") { id } }";
    let bo = world.app.ask(bo).data().await;
    let bo = crate::support::client::text(&bo, "/user/id");
    let organization = "{ organization: authProvider(id: ID) { organization { id } } }";
    let organization = organization.replace("ID", &format!("{sign_on:?}"));
    let organization = world.app.ask(&organization).data().await;
    let organization = crate::support::client::text(&organization, "/organization/organization/id");
    world.app.add_member(&organization, &bo).await;
    world.app.execute("DELETE FROM auth_identity").await;
    sign_on::auth_identity(&world.app, &sign_on, &bo, &ident).await;
    world.app.all_sealed().await;

    let before = world.app.stored().await;
    let elsewhere = world.browser();
    elsewhere
        .sign_in(HUB, "amarlow")
        .await
        .is_refused(409, "ACCOUNT_MISMATCH");
    let stored = world.app.stored().await;
    assert_eq!(stored.identities, before.identities);
    assert_eq!(stored.events.len(), before.events.len());
    let left = auth_identities(&world).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].user_id.to_string(), bo);
    assert!(!ada.is_empty());
}
