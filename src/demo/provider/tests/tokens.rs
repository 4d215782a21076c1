use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::json;

use super::super::{Client, Issuer, ProfileFault, TokenFault};
use super::{CALLBACK, NONCE, VERIFIER, World, json, part, text};

#[tokio::test]
async fn a_code_becomes_tokens_and_user_info() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "openid profile email offline_access");
    let id_token = text(&tokens, "id_token");
    assert!(world.is_signed(id_token).await);
    let claims = part(id_token, 1);
    let issuer = world.handle.issuer(Issuer::Acme);
    assert_eq!(claims["iss"], issuer.as_str());
    assert_eq!(claims["aud"], world.handle.client(Issuer::Acme).id);
    assert_eq!(claims["nonce"], NONCE);
    let now = world.clock.now().timestamp();
    assert!(claims["iat"].as_i64().unwrap() <= now);
    assert!(claims["exp"].as_i64().unwrap() > now);
    let userinfo = world.userinfo(text(&tokens, "access_token")).await;
    let userinfo = json(userinfo).await;
    let expected = json!({
        "sub": "a-7f31c0",
        "name": "Ada Marlow",
        "preferred_username": "ada",
        "picture": "https://pictures.acme.example/ada.png",
        "email": "ada@acme.example",
        "email_verified": true,
    });
    assert_eq!(userinfo, expected);
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(claims[name], *value, "{name}");
    }
    let refused = world.userinfo("another-token").await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn scopes_decide_what_is_said_and_given() {
    let world = World::start().await;
    let question = world.question(Issuer::Acme, &[("scope", "openid groups")]);
    let callback = world.handle.decide(&question, "ada").unwrap();
    let code = super::parameter(&callback, "code").unwrap();
    let tokens = json(world.redeem(&code).await).await;
    assert!(tokens["refresh_token"].is_null());
    let userinfo = world.userinfo(text(&tokens, "access_token")).await;
    let expected = json!({ "sub": "a-7f31c0", "groups": ["engineering", "admins"] });
    assert_eq!(json(userinfo).await, expected);
}

#[tokio::test]
async fn a_code_needs_its_verifier_and_its_address() {
    let world = World::start().await;
    for (verifier, uri) in [
        ("another-verifier-that-is-long-enough-for-rfc", CALLBACK),
        (VERIFIER, "http://127.0.0.1:8080/auth/hub/callback"),
    ] {
        let code = world.code("ada");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ];
        let answer = world.post("/token", &form).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(json(answer).await["error"], "invalid_grant");
        assert_eq!(world.redeem(&code).await.status(), 400, "one try is all");
    }
    world.fault(TokenFault::AnyVerifier);
    let code = world.code("ada");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", "another"),
    ];
    assert_eq!(world.post("/token", &form).await.status(), 200);
    let late = world.code("ada");
    world.clock.advance(TimeDelta::minutes(6));
    assert_eq!(world.redeem(&late).await.status(), 400);
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_gave() {
    let world = World::start().await;
    let code = world.code("ada");
    let tokens = json(world.redeem(&code).await).await;
    let access_token = text(&tokens, "access_token");
    assert_eq!(world.userinfo(access_token).await.status(), 200);
    let again = world.redeem(&code).await;
    assert_eq!(json(again).await["error"], "invalid_grant");
    assert_eq!(world.userinfo(access_token).await.status(), 401);
    let refreshed = world.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.status(), 400);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_spent_one_ends_the_grant() {
    let world = World::start().await;
    let first = world.tokens("bo").await;
    let second = json(world.refresh(text(&first, "refresh_token")).await).await;
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_ne!(first["access_token"], second["access_token"]);
    let claims = part(text(&second, "id_token"), 1);
    assert_eq!(claims["sub"], "a-19d4be");
    assert!(claims["nonce"].is_null());
    let third = json(world.refresh(text(&second, "refresh_token")).await).await;
    let access_token = text(&third, "access_token");
    assert_eq!(world.userinfo(access_token).await.status(), 200);

    let spent = world.refresh(text(&first, "refresh_token")).await;
    assert_eq!(json(spent).await["error"], "invalid_grant");
    assert_eq!(world.userinfo(access_token).await.status(), 401);
    let last = world.refresh(text(&third, "refresh_token")).await;
    assert_eq!(last.status(), 400);
}

