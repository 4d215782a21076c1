//! Flows from beginning to end, against a provider over HTTP.

use chrono::TimeDelta;
use rstest::rstest;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::world::{World, parameter, told};
use crate::database::identity_provider;
use crate::database::json::Json;
use crate::database::{flow, user};
use crate::id::UserId;
use crate::provider::flow::{Answer, Begun, Purpose};

#[tokio::test]
async fn a_sign_in_from_beginning_to_end() {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    let url = &begun.url;
    assert!(
        url.as_str()
            .starts_with(&format!("{}/authorize?", world.fake.issuer))
    );
    let callback = "http://127.0.0.1:8080/auth/acme/callback";
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "us"),
        ("redirect_uri", callback),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(url, name).as_deref(), Some(value), "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(parameter(url, name).unwrap().len(), 43, "{name}");
    }
    assert_eq!(parameter(url, "response_mode"), None);
    assert_eq!(parameter(url, "prompt"), None);
    let query = world.fake.authorize(url);
    let finished = world.finish(&query, &begun).await.unwrap();
    assert_eq!(finished.flow.purpose, Purpose::SignIn);
    assert_eq!(finished.flow.return_to, "/account");
    assert_eq!(finished.provider.slug, "acme");
    let account = finished.account;
    assert_eq!(account.external_id, "person-1");
    assert_eq!(account.profile.email.as_deref(), Some("p@x.example"));
    assert_eq!(account.profile.email_verified, Some(true));
    assert_eq!(account.tokens.access_token.expose_secret(), "access-canary");
    assert_eq!(account.tokens.scopes, ["openid", "email"]);
    assert!(!format!("{account:?}").contains("canary"));
    let asked = world.fake.asked("token");
    let [(body, Some(authorization))] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(authorization, "Basic dXM6c2VjcmV0LWNhbmFyeQ==");
    assert!(!body.contains("secret-canary"), "{body}");
    let body = Url::parse(&format!("https://x/?{body}")).unwrap();
    assert_eq!(parameter(&body, "redirect_uri").as_deref(), Some(callback));
    assert_eq!(parameter(&body, "code").as_deref(), Some("the-code"));
    let challenge = openidconnect::PkceCodeChallenge::from_code_verifier_sha256(
        &openidconnect::PkceCodeVerifier::new(parameter(&body, "code_verifier").unwrap()),
    );
    assert_eq!(
        parameter(url, "code_challenge").as_deref(),
        Some(challenge.as_str())
    );
    let again = world.finish(&query, &begun).await.unwrap_err();
    assert_eq!(told(&again), "FLOW_UNKNOWN", "the back button");
    assert_eq!(world.fake.asked("token").len(), 1);
}

#[tokio::test]
async fn another_browser_gets_nowhere_and_takes_nothing_away() {
    let world = World::new().await;
    let (begun, other) = (world.begin().await.unwrap(), world.begin().await.unwrap());
    let query = world.fake.authorize(&begun.url);
    let none = world
        .finish_as(&query, "acme", None, None)
        .await
        .unwrap_err();
    assert_eq!(told(&none), "FLOW_OF_ANOTHER_BROWSER");
    assert_eq!(none.flow, None, "nothing of the flow is told to strangers");
    let stolen = Begun {
        flow_id: begun.flow_id,
        browser_secret: other.browser_secret.clone(),
        url: begun.url.clone(),
        expires_at: begun.expires_at,
    };
    let error = world.finish(&query, &stolen).await.unwrap_err();
    assert_eq!(told(&error), "FLOW_OF_ANOTHER_BROWSER");
    assert!(world.fake.asked("token").is_empty());
    world.finish(&query, &begun).await.unwrap();
    let query = world.fake.authorize(&other.url);
    world.finish(&query, &other).await.unwrap();
}

#[tokio::test]
async fn of_two_answers_at_once_one_is_taken() {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    let (one, two) = tokio::join!(world.finish(&query, &begun), world.finish(&query, &begun));
    let errors: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(
        errors.iter().map(told).collect::<Vec<_>>(),
        ["FLOW_UNKNOWN"]
    );
    assert_eq!(world.fake.asked("token").len(), 1);
}

#[tokio::test]
async fn a_flow_is_open_for_ten_minutes_and_then_remembered_for_a_while() {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    world.clock.advance(TimeDelta::minutes(10));
    assert_eq!(
        told(&world.finish(&query, &begun).await.unwrap_err()),
        "FLOW_EXPIRED"
    );
    world.clock.advance(TimeDelta::minutes(61));
    world.begin().await.unwrap();
    assert_eq!(
        told(&world.finish(&query, &begun).await.unwrap_err()),
        "FLOW_UNKNOWN"
    );
    assert_eq!(world.rows().await, 1);
}

