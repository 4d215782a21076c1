//! The account page's ways to part with things: an account, and sessions elsewhere.

use chrono::TimeDelta;
use reqwest::Method;
use rstest::rstest;

use super::{ACME, HUB, sessions, world};
use crate::support::app::Db;
use crate::support::world::{Browser, Seen, World, hidden_fields};

const PATH: &str = "/account/disconnect";

/// The identity of the account at this provider.
async fn identity(world: &World, slug: &str) -> String {
    let query =
        format!("{{ identityProvider(slug: {slug:?}) {{ identities {{ nodes {{ id }} }} }} }}");
    let data = world.app.ask(&query).data().await;
    crate::support::client::text(&data, "/identityProvider/identities/nodes/0/id")
}

fn question(id: &str) -> String {
    format!("{PATH}?identity={id}")
}

/// The fields of the page's last form.
fn fields(page: &Seen) -> Vec<(String, String)> {
    let form = page.text.rsplit("<form").next().unwrap();
    hidden_fields(&format!("<form{form}"))
}

async fn send(browser: &Browser<'_>, path: &str, fields: &[(String, String)]) -> Seen {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post(path, &fields).await
}

/// Ada, with accounts at Acme and at Hub.
async fn ada<'a>(world: &'a World) -> Browser<'a> {
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    browser
        .link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    browser
}

#[rstest]
#[tokio::test]
async fn an_account_is_disconnected_by_the_button_of_its_page(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = ada(&world).await;
    let elsewhere = world.browser();
    elsewhere.sign_in(ACME, "ada").await.leads_to("/account");
    let hub = identity(&world, "hub").await;
    let account = browser.get("/account").await;
    assert!(account.text.contains(&question(&hub)), "{account:?}");

    let page = browser.get(&question(&hub)).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("You can no longer sign in with it."));
    assert!(page.text.contains("You are signed out everywhere else."));
    assert!(!page.text.contains("act as this account"));
    assert_eq!(
        world.app.stored().await.identities.len(),
        2,
        "GET changes nothing"
    );

    let done = send(&browser, PATH, &fields(&page)).await;
    done.leads_to(&format!("/account?disconnected={hub}"));
    let page = browser.get(&done.location.unwrap()).await;
    assert!(
        page.text.contains("The account is disconnected."),
        "{page:?}"
    );
    assert!(!page.text.contains(&hub));
    assert_eq!(world.app.stored().await.identities.len(), 1);
    assert_eq!(browser.viewer().await, "user:default/ada");
    elsewhere
        .get("/account")
        .await
        .leads_to("/sign-in?return_to=%2Faccount");
    // Acme is the only way in now.
    let acme = identity(&world, "acme").await;
    assert!(page.text.contains("it is your only way in"), "{page:?}");
    assert!(!page.text.contains(&question(&acme)));
    browser
        .get(&question(&acme))
        .await
        .is_refused(409, "NEEDED_FOR_GLOBAL_AUTH");
    // What is gone is not there, nor is what never was.
    browser
        .get(&question(&hub))
        .await
        .is_refused(404, "NOT_FOUND");
    browser
        .get(&question("identity_01h455vb4pex5vsknk084sn02q"))
        .await
        .is_refused(404, "NOT_FOUND");
    for address in [PATH.to_owned(), question("x"), question("")] {
        browser
            .get(&address)
            .await
            .is_refused(400, "BAD_USER_INPUT");
    }
}

#[rstest]
#[tokio::test]
async fn the_account_that_the_session_began_with_can_go_too(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = ada(&world).await;
    let acme = identity(&world, "acme").await;
    let page = browser.get(&question(&acme)).await;
    let done = send(&browser, PATH, &fields(&page)).await;
    done.leads_to(&format!("/account?disconnected={acme}"));
    assert_eq!(browser.viewer().await, "user:default/ada");
    // The account is nobody's now, and Ada has another way in.
    let stranger = world.browser();
    let seen = stranger.sign_in(ACME, "ada").await;
    assert!(seen.status.is_client_error(), "{seen:?}");
    assert!(seen.text.contains("SIGN_IN_FIRST"), "{seen:?}");
}

#[rstest]
#[tokio::test]
async fn the_last_way_in_stays_whatever_is_sent(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = ada(&world).await;
    let (acme, hub) = (
        identity(&world, "acme").await,
        identity(&world, "hub").await,
    );
    // Both pages are open when the first button is pressed.
    let (first, second) = (
        browser.get(&question(&acme)).await,
        browser.get(&question(&hub)).await,
    );
    send(&browser, PATH, &fields(&first))
        .await
        .leads_to(&format!("/account?disconnected={acme}"));
    send(&browser, PATH, &fields(&second))
        .await
        .is_refused(409, "NEEDED_FOR_GLOBAL_AUTH");
    send(&browser, PATH, &fields(&first))
        .await
        .is_refused(404, "NOT_FOUND");
    assert_eq!(world.app.stored().await.identities.len(), 1);
}

