//! The forms of both pages, and what their answers tell browsers.

use reqwest::Method;
use reqwest::header::HeaderMap;
use rstest::rstest;
use serde_json::json;

use super::{ADAS, Portal, second_page};
use crate::support::app::Db;
use crate::support::world::{Browser, World, hidden_fields};

#[rstest]
#[tokio::test]
async fn a_form_counts_with_its_own_token_from_its_own_page_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("first", "second")] which: &str,
) {
    let portal = Portal::new(on).await;
    let (world, browser) = (&portal.world, portal.world.browser());
    let (mine, others) = (portal.start().await, portal.start().await);
    let (path, other_path, agree) = if which == "first" {
        (mine.path().to_owned(), others.path().to_owned(), "continue")
    } else {
        let mine = portal.way_back(&browser, &mine, ADAS.0).await;
        let others = portal.way_back(&browser, &others, ADAS.0).await;
        (second_page(&mine), second_page(&others), "connect")
    };
    let token_of = async |path: &str| {
        let page = browser.get(path).await;
        let fields = hidden_fields(&page.text);
        let token = fields.into_iter().find(|(name, _)| name == "form_token");
        token.unwrap().1
    };
    let (token, others) = (token_of(&path).await, token_of(&other_path).await);
    world.app.all_sealed().await;
    let before = world.app.dump().await;
    for fields in [
        vec![("answer", agree)],
        vec![("answer", agree), ("form_token", "")],
        vec![("answer", agree), ("form_token", &others)],
        vec![("answer", "cancel"), ("form_token", &others)],
    ] {
        browser
            .post(&path, &fields)
            .await
            .is_refused(403, "FORM_INVALID");
    }
    let good = [("answer", agree), ("form_token", token.as_str())];
    for headers in [
        vec![],
        vec![("origin", "null")],
        vec![("origin", "https://app.example")],
        vec![
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ],
        vec![("sec-fetch-site", "same-site")],
    ] {
        browser
            .send(Method::POST, &path, &headers, Some(&good))
            .await
            .is_refused(403, "FORM_INVALID");
    }
    for fields in [
        vec![("form_token", token.as_str())],
        vec![("form_token", &token), ("answer", "")],
        vec![("form_token", &token), ("answer", "yes")],
        vec![
            ("form_token", &token),
            ("answer", agree),
            ("answer", "cancel"),
        ],
    ] {
        browser
            .post(&path, &fields)
            .await
            .is_refused(400, "BAD_USER_INPUT");
    }
    let deleting = browser.send(Method::DELETE, &path, &[], None).await;
    deleting.is_refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(world.app.dump().await, before);
    assert_eq!(browser.post(&path, &good).await.status, 200);
}

#[rstest]
#[tokio::test]
async fn an_address_that_is_no_link_is_none(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let browser = portal.world.browser();
    for path in [
        "/connect/x",
        "/connect/%00",
        "/connect/found/x",
        "/connect/found/019aa9f0c1d27d3e8f6a5b4c3d2e1f00",
    ] {
        browser.get(path).await.is_refused(404, "LINK_UNKNOWN");
    }
    for path in ["/connect", "/connect/", "/connect/found", "/connect/x/y"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    // A link whose second page isn't there yet.
    let connect = portal.start().await;
    browser.set_out(&connect).await;
    let id = portal.world.app.pending_links().await[0].id.simple();
    let path = format!("/connect/found/{id}");
    browser.get(&path).await.is_refused(404, "LINK_UNKNOWN");
}

/// The headers of an answer to this browser.
async fn headers(
    world: &World,
    browser: &Browser<'_>,
    path: &str,
    form: Option<&[(&str, &str)]>,
) -> HeaderMap {
    let url = world.app.url(path);
    let http = world.app.http();
    let request = match form {
        None => http.get(url),
        Some(form) => http
            .post(url)
            .header("origin", world.app.url(""))
            .form(form),
    };
    let request = request
        .header("accept", "text/html")
        .header("cookie", browser.cookie_header());
    request.send().await.unwrap().headers().clone()
}

#[rstest]
#[tokio::test]
async fn nobody_frames_the_pages_keeps_them_or_learns_their_addresses(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let (world, browser) = (&portal.world, portal.world.browser());
    let connect = portal.start().await;
    let first = headers(world, &browser, connect.path(), None).await;
    let authorization = browser.set_out(&connect).await;
    let callback = world.provider.decide(&authorization, ADAS.0).unwrap();
    let back = browser.come_back(&callback).await;
    let found = second_page(&back);
    let second = headers(world, &browser, &found, None).await;
    let page = browser.get(&found).await;
    let token = &hidden_fields(&page.text)[0].1;
    let form = [("form_token", token.as_str()), ("answer", "connect")];
    let leaving = headers(world, &browser, &found, Some(&form)).await;
    for of_page in [&first, &second, &leaving] {
        let policy = of_page["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(of_page["cache-control"], "no-store");
        // Other origins see no referrer: neither the provider nor the application.
        assert_eq!(of_page["referrer-policy"], "same-origin");
        assert_eq!(of_page["cross-origin-opener-policy"], "same-origin");
    }
    // A redirect carries the referrer policy of its own.
    let connect = portal.start_with(json!({})).await;
    let authorization = browser.set_out(&connect).await;
    let denied = world.provider.deny(&authorization).unwrap();
    let path = format!("{}?{}", denied.path(), denied.query().unwrap());
    let redirect = headers(world, &browser, &path, None).await;
    assert!(
        redirect["location"]
            .to_str()
            .unwrap()
            .starts_with("https://app.example/")
    );
    assert_eq!(redirect["referrer-policy"], "no-referrer");
    assert_eq!(redirect["cache-control"], "no-store");
}
