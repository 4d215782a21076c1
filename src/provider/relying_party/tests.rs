use chrono::TimeDelta;
use openidconnect::{AccessToken, ClientId, Nonce};
use rstest::rstest;
use serde_json::json;

use super::id_token::{Wrong, verify};
use super::pinned::OpenId;
use super::token_answer::TokenAnswer;
use super::*;
use crate::clock::Time;
use crate::provider::account::Tokens;
use crate::provider::tests::jwt::{Key, at_hash, hmac, unsigned};

const ISSUER: &str = "https://id.example";
const ACCESS_TOKEN: &str = "access-token";

fn key() -> Key {
    Key::new("one", 7)
}

fn now() -> Time {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn openid() -> OpenId {
    OpenId {
        issuer: ISSUER.to_owned(),
        tenant_claim: None,
        names_itself: false,
        userinfo_endpoint: None,
        jwks_uri: format!("{ISSUER}/jwks").parse().unwrap(),
        nonce: Nonce::new("nonce".to_owned()),
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "us", "sub": "person-1", "nonce": "nonce",
        "iat": now().timestamp() - 1, "exp": now().timestamp() + 300,
    })
}

/// The claims with these in place of their own; null takes one away.
fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn keys(jwks: &[Value]) -> CoreJsonWebKeySet {
    serde_json::from_value(json!({"keys": jwks})).unwrap()
}

/// The subject, or what is wrong. A token that can't even be read is wrong too.
fn checked(token: &str, jwks: &[Value]) -> Result<String, Wrong> {
    let unread = |_| Wrong::Token("can't be read".to_owned());
    let token: id_token::IdToken = token.parse().map_err(unread)?;
    let access_token = AccessToken::new(ACCESS_TOKEN.to_owned());
    let client = ClientId::new("us".to_owned());
    verify(
        &token,
        &keys(jwks),
        &client,
        &openid(),
        &access_token,
        now(),
    )
    .map(|claims| claims.subject().to_string())
}

fn in_seconds(seconds: i64) -> i64 {
    (now() + TimeDelta::seconds(seconds)).timestamp()
}

#[rstest]
#[case::as_it_is(json!({}))]
#[case::a_list_of_one(json!({"aud": ["us"]}))]
#[case::to_us(json!({"azp": "us"}))]
#[case::just_expired(json!({"exp": in_seconds(-59)}))]
#[case::a_clock_ahead(json!({"iat": in_seconds(60), "nbf": in_seconds(60)}))]
#[case::parts_of_seconds(json!({"exp": 1_795_349_000.5, "nbf": 1.5}))]
#[case::its_access_token(json!({"at_hash": at_hash(ACCESS_TOKEN)}))]
#[case::more_claims(json!({"groups": ["a"], "tid": {"a": 1}, "email_verified": "true"}))]
fn a_good_token_is_good(#[case] changes: Value) {
    let token = key().sign(&with(&changes));
    assert_eq!(checked(&token, &[key().jwk()]).unwrap(), "person-1");
}

#[rstest]
#[case::nonce(json!({"nonce": "another"}), "nonce")]
#[case::no_nonce(json!({"nonce": null}), "nonce")]
#[case::issuer(json!({"iss": "https://evil.example"}), "issuer")]
#[case::a_slash(json!({"iss": "https://id.example/"}), "issuer")]
#[case::upper_case(json!({"iss": "https://ID.example"}), "issuer")]
#[case::no_issuer(json!({"iss": null}), "can't be read")]
#[case::audience(json!({"aud": "them"}), "audiences")]
#[case::no_audience(json!({"aud": null}), "audiences")]
#[case::empty_audience(json!({"aud": []}), "audiences")]
#[case::extra_audience(json!({"aud": ["us", "them"]}), "audience")]
#[case::extra_audience_and_azp(json!({"aud": ["us", "them"], "azp": "us"}), "audience")]
#[case::twice(json!({"aud": ["us", "us"]}), "for others")]
#[case::azp(json!({"azp": "them"}), "azp")]
#[case::expired(json!({"exp": in_seconds(-60)}), "Expired")]
#[case::no_expiry(json!({"exp": null}), "can't be read")]
#[case::an_absurd_expiry(json!({"exp": 1e300}), "can't be read")]
#[case::from_the_future(json!({"iat": in_seconds(61)}), "in the future")]
#[case::ancient(json!({"iat": in_seconds(-24 * 3600 - 1)}), "too long ago")]
#[case::no_issue_time(json!({"iat": null}), "can't be read")]
#[case::not_yet(json!({"nbf": in_seconds(61)}), "nbf")]
#[case::another_access_token(json!({"at_hash": at_hash("other")}), "at_hash")]
#[case::no_hash(json!({"at_hash": ""}), "at_hash")]
#[case::no_subject(json!({"sub": null}), "can't be read")]
#[case::a_number(json!({"sub": 7}), "can't be read")]
#[case::empty(json!({"sub": ""}), "subject")]
#[case::blank(json!({"sub": " "}), "subject")]
#[case::long(json!({"sub": "x".repeat(256)}), "subject")]
#[case::not_ascii(json!({"sub": "é"}), "subject")]
#[case::a_line_break(json!({"sub": "a\nb"}), "subject")]
fn a_wrong_claim_is_refused(#[case] changes: Value, #[case] cause: &str) {
    let token = key().sign(&with(&changes));
    match checked(&token, &[key().jwk()]) {
        Err(Wrong::Token(found)) => assert!(found.contains(cause), "{found}"),
        other => panic!("{other:?}"),
    }
}

