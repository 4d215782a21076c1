//! The whole way of a link that an application has started.

use rstest::rstest;
use serde_json::json;

use super::{ADAS, HUB, Portal, STRANGERS, second_page};
use crate::support::app::Db;
use crate::support::connecting::{RETURN_TO, told};

#[rstest]
#[tokio::test]
async fn an_application_links_an_account_of_its_user(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let (app, browser) = (&portal.world.app, portal.world.browser());
    let connect = portal.start().await;
    assert!(
        connect.as_str().starts_with(&app.url("/connect/")),
        "{connect}"
    );
    let page = browser.get(connect.path()).await;
    assert_eq!(page.status, 200);
    for said in [
        "portal",
        "user:default/ada",
        "Hub",
        "<bdi class=\"outside\">offline_access</bdi>",
        "https://app.example",
    ] {
        assert!(page.text.contains(said), "{said} in {page:?}");
    }
    assert!(!page.text.contains("ada@acme.example"), "{page:?}");
    let authorization = browser.set_out(&connect).await;
    let callback = portal
        .world
        .provider
        .decide(&authorization, ADAS.0)
        .unwrap();
    let back = browser.come_back(&callback).await;
    portal.linked_nothing().await;
    let found = second_page(&back);
    let page = browser.get(&found).await;
    for said in [
        "Ada M.",
        ADAS.0,
        ADAS.1,
        "ada@acme.example",
        "Hub",
        "portal",
        "user:default/ada",
    ] {
        assert!(page.text.contains(said), "{said} in {page:?}");
    }
    let address = browser.press(&found, "connect").await.goes_on_to();
    portal.linked_nothing().await;
    let code = told(&address, "link_code").unwrap();
    // 256 bits in base64.
    assert_eq!(code.len(), 43);
    assert_eq!(address.as_str(), format!("{RETURN_TO}&link_code={code}"));
    assert!(browser.cookies().is_empty(), "{:?}", browser.cookies());

    let payload = portal.complete(&code, &portal.ada).await;
    assert_eq!(payload["outcome"], "CREATED", "{payload:#}");
    assert_eq!(payload["identity"]["externalId"], ADAS.1);
    assert_eq!(payload["identity"]["user"]["id"], portal.ada);
    let stored = app.stored().await;
    assert_eq!((stored.identities.len(), stored.credentials.len()), (1, 1));
    let identity = &stored.identities[0];
    assert_eq!(identity.username.as_deref(), Some(ADAS.0));
    assert!(identity.scopes_json.0.contains(&"openid".to_owned()));
    let event = stored.events.last().unwrap();
    assert_eq!(
        (event.action.as_str(), event.actor_name.as_str()),
        ("identity.linked", "portal")
    );
    assert!(
        stored
            .events
            .iter()
            .any(|event| event.action == "link.started"),
        "its beginning is told, too"
    );
    portal.nothing_waits().await;
    assert_eq!(
        browser.viewer().await,
        json!(null),
        "nobody is signed in by it"
    );
}

#[rstest]
#[tokio::test]
async fn a_link_asks_for_the_scopes_that_it_was_started_with(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let browser = portal.world.browser();
    let scopes = ["openid", "email"];
    let connect = portal.start_with(json!({ "scopes": scopes })).await;
    let page = browser.get(connect.path()).await;
    assert!(page.text.contains("email</bdi>"), "{page:?}");
    assert!(!page.text.contains("offline_access"), "{page:?}");
    let authorization = browser.set_out(&connect).await;
    assert_eq!(told(&authorization, "scope").unwrap(), "openid email");
}

#[rstest]
#[tokio::test]
async fn an_account_gives_way_to_another_only_where_the_link_says_so(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let before = app.linked(&portal.hub, &portal.ada, "old").await;
    for (policy, warns) in [("FAIL", false), ("UPDATE_IN_PLACE", true)] {
        let browser = portal.world.browser();
        let connect = portal.start_with(json!({ "onConflict": policy })).await;
        let page = browser.get(connect.path()).await;
        assert_eq!(page.text.contains("gives way"), warns, "{page:?}");
        let back = portal.way_back(&browser, &connect, ADAS.0).await;
        let page = browser.get(&second_page(&back)).await;
        assert_eq!(page.text.contains("gives way"), warns, "{page:?}");
        let address = browser.agree(back).await.goes_on_to();
        let code = told(&address, "link_code").unwrap();
        let payload = portal.complete(&code, &portal.ada).await;
        if policy == "FAIL" {
            let refusal = &payload["userErrors"][0];
            assert_eq!(refusal["code"], "USER_HAS_ANOTHER_ACCOUNT", "{payload:#}");
            assert_eq!(refusal["field"], json!(["userId"]));
            assert_eq!(payload["identity"], json!(null));
        } else {
            assert_eq!(payload["outcome"], "UPDATED_IN_PLACE", "{payload:#}");
            assert_eq!(payload["identity"]["id"], before);
        }
    }
    assert_eq!(app.stored().await.identities[0].external_id, ADAS.1);
}

#[rstest]
#[tokio::test]
async fn a_refused_link_uses_the_code_up_and_keeps_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    app.linked(&portal.hub, &portal.bo, ADAS.1).await;
    let connect = portal.start().await;
    let code = portal.code(&portal.world.browser(), &connect).await;
    let before = app.stored().await;
    let payload = portal.complete(&code, &portal.ada).await;
    let refusal = &payload["userErrors"][0];
    assert_eq!(refusal["code"], "ACCOUNT_OWNED_BY_ANOTHER_USER");
    assert_eq!(refusal["field"], json!(["code"]));
    assert_eq!(app.stored().await, before);
    portal.nothing_waits().await;
    portal.is_no_code(&portal.key, &code, &portal.ada).await;
}

#[rstest]
#[tokio::test]
async fn at_an_organizations_sign_on_a_completed_link_is_an_auth_identity(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (world, app) = (&portal.world, &portal.world.app);
    let organization = app.organization("org").await;
    app.add_member(&organization, &portal.ada).await;
    let own = world.own_provider(&organization, "own", HUB).await;
    let sign_on = crate::support::sign_on::sign_on(app, &organization, &own, true).await;
    let scopes = ["identity:write", "identity:read", "identity:assert"];
    let key = app.application("portal", &scopes).await;
    let connect = app.started(&key, &own, &portal.ada, json!({})).await;
    let code = portal.code(&world.browser(), &connect).await;
    app.complete_link(&key, &code, &portal.ada).await.data();
    let links = app
        .ask("query($id: ID!) { authProvider(id: $id) { authIdentities { nodes { ident user { id } } } } }")
        .variables(json!({ "id": sign_on }))
        .data()
        .await;
    assert_eq!(
        links["authProvider"]["authIdentities"]["nodes"],
        json!([{ "ident": ADAS.1, "user": { "id": portal.ada } }])
    );
    // A member who is none any more gets nothing.
    let connect = app.started(&key, &own, &portal.ada, json!({})).await;
    let code = portal
        .code_of(&world.browser(), &connect, STRANGERS.0)
        .await;
    app.remove_member(&organization, &portal.ada).await;
    let answer = app.complete_link(&key, &code, &portal.ada).await.data();
    assert_eq!(
        answer["completeLink"]["userErrors"][0]["code"],
        "USER_NOT_IN_ORGANIZATION"
    );
}