#[rstest]
#[case::none("code=c", "FLOW_UNKNOWN")]
#[case::unknown("code=c&state=made-up", "FLOW_UNKNOWN")]
#[case::twice("code=c&state=a&state=b", "ANSWER_INVALID state")]
#[tokio::test]
async fn a_state_that_is_none(#[case] query: &str, #[case] code: &str) {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    assert_eq!(told(&world.finish(query, &begun).await.unwrap_err()), code);
}

/// What is wrong with the parameters; `{state}` and `{issuer}` are put in.
#[rstest]
#[case::no_code("state={state}", "ANSWER_INVALID state")]
#[case::denied("state={state}&error=access_denied", "ACCESS_DENIED")]
#[case::error_and_code("state={state}&error=access_denied&code=c", "ACCESS_DENIED")]
#[case::refused(
    "state={state}&error=invalid_scope&error_description=%3Cb%3E",
    "PROVIDER_REFUSED"
)]
#[case::busy("state={state}&error=temporarily_unavailable", "PROVIDER_UNAVAILABLE")]
#[case::mix_up(
    "state={state}&code=c&iss=https://evil.example",
    "ANSWER_INVALID issuer"
)]
#[case::mix_up_error("state={state}&error=access_denied&iss=x", "ANSWER_INVALID issuer")]
#[case::slash("state={state}&code=c&iss={issuer}/", "ANSWER_INVALID issuer")]
#[tokio::test]
async fn an_answer_that_is_none_asks_for_no_token(#[case] query: &str, #[case] code: &str) {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    world.fake.authorize(&begun.url);
    let query = query
        .replace("{state}", &parameter(&begun.url, "state").unwrap())
        .replace("{issuer}", &world.fake.issuer);
    assert_eq!(told(&world.finish(&query, &begun).await.unwrap_err()), code);
    assert_eq!(world.rows().await, 0, "the state is used up");
    assert!(world.fake.asked("token").is_empty());
}

#[tokio::test]
async fn a_provider_that_names_itself_has_to() {
    let world = World::new().await;
    let supported = "authorization_response_iss_parameter_supported";
    world.fake.metadata(json!({supported: true}));
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    assert_eq!(
        told(&world.finish(&query, &begun).await.unwrap_err()),
        "ANSWER_INVALID issuer"
    );
    let begun = world.begin().await.unwrap();
    let query = format!(
        "{}&iss={}",
        world.fake.authorize(&begun.url),
        world.fake.issuer
    );
    world.finish(&query, &begun).await.unwrap();
}

#[tokio::test]
async fn an_answer_at_another_route_is_refused_and_so_is_another_session() {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    let error = world
        .finish_as(&query, "hub", Some(&begun), None)
        .await
        .unwrap_err();
    assert_eq!(told(&error), "ANSWER_INVALID state");
    let (session_id, user_id) = (Uuid::from_u128(1), UserId(Uuid::from_u128(2)));
    world.write(async |tx| add_user(&tx, user_id).await).await;
    for (session, told_then) in [
        (None, Some("SIGN_IN_FIRST")),
        (Some(Uuid::from_u128(3)), Some("SIGN_IN_FIRST")),
        (Some(session_id), None),
    ] {
        let purpose = Purpose::Link {
            session_id,
            user_id,
        };
        let begun = world.begin_for(purpose).await.unwrap();
        let query = world.fake.authorize(&begun.url);
        let ended = world.finish_as(&query, "acme", Some(&begun), session).await;
        assert_eq!(ended.as_ref().err().map(told).as_deref(), told_then);
        if let Ok(finished) = ended {
            assert_eq!(finished.flow.purpose, purpose);
        }
    }
    assert_eq!(world.fake.asked("token").len(), 1);
}

async fn add_user(tx: &crate::database::Tx, id: UserId) -> Result<(), sea_orm::DbErr> {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let row = user::Model {
        id,
        entity_ref: "user:default/p".to_owned(),
        display_name: None,
        email: None,
        email_folded: None,
        email_verified: None,
        picture: None,
        annotations_json: Json(json!({})),
        status: user::Status::Active,
        merged_into: None,
        has_other_sign_in: false,
        date_added: now,
        date_updated: now,
    };
    let insert = user::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map(|_| ())
}

