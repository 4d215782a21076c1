//! The signing keys of an issuer, and tokens signed with them. ES256 (RFC 7518 §3.4).

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clock::Clock;

/// Whether the key before stays published when a new one takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKey {
    Kept,
    Dropped,
}

/// A key and its name.
pub struct Key {
    kid: String,
    secret: SigningKey,
}

impl Key {
    /// A new one, with a name of its own.
    pub fn new(clock: &Clock) -> Self {
        let secret = loop {
            // All but about one in 2^32 of random values are keys.
            if let Ok(key) = SigningKey::from_slice(&clock.random::<32>()) {
                break key;
            }
        };
        Self {
            kid: BASE64URL_NOPAD.encode(&clock.random::<9>()),
            secret,
        }
    }

    /// The public half (RFC 7517).
    pub fn jwk(&self) -> Value {
        let point = self.secret.verifying_key().to_encoded_point(false);
        let coordinate = |bytes: Option<&p256::FieldBytes>| {
            BASE64URL_NOPAD.encode(bytes.map_or(&[], |bytes| &bytes[..]))
        };
        json!({
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "alg": "ES256",
            "kid": self.kid,
            "x": coordinate(point.x()),
            "y": coordinate(point.y()),
        })
    }

    /// The public half as bytes (SEC 1, uncompressed).
    pub fn public(&self) -> Vec<u8> {
        let point = self.secret.verifying_key().to_encoded_point(false);
        point.as_bytes().to_vec()
    }

    /// The claims as a token that this key has signed.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.header(), claims)
    }

    /// The same, with the key in the header, and where to look for more (RFC 7515 §4.1.2 to
    /// §4.1.5): all of it is the signer's own word.
    pub fn sign_showing_itself(&self, claims: &Value) -> String {
        let mut header = self.header();
        header["jwk"] = self.jwk();
        header["jku"] = json!("https://issuer.example/jwks");
        header["x5u"] = json!("https://issuer.example/certificates");
        self.sign_under(&header, claims)
    }

    fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": "ES256", "kid": self.kid })
    }

    fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let input = signing_input(header, claims);
        let signature: Signature = self.secret.sign(input.as_bytes());
        with_signature(input, &signature.to_bytes())
    }
}

/// The claims as a token without a signature.
pub fn unsigned(claims: &Value) -> String {
    with_signature(
        signing_input(&json!({ "typ": "JWT", "alg": "none" }), claims),
        b"",
    )
}

/// The claims as a token under a secret that two share.
pub fn signed_with_secret(claims: &Value, secret: &[u8]) -> String {
    let input = signing_input(&json!({ "typ": "JWT", "alg": "HS256" }), claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(input.as_bytes());
    with_signature(input, &mac.finalize().into_bytes())
}

/// The token with another signature of the same form.
pub fn with_broken_signature(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let mut bytes = BASE64URL_NOPAD
        .decode(signature.as_bytes())
        .unwrap_or_default();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    with_signature(input.to_owned(), &bytes)
}

fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

fn with_signature(input: String, signature: &[u8]) -> String {
    input + "." + &BASE64URL_NOPAD.encode(signature)
}