#[rstest]
#[tokio::test]
async fn nobody_else_presses_the_button(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = ada(&world).await;
    let hub = identity(&world, "hub").await;
    let nobody = world.browser();
    let encoded = format!("%2Faccount%2Fdisconnect%3Fidentity%3D{hub}");
    nobody
        .get(&question(&hub))
        .await
        .leads_to(&format!("/sign-in?return_to={encoded}"));
    let bo = world.browser();
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    bo.get(&question(&hub)).await.is_refused(404, "NOT_FOUND");
    let page = browser.get(&question(&hub)).await;
    let form = fields(&page);
    send(&nobody, PATH, &form)
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    send(&bo, PATH, &form).await.is_refused(403, "FORM_INVALID");
    let identity_alone = [("identity".to_owned(), hub.clone())];
    send(&browser, PATH, &identity_alone)
        .await
        .is_refused(403, "FORM_INVALID");
    let borrowed: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for headers in [
        vec![],
        vec![("origin", "null")],
        vec![("origin", "https://evil.example")],
        vec![("sec-fetch-site", "cross-site")],
    ] {
        browser
            .send(Method::POST, PATH, &headers, Some(&borrowed))
            .await
            .is_refused(403, "FORM_INVALID");
    }
    // A token of another form of the same session.
    let sign_out = hidden_fields(&browser.get("/account").await.text);
    let token = sign_out
        .into_iter()
        .find(|(name, _)| name == "form_token")
        .unwrap();
    send(&browser, PATH, &[token, identity_alone[0].clone()])
        .await
        .is_refused(403, "FORM_INVALID");
    // Two of Ada's, and the one that Bo signed in with.
    assert_eq!(world.app.stored().await.identities.len(), 3);
}

#[rstest]
#[tokio::test]
async fn a_session_that_is_not_fresh_signs_in_again_and_comes_back(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = ada(&world).await;
    let hub = identity(&world, "hub").await;
    let page = browser.get(&question(&hub)).await;
    world.pass(TimeDelta::minutes(15));
    let again = format!("/sign-in?return_to=%2Faccount%2Fdisconnect%3Fidentity%3D{hub}&again=1");
    browser.get(&question(&hub)).await.leads_to(&again);
    send(&browser, PATH, &fields(&page)).await.leads_to(&again);
    assert_eq!(world.app.stored().await.identities.len(), 2);
    let page = browser.get(&again).await;
    assert_eq!(page.status, 200);
    let back = format!("&return_to=%2Faccount%2Fdisconnect%3Fidentity%3D{hub}");
    let authorization = browser.begin_with(ACME, &back).await;
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    browser.come_back(&callback).await.leads_to(&question(&hub));
    let page = browser.get(&question(&hub)).await;
    send(&browser, PATH, &fields(&page))
        .await
        .leads_to(&format!("/account?disconnected={hub}"));
}

#[rstest]
#[tokio::test]
async fn a_person_signs_out_everywhere_else(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let path = "/account/sign-out-elsewhere";
    let page = browser.get("/account").await;
    assert!(!page.text.contains(path), "there is nowhere else: {page:?}");
    let others = [world.browser(), world.browser()];
    for other in &others {
        other.sign_in(ACME, "ada").await.leads_to("/account");
    }
    let bo = world.browser();
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    let page = browser.get("/account").await;
    assert!(page.text.contains("Sign out everywhere else"));
    let form = fields(&page);
    send(&bo, path, &form).await.is_refused(403, "FORM_INVALID");
    send(&browser, path, &[])
        .await
        .is_refused(403, "FORM_INVALID");
    send(&world.browser(), path, &form)
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    assert_eq!(browser.get(path).await.status, 405);
    assert_eq!(sessions(&world).await, 4);
    let done = send(&browser, path, &form).await;
    done.leads_to("/account?signed_out_elsewhere=1");
    let page = browser.get(&done.location.unwrap()).await;
    assert!(page.text.contains("You are signed out everywhere else."));
    assert_eq!(sessions(&world).await, 2);
    assert_eq!(browser.viewer().await, "user:default/ada");
    assert_eq!(bo.viewer().await, "user:default/bo");
    for other in &others {
        other
            .get("/account")
            .await
            .leads_to("/sign-in?return_to=%2Faccount");
    }
}

#[rstest]
#[tokio::test]
async fn an_address_makes_the_page_say_nothing_that_is_not_so(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = ada(&world).await;
    let hub = identity(&world, "hub").await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    for address in [
        format!("/account?disconnected={hub}"),
        "/account?disconnected=x".to_owned(),
        "/account?signed_out_elsewhere=1".to_owned(),
    ] {
        let page = browser.get(&address).await;
        assert!(
            !page.text.contains("role=\"status\""),
            "{address}: {page:?}"
        );
    }
}
