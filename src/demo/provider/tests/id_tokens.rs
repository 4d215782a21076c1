use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::super::{IdTokenFault, Issuer, OldKey};
use super::{NONCE, World, json, part, text};
use data_encoding::BASE64URL_NOPAD;

#[tokio::test]
async fn every_fault_of_an_id_token_is_that_fault_and_no_other() {
    let world = World::start().await;
    for fault in IdTokenFault::ALL {
        world.fault(fault);
        let token = world.tokens("ada").await;
        let expected = match fault {
            IdTokenFault::WrongNonce => "nonce wrong",
            IdTokenFault::NoNonce => "nonce missing",
            IdTokenFault::WrongIssuer => "iss",
            IdTokenFault::WrongAudience => "aud",
            IdTokenFault::ExtraAudience => "aud of two",
            IdTokenFault::WrongAuthorizedParty => "azp",
            IdTokenFault::BadSignature => "signature",
            IdTokenFault::AlgNone => "alg none",
            IdTokenFault::AlgHs256 => "alg HS256",
            IdTokenFault::AlgHs256PublicKey => "alg HS256 by the public key",
            IdTokenFault::UnknownKey => "kid",
            IdTokenFault::KeyInHeader => "key in the header",
            IdTokenFault::NotYetValid => "nbf",
            IdTokenFault::Expired => "exp",
            IdTokenFault::IssuedInFuture => "iat",
            IdTokenFault::NoSubject => "sub",
            IdTokenFault::WrongAccessTokenHash => "at_hash",
            IdTokenFault::NotAToken => "not a token",
        };
        let wrong = wrong_now(&world, &token).await;
        assert_eq!(wrong, BTreeSet::from([expected]), "{fault:?}");
        let next = wrong_now(&world, &world.tokens("ada").await).await;
        assert!(next.is_empty(), "{fault:?} happens once: {next:?}");
    }
}

/// All that is wrong with the ID token of an answer.
async fn wrong_now(world: &World, tokens: &serde_json::Value) -> BTreeSet<&'static str> {
    let token = text(tokens, "id_token");
    if token.split('.').count() != 3 {
        return BTreeSet::from(["not a token"]);
    }
    let (header, claims) = (part(token, 0), part(token, 1));
    let client = world.handle.client(Issuer::Acme);
    let now = world.clock.now().timestamp();
    let mut wrong = BTreeSet::new();
    let mut unless = |good: bool, what: &'static str| {
        if !good {
            wrong.insert(what);
        }
    };
    let time = |name: &str| claims[name].as_i64().unwrap();
    if claims["nonce"].is_null() {
        unless(false, "nonce missing");
    } else {
        unless(claims["nonce"] == NONCE, "nonce wrong");
    }
    let issuer = world.handle.issuer(Issuer::Acme);
    unless(claims["iss"] == issuer.as_str(), "iss");
    if let Some(audiences) = claims["aud"].as_array() {
        assert!(
            audiences.len() == 2 && audiences[0] == client.id,
            "{claims}"
        );
        unless(false, "aud of two");
    } else {
        unless(claims["aud"] == client.id, "aud");
    }
    unless(claims["azp"].is_null() || claims["azp"] == client.id, "azp");
    unless(time("exp") > now, "exp");
    unless(time("iat") <= now, "iat");
    unless(claims["nbf"].as_i64().is_none_or(|nbf| nbf <= now), "nbf");
    unless(claims["sub"] == "a-7f31c0", "sub");
    let access_token = text(tokens, "access_token");
    unless(claims["at_hash"] == half_hash(access_token), "at_hash");
    match header["alg"].as_str().unwrap() {
        "none" => {
            assert!(token.ends_with('.'), "{token}");
            unless(false, "alg none");
        }
        "HS256" => {
            let (input, signature) = token.rsplit_once('.').unwrap();
            let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
            let is_by = |secret: &[u8]| {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                mac.update(input.as_bytes());
                mac.verify_slice(&signature).is_ok()
            };
            let keys = json(world.get("/jwks").await).await;
            let part = |name: &str| {
                let text = keys["keys"][0][name].as_str().unwrap();
                BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
            };
            let public = [vec![4], part("x"), part("y")].concat();
            unless(!is_by(&public), "alg HS256 by the public key");
            let secret = client.secret.expose_secret().as_bytes();
            unless(!is_by(secret), "alg HS256");
        }
        _ => {
            let keys = json(world.get("/jwks").await).await;
            let mut keys = keys["keys"].as_array().unwrap().iter();
            if keys.any(|key| key["kid"] == header["kid"]) {
                unless(world.is_signed(token).await, "signature");
            } else if header["jwk"]["kid"] == header["kid"] {
                unless(header["jku"].is_string(), "no jku");
                unless(false, "key in the header");
            } else {
                unless(false, "kid");
            }
        }
    }
    wrong
}

fn half_hash(text: &str) -> String {
    use sha2::Digest;
    BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes())[..16])
}

#[tokio::test]
async fn keys_rotate_with_the_old_one_kept_or_dropped() {
    let world = World::start().await;
    let before = world.tokens("ada").await;
    let before = text(&before, "id_token");
    world.handle.rotate_key(Issuer::Acme, OldKey::Kept);
    let after = world.tokens("ada").await;
    let after = text(&after, "id_token");
    assert_ne!(part(before, 0)["kid"], part(after, 0)["kid"]);
    assert!(world.is_signed(before).await && world.is_signed(after).await);
    world.handle.rotate_key(Issuer::Acme, OldKey::Dropped);
    assert!(!world.is_signed(before).await && !world.is_signed(after).await);
    let last = world.tokens("ada").await;
    assert!(world.is_signed(text(&last, "id_token")).await);
    for _ in 0..10 {
        world.handle.rotate_key(Issuer::Acme, OldKey::Kept);
    }
    let keys = json(world.get("/jwks").await).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 4);
}
