//! A code that was meant for somebody else (RFC 9700 §4.5): the provider finds that the verifier
//! isn't the one it belongs to, and if it doesn't look, the nonce isn't.

use data_encoding::BASE64URL_NOPAD;
use lanyard::demo::provider::{Endpoint, Times, TokenFault};
use sha2::{Digest, Sha256};
use url::Url;

use super::{parameter, with, world};
use crate::flows::{ACME, stored_nothing};
use crate::support::world::World;

/// The way back of the attacker's own flow, with a code that Ada's browser should have brought;
/// and both requests to the provider, hers and the attacker's.
async fn stolen(world: &World, attacker: &crate::support::world::Browser<'_>) -> [Url; 3] {
    let hers = world.browser().begin(ACME).await;
    let on_its_way = world.provider.decide(&hers, "ada").unwrap();
    let own = attacker.begin(ACME).await;
    let way_back = world.provider.decide(&own, "bo").unwrap();
    let injected = with(&way_back, "code", &parameter(&on_its_way, "code"));
    [injected, hers, own]
}

#[tokio::test]
async fn a_stolen_code_in_the_attackers_own_flow_has_a_wrong_verifier() {
    let world = world().await;
    let attacker = world.browser();
    let [injected, hers, own] = stolen(&world, &attacker).await;
    attacker
        .come_back(&injected)
        .await
        .is_refused(502, "PROVIDER_REFUSED");
    let asked = world.provider.records_of(ACME, Endpoint::Token).remove(0);
    let verifier = asked.get("code_verifier").unwrap();
    assert!((43..=128).contains(&verifier.len()), "RFC 7636 §4.1");
    let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes()));
    assert_eq!(challenge, parameter(&own, "code_challenge"));
    assert_ne!(challenge, parameter(&hers, "code_challenge"));
    stored_nothing(&world).await;
}

#[tokio::test]
async fn a_stolen_code_at_a_provider_that_ignores_verifiers_has_a_wrong_nonce() {
    let world = world().await;
    world
        .provider
        .fault(ACME, TokenFault::AnyVerifier, Times::Always);
    let attacker = world.browser();
    let [injected, ..] = stolen(&world, &attacker).await;
    let seen = attacker.come_back(&injected).await;
    seen.is_refused(502, "ANSWER_INVALID");
    assert!(seen.text.contains("<code>id_token</code>"), "{seen:?}");
    stored_nothing(&world).await;
}

/// Nor does the one whose code it was get in with it any more: a code that came twice is worth
/// nothing.
#[tokio::test]
async fn a_code_that_was_injected_is_used_up() {
    let world = world().await;
    let victim = world.browser();
    let hers = victim.begin(ACME).await;
    let on_its_way = world.provider.decide(&hers, "ada").unwrap();
    let attacker = world.browser();
    let own = attacker.begin(ACME).await;
    let way_back = world.provider.decide(&own, "bo").unwrap();
    let injected = with(&way_back, "code", &parameter(&on_its_way, "code"));
    attacker
        .come_back(&injected)
        .await
        .is_refused(502, "PROVIDER_REFUSED");
    victim
        .come_back(&on_its_way)
        .await
        .is_refused(502, "PROVIDER_REFUSED");
    stored_nothing(&world).await;
    victim.sign_in(ACME, "ada").await.leads_to("/account");
}
