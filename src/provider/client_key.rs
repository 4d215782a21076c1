//! The key that a client shows itself by at a token endpoint (`private_key_jwt`): made and sealed
//! here, its public half published, assertions signed with it. Knows neither flows nor routes.

use data_encoding::BASE64URL_NOPAD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::config::AuthMethod;
use crate::clock::Clock;
use crate::database::identity_provider::{self, Model};
use crate::database::{Database, Sealed};
use crate::error::Error;
use crate::id::ProviderId;
use crate::limits;
use crate::vault::{Place, Sealing, Vault};

/// What `client_assertion_type` says of a JWT: RFC 7523 §2.2.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How its signatures are made: ECDSA on P-256 (RFC 7518 §3.4).
pub const ALGORITHM: &str = "ES256";

/// Seconds that an assertion is good for: as long as one request takes.
const ASSERTION_LIFE: i64 = 60;

/// A client's private key. It can't be printed, and is overwritten when it is dropped.
pub struct ClientKey(SecretKey);

impl ClientKey {
    pub fn new(clock: &Clock) -> Self {
        loop {
            // All but about one in 2^32 of random values are keys.
            let bytes = Zeroizing::new(clock.random::<32>());
            if let Ok(key) = SecretKey::from_slice(&bytes[..]) {
                return Self(key);
            }
        }
    }

    /// Seals the key for its provider's row.
    fn seal(&self, sealing: &Sealing<'_>, provider: ProviderId) -> Sealed {
        let document = self.0.to_pkcs8_der();
        let document =
            document.expect("a key on P-256 makes 138 bytes, and there is room for them");
        sealing.seal(&place(&provider), document.as_bytes())
    }

    /// The key of a provider that has one.
    ///
    /// # Errors
    /// `INTERNAL`: it is sealed with another master key, or the row was changed.
    pub fn of(row: &Model, vault: &Vault) -> Result<Option<Self>, Error> {
        let Some(sealed) = &row.client_key_sealed else {
            return Ok(None);
        };
        let opened = vault.open(&place(&row.id), sealed);
        let opened = opened.map_err(|error| Error::Internal(error.into()))?;
        let key = SecretKey::from_pkcs8_der(&opened);
        let key = key.map_err(|_| internal("what is sealed as a client key is none"))?;
        Ok(Some(Self(key)))
    }

    /// The public half, as a key set has it (RFC 7517).
    pub fn jwk(&self) -> Value {
        let (x, y) = self.coordinates();
        json!({
            "kty": "EC", "crv": "P-256", "x": x, "y": y,
            "use": "sig", "alg": ALGORITHM, "kid": thumbprint(&x, &y),
        })
    }

    /// Says to whom the issuer is that the client is itself: OpenID Connect Core 1.0 §9 and
    /// RFC 7523 §3. The audience is the issuer and nothing else, so that nobody who gets it can
    /// pass it on to another.
    pub fn assertion(&self, client_id: &str, issuer: &str, clock: &Clock) -> SecretString {
        let (x, y) = self.coordinates();
        let now = clock.now().timestamp();
        let header = json!({ "typ": "JWT", "alg": ALGORITHM, "kid": thumbprint(&x, &y) });
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "jti": BASE64URL_NOPAD.encode(&clock.random::<16>()),
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        });
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let input = format!("{}.{}", encode(&header), encode(&claims));
        let signature: Signature = SigningKey::from(&self.0).sign(input.as_bytes());
        let signature = BASE64URL_NOPAD.encode(&signature.to_bytes());
        format!("{input}.{signature}").into()
    }

    fn coordinates(&self) -> (String, String) {
        let point = self.0.public_key().to_encoded_point(false);
        let encode = |bytes: Option<&p256::FieldBytes>| {
            BASE64URL_NOPAD.encode(bytes.map_or(&[], |bytes| &bytes[..]))
        };
        (encode(point.x()), encode(point.y()))
    }
}

/// Whether the client of a provider with this config shows itself by a key. One that nothing uses
/// is not kept.
pub fn is_used(config: &Value) -> bool {
    match config.as_object().and_then(AuthMethod::of) {
        None | Some(AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost) => false,
        Some(AuthMethod::PrivateKeyJwt) => true,
    }
}

