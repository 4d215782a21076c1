//! The ID token, checked in full: OpenID Connect Core 1.0 §3.1.3.7. Nothing of it is used before.

use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, ClaimsVerificationError, ClientId,
    IdTokenVerifier, IssuerUrl, OAuth2TokenResponse, SignatureVerificationError, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pinned::OpenId;
use super::token_answer::TokenAnswer;
use super::{Fault, Pinned, RelyingParty, RelyingPartyError, Step};
use crate::clock::Time;

/// Signatures that only the provider can make. Never `none`; never HMAC, whose key is ours too.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// How far two clocks may be apart.
pub(super) const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// The nonce says that the token is new; this, that the provider's clock is a clock.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// Where a tenant's id stands in the issuer of a provider that has many.
pub(super) const TENANT: &str = "{tenantid}";
/// OpenID Connect Core 1.0 §2.
const MAX_SUBJECT_BYTES: usize = 255;

/// An ID token with the claims that we look at.
pub(super) type IdToken = openidconnect::IdToken<
    FurtherClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// All its claims; whoever has them has got them from [`verify`].
pub(super) type AllClaims = openidconnect::IdTokenClaims<FurtherClaims, CoreGenderClaim>;

/// Claims beyond those of OpenID Connect Core 1.0.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FurtherClaims {
    /// RFC 7519 §4.1.5.
    nbf: Option<f64>,
    /// Whatever else a provider says: for the expressions of its type.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl AdditionalClaims for FurtherClaims {}

/// What is wrong with a token.
#[derive(Debug)]
pub(super) enum Wrong {
    /// No key that we know has signed it; another one may have.
    Key(String),
    Token(String),
}

impl RelyingParty {
    /// The answer's ID token, checked.
    pub(super) async fn verified(
        &self,
        pinned: &Pinned,
        openid: &OpenId,
        answer: &TokenAnswer,
    ) -> Result<AllClaims, RelyingPartyError> {
        let invalid = |cause: &str| Fault::Invalid(Step::IdToken).because(cause);
        let token = answer
            .id_token()
            .ok_or_else(|| invalid("the answer holds no ID token that can be read"))?;
        let now = self.clock.now();
        let check = |keys: &CoreJsonWebKeySet| {
            let client = ClientId::new(pinned.client_id.clone());
            verify(token, keys, &client, openid, answer.access_token(), now)
        };
        let checked = self.by_keys(openid, check).await?;
        checked.map_err(|cause| invalid(&cause))
    }
}

/// Checks a token. Pure.
pub(super) fn verify(
    token: &IdToken,
    keys: &CoreJsonWebKeySet,
    client: &ClientId,
    openid: &OpenId,
    access_token: &AccessToken,
    now: Time,
) -> Result<AllClaims, Wrong> {
    let wrong = |cause: &str| Err(Wrong::Token(cause.to_owned()));
    let issuer = issuer_of(token, openid)?;
    // "Public": the library would check HMAC with a client's secret, and we give it none.
    let verifier =
        IdTokenVerifier::<CoreJsonWebKey>::new_public_client(client.clone(), issuer, keys.clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now - LEEWAY)
            .set_issue_time_verifier_fn(move |issued| {
                if issued > now + LEEWAY {
                    Err("it was issued in the future".to_owned())
                } else if issued < now - OLDEST {
                    Err("it was issued too long ago".to_owned())
                } else {
                    Ok(())
                }
            });
    let claims = token
        .claims(&verifier, &openid.nonce)
        .map_err(|error| of(&error))?;
    if claims.audiences().len() != 1 {
        return wrong("it is meant for others too");
    }
    if claims
        .authorized_party()
        .is_some_and(|party| party != client)
    {
        return wrong("it was issued to another client (azp)");
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds are exact up to the year 285 million"
    )]
    let latest = (now + LEEWAY).timestamp() as f64;
    if claims
        .additional_claims()
        .nbf
        .is_some_and(|nbf| nbf > latest)
    {
        return wrong("it isn't valid yet (nbf)");
    }
    check_access_token(token, claims, &verifier, access_token)?;
    let subject = claims.subject().as_str();
    let is_subject = (1..=MAX_SUBJECT_BYTES).contains(&subject.len())
        && subject.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !subject.trim().is_empty();
    if !is_subject {
        return wrong("its subject is none: 1 to 255 ASCII characters");
    }
    Ok(claims.clone())
}

/// Who has to have signed. Where each tenant has an issuer of its own, the token says which; it is
/// the one that it names itself by, and its keys are the provider's.
fn issuer_of(token: &IdToken, openid: &OpenId) -> Result<IssuerUrl, Wrong> {
    let wrong = |cause: &str| Wrong::Token(cause.to_owned());
    let issuer = match &openid.tenant_claim {
        Some(claim) if openid.issuer.contains(TENANT) => {
            let tenant = unverified(token, claim);
            let tenant = tenant.ok_or_else(|| wrong("it names no tenant"))?;
            openid.issuer.replace(TENANT, &tenant)
        }
        Some(_) | None => openid.issuer.clone(),
    };
    IssuerUrl::new(issuer).map_err(|_| wrong("the issuer is no URL"))
}

/// A claim that is a GUID, before anything of the token is checked.
fn unverified(token: &IdToken, claim: &str) -> Option<String> {
    let text = token.to_string();
    let payload = BASE64URL_NOPAD.decode(text.split('.').nth(1)?.as_bytes());
    let claims: Map<String, Value> = serde_json::from_slice(&payload.ok()?).ok()?;
    let tenant = claims.get(claim)?.as_str()?;
    let is_id = uuid::Uuid::try_parse(tenant).is_ok_and(|id| id.hyphenated().to_string() == tenant);
    is_id.then(|| tenant.to_owned())
}

/// `at_hash`, where it is there: the access token is the one that came with this ID token.
fn check_access_token(
    token: &IdToken,
    claims: &AllClaims,
    verifier: &IdTokenVerifier<'_, CoreJsonWebKey>,
    access_token: &AccessToken,
) -> Result<(), Wrong> {
    let Some(said) = claims.access_token_hash() else {
        return Ok(());
    };
    let algorithm = token.signing_alg().map_err(|error| of_signature(&error))?;
    let key = token
        .signing_key(verifier)
        .map_err(|error| of_signature(&error))?;
    let found = AccessTokenHash::from_token(access_token, algorithm, key);
    if found.is_ok_and(|found| found == *said) {
        return Ok(());
    }
    Err(Wrong::Token(
        "it belongs to another access token (at_hash)".to_owned(),
    ))
}

fn of(error: &ClaimsVerificationError) -> Wrong {
    match error {
        ClaimsVerificationError::SignatureVerification(error) => of_signature(error),
        other => Wrong::Token(other.to_string()),
    }
}

fn of_signature(error: &SignatureVerificationError) -> Wrong {
    match error {
        SignatureVerificationError::NoMatchingKey
        | SignatureVerificationError::CryptoError(_)
        | SignatureVerificationError::InvalidKey(_)
        | SignatureVerificationError::AmbiguousKeyId(_) => Wrong::Key(error.to_string()),
        other => Wrong::Token(other.to_string()),
    }
}
