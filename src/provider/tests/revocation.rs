//! Tokens are given back at the endpoint that the provider publishes: how we show ourselves, which
//! token is sent, and what is said of it when that fails.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use url::Url;

use super::world::{World, parameter};
use crate::provider::relying_party::{Revocable, RevokeError};

const BASIC: &str = "Basic dXM6c2VjcmV0LWNhbmFyeQ==";

impl World {
    async fn publishing(config: Value, more: Value) -> Self {
        let world = Self::with_patience(config, Duration::from_millis(500)).await;
        let mut metadata =
            json!({ "revocation_endpoint": format!("{}/revoke", world.fake.issuer) });
        let members = metadata.as_object_mut().unwrap();
        members.extend(more.as_object().cloned().unwrap_or_default());
        world.fake.metadata(metadata);
        world.fake.reply("revoke", 200, "application/json", "");
        world
    }

    async fn revoke(&self, refresh_token: Option<&str>) -> Result<(), RevokeError> {
        let party = self.flows.party(self.row.clone()).await.unwrap();
        let us = self.flows.registration(&party).unwrap();
        let tokens = Revocable {
            access_token: "access-canary".into(),
            refresh_token: refresh_token.map(Into::into),
        };
        let revoked = self.flows.relying_party.revoke(&us, &tokens).await;
        let told = format!("{revoked:?}");
        assert!(!told.contains("canary"), "{told}");
        if let Err(error) = &revoked {
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        revoked
    }

    /// The one request that came.
    fn asked(&self) -> (Url, Option<String>) {
        let [(body, authorization)] = &self.fake.asked("revoke")[..] else {
            panic!("{:?}", self.fake.asked("revoke"));
        };
        let body = Url::parse(&format!("https://x/?{body}")).unwrap();
        (body, authorization.clone())
    }
}

#[rstest]
#[case::with_a_refresh_token(Some("refresh-canary"), "refresh-canary", "refresh_token")]
#[case::without_one(None, "access-canary", "access_token")]
#[tokio::test]
async fn the_token_that_ends_the_grant_is_sent(
    #[case] refresh_token: Option<&str>,
    #[case] sent: &str,
    #[case] hint: &str,
) {
    let world = World::publishing(json!({}), json!({})).await;
    assert_eq!(world.revoke(refresh_token).await, Ok(()));
    let (body, authorization) = world.asked();
    assert_eq!(authorization.as_deref(), Some(BASIC));
    assert_eq!(parameter(&body, "token").as_deref(), Some(sent));
    assert_eq!(parameter(&body, "token_type_hint").as_deref(), Some(hint));
    assert_eq!(body.query_pairs().count(), 2, "{body}");
}

#[tokio::test]
async fn we_show_ourselves_as_at_the_token_endpoint() {
    let config = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let world = World::publishing(config, json!({})).await;
    assert_eq!(world.revoke(None).await, Ok(()));
    let (body, authorization) = world.asked();
    assert_eq!(authorization, None);
    assert_eq!(parameter(&body, "client_id").as_deref(), Some("us"));
    assert_eq!(
        parameter(&body, "client_secret").as_deref(),
        Some("secret-canary")
    );

    let takes = json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] });
    let world = World::publishing(json!({}), takes).await;
    assert_eq!(world.revoke(None).await, Ok(()));
    assert_eq!(world.asked().1, None);

    let config = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    let world = World::publishing(config, json!({})).await;
    assert_eq!(world.revoke(None).await, Ok(()));
    let (body, authorization) = world.asked();
    assert_eq!(authorization, None);
    assert_eq!(parameter(&body, "client_id").as_deref(), Some("us"));
    assert_eq!(parameter(&body, "client_secret"), None);
    assert!(parameter(&body, "client_assertion").is_some(), "{body}");
}

#[tokio::test]
async fn a_client_without_a_secret_says_its_id() {
    let mut world = World::publishing(json!({}), json!({})).await;
    world.row.client_secret_sealed = None;
    assert_eq!(world.revoke(None).await, Ok(()));
    let (body, authorization) = world.asked();
    assert_eq!(authorization, None);
    assert_eq!(parameter(&body, "client_id").as_deref(), Some("us"));
    assert_eq!(body.query_pairs().count(), 3, "{body}");
}

#[rstest]
#[case::nothing(Value::Null)]
#[case::no_url(json!("over there"))]
#[case::no_text(json!(1))]
#[tokio::test]
async fn a_provider_that_publishes_no_endpoint_has_none(#[case] endpoint: Value) {
    let world = World::new().await;
    world
        .fake
        .metadata(json!({ "revocation_endpoint": endpoint }));
    assert_eq!(world.revoke(None).await, Err(RevokeError::Unsupported));
    assert!(world.begin().await.is_ok(), "people sign in all the same");
}

#[tokio::test]
async fn an_endpoint_that_the_rules_refuse_is_like_any_other() {
    let world = World::new().await;
    let metadata = json!({ "revocation_endpoint": "http://169.254.169.254/revoke" });
    world.fake.metadata(metadata);
    let refused = world.revoke(None).await.unwrap_err();
    assert!(
        matches!(&refused, RevokeError::Later { reason, .. } if reason == "unusable"),
        "{refused:?}"
    );
}

#[rstest]
#[case::down(503, "", "http_503")]
#[case::redirected(302, "", "unreadable")]
#[case::a_page(200, "<html>canary access-canary</html>", "unreadable")]
#[case::another_secret(401, r#"{"error":"invalid_client"}"#, "invalid_client")]
#[tokio::test]
async fn what_may_go_better_is_tried_again(
    #[case] status: u16,
    #[case] body: &str,
    #[case] expected: &str,
) {
    let world = World::publishing(json!({}), json!({})).await;
    world.fake.reply("revoke", status, "text/html", body);
    let error = world.revoke(Some("refresh-canary")).await.unwrap_err();
    assert!(
        matches!(&error, RevokeError::Later { reason, .. } if reason == expected),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_repeats_nothing_of_what_was_sent() {
    let world = World::publishing(json!({}), json!({})).await;
    let said = json!({ "error": "refresh-canary", "error_description": "access-canary" });
    let said = said.to_string();
    world.fake.reply("revoke", 400, "application/json", &said);
    let error = world.revoke(Some("refresh-canary")).await.unwrap_err();
    let reason = "unspecified".to_owned();
    assert_eq!(error, RevokeError::Refused { reason });
}
