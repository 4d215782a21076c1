//! Several browsers and several tabs: a flow belongs to the browser that began it, and ends once.

use lanyard::demo::provider::Endpoint;
use rstest::rstest;
use serde_json::Value;

use super::{ACME, HUB, sessions, stored_nothing, world};
use crate::support::app::Db;

#[rstest]
#[tokio::test]
async fn the_way_back_is_open_to_the_browser_that_set_out_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let (mine, anothers) = (world.browser(), world.browser());
    let authorization = mine.begin(ACME).await;
    // The attacker's account in the victim's browser, or the victim's code in the attacker's.
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    anothers
        .come_back(&callback)
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    anothers.begin(ACME).await;
    anothers
        .come_back(&callback)
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    assert!(
        world.provider.records_of(ACME, Endpoint::Token).is_empty(),
        "no code was used"
    );
    stored_nothing(&world).await;
    // Which did the one who set out no harm.
    mine.come_back(&callback).await.leads_to("/account");
}

#[rstest]
#[tokio::test]
async fn an_answer_counts_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    let authorization = browser.begin(ACME).await;
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    browser.come_back(&callback).await.leads_to("/account");
    // The back button, and whoever has read the address in a log.
    let again = browser.come_back(&callback).await;
    again.is_refused(400, "FLOW_UNKNOWN");
    assert!(
        again.text.contains("href=\"/account\""),
        "still signed in: {again:?}"
    );
    world
        .browser()
        .come_back(&callback)
        .await
        .is_refused(400, "FLOW_UNKNOWN");
    assert_eq!(world.provider.records_of(ACME, Endpoint::Token).len(), 1);
    assert_eq!(sessions(&world).await, 1);
}

#[rstest]
#[tokio::test]
async fn of_an_answer_that_comes_many_times_at_once_one_counts(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    let authorization = browser.begin(ACME).await;
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    let ways = (0..8).map(|_| browser.come_back(&callback));
    let seen = futures_util::future::join_all(ways).await;
    let well = seen
        .iter()
        .filter(|seen| seen.status.as_u16() == 303)
        .count();
    assert_eq!(well, 1, "{seen:?}");
    for refused in seen.iter().filter(|seen| seen.status.as_u16() != 303) {
        assert!(
            ["FLOW_UNKNOWN", "FLOW_OF_ANOTHER_BROWSER"]
                .iter()
                .any(|code| refused.text.contains(code)),
            "{refused:?}"
        );
    }
    assert_eq!(world.provider.records_of(ACME, Endpoint::Token).len(), 1);
    assert_eq!(sessions(&world).await, 1);
}

#[rstest]
#[tokio::test]
async fn two_tabs_do_not_get_in_each_others_way(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(false, true)] second_first: bool,
) {
    let world = world(on).await;
    let browser = world.browser();
    let (one, two) = (browser.begin(ACME).await, browser.begin(ACME).await);
    assert_eq!(browser.cookies().len(), 2);
    let one = world.provider.decide(&one, "ada").unwrap();
    let two = world.provider.decide(&two, "bo").unwrap();
    let order = if second_first {
        [(&two, "bo"), (&one, "ada")]
    } else {
        [(&one, "ada"), (&two, "bo")]
    };
    for (callback, name) in order {
        browser.come_back(callback).await.leads_to("/account");
        assert_eq!(browser.viewer().await, format!("user:default/{name}"));
    }
    assert_eq!(browser.cookies().len(), 1, "the session's alone");
}

#[rstest]
#[tokio::test]
async fn a_sign_out_ends_the_session_and_needs_the_pages_token(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let page = browser.get("/account").await;
    let token = crate::support::world::hidden_fields(&page.text)
        .into_iter()
        .find(|(name, _)| name == "form_token")
        .unwrap()
        .1;
    let other = world.browser();
    other.sign_in(ACME, "bo").await.leads_to("/account");
    other
        .post("/auth/logout", &[("form_token", &token)])
        .await
        .is_refused(403, "FORM_INVALID");
    browser
        .post("/auth/logout", &[])
        .await
        .is_refused(403, "FORM_INVALID");
    let from_elsewhere = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let form = [("form_token", token.as_str())];
    browser
        .send(
            reqwest::Method::POST,
            "/auth/logout",
            &from_elsewhere,
            Some(&form),
        )
        .await
        .is_refused(403, "FORM_INVALID");
    assert_eq!(browser.viewer().await, "user:default/ada");
    let kept = browser.cookie_header();
    browser
        .post("/auth/logout", &form)
        .await
        .leads_to("/?signed_out=1");
    assert_eq!(browser.viewer().await, Value::Null);
    assert!(
        browser
            .get("/?signed_out=1")
            .await
            .text
            .contains("You are signed out")
    );
    browser
        .get("/account")
        .await
        .leads_to("/sign-in?return_to=%2Faccount");
    // The cookie, kept by somebody, is worth nothing any more.
    let request = world
        .app
        .http()
        .get(world.app.url("/account"))
        .header("cookie", kept);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 303);
}

#[rstest]
#[tokio::test]
async fn open_flows_are_counted_by_address(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    for _ in 0..20 {
        browser.begin(ACME).await;
    }
    let path = "/auth/acme/start?intent=sign_in";
    browser.get(path).await.is_refused(429, "TOO_MANY");
    world
        .browser()
        .get("/auth/hub/start?intent=sign_in")
        .await
        .is_refused(429, "TOO_MANY");
    world.app.clock.advance(chrono::TimeDelta::minutes(11));
    world.browser().begin(HUB).await;
}

#[rstest]
#[tokio::test]
async fn a_picture_on_somebodys_page_begins_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    let headers = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    let path = "/auth/acme/start?intent=sign_in";
    let seen = browser
        .send(reqwest::Method::GET, path, &headers, None)
        .await;
    seen.is_refused(400, "BAD_USER_INPUT");
    let headers = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let seen = browser
        .send(reqwest::Method::GET, path, &headers, None)
        .await;
    assert_eq!(seen.status.as_u16(), 303);
}