/// A new key for the provider, sealed.
pub fn made(sealing: &Sealing<'_>, provider: ProviderId, clock: &Clock) -> Sealed {
    ClientKey::new(clock).seal(sealing, provider)
}

/// What the provider of that slug may know our client by; `None` where it doesn't use a key.
///
/// # Errors
/// As [`ClientKey::of`].
pub async fn key_set(
    database: &Database,
    vault: &Vault,
    slug: &str,
) -> Result<Option<Value>, Error> {
    // What is no slug names no provider.
    if limits::slug("provider", slug).is_err() {
        return Ok(None);
    }
    let found = identity_provider::by_slugs(database.reader(), &[slug.to_owned()]).await?;
    let key = match found.first() {
        None => None,
        Some(row) => ClientKey::of(row, vault)?,
    };
    Ok(key.map(|key| json!({ "keys": [key.jwk()] })))
}

/// The name of a key that follows from the key: RFC 7638 §3.2 and §3.3, the members in this order.
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(&Sha256::digest(members))
}

/// The library's own words are left out: they could show what was sealed.
fn internal(what: &'static str) -> Error {
    Error::Internal(anyhow::anyhow!(what))
}

/// Where the key of a provider belongs.
const fn place(provider: &ProviderId) -> Place<'_> {
    Place {
        table: "identity_provider",
        row: provider.0.as_bytes(),
        column: "client_key_sealed",
    }
}

#[cfg(test)]
mod tests {
    use openidconnect::JsonWebKey;
    use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
    use secrecy::ExposeSecret;

    use super::*;
    use crate::vault::{KeyRing, MasterKey};

    fn decoded(part: &str) -> Vec<u8> {
        BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()
    }

    #[test]
    fn an_assertion_says_who_asks_whom_and_until_when_and_its_key_can_check_it() {
        let clock = Clock::default();
        let key = ClientKey::new(&clock);
        let before = clock.now().timestamp();
        let assertion = key.assertion("us", "https://id.example/", &clock);
        let assertion = assertion.expose_secret();
        let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else {
            panic!("{assertion}");
        };
        let jwk: CoreJsonWebKey = serde_json::from_value(key.jwk()).unwrap();
        let input = format!("{header}.{claims}");
        jwk.verify_signature(
            &CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            input.as_bytes(),
            &decoded(signature),
        )
        .unwrap();
        let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
        assert_eq!(
            header,
            json!({ "typ": "JWT", "alg": "ES256", "kid": key.jwk()["kid"] })
        );
        let claims: Value = serde_json::from_slice(&decoded(claims)).unwrap();
        assert_eq!(claims.as_object().unwrap().len(), 6, "{claims}");
        for (name, value) in [("iss", "us"), ("sub", "us"), ("aud", "https://id.example/")] {
            assert_eq!(claims[name], value, "{name}");
        }
        assert!((before..=before + 5).contains(&claims["iat"].as_i64().unwrap()));
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(life, 60);
        assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
        let again = key.assertion("us", "https://id.example/", &clock);
        assert_ne!(again.expose_secret(), assertion, "each is good for once");
    }

    /// The key and its thumbprint are those of RFC 9449 §4.1 and §6.1.
    #[test]
    fn a_key_is_called_by_its_thumbprint() {
        let found = thumbprint(
            "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        );
        assert_eq!(found, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn a_key_opens_for_its_own_provider_and_shows_its_public_half_alone() {
        let clock = Clock::default();
        let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
        let vault = Vault::new(keys, clock.clone());
        let (ours, other) = (ProviderId::new(&clock), ProviderId::new(&clock));
        let key = ClientKey::new(&clock);
        let sealed = key.seal(&vault.sealing_for_tests(), ours);
        let opened = vault.open(&place(&ours), &sealed).unwrap();
        assert_eq!(opened.len(), 138);
        let again = ClientKey(SecretKey::from_pkcs8_der(&opened).unwrap());
        assert_eq!(again.jwk(), key.jwk());
        assert!(vault.open(&place(&other), &sealed).is_err());
        let public = key.jwk();
        let members: Vec<_> = public.as_object().unwrap().keys().collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_ne!(ClientKey::new(&clock).jwk(), public);
    }
}
