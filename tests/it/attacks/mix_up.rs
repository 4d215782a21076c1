//! Mix-up (RFC 9700 §4.4): Hub is malicious and Acme honest. Hub wants what Acme gives: it makes
//! believe that Acme's page is its own.

use lanyard::demo::provider::{CallbackFault, DiscoveryFault, Endpoint, Times};
use serde_json::json;
use url::Url;

use super::{parameter, with, world};
use crate::flows::{ACME, HUB, stored_nothing};
use crate::support::world::World;

const SAYS_ISS: &str = "authorization_response_iss_parameter_supported";

/// Hub names Acme's page as its own, and has told the operator Acme's name for us.
async fn malicious() -> World {
    let world = world().await;
    let client = world.provider.client(ACME);
    let change = json!({ "clientId": client.id });
    world.reconfigure("hub", change).await;
    let page = format!("{}/authorize", world.provider.issuer(ACME));
    let fault = DiscoveryFault::With("authorization_endpoint", json!(page));
    world.provider.fault(HUB, fault, Times::Always);
    world
}

/// No code went anywhere, and nothing came of it.
async fn leaked_nothing(world: &World) {
    for issuer in [ACME, HUB] {
        let asked = world.provider.records_of(issuer, Endpoint::Token);
        assert!(asked.is_empty(), "{asked:?}");
    }
    stored_nothing(world).await;
}

#[tokio::test]
async fn an_honest_provider_does_not_know_the_malicious_ones_way_back() {
    let world = malicious().await;
    let at_acme = world.browser().begin(HUB).await;
    let redirect_uri = parameter(&at_acme, "redirect_uri");
    assert_eq!(redirect_uri, world.app.url("/auth/hub/callback"));
    let refused = world.provider.decide(&at_acme, "ada").unwrap_err();
    assert!(refused.to_string().contains("redirect_uri"), "{refused}");
    leaked_nothing(&world).await;
}

/// One that takes any address of ours, as many do.
fn let_any_way_back(world: &World) {
    let way_back = world.app.url("/auth/hub/callback");
    world.provider.allow_redirect(ACME, way_back);
}

#[tokio::test]
async fn an_answer_that_names_another_issuer_is_not_taken_to_the_malicious_one() {
    let world = malicious().await;
    let_any_way_back(&world);
    let browser = world.browser();
    let at_acme = browser.begin(HUB).await;
    let way_back = world.provider.decide(&at_acme, "ada").unwrap();
    let acme = world.provider.issuer(ACME);
    assert_eq!(parameter(&way_back, "iss"), acme.as_str());
    let seen = browser.come_back(&way_back).await;
    seen.is_refused(400, "ANSWER_INVALID");
    assert!(seen.text.contains("<code>issuer</code>"), "{seen:?}");
    leaked_nothing(&world).await;
}

#[tokio::test]
async fn an_answer_without_the_issuer_that_was_promised_is_refused() {
    let world = malicious().await;
    let_any_way_back(&world);
    world
        .provider
        .fault(ACME, CallbackFault::NoIssuer, Times::Always);
    let browser = world.browser();
    let at_acme = browser.begin(HUB).await;
    let way_back = world.provider.decide(&at_acme, "ada").unwrap();
    let seen = browser.come_back(&way_back).await;
    seen.is_refused(400, "ANSWER_INVALID");
    assert!(seen.text.contains("<code>issuer</code>"), "{seen:?}");
    leaked_nothing(&world).await;
}

