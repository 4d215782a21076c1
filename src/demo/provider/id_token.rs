//! ID tokens (OpenID Connect Core 1.0 §2, §3.1.3.6), good and bad.

use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fault::{Fault, IdTokenFault, ProfileFault};
use super::grants::Grant;
use super::key::{self, Key};
use super::person::Person;
use super::profile;
use super::state::IssuerState;
use crate::clock::Clock;

/// How long an ID token is good.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// Further than any clock may be off.
const FAR: TimeDelta = TimeDelta::hours(2);
const SOMEBODY_ELSE: &str = "somebody-else";

/// What an ID token is made of.
pub struct NewIdToken<'a> {
    pub person: &'a Person,
    pub grant: &'a Grant,
    pub access_token: &'a str,
    /// A refreshed one has none (§12.2).
    pub with_nonce: bool,
}

/// A token, as the faults that are set want it.
pub fn issue(issuer: &mut IssuerState, clock: &Clock, new: &NewIdToken<'_>) -> String {
    let profile_faults = profile_faults(issuer);
    let faults = issuer.faults.take(|fault| {
        if let Fault::IdToken(fault) = fault {
            Some(*fault)
        } else {
            None
        }
    });
    let mut claims = claims(issuer, clock, new, &profile_faults);
    for fault in &faults {
        break_claims(&mut claims, *fault, clock);
    }
    let mut token = issuer.signing_key().sign(&claims);
    for fault in faults {
        token = break_token(token, &claims, fault, issuer, clock);
    }
    token
}

/// The faults in what is said of a person next.
pub fn profile_faults(issuer: &mut IssuerState) -> Vec<ProfileFault> {
    issuer.faults.take(|fault| {
        if let Fault::Profile(fault) = fault {
            Some(*fault)
        } else {
            None
        }
    })
}

fn claims(
    issuer: &IssuerState,
    clock: &Clock,
    new: &NewIdToken<'_>,
    faults: &[ProfileFault],
) -> Value {
    let now = clock.now();
    let mut claims = profile::claims(new.person, new.grant, faults);
    let own = [
        ("iss", json!(issuer.url.as_str())),
        ("aud", json!(issuer.client.id)),
        ("iat", json!(now.timestamp())),
        ("exp", json!((now + LIFE).timestamp())),
        ("at_hash", json!(access_token_hash(new.access_token))),
    ];
    claims.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if new.with_nonce {
        claims.insert("nonce".to_owned(), json!(new.grant.nonce));
    }
    Value::Object(claims)
}

fn break_claims(claims: &mut Value, fault: IdTokenFault, clock: &Clock) {
    let now = clock.now();
    let remove = |claims: &mut Value, name: &str| {
        if let Some(claims) = claims.as_object_mut() {
            claims.remove(name);
        }
    };
    match fault {
        IdTokenFault::WrongNonce => claims["nonce"] = json!("another nonce"),
        IdTokenFault::NoNonce => remove(claims, "nonce"),
        IdTokenFault::WrongIssuer => claims["iss"] = json!("https://issuer.example"),
        IdTokenFault::WrongAudience => claims["aud"] = json!(SOMEBODY_ELSE),
        IdTokenFault::ExtraAudience => {
            claims["aud"] = json!([claims["aud"], SOMEBODY_ELSE]);
        }
        IdTokenFault::WrongAuthorizedParty => claims["azp"] = json!(SOMEBODY_ELSE),
        IdTokenFault::Expired => {
            claims["iat"] = json!((now - FAR - LIFE).timestamp());
            claims["exp"] = json!((now - FAR).timestamp());
        }
        IdTokenFault::IssuedInFuture => {
            claims["iat"] = json!((now + FAR).timestamp());
            claims["exp"] = json!((now + FAR + LIFE).timestamp());
        }
        IdTokenFault::NotYetValid => claims["nbf"] = json!((now + FAR).timestamp()),
        IdTokenFault::NoSubject => remove(claims, "sub"),
        IdTokenFault::WrongAccessTokenHash => {
            claims["at_hash"] = json!(access_token_hash("another token"));
        }
        IdTokenFault::BadSignature
        | IdTokenFault::AlgNone
        | IdTokenFault::AlgHs256
        | IdTokenFault::AlgHs256PublicKey
        | IdTokenFault::UnknownKey
        | IdTokenFault::KeyInHeader
        | IdTokenFault::NotAToken => {}
    }
}

fn break_token(
    token: String,
    claims: &Value,
    fault: IdTokenFault,
    issuer: &IssuerState,
    clock: &Clock,
) -> String {
    match fault {
        IdTokenFault::BadSignature => key::with_broken_signature(&token),
        IdTokenFault::AlgNone => key::unsigned(claims),
        IdTokenFault::AlgHs256 => {
            key::signed_with_secret(claims, issuer.client.secret.expose_secret().as_bytes())
        }
        IdTokenFault::AlgHs256PublicKey => {
            key::signed_with_secret(claims, &issuer.signing_key().public())
        }
        IdTokenFault::UnknownKey => Key::new(clock).sign(claims),
        IdTokenFault::KeyInHeader => Key::new(clock).sign_showing_itself(claims),
        IdTokenFault::NotAToken => "this is not a token".to_owned(),
        IdTokenFault::WrongNonce
        | IdTokenFault::NoNonce
        | IdTokenFault::WrongIssuer
        | IdTokenFault::WrongAudience
        | IdTokenFault::ExtraAudience
        | IdTokenFault::WrongAuthorizedParty
        | IdTokenFault::Expired
        | IdTokenFault::IssuedInFuture
        | IdTokenFault::NotYetValid
        | IdTokenFault::NoSubject
        | IdTokenFault::WrongAccessTokenHash => token,
    }
}

/// The left half of the hash (§3.1.3.6).
fn access_token_hash(access_token: &str) -> String {
    let hash = Sha256::digest(access_token.as_bytes());
    BASE64URL_NOPAD.encode(&hash[..hash.len() / 2])
}
