//! The second page of a person's own link: nothing is connected before its button.

use chrono::TimeDelta;
use futures_util::future::join_all;
use rstest::rstest;

use super::{ACME, HUB, second_page};
use crate::support::app::Db;
use crate::support::world::{Browser, Seen, World, hidden_fields};

/// Ada and Bo are known; Hub signs people in.
async fn world(on: Db) -> World {
    let world = World::start(on).await;
    world.person("ada", "ada@acme.example").await;
    world.person("bo", "bo@acme.example").await;
    world
}

async fn signed_in<'a>(world: &'a World, username: &str) -> Browser<'a> {
    let browser = world.browser();
    browser.sign_in(ACME, username).await.leads_to("/account");
    browser
}

async fn way_back(world: &World, browser: &Browser<'_>, more: &str) -> Seen {
    let authorization = browser.begin_link_with(HUB, more).await;
    let callback = world.provider.decide(&authorization, "amarlow").unwrap();
    browser.come_back(&callback).await
}

/// Ada's browser at the second page, and the page's path.
async fn at_second_page(world: &World) -> (Browser<'_>, String, Seen) {
    let browser = signed_in(world, "ada").await;
    let back = way_back(world, &browser, "").await;
    let found = second_page(&back);
    let page = browser.get(&found).await;
    (browser, found, page)
}

/// Neither the page nor its button does anything any more.
async fn asks_to_sign_in(browser: &Browser<'_>, found: &str, page: &Seen) {
    browser.get(found).await.is_refused(403, "SIGN_IN_FIRST");
    browser
        .send_form(found, page, &[("answer", "connect")])
        .await
        .is_refused(403, "SIGN_IN_FIRST");
}

/// Ada's account at Acme, with which she signed in, and no other.
async fn nothing_more(world: &World) {
    let stored = world.app.stored().await;
    let accounts: Vec<_> = stored
        .identities
        .iter()
        .map(|row| &row.external_id)
        .collect();
    assert!(!accounts.contains(&&"4471".to_owned()), "{accounts:?}");
}

#[rstest]
#[tokio::test]
async fn an_account_is_connected_by_the_second_pages_button_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = signed_in(&world, "ada").await;
    let back = way_back(&world, &browser, "").await;
    let found = second_page(&back);
    world.app.all_sealed().await;
    let before = world.app.dump().await;
    let page = browser.get(&found).await;
    for said in ["Ada M.", "amarlow", "4471", "Hub", "user:default/ada"] {
        assert!(page.text.contains(said), "{said}: {page:?}");
    }
    assert!(
        !page.text.contains("<img src=\"http"),
        "no picture is loaded: {page:?}"
    );
    assert_eq!(world.app.dump().await, before);
    nothing_more(&world).await;
    // No.
    browser.press(&found, "cancel").await.leads_to("/account");
    browser.get(&found).await.is_refused(404, "LINK_UNKNOWN");
    assert_eq!(browser.cookies().len(), 1, "the session's alone");
    nothing_more(&world).await;
    assert!(world.app.pending_links().await.is_empty());
    // Yes, many times at once.
    let back = way_back(&world, &browser, "").await;
    let found = second_page(&back);
    let page = browser.get(&found).await;
    let presses = (0..4).map(|_| browser.send_form(&found, &page, &[("answer", "connect")]));
    let seen = join_all(presses).await;
    let well: Vec<_> = seen.iter().filter(|seen| seen.status == 303).collect();
    assert_eq!(well.len(), 1, "{seen:?}");
    well[0].leads_to("/account?connected=hub");
    for refused in seen.iter().filter(|seen| seen.status != 303) {
        let over = ["LINK_UNKNOWN", "LINK_USED", "FLOW_OF_ANOTHER_BROWSER"];
        let said = over.iter().any(|code| refused.text.contains(code));
        assert!(said && refused.status.is_client_error(), "{refused:?}");
    }
    assert_eq!(world.app.stored().await.identities.len(), 2);
    assert!(world.app.pending_links().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn the_second_page_is_for_the_browser_and_the_session_that_began(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let (browser, found, page) = at_second_page(&world).await;
    // Nobody else's, another person's, and the same person's in another browser.
    for other in [
        world.browser(),
        signed_in(&world, "bo").await,
        signed_in(&world, "ada").await,
    ] {
        let seen = other.get(&found).await;
        seen.is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
        assert!(!seen.text.contains("amarlow"), "{seen:?}");
        other
            .send_form(&found, &page, &[("answer", "connect")])
            .await
            .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    }
    // Another person in the same browser, and the same one anew.
    for username in ["bo", "ada"] {
        browser.sign_in(ACME, username).await.leads_to("/account");
        asks_to_sign_in(&browser, &found, &page).await;
    }
    nothing_more(&world).await;
}

#[rstest]
#[tokio::test]
async fn who_has_signed_out_meanwhile_connects_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let (browser, found, page) = at_second_page(&world).await;
    let account = browser.get("/account").await;
    let fields = hidden_fields(&account.text);
    let token = fields
        .iter()
        .find(|(name, _)| name == "form_token")
        .unwrap();
    browser
        .post("/auth/logout", &[("form_token", &token.1)])
        .await
        .leads_to("/?signed_out=1");
    asks_to_sign_in(&browser, &found, &page).await;
    nothing_more(&world).await;
}

#[rstest]
#[tokio::test]
async fn the_second_page_is_open_for_ten_minutes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = signed_in(&world, "ada").await;
    let back = way_back(&world, &browser, "").await;
    world.pass(TimeDelta::minutes(11));
    browser.agree(back).await.is_refused(410, "LINK_EXPIRED");
    nothing_more(&world).await;
}

#[rstest]
#[tokio::test]
async fn a_refused_link_keeps_no_account(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let (ada, bo) = (
        signed_in(&world, "ada").await,
        signed_in(&world, "bo").await,
    );
    ada.link(HUB, "amarlow")
        .await
        .leads_to("/account?connected=hub");
    let back = way_back(&world, &bo, "").await;
    let found = second_page(&back);
    bo.agree(back)
        .await
        .is_refused(409, "ACCOUNT_OWNED_BY_ANOTHER_USER");
    bo.get(&found).await.is_refused(404, "LINK_UNKNOWN");
    assert!(world.app.pending_links().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn a_link_that_leads_elsewhere_goes_there_by_a_page(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let settings = [("LANYARD_ALLOWED_ORIGINS", "https://other.example")];
    let world = World::start_with(on, &settings).await;
    world.person("ada", "ada@acme.example").await;
    let browser = signed_in(&world, "ada").await;
    let more = "&return_to=https%3A%2F%2Fother.example%2Fdone";
    let back = way_back(&world, &browser, more).await;
    let address = browser.agree(back).await.goes_on_to();
    assert_eq!(address.as_str(), "https://other.example/done");
    assert_eq!(world.app.stored().await.identities.len(), 2);
}

#[rstest]
#[tokio::test]
async fn a_person_has_so_many_links_waiting(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = signed_in(&world, "ada").await;
    for _ in 0..20 {
        second_page(&way_back(&world, &browser, "").await);
    }
    way_back(&world, &browser, "")
        .await
        .is_refused(429, "TOO_MANY");
    assert_eq!(world.app.pending_links().await.len(), 20);
    world.pass(TimeDelta::minutes(11));
    let again = signed_in(&world, "ada").await;
    second_page(&way_back(&world, &again, "").await);
    assert_eq!(
        world.app.pending_links().await.len(),
        1,
        "the others are gone"
    );
}
