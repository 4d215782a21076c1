//! Tokens made by hand, right and wrong.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An ES256 key with an id.
pub struct Key {
    pub id: &'static str,
    key: SigningKey,
}

impl Key {
    pub fn new(id: &'static str, byte: u8) -> Self {
        let key = SigningKey::from_slice(&[byte; 32]).unwrap();
        Self { id, key }
    }

    /// The public half, as a key set has it.
    pub fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_encoded_point(false);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": BASE64URL_NOPAD.encode(point.x().unwrap()),
            "y": BASE64URL_NOPAD.encode(point.y().unwrap()),
        })
    }

    pub fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.id, "typ": "JWT"})
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let input = input(header, claims);
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes()))
    }
}

pub fn unsigned(claims: &Value) -> String {
    format!("{}.", input(&json!({"alg": "none"}), claims))
}

pub fn hmac(secret: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let header = match kid {
        None => json!({"alg": "HS256"}),
        Some(kid) => json!({"alg": "HS256", "kid": kid}),
    };
    let input = input(&header, claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(input.as_bytes());
    let signature = BASE64URL_NOPAD.encode(&mac.finalize().into_bytes());
    format!("{input}.{signature}")
}

/// What `at_hash` says of an access token.
pub fn at_hash(access_token: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(access_token)[..16])
}

fn input(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", encode(header), encode(claims))
}