#[tokio::test]
async fn an_answer_by_post_waits_for_its_browser() {
    let wishes = json!({"response_mode": "form_post", "prompt": "select_account consent"});
    let world = World::with(wishes.clone()).await;
    let begun = world.begin().await.unwrap();
    for name in ["response_mode", "prompt"] {
        let asked = parameter(&begun.url, name);
        assert_eq!(asked.as_deref(), wishes[name].as_str(), "{name}");
    }
    let form = world.fake.authorize(&begun.url);
    let posted = |form: &str| Answer::parse(form.as_bytes()).unwrap();
    let store = |slug: &'static str, form: String| {
        let (flows, answer) = (world.flows.clone(), posted(&form));
        async move { flows.store_post(slug, &answer).await }
    };
    let error = store("hub", form.clone()).await.unwrap_err();
    assert_eq!(told(&error), "ANSWER_INVALID state");
    let error = store("acme", "state=made-up&code=c".to_owned())
        .await
        .unwrap_err();
    assert_eq!(told(&error), "FLOW_UNKNOWN");
    store("acme", form.clone()).await.unwrap();
    let later = form.replace("the-code", "another-code");
    store("acme", later).await.unwrap();
    let state = format!("state={}", parameter(&begun.url, "state").unwrap());
    let error = world
        .finish_as(&state, "acme", None, None)
        .await
        .unwrap_err();
    assert_eq!(told(&error), "FLOW_OF_ANOTHER_BROWSER");
    world.finish(&state, &begun).await.unwrap();
    let (body, _) = world.fake.asked("token").remove(0);
    assert!(
        body.contains("code=the-code&"),
        "the first one stands: {body}"
    );
}

#[tokio::test]
async fn twenty_flows_of_one_address_are_open_and_no_more() {
    let world = World::new().await;
    for _ in 0..20 {
        world.begin().await.unwrap();
    }
    let error = world.begin().await.err().unwrap();
    assert_eq!(told(&error), "TOO_MANY");
    world.clock.advance(TimeDelta::minutes(10));
    world.begin().await.unwrap();
}

#[tokio::test]
async fn what_an_operator_changes_meanwhile_ends_the_flow() {
    let world = World::new().await;
    for (change, told_then) in [
        (
            identity_provider::Model {
                client_id: Some("other".to_owned()),
                ..world.row.clone()
            },
            "FLOW_EXPIRED",
        ),
        (
            identity_provider::Model {
                enabled: false,
                ..world.row.clone()
            },
            "PROVIDER_UNAVAILABLE",
        ),
    ] {
        let begun = world.begin().await.unwrap();
        let query = world.fake.authorize(&begun.url);
        world
            .write(async |tx| {
                let row = change.clone().into_active_model().reset_all();
                sea_orm::ActiveModelTrait::update(row, &*tx)
                    .await
                    .map(|_| ())
            })
            .await;
        assert_eq!(
            told(&world.finish(&query, &begun).await.unwrap_err()),
            told_then
        );
    }
    assert!(world.fake.asked("token").is_empty());
}

/// The pinned endpoints are used, whatever the provider publishes since.
#[tokio::test]
async fn what_a_provider_changes_meanwhile_changes_no_flow() {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    let query = world.fake.authorize(&begun.url);
    let moved = format!("{}/elsewhere", world.fake.issuer);
    world
        .fake
        .metadata(json!({"token_endpoint": moved, "jwks_uri": moved}));
    world.clock.advance(TimeDelta::minutes(9));
    world.finish(&query, &begun).await.unwrap();
    assert!(world.fake.asked("elsewhere").is_empty());
}

#[tokio::test]
async fn nothing_that_is_stored_shows_what_a_browser_or_provider_holds() {
    let world = World::new().await;
    let begun = world.begin().await.unwrap();
    let reader = world.flows.database.reader();
    let row = flow::Entity::find().one(reader).await.unwrap().unwrap();
    let stored = format!("{row:?}");
    let secret: &SecretString = &begun.browser_secret;
    assert_eq!(secret.expose_secret().len(), 43);
    for secret in [
        secret.expose_secret().to_owned(),
        parameter(&begun.url, "state").unwrap(),
        parameter(&begun.url, "nonce").unwrap(),
    ] {
        assert!(!stored.contains(&secret));
        let bytes = |part: &[u8]| {
            part.windows(secret.len())
                .any(|part| part == secret.as_bytes())
        };
        assert!(!bytes(row.sealed.as_bytes()));
    }
}
