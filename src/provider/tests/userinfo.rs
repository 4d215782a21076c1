//! What a provider says of an account, in the forms that providers have: plain, signed, with times
//! as numbers and as texts.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::jwt::{Key, hmac, unsigned};
use super::world::World;
use crate::provider::account::Profile;

/// The key that the provider signs with to begin with.
fn key() -> Key {
    Key::new("d", 7)
}

fn claims(world: &World, changes: &Value) -> Value {
    let now = world.clock.now();
    let mut claims = json!({
        "iss": world.fake.issuer, "aud": "us", "sub": "person-1", "name": "P",
        "email": "p@x.example", "email_verified": true,
        "exp": (now + TimeDelta::minutes(5)).timestamp(),
    });
    let all = claims.as_object_mut().unwrap();
    all.extend(changes.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    claims
}

async fn profile(world: &World) -> Profile {
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    let finished = world.finish(&query, &begun).await.unwrap();
    finished.account.profile
}

fn says(world: &World, token: &str) {
    let kind = "application/jwt; charset=utf-8";
    world.fake.reply("userinfo", 200, kind, token);
}

#[rstest]
#[case::as_it_is(json!({}))]
#[case::to_us_among_others(json!({"aud": ["other", "us"]}))]
#[case::without_what_it_may_leave_out(json!({"iss": null, "aud": null, "exp": null}))]
#[tokio::test]
async fn a_signed_answer_is_read(#[case] changes: Value) {
    let world = World::new().await;
    says(&world, &key().sign(&claims(&world, &changes)));
    let profile = profile(&world).await;
    assert_eq!(profile.email.as_deref(), Some("p@x.example"));
    assert_eq!(profile.email_verified, Some(true));
    assert_eq!(profile.display_name.as_deref(), Some("P"));
}

#[rstest]
#[case::issuer(json!({"iss": "https://other.example"}))]
#[case::audience(json!({"aud": "other"}))]
#[case::audiences(json!({"aud": ["other"]}))]
#[case::expired(json!({"exp": 1}))]
#[case::not_yet(json!({"nbf": 99_999_999_999_i64}))]
#[case::another_account(json!({"sub": "person-2"}))]
#[case::nobodys(json!({"sub": null}))]
#[tokio::test]
async fn a_signed_answer_that_is_not_for_us_is_refused(#[case] changes: Value) {
    let world = World::new().await;
    says(&world, &key().sign(&claims(&world, &changes)));
    assert_eq!(world.refusal().await, "ANSWER_INVALID userinfo");
}

#[tokio::test]
async fn an_answer_that_anybody_could_have_signed_is_refused() {
    let world = World::new().await;
    let claims = claims(&world, &json!({}));
    let right = key().sign(&claims);
    let (head, signature) = right.rsplit_once('.').unwrap();
    let critical = json!({"alg": "ES256", "kid": "d", "crit": ["b64"], "b64": false});
    let own_key = json!({"alg": "ES256", "jwk": Key::new("x", 9).jwk()});
    let public = key().jwk().to_string();
    for wrong in [
        unsigned(&claims),
        hmac(public.as_bytes(), Some("d"), &claims),
        hmac(b"secret-canary", None, &claims),
        Key::new("d", 9).sign(&claims),
        Key::new("x", 9).sign_with(&own_key, &claims),
        key().sign_with(&critical, &claims),
        format!("{head}x.{signature}"),
        format!("{head}."),
        head.to_owned(),
        String::new(),
    ] {
        says(&world, &wrong);
        assert_eq!(world.refusal().await, "ANSWER_INVALID userinfo", "{wrong}");
    }
    says(&world, &right);
    profile(&world).await;
}

#[tokio::test]
async fn an_answer_that_a_newer_key_has_signed_is_read() {
    let world = World::new().await;
    says(&world, &key().sign(&claims(&world, &json!({}))));
    profile(&world).await;
    // The ID token is checked with the key that is known, and the answer with the one after it.
    let newer = Key::new("a", 8);
    says(&world, &newer.sign(&claims(&world, &json!({}))));
    let both = json!({"keys": [key().jwk(), newer.jwk()]}).to_string();
    world.fake.reply("jwks", 200, "application/json", &both);
    assert_eq!(profile(&world).await.display_name.as_deref(), Some("P"));
    assert_eq!(world.fake.asked("jwks").len(), 2);
}

/// OpenID Connect Core 1.0 §5.1 says a number; Auth0 for one sends a text.
#[rstest]
#[case::number(json!(1_790_000_000))]
#[case::fraction(json!(1_790_000_000.5))]
#[case::text(json!("2026-09-21T13:33:20.000Z"))]
#[case::elsewhere(json!("2026-09-21T15:33:20+02:00"))]
#[tokio::test]
async fn the_time_of_a_change_may_be_a_text(#[case] updated_at: Value) {
    let world = World::new().await;
    let claim = json!({"updated_at": updated_at});
    world.fake.userinfo(claim.clone());
    world.fake.claims(claim);
    let profile = profile(&world).await;
    assert_eq!(profile.email.as_deref(), Some("p@x.example"));
}