/// The last line: an honest provider that takes any address of ours and doesn't name itself, and
/// a malicious one that doesn't promise to. It gets code and verifier, and can use neither: it
/// has not the client's secret, and in a flow of its own the verifier is another.
#[tokio::test]
async fn a_code_that_leaked_to_a_malicious_provider_is_of_no_use_to_it() {
    let world = malicious().await;
    let_any_way_back(&world);
    world
        .provider
        .fault(ACME, CallbackFault::NoIssuer, Times::Once);
    let silent = DiscoveryFault::With(SAYS_ISS, json!(false));
    world.provider.fault(HUB, silent, Times::Always);
    let browser = world.browser();
    let at_acme = browser.begin(HUB).await;
    let way_back = world.provider.decide(&at_acme, "ada").unwrap();
    browser
        .come_back(&way_back)
        .await
        .is_refused(502, "PROVIDER_REFUSED");
    let leaked = world.provider.records_of(HUB, Endpoint::Token).remove(0);
    let code = parameter(&way_back, "code");
    assert_eq!(leaked.get("code"), Some(code.as_str()));
    let shown = leaked.authorization.unwrap();
    let secret = |issuer| {
        use secrecy::ExposeSecret;
        let secret = world.provider.client(issuer).secret;
        url::form_urlencoded::byte_serialize(secret.expose_secret().as_bytes()).collect::<String>()
    };
    let basic = shown.strip_prefix("Basic ").unwrap();
    let basic = data_encoding::BASE64.decode(basic.as_bytes()).unwrap();
    let basic = String::from_utf8(basic).unwrap();
    assert!(basic.ends_with(&secret(HUB)), "{basic}");
    assert!(
        !basic.contains(&secret(ACME)),
        "each has a secret of its own"
    );
    let attacker = world.browser();
    let own = attacker.begin(ACME).await;
    let own = world.provider.decide(&own, "bo").unwrap();
    attacker
        .come_back(&with(&own, "code", &code))
        .await
        .is_refused(502, "PROVIDER_REFUSED");
    stored_nothing(&world).await;
}

/// Hub's page sends the browser on to Acme's, with Acme's own way back and the state of the flow
/// that Hub was asked for.
#[tokio::test]
async fn a_browser_that_was_sent_on_to_the_honest_provider_comes_back_to_nothing() {
    let world = world().await;
    let browser = world.browser();
    let at_hub = browser.begin(HUB).await;
    let at_acme = world.browser().begin(ACME).await;
    let mut sent_on = with(&at_acme, "state", &parameter(&at_hub, "state"));
    for name in ["nonce", "code_challenge"] {
        sent_on = with(&sent_on, name, &parameter(&at_hub, name));
    }
    let way_back = world.provider.decide(&sent_on, "ada").unwrap();
    assert_eq!(way_back.path(), "/auth/acme/callback");
    browser
        .come_back(&way_back)
        .await
        .is_refused(400, "ANSWER_INVALID");
    leaked_nothing(&world).await;
}

/// Of two providers at one issuer, each has its own way back (cross-app takeover).
#[tokio::test]
async fn an_answer_for_one_provider_is_nothing_to_another_of_the_same_issuer() {
    let world = world().await;
    let organization = world.app.organization("a").await;
    world.own_provider(&organization, "twin", ACME).await;
    let browser = world.browser();
    let way_back = browser.way_back_from("twin", "ada").await;
    let mut moved = way_back.clone();
    moved.set_path("/auth/acme/callback");
    browser
        .come_back(&moved)
        .await
        .is_refused(400, "ANSWER_INVALID");
    leaked_nothing(&world).await;
}

/// What was asked of is what is spoken to: the malicious one says something else meanwhile.
#[tokio::test]
async fn endpoints_that_move_during_a_flow_are_not_followed() {
    let world = world().await;
    let browser = world.browser();
    let at_hub = browser.begin(HUB).await;
    let token = format!("{}/token", world.provider.issuer(ACME));
    let moved = DiscoveryFault::With("token_endpoint", json!(token));
    world.provider.fault(HUB, moved, Times::Always);
    world.pass(chrono::TimeDelta::minutes(9));
    let way_back: Url = world.provider.decide(&at_hub, "drifter").unwrap();
    browser.come_back(&way_back).await;
    let asked = |issuer| world.provider.records_of(issuer, Endpoint::Token).len();
    assert_eq!((asked(ACME), asked(HUB)), (0, 1));
}