/// Wrong in itself: other keys would not help, so nobody is asked for any.
#[rstest]
#[case::none(unsigned(&claims()))]
#[case::none_in_capitals(key().sign_with(&json!({"alg": "None"}), &claims()))]
#[case::the_secret(hmac(b"client-secret", None, &claims()))]
#[case::the_public_key(hmac(key().jwk().to_string().as_bytes(), Some("one"), &claims()))]
#[case::critical(key().sign_with(&json!({"alg": "ES256", "crit": ["exp"], "exp": 1}), &claims()))]
#[case::another_kind(key().sign_with(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims()))]
#[case::nested(key().sign_with(&json!({"alg": "ES256", "cty": "JWT"}), &claims()))]
#[case::encrypted(key().sign_with(&json!({"alg": "A128GCM"}), &claims()))]
#[case::no_token("no token".to_owned())]
#[case::two_parts("e30.e30".to_owned())]
fn a_token_of_a_wrong_kind_is_refused(#[case] token: String) {
    let wrong = checked(&token, &[key().jwk()]);
    assert!(matches!(wrong, Err(Wrong::Token(_))), "{wrong:?}");
}

#[test]
fn a_symmetric_key_in_the_key_set_signs_nothing() {
    let oct = json!({"kty": "oct", "kid": "one", "k": "c2VjcmV0"});
    let wrong = checked(&hmac(b"secret", Some("one"), &claims()), &[oct]);
    assert!(matches!(wrong, Err(Wrong::Token(_))), "{wrong:?}");
}

/// Newer keys may know it.
#[test]
fn a_signature_of_another_key_is_refused() {
    let other = Key::new("two", 8);
    let same_name = Key::new("one", 8);
    let mut embedded = other.header();
    embedded["jwk"] = other.jwk();
    embedded["jku"] = json!("https://evil.example/jwks");
    let mut cut = key().sign(&claims());
    cut.truncate(cut.len() - 4);
    for token in [
        other.sign(&claims()),
        same_name.sign(&claims()),
        other.sign_with(&embedded, &claims()),
        other.sign_with(&json!({"alg": "ES256"}), &claims()),
        key().sign_with(&json!({"alg": "ES384", "kid": "one"}), &claims()),
        cut,
    ] {
        let wrong = checked(&token, &[key().jwk()]);
        assert!(matches!(wrong, Err(Wrong::Key(_))), "{wrong:?}");
    }
    let encrypts_only = {
        let mut jwk = key().jwk();
        jwk["use"] = json!("enc");
        jwk
    };
    for jwks in [vec![], vec![encrypts_only]] {
        let wrong = checked(&key().sign(&claims()), &jwks);
        assert!(matches!(wrong, Err(Wrong::Key(_))), "{wrong:?}");
    }
}

#[test]
fn a_key_without_a_name_is_found_if_it_is_the_only_one() {
    let token = key().sign_with(&json!({"alg": "ES256"}), &claims());
    assert!(checked(&token, &[key().jwk()]).is_ok());
    let two = [key().jwk(), Key::new("two", 8).jwk()];
    assert!(matches!(checked(&token, &two), Err(Wrong::Key(_))));
}

fn answer(json: Value) -> Result<Tokens, RelyingPartyError> {
    let answer: TokenAnswer = serde_json::from_value(json).unwrap();
    answer.check()?;
    Ok(answer.tokens(&["asked".to_owned()], now()))
}

#[test]
fn the_token_answer_is_read_as_providers_write_it() {
    let tokens = answer(json!({"access_token": "a"})).unwrap();
    assert_eq!(tokens.token_type, "Bearer");
    assert_eq!(
        (tokens.expires_at, tokens.scopes),
        (None, vec!["asked".to_owned()])
    );
    for expires_in in [json!(60), json!("60"), json!(60.9)] {
        let tokens =
            answer(json!({"access_token": "a", "token_type": "bearer", "expires_in": expires_in}));
        assert_eq!(
            tokens.unwrap().expires_at,
            Some(now() + TimeDelta::seconds(60))
        );
    }
    for expires_in in [
        json!(null),
        json!("soon"),
        json!(u64::MAX),
        json!({}),
        json!("-1"),
    ] {
        let tokens = answer(json!({"access_token": "a", "expires_in": expires_in})).unwrap();
        assert_eq!(tokens.expires_at, None, "{expires_in}");
    }
    for scope in [json!("b  c"), json!(["b", "c"])] {
        let tokens = answer(json!({"access_token": "a", "scope": scope})).unwrap();
        assert_eq!(tokens.scopes, ["b", "c"]);
    }
    let wrong_type = json!({"access_token": "a", "token_type": "DPoP"});
    assert!(serde_json::from_value::<TokenAnswer>(wrong_type).is_err());
}

#[test]
fn what_is_no_token_goes_nowhere() {
    for token in [
        "",
        "a\r\nX-Evil: 1",
        "é",
        &"x".repeat(crate::limits::TOKEN + 1),
    ] {
        for json in [
            json!({"access_token": token}),
            json!({"access_token": "a", "refresh_token": token}),
        ] {
            assert!(answer(json).is_err(), "{token:?}");
        }
    }
    let answer: TokenAnswer =
        serde_json::from_value(json!({"access_token": "canary", "id_token": "canary"})).unwrap();
    assert!(!format!("{answer:?}").contains("canary"));
}
