//! How we show ourselves at the token endpoint: by what the config says, or the provider.

use data_encoding::BASE64URL_NOPAD;
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::world::{World, parameter, told};
use crate::provider::client_key;

const BASIC: &str = "Basic dXM6c2VjcmV0LWNhbmFyeQ==";

/// The request that a flow sends to the token endpoint: its parameters, and `Authorization`.
async fn asked(world: &World) -> (Url, Option<String>) {
    let before = world.fake.asked("token").len();
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    let account = world.finish(&query, &begun).await.unwrap().account;
    assert_eq!(account.tokens.access_token.expose_secret(), "access-canary");
    let mut asked = world.fake.asked("token");
    assert_eq!(asked.len(), before + 1, "once");
    let (body, authorization) = asked.pop().unwrap();
    let body = Url::parse(&format!("https://x/?{body}")).unwrap();
    (body, authorization)
}

fn claims_of(assertion: &str) -> Value {
    let claims = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_key_of_our_own_needs_no_secret() {
    let world = World::with(json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (body, authorization) = asked(&world).await;
        assert_eq!(authorization, None);
        assert_eq!(parameter(&body, "client_secret"), None);
        assert_eq!(parameter(&body, "client_id").as_deref(), Some("us"));
        assert_eq!(
            parameter(&body, "client_assertion_type").as_deref(),
            Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        );
        let assertion = parameter(&body, "client_assertion").unwrap();
        let claims = claims_of(&assertion);
        assert_eq!(claims["aud"], world.fake.issuer);
        ids.push((assertion, claims["jti"].clone()));
    }
    assert_ne!(ids[0].1, ids[1].1, "each assertion is used once");
    let flows = &world.flows;
    let keys = client_key::key_set(&flows.database, &flows.vault, "acme").await;
    let keys = keys.unwrap().unwrap();
    let header = ids[0].0.split('.').next().unwrap();
    let header = BASE64URL_NOPAD.decode(header.as_bytes()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["kid"], keys["keys"][0]["kid"]);
    let none = client_key::key_set(&flows.database, &flows.vault, "other").await;
    assert_eq!(none.unwrap(), None);
}

/// What the config says goes before what the provider says of itself.
#[rstest]
#[case::nothing_is_said(json!({}), json!(null), true)]
#[case::basic_first(json!({}), json!(["client_secret_post", "client_secret_basic"]), true)]
#[case::what_it_takes(json!({}), json!(["private_key_jwt", "client_secret_post"]), false)]
#[case::basic(json!("client_secret_basic"), json!(["client_secret_post"]), true)]
#[case::post(json!("client_secret_post"), json!(["client_secret_basic"]), false)]
#[tokio::test]
async fn a_secret_goes_where_it_belongs(
    #[case] method: Value,
    #[case] takes: Value,
    #[case] basic: bool,
) {
    let config = match method.as_str() {
        Some(method) => json!({"token_endpoint_auth_method": method}),
        None => json!({}),
    };
    let world = World::with(config).await;
    let metadata = json!({"token_endpoint_auth_methods_supported": takes});
    world.fake.metadata(metadata);
    let (body, authorization) = asked(&world).await;
    assert_eq!(authorization.as_deref(), basic.then_some(BASIC));
    let secret = parameter(&body, "client_secret");
    assert_eq!(secret.as_deref(), (!basic).then_some("secret-canary"));
    assert_eq!(parameter(&body, "client_assertion"), None);
}

#[tokio::test]
async fn nobody_is_sent_where_our_signature_is_not_taken() {
    let world = World::with(json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let takes = json!({"token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"]});
    world.fake.metadata(takes);
    let error = world.begin().await.err().unwrap();
    assert_eq!(told(&error), "PROVIDER_UNAVAILABLE");
    assert_eq!(world.rows().await, 0);
}