#[tokio::test]
async fn revocation_ends_a_token_or_a_grant_and_tells_nobody() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    let refresh_token = text(&tokens, "refresh_token");
    let access_token = text(&tokens, "access_token");
    let revoke = async |token: &str| world.post("/revoke", &[("token", token)]).await.status();
    assert_eq!(revoke("never given").await, 200);
    assert_eq!(revoke(access_token).await, 200);
    assert_eq!(world.userinfo(access_token).await.status(), 401);
    let tokens = json(world.refresh(refresh_token).await).await;
    assert_eq!(revoke(text(&tokens, "refresh_token")).await, 200);
    let access_token = text(&tokens, "access_token");
    assert_eq!(world.userinfo(access_token).await.status(), 401);
    assert_eq!(world.post("/revoke", &[]).await.status(), 400);
    let stranger = world.http.post(world.at(Issuer::Acme, "/revoke"));
    let stranger = stranger.form(&[("token", "x")]).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn an_access_token_ends_by_itself() {
    let world = World::start().await;
    let tokens = world.tokens("ada").await;
    world.clock.advance(TimeDelta::minutes(61));
    let access_token = text(&tokens, "access_token");
    assert_eq!(world.userinfo(access_token).await.status(), 401);
}

#[tokio::test]
async fn a_client_shows_who_it_is_in_one_way() {
    let world = World::start().await;
    let client = world.handle.client(Issuer::Acme);
    let secret = client.secret.expose_secret().to_owned();
    let (url, id) = (world.at(Issuer::Acme, "/token"), client.id.as_str());
    let form = |secret: &str| {
        let code = world.code("ada");
        [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", CALLBACK.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
        ]
    };
    let request = || world.http.post(&url);
    let by_post = request().form(&form(&secret)).send().await.unwrap();
    assert_eq!(by_post.status(), 200);
    let wrong = request().form(&form("wrong")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(json(wrong).await["error"], "invalid_client");
    // RFC 6749 §2.3.1: as it is, the secret's plus sign and percent sign say something else.
    let unencoded = request().basic_auth(id, Some(&secret)).form(&form(""));
    assert_eq!(unencoded.send().await.unwrap().status(), 401);
    let both = request().basic_auth(id, Some("x")).form(&form(&secret));
    assert_eq!(both.send().await.unwrap().status(), 400);
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 405);

    let other = Client {
        id: "other".to_owned(),
        secret: "secret".into(),
    };
    world.handle.set_client(Issuer::Acme, other);
    let gone = request().form(&form(&secret)).send().await.unwrap();
    assert_eq!(gone.status(), 401);
}

#[tokio::test]
async fn token_answers_can_be_wrong_in_every_way() {
    let world = World::start().await;
    for (fault, missing) in [
        (TokenFault::NoIdToken, "id_token"),
        (TokenFault::NoAccessToken, "access_token"),
        (TokenFault::NoRefreshToken, "refresh_token"),
        (TokenFault::NoScope, "scope"),
        (TokenFault::NoExpiry, "expires_in"),
    ] {
        world.fault(fault);
        let tokens = world.tokens("ada").await;
        assert!(tokens[missing].is_null(), "{fault:?}: {tokens}");
        assert!(!world.tokens("ada").await[missing].is_null(), "{fault:?}");
    }
    world.fault(TokenFault::OtherType);
    assert_eq!(world.tokens("ada").await["token_type"], "mac");
    world.fault(TokenFault::FormEncoded);
    let answer = world.redeem(&world.code("ada")).await;
    assert_eq!(
        answer.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert!(answer.text().await.unwrap().contains("token_type=Bearer"));

    world.fault(TokenFault::KeepsRefreshToken);
    let tokens = world.tokens("ada").await;
    let refresh_token = text(&tokens, "refresh_token");
    let refreshed = json(world.refresh(refresh_token).await).await;
    assert!(refreshed["refresh_token"].is_null(), "{refreshed}");
    assert_eq!(world.refresh(refresh_token).await.status(), 200);
}

#[tokio::test]
async fn what_is_said_of_a_person_can_be_wrong() {
    let world = World::start().await;
    let said = async |fault: ProfileFault| {
        let access_token = world.tokens("ada").await;
        world.fault(fault);
        let userinfo = world.userinfo(text(&access_token, "access_token")).await;
        json(userinfo).await
    };
    assert!(said(ProfileFault::NoEmail).await["email"].is_null());
    let unverified = said(ProfileFault::Unverified).await;
    assert_eq!(unverified["email_verified"], false);
    let unsaid = said(ProfileFault::VerificationUnsaid).await;
    assert!(unsaid["email_verified"].is_null() && unsaid["email"].is_string());
    let by_text = said(ProfileFault::VerifiedAsText).await;
    assert_eq!(by_text["email_verified"], "true");
    assert!(said(ProfileFault::NumericSubject).await["sub"].is_number());
    let other = said(ProfileFault::OtherSubjectInUserInfo).await;
    assert_eq!(other["sub"], "somebody-else");

    world.fault(ProfileFault::Unverified);
    let claims = part(text(&world.tokens("ada").await, "id_token"), 1);
    assert_eq!(claims["email_verified"], false);
}
