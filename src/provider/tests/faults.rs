//! What a provider can do wrong, and what it comes to.

use chrono::TimeDelta;
use rstest::rstest;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::world::{World, told};

#[rstest]
#[case::down("token", 503, "text/plain", "", "PROVIDER_UNAVAILABLE")]
#[case::busy("token", 429, "application/json", "{}", "PROVIDER_UNAVAILABLE")]
#[case::redirect("token", 302, "text/plain", "", "PROVIDER_UNAVAILABLE")]
#[case::bare("token", 401, "text/plain", "", "PROVIDER_REFUSED")]
#[case::used(
    "token",
    400,
    "application/json",
    r#"{"error": "invalid_grant"}"#,
    "PROVIDER_REFUSED"
)]
#[case::with_200(
    "token",
    200,
    "application/json",
    r#"{"error": "bad"}"#,
    "PROVIDER_REFUSED"
)]
#[case::html("token", 200, "text/html", "<p>canary", "ANSWER_INVALID exchange")]
#[case::html_400("token", 400, "text/html", "<p>canary", "PROVIDER_REFUSED")]
#[case::no_json("token", 200, "application/json", "{canary", "ANSWER_INVALID exchange")]
#[case::no_token(
    "token",
    200,
    "application/json",
    r#"{"access_token": "canary"}"#,
    "ANSWER_INVALID id_token"
)]
#[case::odd(
    "token",
    200,
    "application/json",
    r#"{"access_token": ["canary"]}"#,
    "ANSWER_INVALID exchange"
)]
#[case::a_line(
    "token",
    200,
    "application/json",
    r#"{"access_token": "a\ncanary"}"#,
    "ANSWER_INVALID exchange"
)]
#[case::no_keys("jwks", 503, "text/plain", "", "PROVIDER_UNAVAILABLE")]
#[case::html_keys("jwks", 200, "text/html", "<p>", "PROVIDER_UNAVAILABLE")]
#[case::down("userinfo", 500, "text/html", "", "PROVIDER_UNAVAILABLE")]
#[case::refused(
    "userinfo",
    403,
    "application/json",
    r#"{"error": "insufficient_scope"}"#,
    "PROVIDER_REFUSED"
)]
#[case::html("userinfo", 200, "text/html", "<p>canary", "ANSWER_INVALID userinfo")]
#[case::no_json(
    "userinfo",
    200,
    "application/json",
    "{canary",
    "ANSWER_INVALID userinfo"
)]
#[case::no_subject("userinfo", 200, "application/json", "{}", "ANSWER_INVALID userinfo")]
#[tokio::test]
async fn a_provider_that_fails(
    #[case] endpoint: &'static str,
    #[case] status: u16,
    #[case] content_type: &'static str,
    #[case] body: &str,
    #[case] told_then: &str,
) {
    let world = World::new().await;
    world.fake.reply(endpoint, status, content_type, body);
    assert_eq!(world.refusal().await, told_then);
    world.fake.mend(endpoint);
    // What failed on a slow machine may be remembered.
    world.clock.advance(TimeDelta::seconds(10));
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    world.finish(&query, &begun).await.unwrap();
}

#[tokio::test]
async fn a_token_or_userinfo_of_someone_else_is_refused() {
    let world = World::new().await;
    world.fake.userinfo(json!({"sub": "person-2"}));
    assert_eq!(world.refusal().await, "ANSWER_INVALID userinfo");
    world.fake.claims(json!({"nonce": "another"}));
    assert_eq!(world.refusal().await, "ANSWER_INVALID id_token");
    world.fake.claims(json!({}));
    world
        .fake
        .token_answer(json!({"access_token": "another-access-canary"}));
    assert_eq!(world.refusal().await, "ANSWER_INVALID id_token");
}

#[tokio::test]
async fn userinfo_is_asked_only_where_the_id_token_says_too_little() {
    let world = World::new().await;
    world.fake.claims(json!({
        "email": "q@x.example", "email_verified": "true", "name": "Q", "preferred_username": "q",
    }));
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    let profile = world.finish(&query, &begun).await.unwrap().account.profile;
    assert_eq!(profile.email.as_deref(), Some("q@x.example"));
    assert_eq!(profile.email_verified, Some(true));
    assert!(world.fake.asked("userinfo").is_empty());
}

#[rstest]
#[case::down(json!(null), "answered with the status 503")]
#[case::issuer(json!({"issuer": "https://evil.example"}), "another issuer")]
#[case::slash(json!({"issuer": "{issuer}/"}), "another issuer")]
#[case::no_endpoint(json!({"token_endpoint": null}), "no token endpoint")]
#[case::not_a_url(json!({"authorization_endpoint": "x"}), "can't be read")]
#[case::plain(json!({"token_endpoint": "http://other.example/token"}), "is plain http")]
#[case::plain(json!({"authorization_endpoint": "http://other.example/"}), "is plain http")]
#[case::script(json!({"authorization_endpoint": "javascript:alert(1)"}), "has no host")]
#[case::private(json!({"jwks_uri": "https://10.0.0.1/"}), "is a private address")]
#[case::private(json!({"userinfo_endpoint": "https://169.254.169.254/"}), "is a private address")]
#[case::auth(json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}), "neither")]
#[tokio::test]
async fn a_configuration_that_is_none_begins_no_flow(#[case] changes: Value, #[case] cause: &str) {
    let world = World::new().await;
    if changes.is_null() {
        world
            .fake
            .reply("openid-configuration", 503, "text/plain", "");
    } else {
        let changes = changes.to_string().replace("{issuer}", &world.fake.issuer);
        world.fake.metadata(serde_json::from_str(&changes).unwrap());
    }
    let error = world.begin().await.err().unwrap();
    assert_eq!(told(&error), "PROVIDER_UNAVAILABLE");
    assert!(error.cause.contains(cause), "{error}");
    assert_eq!(world.rows().await, 0);
}

#[tokio::test]
async fn a_client_without_a_secret_and_one_that_sends_it_in_the_body() {
    let mut world = World::new().await;
    world
        .fake
        .metadata(json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]}));
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    world.finish(&query, &begun).await.unwrap();
    let (body, authorization) = world.fake.asked("token").remove(0);
    assert!(body.contains("client_secret=secret-canary"), "{body}");
    assert_eq!(authorization, None);
    world.row.client_secret_sealed = None;
    let row = &world.row;
    world
        .write(async |tx| {
            let row = row.clone().into_active_model().reset_all();
            sea_orm::ActiveModelTrait::update(row, &*tx)
                .await
                .map(|_| ())
        })
        .await;
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    world.finish(&query, &begun).await.unwrap();
    let (body, authorization) = world.fake.asked("token").remove(1);
    assert!(
        body.contains("client_id=us") && !body.contains("secret"),
        "{body}"
    );
    assert_eq!(authorization, None);
}
