//! Which keys start and complete which links: those that are bound to an organization, and those
//! that may vouch for people.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ADAS, HUB, Portal};
use crate::support::app::Db;
use crate::support::connecting::{ORIGIN, RETURN_TO};

fn link(provider: &str, user: &str) -> Value {
    json!({ "providerId": provider, "userId": user, "returnTo": RETURN_TO })
}

#[rstest]
#[tokio::test]
async fn where_people_sign_in_an_application_has_to_vouch_for_its_user(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (world, app) = (&portal.world, &portal.world.app);
    let connect = portal.start().await;
    let code = portal.code(&world.browser(), &connect).await;
    world
        .reconfigure("hub", json!({ "allowsSignIn": true }))
        .await;
    // The pages don't take its place: the application may open them itself.
    let answer = app
        .start_link(&portal.key, link(&portal.hub, &portal.ada))
        .await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert!(answer.message().contains("identity:assert"), "{answer:?}");
    // Nor does it help to have begun before.
    let answer = app.complete_link(&portal.key, &code, &portal.ada).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    portal.linked_nothing().await;
    let scopes = ["identity:write", "identity:read", "identity:assert"];
    let vouching = app.application("portal", &scopes).await;
    let answer = app.complete_link(&vouching, &code, &portal.ada).await;
    assert_eq!(answer.data()["completeLink"]["outcome"], "CREATED");
    let connect = app
        .started(&vouching, &portal.hub, &portal.ada, json!({}))
        .await;
    let page = world.browser().get(connect.path()).await;
    assert_eq!(page.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_bound_key_links_its_members_at_its_own_and_shared_providers(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (world, app) = (&portal.world, &portal.world.app);
    let (organization, other) = (
        app.organization("org").await,
        app.organization("other").await,
    );
    app.add_member(&organization, &portal.ada).await;
    let own = world.own_provider(&organization, "own", HUB).await;
    world
        .reconfigure("own", json!({ "allowsSignIn": false }))
        .await;
    let others = world.own_provider(&other, "others", HUB).await;
    let bound = |name: &'static str, organization: &str| {
        let input = json!({
            "name": name, "organizationId": organization, "returnOrigins": [ORIGIN],
            "scopes": ["identity:write", "identity:read", "identity:assert"],
        });
        app.key_with(input)
    };
    let key = bound("portal", &organization).await;
    for (provider, user) in [
        (&others, &portal.ada),
        (&own, &portal.bo),
        (&portal.hub, &portal.bo),
    ] {
        let answer = app.start_link(&key, link(provider, user)).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{answer:?}");
    }
    // An unbound key sees the user, who is no member all the same.
    let answer = app
        .start_link(&portal.key, link(&own, &portal.bo))
        .await
        .data();
    let refusal = &answer["startLink"]["userErrors"][0]["code"];
    assert_eq!(refusal, "USER_NOT_IN_ORGANIZATION");

    let connect = app.started(&key, &own, &portal.ada, json!({})).await;
    let code = portal.code(&world.browser(), &connect).await;
    // The same name elsewhere is another application.
    let elsewhere = bound("portal", &other).await;
    for key in [&portal.key, &elsewhere] {
        portal.is_no_code(key, &code, &portal.ada).await;
    }
    app.remove_member(&organization, &portal.ada).await;
    portal.is_no_code(&key, &code, &portal.ada).await;
    app.add_member(&organization, &portal.ada).await;
    let answer = app.complete_link(&key, &code, &portal.ada).await.data();
    assert_eq!(answer["completeLink"]["outcome"], "CREATED", "{answer:#}");
    let started = app.stored().await.events;
    let started = started.iter().find(|event| event.action == "link.started");
    assert_eq!(started.unwrap().organization_id, Some(organization.clone()));

    // And one at a shared provider, where nobody signs in.
    let connect = app.started(&key, &portal.hub, &portal.ada, json!({})).await;
    let code = portal.code(&world.browser(), &connect).await;
    let answer = app.complete_link(&key, &code, &portal.ada).await.data();
    assert_eq!(answer["completeLink"]["identity"]["externalId"], ADAS.1);
    // Where people sign in, it reaches beyond the organization.
    world
        .reconfigure("hub", json!({ "allowsSignIn": true }))
        .await;
    let answer = app.start_link(&key, link(&portal.hub, &portal.ada)).await;
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[rstest]
#[tokio::test]
async fn an_application_has_so_many_links_open_and_others_have_their_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    use lanyard::database::pending_link;

    let portal = Portal::new(on).await;
    let (world, app) = (&portal.world, &portal.world.app);
    portal.start().await;
    let rows = app.pending_links().await;
    let row = &rows[0];
    app.database
        .write(|tx| async move {
            for number in 1..1000_u32 {
                let copy = pending_link::Model {
                    id: app.clock.new_uuid(),
                    token_hash: Some(number.to_be_bytes().to_vec()),
                    ..row.clone()
                };
                pending_link::insert(&tx, copy).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let answer = app
        .start_link(&portal.key, link(&portal.hub, &portal.ada))
        .await;
    assert_eq!(answer.code(), "RATE_LIMITED", "{answer:?}");
    let other = app.application("other", &["identity:write"]).await;
    app.started(&other, &portal.hub, &portal.ada, json!({}))
        .await;
    world.pass(chrono::TimeDelta::minutes(11));
    portal.start().await;
}
