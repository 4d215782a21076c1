//! The page and the button that begin a link; and answers that come by `form_post`.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use super::{ACME, HUB, stored_nothing, world};
use crate::support::app::Db;
use crate::support::world::{World, hidden_fields};

#[rstest]
#[tokio::test]
async fn a_link_begins_by_the_button_of_its_page_alone(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let path = "/auth/hub/start";
    let nobody = world.browser();
    nobody.get("/auth/hub/start?intent=link").await.leads_to(
        "/sign-in?return_to=%2Fauth%2Fhub%2Fstart%3Fintent%3Dlink%26return_to%3D%252Faccount",
    );
    nobody
        .post(path, &[("intent", "link")])
        .await
        .is_refused(403, "SIGN_IN_FIRST");
    let (ada, bo) = (world.browser(), world.browser());
    ada.sign_in(ACME, "ada").await.leads_to("/account");
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    let page = ada.get("/auth/hub/start?intent=link").await;
    assert!(
        page.location.is_none() && page.set_cookies.is_empty(),
        "GET changes nothing: {page:?}"
    );
    let fields = hidden_fields(&page.text);
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let without = |name: &str| {
        fields
            .iter()
            .copied()
            .filter(|(field, _)| *field != name)
            .collect::<Vec<_>>()
    };
    ada.post(path, &without("form_token"))
        .await
        .is_refused(403, "FORM_INVALID");
    bo.post(path, &fields).await.is_refused(403, "FORM_INVALID");
    for headers in [
        vec![],
        vec![("origin", "null")],
        vec![("origin", "https://evil.example")],
        vec![("sec-fetch-site", "cross-site")],
    ] {
        ada.send(Method::POST, path, &headers, Some(&fields))
            .await
            .is_refused(403, "FORM_INVALID");
    }
    // A token of another form.
    let account = ada.get("/account").await;
    let sign_out = hidden_fields(&account.text)
        .into_iter()
        .find(|(name, _)| name == "form_token")
        .unwrap()
        .1;
    let mut swapped = without("form_token");
    swapped.push(("form_token", &sign_out));
    ada.post(path, &swapped)
        .await
        .is_refused(403, "FORM_INVALID");
    let mut as_sign_in = without("intent");
    as_sign_in.push(("intent", "sign_in"));
    ada.post(path, &as_sign_in)
        .await
        .is_refused(400, "BAD_USER_INPUT");
    assert_eq!(ada.post(path, &fields).await.status.as_u16(), 200);
}

#[rstest]
#[case("")]
#[case("intent=")]
#[case("intent=other")]
#[case("intent=sign_in&intent=sign_in")]
#[case("intent=sign_in&on_conflict=reattach")]
#[tokio::test]
async fn a_start_that_says_nothing_sensible_is_refused(
    #[case] query: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let path = format!("/auth/acme/start?{query}");
    world
        .browser()
        .get(&path)
        .await
        .is_refused(400, "BAD_USER_INPUT");
}

/// A world whose Acme answers by POST.
async fn posting(on: Db) -> World {
    let world = world(on).await;
    let issuer = world.provider.issuer(ACME);
    let config = json!({
        "issuer": issuer.as_str(), "response_mode": "form_post",
        "scopes": ["openid", "profile", "email", "offline_access"],
    });
    world.reconfigure("acme", json!({ "config": config })).await;
    world
}

#[rstest]
#[tokio::test]
async fn a_posted_answer_waits_sealed_for_the_browser_that_brings_the_cookie(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = posting(on).await;
    let browser = world.browser();
    let authorization = browser.begin(ACME).await;
    assert!(
        authorization
            .query()
            .unwrap()
            .contains("response_mode=form_post")
    );
    let callback = world.provider.decide(&authorization, "ada").unwrap();
    let fields: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // As browsers do: a POST from another site comes without cookies.
    let stranger = world.browser();
    let provider = world.provider.issuer(ACME).origin().ascii_serialization();
    let posted = stranger
        .send(
            Method::POST,
            "/auth/acme/callback",
            &[("origin", &provider)],
            Some(&fields),
        )
        .await;
    let state = fields.iter().find(|(name, _)| *name == "state").unwrap().1;
    posted.leads_to(&format!("/auth/acme/callback?state={state}"));
    let code = fields.iter().find(|(name, _)| *name == "code").unwrap().1;
    assert!(
        !format!("{:?}", world.app.dump().await).contains(code),
        "the code lies sealed"
    );
    let next = posted.location.unwrap();
    stranger
        .get(&next)
        .await
        .is_refused(403, "FLOW_OF_ANOTHER_BROWSER");
    browser.get(&next).await.leads_to("/account");
    assert_eq!(browser.viewer().await, "user:default/ada");
    browser.get(&next).await.is_refused(400, "FLOW_UNKNOWN");
    stranger
        .send(Method::POST, "/auth/acme/callback", &[], Some(&fields))
        .await
        .is_refused(400, "FLOW_UNKNOWN");
}

#[rstest]
#[tokio::test]
async fn what_is_posted_is_a_form_of_a_flow_that_is_open(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = posting(on).await;
    let browser = world.browser();
    let path = "/auth/acme/callback";
    browser
        .send(Method::POST, path, &[], Some(&[]))
        .await
        .is_refused(400, "FLOW_UNKNOWN");
    browser
        .send(
            Method::POST,
            path,
            &[],
            Some(&[("state", "x"), ("code", "y")]),
        )
        .await
        .is_refused(400, "FLOW_UNKNOWN");
    browser
        .send(
            Method::POST,
            path,
            &[("content-type", "application/json")],
            None,
        )
        .await
        .is_refused(400, "BAD_USER_INPUT");
    let long = "x".repeat(17 * 1024);
    browser
        .send(Method::POST, path, &[], Some(&[("code", &long)]))
        .await
        .is_refused(400, "BAD_USER_INPUT");
    let at_hub = browser.begin(HUB).await;
    let callback = world.provider.decide(&at_hub, "drifter").unwrap();
    let fields: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser
        .send(Method::POST, path, &[], Some(&fields))
        .await
        .is_refused(400, "ANSWER_INVALID");
    stored_nothing(&world).await;
}
