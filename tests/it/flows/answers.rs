//! Answers that are not what was asked for, or not from whom: each ends in its page, and nothing
//! is stored.

use chrono::TimeDelta;
use lanyard::demo::provider::{
    CallbackFault, DiscoveryFault, Endpoint, IdTokenFault, OldKey, ProfileFault, Times, TokenFault,
};
use rstest::rstest;

use super::{ACME, HUB, stored_nothing, world};
use crate::support::app::Db;

#[rstest]
#[tokio::test]
async fn an_id_token_that_fails_a_check_signs_nobody_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    for fault in IdTokenFault::ALL {
        world.provider.clear_faults(ACME);
        world.provider.fault(ACME, fault, Times::Always);
        let seen = world.browser().sign_in(ACME, "ada").await;
        assert_eq!(seen.status.as_u16(), 502, "{fault:?}: {seen:?}");
        seen.is_refused(502, "ANSWER_INVALID");
        // A token that is none can't be told from an answer that is none.
        let step = ["id_token", "exchange"]
            .iter()
            .any(|step| seen.text.contains(&format!("<code>{step}</code>")));
        assert!(step, "{fault:?}: {seen:?}");
    }
    stored_nothing(&world).await;
    world.provider.clear_faults(ACME);
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
}

#[rstest]
#[case::another_issuer(CallbackFault::WrongIssuer, 400, "ANSWER_INVALID")]
#[case::no_issuer(CallbackFault::NoIssuer, 400, "ANSWER_INVALID")]
#[case::no_code(CallbackFault::NoCode, 400, "ANSWER_INVALID")]
#[case::another_code(CallbackFault::WrongCode, 502, "PROVIDER_REFUSED")]
#[case::another_state(CallbackFault::WrongState, 400, "FLOW_UNKNOWN")]
#[case::no_state(CallbackFault::NoState, 400, "FLOW_UNKNOWN")]
#[case::two_states(CallbackFault::Twice("state"), 400, "ANSWER_INVALID")]
#[case::two_codes(CallbackFault::Twice("code"), 400, "ANSWER_INVALID")]
#[case::two_issuers(CallbackFault::Twice("iss"), 400, "ANSWER_INVALID")]
#[case::said_no(CallbackFault::Error("access_denied", "<script>alert(1)</script>".into()), 403, "ACCESS_DENIED")]
#[case::login_required(CallbackFault::Error("login_required", "x".into()), 502, "PROVIDER_REFUSED")]
#[case::server_error(CallbackFault::Error("server_error", "x".into()), 502, "PROVIDER_UNAVAILABLE")]
#[case::unknown_error(CallbackFault::Error("<b>odd", "\u{202e}x".into()), 502, "PROVIDER_REFUSED")]
#[tokio::test]
async fn a_callback_that_is_wrong_ends_in_its_page(
    #[case] fault: CallbackFault,
    #[case] status: u16,
    #[case] code: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world.provider.fault(ACME, fault, Times::Always);
    let seen = world.browser().sign_in(ACME, "ada").await;
    seen.is_refused(status, code);
    assert!(!seen.text.contains("<script"), "{seen:?}");
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn who_says_no_is_told_so_and_may_try_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    let authorization = browser.begin(ACME).await;
    let callback = world.provider.deny(&authorization).unwrap();
    let seen = browser.come_back(&callback).await;
    seen.is_refused(403, "ACCESS_DENIED");
    assert!(
        seen.text.contains("/auth/acme/start?intent=sign_in"),
        "{seen:?}"
    );
    assert!(
        browser.cookies().is_empty(),
        "the flow's cookie is forgotten"
    );
    // The state is used up.
    browser
        .come_back(&callback)
        .await
        .is_refused(400, "FLOW_UNKNOWN");
    stored_nothing(&world).await;
}

