//! Linking an account from a person's own session.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ACME, HUB, world};
use crate::support::app::Db;
use crate::support::world::hidden_fields;

#[rstest]
#[tokio::test]
async fn a_person_connects_an_account_and_signs_in_with_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let page = browser.get("/account?connected=hub").await;
    assert!(page.text.contains("amarlow"), "{page:?}");
    let stored = world.app.stored().await;
    assert_eq!(stored.identities.len(), 2);
    assert_eq!(stored.identities[0].user_id, stored.identities[1].user_id);
    assert_eq!(stored.credentials.len(), 2);
    world.app.all_sealed().await;
    let event = stored.events.last().unwrap();
    assert_eq!(
        (event.action.as_str(), event.actor_name.as_str()),
        ("identity.linked", "ada")
    );
    let other = world.browser();
    other.sign_in(HUB, "amarlow").await.leads_to("/account");
    assert_eq!(other.viewer().await, "user:default/ada");
    // Once more, it is there already.
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?already_connected=hub");
}

#[rstest]
#[tokio::test]
async fn somebody_elses_account_is_refused_and_nothing_changes(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let (ada, bo) = (world.browser(), world.browser());
    ada.sign_in(ACME, "ada").await.leads_to("/account");
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    ada.link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let before = world.app.stored().await;
    bo.link(HUB, "amarlow")
        .await
        .is_refused(409, "ACCOUNT_OWNED_BY_ANOTHER_USER");
    let after = world.app.stored().await;
    assert_eq!(after.identities, before.identities);
    assert_eq!(after.credentials, before.credentials);
    assert_eq!(after.events.len(), before.events.len());
}

#[rstest]
#[tokio::test]
async fn a_second_account_takes_the_place_of_the_first_only_when_asked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let before = world.app.stored().await;
    let refused = browser.link(HUB, "drifter").await;
    refused.is_refused(409, "USER_HAS_ANOTHER_ACCOUNT");
    assert!(
        refused.text.contains("on_conflict=update_in_place"),
        "{refused:?}"
    );
    assert_eq!(world.app.stored().await.identities, before.identities);
    let authorization = browser
        .begin_link_with(HUB, "&on_conflict=update_in_place")
        .await;
    let callback = world.provider.decide(&authorization, "drifter").unwrap();
    let back = browser.come_back(&callback).await;
    browser.agree(back).await.leads_to("/account?replaced=hub");
    let after = world.app.stored().await.identities;
    assert_eq!(after.len(), 2);
    assert_eq!(after[1].id, before.identities[1].id);
    assert_eq!(after[1].external_id, "9001");
}

#[rstest]
#[tokio::test]
async fn a_link_ends_in_the_session_that_began_it_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    // Signed in as somebody else meanwhile, in the same browser.
    let authorization = browser.begin_link(HUB).await;
    let callback = world.provider.decide(&authorization, "amarlow").unwrap();
    browser.sign_in(ACME, "bo").await.leads_to("/account");
    browser
        .come_back(&callback)
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    // Signed out meanwhile.
    let authorization = browser.begin_link(HUB).await;
    let callback = world.provider.decide(&authorization, "amarlow").unwrap();
    let page = browser.get("/account").await;
    let fields = hidden_fields(&page.text);
    let token = &fields
        .iter()
        .find(|(name, _)| name == "form_token")
        .unwrap()
        .1;
    browser
        .post("/auth/logout", &[("form_token", token)])
        .await
        .leads_to("/?signed_out=1");
    browser
        .come_back(&callback)
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    assert!(
        world
            .app
            .stored()
            .await
            .identities
            .iter()
            .all(|row| row.external_id != "4471")
    );
}

#[rstest]
#[tokio::test]
async fn a_user_who_was_disabled_meanwhile_links_and_enters_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let authorization = browser.begin_link(HUB).await;
    let callback = world.provider.decide(&authorization, "amarlow").unwrap();
    world
        .app
        .ask("mutation { upsertUser(input: { entityRef: \"user:default/ada\", status: DISABLED }) { userErrors { code } } }")
        .data()
        .await;
    browser
        .come_back(&callback)
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .is_refused(403, "USER_NOT_ACTIVE");
    assert_eq!(world.app.stored().await.identities.len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_provider_that_takes_several_accounts_gets_several(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let client = world.provider.client(HUB);
    let redirect = world.app.url("/auth/hub-many/callback");
    world.provider.allow_redirect(HUB, redirect);
    let issuer = world.provider.issuer(HUB);
    // The same issuer can't be there twice, so the first row goes.
    let found = world
        .app
        .ask("{ identityProvider(slug: \"hub\") { id } }")
        .data()
        .await;
    world
        .app
        .ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId } }")
        .variables(json!({ "id": found["identityProvider"]["id"] }))
        .data()
        .await;
    use secrecy::ExposeSecret;
    world
        .app
        .provider_with(
            "hub-many",
            json!({
                "type": "oidc", "name": "Hub", "allowsMultiplePerUser": true,
                "config": { "issuer": issuer.as_str() },
                "clientId": client.id, "clientSecret": client.secret.expose_secret(),
            }),
        )
        .await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    for username in ["amarlow", "drifter"] {
        browser
            .link_at("hub-many", username)
            .await
            .leads_to("/account?connected=hub-many");
    }
    assert_eq!(world.app.stored().await.identities.len(), 3);
}

#[rstest]
#[tokio::test]
async fn new_ways_in_are_for_those_who_signed_in_lately(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let page = browser.get("/auth/hub/start?intent=link").await;
    let fields = hidden_fields(&page.text);
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world.pass(TimeDelta::minutes(16));
    let again = "/sign-in?return_to=%2Fauth%2Fhub%2Fstart%3Fintent%3Dlink%26return_to%3D%252Faccount&again=1";
    browser
        .get("/auth/hub/start?intent=link")
        .await
        .leads_to(again);
    browser
        .post("/auth/hub/start", &fields)
        .await
        .leads_to(again);
    // The page shows the ways in, though somebody is signed in.
    assert!(browser.get(again).await.text.contains("/auth/acme/start"));
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
}

#[rstest]
#[tokio::test]
async fn whoever_came_in_by_an_account_that_gave_way_is_out(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let thief = world.browser();
    thief.sign_in(HUB, "amarlow").await.leads_to("/account");
    let authorization = browser
        .begin_link_with(HUB, "&on_conflict=update_in_place")
        .await;
    let callback = world.provider.decide(&authorization, "drifter").unwrap();
    let back = browser.come_back(&callback).await;
    browser.agree(back).await.leads_to("/account?replaced=hub");
    assert_eq!(thief.viewer().await, Value::Null);
    assert_eq!(browser.viewer().await, "user:default/ada");
}

#[rstest]
#[tokio::test]
async fn a_session_ends_with_what_it_stands_on(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let (ada, bo) = (world.browser(), world.browser());
    ada.sign_in(ACME, "ada").await.leads_to("/account");
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    for status in ["DISABLED", "ACTIVE"] {
        world
            .app
            .ask("mutation($status: UserStatus!) { upsertUser(input: { entityRef: \"user:default/ada\", status: $status }) { userErrors { code } } }")
            .variables(json!({ "status": status }))
            .data()
            .await;
        assert_eq!(ada.viewer().await, Value::Null, "{status}");
    }
    assert_eq!(bo.viewer().await, "user:default/bo");
    world
        .reconfigure("acme", json!({ "allowsSignIn": false }))
        .await;
    assert_eq!(bo.viewer().await, Value::Null);
}
