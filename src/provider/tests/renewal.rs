//! Keys and configurations that change at the provider, or can't be had for a while.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use super::jwt::Key;
use super::world::{World, told};
use crate::provider::flow::FlowError;

/// After which what is kept is no longer fresh.
const STALE: TimeDelta = TimeDelta::minutes(11);

async fn sign_in(world: &World) -> Result<(), FlowError> {
    let begun = world.begin().await?;
    let query = world.fake.authorize(&begun.url);
    world.finish(&query, &begun).await.map(|_| ())
}

#[tokio::test]
async fn keys_that_rotate_again_within_a_minute_break_no_sign_in() {
    let world = World::new().await;
    sign_in(&world).await.unwrap();
    for rotations in 1..=5 {
        world.fake.rotate();
        sign_in(&world).await.unwrap();
        sign_in(&world).await.unwrap();
        assert_eq!(world.fake.asked("jwks").len(), 1 + rotations);
    }
    world.fake.rotate();
    let error = sign_in(&world).await.unwrap_err();
    assert_eq!(told(&error), "ANSWER_INVALID id_token");
    let asked = world.fake.asked("jwks").len();
    assert_eq!(asked, 6, "no more than five in a minute");
    world.clock.advance(TimeDelta::minutes(1));
    sign_in(&world).await.unwrap();
}

#[tokio::test]
async fn many_sign_ins_by_a_new_key_cost_one_request() {
    let world = World::new().await;
    sign_in(&world).await.unwrap();
    let mut flows = Vec::new();
    for _ in 0..12 {
        let begun = world.begin().await.unwrap();
        flows.push((world.fake.authorize(&begun.url), begun));
    }
    world.fake.rotate();
    let ends = flows
        .iter()
        .map(|(query, begun)| world.finish(query, begun));
    for end in join_all(ends).await {
        end.unwrap();
    }
    assert_eq!(world.fake.asked("jwks").len(), 2);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_asked_for_again_as_soon_as_they_can() {
    let world = World::new().await;
    sign_in(&world).await.unwrap();
    world.fake.rotate();
    world.fake.reply("jwks", 503, "text/plain", "");
    for _ in 0..2 {
        let error = sign_in(&world).await.unwrap_err();
        assert_eq!(told(&error), "PROVIDER_UNAVAILABLE", "the fault is theirs");
    }
    world.fake.mend("jwks");
    sign_in(&world).await.unwrap();
}

#[tokio::test]
async fn what_was_good_stands_in_for_a_day_and_is_not_asked_for_all_the_time() {
    let world = World::new().await;
    sign_in(&world).await.unwrap();
    world.fake.reply("jwks", 503, "text/plain", "");
    world
        .fake
        .reply("openid-configuration", 503, "text/plain", "");
    world.clock.advance(STALE);
    for _ in 0..5 {
        sign_in(&world).await.unwrap();
    }
    for endpoint in ["jwks", "openid-configuration"] {
        assert_eq!(world.fake.asked(endpoint).len(), 2, "{endpoint}");
    }
    world.clock.advance(TimeDelta::hours(23));
    sign_in(&world).await.unwrap();
    world.clock.advance(TimeDelta::hours(1));
    let error = sign_in(&world).await.unwrap_err();
    assert_eq!(told(&error), "PROVIDER_UNAVAILABLE");
    world.fake.mend("jwks");
    world.fake.mend("openid-configuration");
    sign_in(&world).await.unwrap();
}

/// One that names another's address as its own uses up none of the other's tries.
#[tokio::test]
async fn a_provider_that_signs_badly_does_not_spend_anothers_tries() {
    let world = World::new().await;
    sign_in(&world).await.unwrap();
    let evil = world.beside("evil").await;
    let keys = format!("{}/jwks", world.fake.issuer);
    evil.fake.metadata(json!({"jwks_uri": keys}));
    evil.fake.rotate();
    for _ in 0..7 {
        let error = sign_in(&evil).await.unwrap_err();
        assert_eq!(told(&error), "ANSWER_INVALID id_token");
    }
    let asked = world.fake.asked("jwks").len();
    assert_eq!(
        asked,
        1 + 1 + 5,
        "its own first, and five before their time"
    );
    world.fake.rotate();
    sign_in(&world).await.unwrap();
}

/// Providers publish keys of kinds that nobody knows yet, beside the one that signs.
#[tokio::test]
async fn keys_of_unknown_kinds_are_passed_over() {
    let world = World::new().await;
    let ours = Key::new("d", 7);
    let mut odd = vec![
        json!({"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AAAA"}),
        json!({"kty": "EC", "crv": "P-521", "kid": "e", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "kid": "d", "x": "AAAA"}),
        json!({"kty": "EC"}),
        json!({"kid": "d"}),
        json!("a text"),
        json!(null),
    ];
    odd.push(ours.jwk());
    let keys = json!({"keys": odd}).to_string();
    world.fake.reply("jwks", 200, "application/json", &keys);
    sign_in(&world).await.unwrap();
}

/// Checking a signature by them would take long, or keeping them much memory.
#[tokio::test]
async fn keys_without_measure_are_refused() {
    let world = World::new().await;
    let long = "A".repeat(100_000);
    let huge = json!({"kty": "RSA", "alg": "RS256", "n": long, "e": long});
    let many = vec![json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}); 101];
    let padded = json!({"keys": [Key::new("d", 7).jwk()], "x": "A".repeat(300_000)});
    for keys in [json!({"keys": many}), padded] {
        world
            .fake
            .reply("jwks", 200, "application/json", &keys.to_string());
        assert_eq!(world.refusal().await, "PROVIDER_UNAVAILABLE");
    }
    let keys = json!({"keys": [huge]}).to_string();
    world.fake.reply("jwks", 200, "application/json", &keys);
    let header = json!({"alg": "RS256"});
    let token = Key::new("d", 7).sign_with(&header, &json!({
        "iss": world.fake.issuer, "aud": "us", "sub": "person-1", "iat": 0, "exp": 1, "nonce": "",
    }));
    world.fake.token_answer(json!({"id_token": token}));
    let began = std::time::Instant::now();
    assert_eq!(world.refusal().await, "ANSWER_INVALID id_token");
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
}