#[rstest]
#[case::no_id_token(TokenFault::NoIdToken)]
#[case::no_access_token(TokenFault::NoAccessToken)]
#[case::another_type(TokenFault::OtherType)]
#[tokio::test]
async fn a_token_answer_that_is_no_openid_answer_is_refused(
    #[case] fault: TokenFault,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world.provider.fault(ACME, fault, Times::Always);
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .is_refused(502, "ANSWER_INVALID");
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn a_token_answer_that_is_a_form_is_read_too(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    world
        .provider
        .fault(ACME, TokenFault::FormEncoded, Times::Always);
    let seen = world.browser().sign_in(ACME, "ada").await;
    assert_eq!(seen.status, 303, "{seen:?}");
}

#[rstest]
#[tokio::test]
async fn user_info_of_somebody_else_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    // The ID token says nothing of the address, so user info is asked.
    world
        .provider
        .fault(ACME, ProfileFault::OtherSubjectInUserInfo, Times::Always);
    world
        .provider
        .fault(ACME, ProfileFault::VerificationUnsaid, Times::Always);
    let seen = world.browser().sign_in(ACME, "ada").await;
    seen.is_refused(502, "ANSWER_INVALID");
    assert!(seen.text.contains("<code>userinfo</code>"), "{seen:?}");
    assert_eq!(world.provider.records_of(ACME, Endpoint::UserInfo).len(), 1);
    stored_nothing(&world).await;
}

#[rstest]
#[case::another_issuer(DiscoveryFault::OtherIssuer)]
#[case::no_token_endpoint(DiscoveryFault::Without("token_endpoint"))]
#[case::no_keys(DiscoveryFault::Without("jwks_uri"))]
#[case::elsewhere(DiscoveryFault::EndpointsAt("http://169.254.169.254/".parse().unwrap()))]
#[tokio::test]
async fn a_discovery_document_that_cannot_be_used_begins_nothing(
    #[case] fault: DiscoveryFault,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world.provider.fault(ACME, fault, Times::Always);
    let browser = world.browser();
    let seen = browser.get("/auth/acme/start?intent=sign_in").await;
    seen.is_refused(502, "PROVIDER_UNAVAILABLE");
    assert!(browser.cookies().is_empty());
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn an_answer_of_another_provider_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    let at_acme = browser.begin(ACME).await;
    let callback = world.provider.decide(&at_acme, "ada").unwrap();
    // Acme's answer at Hub's address (a mix-up, RFC 9700 §4.4).
    let elsewhere = format!("/auth/hub/callback?{}", callback.query().unwrap());
    browser
        .get(&elsewhere)
        .await
        .is_refused(400, "ANSWER_INVALID");
    // Hub's code with Acme's state.
    let (at_acme, at_hub) = (browser.begin(ACME).await, browser.begin(HUB).await);
    let acme = world.provider.decide(&at_acme, "ada").unwrap();
    let hub = world.provider.decide(&at_hub, "drifter").unwrap();
    let value = |url: &url::Url, name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    let mixed = format!(
        "/auth/acme/callback?state={}&code={}&iss={}",
        value(&acme, "state"),
        value(&hub, "code"),
        value(&hub, "iss")
    );
    browser.get(&mixed).await.is_refused(400, "ANSWER_INVALID");
    stored_nothing(&world).await;
}

#[rstest]
#[tokio::test]
async fn a_flow_is_open_for_ten_minutes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    for (minutes, code) in [(11, Some("FLOW_EXPIRED")), (9, None)] {
        let browser = world.browser();
        let authorization = browser.begin(ACME).await;
        world.pass(TimeDelta::minutes(minutes));
        let callback = world.provider.decide(&authorization, "ada").unwrap();
        let seen = browser.come_back(&callback).await;
        match code {
            Some(code) => {
                seen.is_refused(400, code);
                stored_nothing(&world).await;
            }
            None => seen.leads_to("/account"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn keys_that_rotate_at_the_provider_break_no_sign_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    world.provider.rotate_key(ACME, OldKey::Dropped);
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
}
