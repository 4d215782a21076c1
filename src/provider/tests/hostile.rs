//! A provider that does anything but answer, at each of its endpoints: the flow ends soon, says
//! why, and the next one goes well.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;

use super::jwt::{Key, hmac, unsigned};
use super::raw::{Raw, Way, ways};
use super::world::{World, told};
use crate::database::json::Json;

/// For one request. A flow makes four at most.
const PATIENCE: Duration = Duration::from_millis(300);
const BOUND: Duration = Duration::from_secs(5);

/// Long enough for what is kept to be asked for anew.
const LATER: TimeDelta = TimeDelta::minutes(11);

#[tokio::test]
async fn a_configuration_in_any_odd_way_begins_no_flow() {
    let mut world = World::with_patience(json!({}), PATIENCE).await;
    let raw = Raw::start(Way::Hangs).await;
    let good = world.row.clone();
    let issuer = raw.url();
    world.row.config_json = Json(json!({"issuer": issuer.trim_end_matches('/')}));
    for (name, way) in ways() {
        raw.now(way);
        let began = Instant::now();
        let error = world.begin().await.err().expect(name);
        assert!(began.elapsed() < BOUND, "{name}: {:?}", began.elapsed());
        assert_eq!(told(&error), "PROVIDER_UNAVAILABLE", "{name}");
        assert!(error.cause.len() < 1000, "{name}: {error}");
        world.clock.advance(LATER);
    }
    assert_eq!(world.rows().await, 0);
    world.row = good;
    world.begin().await.unwrap();
}

#[rstest]
#[case::keys("jwks_uri")]
#[case::tokens("token_endpoint")]
#[case::userinfo("userinfo_endpoint")]
#[tokio::test]
async fn an_endpoint_in_any_odd_way_ends_the_flow(#[case] endpoint: &str) {
    let world = World::with_patience(json!({}), PATIENCE).await;
    let raw = Raw::start(Way::Hangs).await;
    world.fake.metadata(json!({ endpoint: raw.url() }));
    for (name, way) in ways() {
        raw.now(way);
        let began = Instant::now();
        let told = world.refusal().await;
        assert!(began.elapsed() < BOUND, "{name}: {:?}", began.elapsed());
        let codes = ["PROVIDER_UNAVAILABLE", "PROVIDER_REFUSED", "ANSWER_INVALID"];
        let expected = codes.iter().any(|code| told.starts_with(code));
        assert!(expected, "{name}: {told}");
        world.clock.advance(TimeDelta::minutes(1));
    }
    assert!(raw.heads().len() >= ways().len(), "each way was gone");
    world.fake.metadata(json!({}));
    world.clock.advance(LATER);
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    world.finish(&query, &begun).await.unwrap();
}

/// JSON in which a member is there twice: which one is meant is not for us to guess.
#[rstest]
#[case::configuration(
    "openid-configuration",
    r#"{"issuer": "{issuer}", "issuer": "https://evil.example"}"#,
    "PROVIDER_UNAVAILABLE"
)]
#[case::keys("jwks", r#"{"keys": [], "keys": []}"#, "PROVIDER_UNAVAILABLE")]
#[case::tokens(
    "token",
    r#"{"access_token": "canary", "access_token": "b", "token_type": "Bearer"}"#,
    "ANSWER_INVALID exchange"
)]
#[case::subjects(
    "userinfo",
    r#"{"sub": "person-1", "sub": "person-1", "email": "p@x.example"}"#,
    "ANSWER_INVALID userinfo"
)]
#[tokio::test]
async fn a_member_that_is_there_twice_is_refused(
    #[case] endpoint: &'static str,
    #[case] body: &str,
    #[case] expected: &str,
) {
    let world = World::new().await;
    let body = body.replace("{issuer}", &world.fake.issuer);
    world.fake.reply(endpoint, 200, "application/json", &body);
    let told = match endpoint {
        "openid-configuration" => told(&world.begin().await.err().unwrap()),
        _ => world.refusal().await,
    };
    assert_eq!(told, expected);
}

#[tokio::test]
async fn user_info_that_anybody_could_have_signed_is_refused() {
    let world = World::new().await;
    let claims = json!({
        "iss": world.fake.issuer, "aud": "us", "sub": "person-1", "email": "victim@x.example",
        "email_verified": true,
    });
    let published = Key::new("d", 7);
    for token in [
        unsigned(&claims),
        hmac(b"secret-canary", None, &claims),
        hmac(published.jwk().to_string().as_bytes(), Some("d"), &claims),
        Key::new("d", 9).sign(&claims),
        Key::new("e", 9).sign(&claims),
    ] {
        world.fake.reply("userinfo", 200, "application/jwt", &token);
        assert_eq!(world.refusal().await, "ANSWER_INVALID userinfo");
    }
}

/// As a tree, small values take eighty times the memory.
#[rstest]
#[case::tokens("token", "{\"access_token\": \"canary\", \"scope\": [")]
#[case::userinfo("userinfo", "{\"sub\": \"person-1\", \"x\": [")]
#[tokio::test]
async fn an_answer_of_very_many_values_is_not_read(
    #[case] endpoint: &'static str,
    #[case] begin: &str,
) {
    let world = World::new().await;
    let body = format!("{begin}{}0]}}", "{\"a\":0},".repeat(100_000));
    world.fake.reply(endpoint, 200, "application/json", &body);
    assert_eq!(world.refusal().await, "PROVIDER_UNAVAILABLE");
}

/// Some tell what they were sent, to whoever reads their errors. Ours are logged.
#[tokio::test]
async fn what_a_provider_repeats_of_our_secrets_is_not_told() {
    let world = World::new().await;
    for endpoint in ["token", "userinfo"] {
        for (status, member) in [(400, "error_description"), (200, "error"), (401, "error")] {
            let mut body = json!({"error": "invalid_grant"});
            body[member] = json!("Invalid: the-code secret-canary access-canary");
            let body = body.to_string();
            world
                .fake
                .reply(endpoint, status, "application/json", &body);
            let begun = world.begin().await.unwrap();
            let query = world.fake.authorize(&begun.url);
            let error = world.finish(&query, &begun).await.unwrap_err();
            let told = format!("{error} {error:?}");
            for secret in ["the-code", "secret-canary"] {
                assert!(!told.contains(secret), "{endpoint} {status}: {told}");
            }
        }
        world.fake.mend(endpoint);
    }
}

/// Nobody waits in turn for a provider that hangs: one does, the others are told.
#[tokio::test]
async fn a_provider_that_hangs_is_not_waited_for_by_one_after_the_other() {
    let mut world = World::with_patience(json!({}), PATIENCE).await;
    let raw = Raw::start(Way::Hangs).await;
    world.row.config_json = Json(json!({"issuer": raw.url().trim_end_matches('/')}));
    let time = async {
        while raw.heads().is_empty() {
            tokio::task::yield_now().await;
        }
        world.clock.advance(TimeDelta::seconds(10));
    };
    assert!(tokio::join!(world.begin(), time).0.is_err());
    for _ in 0..10 {
        let error = world.begin().await.err().unwrap();
        assert_eq!(told(&error), "PROVIDER_UNAVAILABLE");
    }
    assert_eq!(raw.heads().len(), 1);
    world.clock.advance(TimeDelta::seconds(10));
    assert!(world.begin().await.is_err());
    assert_eq!(raw.heads().len(), 2, "and asked again");
}
