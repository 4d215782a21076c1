//! A signed answer of the userinfo endpoint, checked: OpenID Connect Core 1.0 §5.3.2 and §5.3.4.

use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{
    JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyId, JsonWebKeyUse, JwsSigningAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Time;
use crate::provider::extent::is_bounded;
use crate::provider::relying_party::id_token::{ALGORITHMS, LEEWAY, Wrong};
use crate::provider::relying_party::pinned::OpenId;

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<JsonWebKeyId>,
    crit: Option<Value>,
    cty: Option<String>,
}

/// Claims of the token itself; those that are there have to be right.
#[derive(Deserialize)]
struct Envelope {
    iss: Option<String>,
    aud: Option<Audience>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Checks a signed answer: the JSON of its claims. Pure.
pub(super) fn verify(
    token: &str,
    keys: &CoreJsonWebKeySet,
    client_id: &String,
    openid: &OpenId,
    now: Time,
) -> Result<Vec<u8>, Wrong> {
    let wrong = |cause: &str| Wrong::Token(cause.to_owned());
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes());
    let unread = || wrong("the token can't be read");
    let (input, signature) = token.trim().rsplit_once('.').ok_or_else(unread)?;
    let (header, claims) = input.split_once('.').ok_or_else(unread)?;
    let part = |part: &str| decode(part).map_err(|_| unread());
    let (header, claims, signature) = (part(header)?, part(claims)?, part(signature)?);
    if !is_bounded(&header) || !is_bounded(&claims) {
        return Err(wrong("it holds more than can be read"));
    }
    let header: Header = serde_json::from_slice(&header).map_err(|_| unread())?;
    if header.crit.is_some() || header.cty.is_some() {
        return Err(wrong("its header asks for what is not known here"));
    }
    if !ALGORITHMS.contains(&header.alg) {
        return Err(wrong(
            "its signature is none that only the provider can make",
        ));
    }
    let key = key_for(&header, keys)?;
    key.verify_signature(&header.alg, input.as_bytes(), &signature)
        .map_err(|error| Wrong::Key(error.to_string()))?;
    let envelope: Envelope = serde_json::from_slice(&claims).map_err(|_| unread())?;
    envelope.check(client_id, openid, now)?;
    Ok(claims)
}

/// The one key that the header can mean.
fn key_for<'k>(header: &Header, keys: &'k CoreJsonWebKeySet) -> Result<&'k CoreJsonWebKey, Wrong> {
    let mut fitting = keys.keys().iter().filter(|key| {
        let is_named = header.kid.is_none() || header.kid.as_ref() == key.key_id();
        let signs = key.key_use().is_none_or(JsonWebKeyUse::allows_signature);
        let by_type = header
            .alg
            .key_type()
            .is_some_and(|kind| kind == *key.key_type());
        is_named
            && signs
            && by_type
            && match key.signing_alg() {
                JsonWebKeyAlgorithm::Algorithm(algorithm) => *algorithm == header.alg,
                JsonWebKeyAlgorithm::Unspecified => true,
                JsonWebKeyAlgorithm::Unsupported => false,
            }
    });
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(Wrong::Key("several keys may be meant".to_owned())),
        (None, _) => Err(Wrong::Key("no key fits".to_owned())),
    }
}

impl Envelope {
    fn check(&self, client_id: &String, openid: &OpenId, now: Time) -> Result<(), Wrong> {
        let wrong = |cause: &str| Err(Wrong::Token(cause.to_owned()));
        if self.iss.as_ref().is_some_and(|iss| *iss != openid.issuer) {
            return wrong("it comes from another issuer");
        }
        let is_ours = match &self.aud {
            None => true,
            Some(Audience::One(audience)) => audience == client_id,
            Some(Audience::Several(all)) => all.contains(client_id),
        };
        if !is_ours {
            return wrong("it is meant for others");
        }
        let seconds = |time: Time| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "seconds are exact up to the year 285 million"
            )]
            let seconds = time.timestamp() as f64;
            seconds
        };
        if self.exp.is_some_and(|exp| exp <= seconds(now - LEEWAY)) {
            return wrong("it has expired");
        }
        if self.nbf.is_some_and(|nbf| nbf > seconds(now + LEEWAY)) {
            return wrong("it isn't valid yet (nbf)");
        }
        Ok(())
    }
}
