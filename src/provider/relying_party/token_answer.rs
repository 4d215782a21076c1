//! What the token endpoint answers, read as providers write it, not as they should. Knows nothing
//! of how it was asked.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use openidconnect::core::{
    CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
};
use openidconnect::http::HeaderValue;
use openidconnect::http::header::CONTENT_TYPE;
use openidconnect::{
    AccessToken, HttpResponse, OAuth2TokenResponse, RefreshToken, Scope, TokenResponse, TokenType,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::id_token::{FurtherClaims, IdToken};
use super::{Fault, RelyingPartyError, Step};
use crate::clock::Time;
use crate::limits;
use crate::provider::account::Tokens;
use crate::provider::catalog::TokenRules;

/// A token that lasts longer lasts for ever: 10 years.
const LONGEST_LIFE: u64 = 10 * 366 * 24 * 60 * 60;

/// Bytes of an ID token; some hold long lists of groups.
const LONGEST_ID_TOKEN: usize = 64 * 1024;

/// The token endpoint's answer.
#[derive(Serialize, Deserialize)]
pub(super) struct TokenAnswer {
    access_token: AccessToken,
    #[serde(default)]
    token_type: Bearer,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    refresh_token: Option<RefreshToken>,
    #[serde(default, rename = "scope", deserialize_with = "words")]
    scopes: Option<Vec<Scope>>,
    #[serde(default, deserialize_with = "id_token")]
    id_token: Option<IdToken>,
    /// What else it says.
    #[serde(flatten)]
    further: Map<String, Value>,
}

/// The only type of token that there is (OpenID Connect Core 1.0 §3.1.3.3), in any case; also
/// where the provider doesn't say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Bearer;

impl TokenType for Bearer {}

impl<'de> Deserialize<'de> for Bearer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name.eq_ignore_ascii_case("bearer") {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom("is no Bearer token"))
        }
    }
}

impl OAuth2TokenResponse for TokenAnswer {
    type TokenType = Bearer;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &Bearer {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

impl
    TokenResponse<
        FurtherClaims,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    > for TokenAnswer
{
    fn id_token(&self) -> Option<&IdToken> {
        self.id_token.as_ref()
    }
}

/// The library asks for it; nobody gets to see what is in it.
impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenAnswer")
    }
}

impl TokenAnswer {
    /// Tokens are visible ASCII (RFC 6749 appendices A.12 and A.17): nothing else goes into a
    /// header or the vault.
    pub fn check(&self) -> Result<(), RelyingPartyError> {
        let fits = |token: &str| {
            (1..=limits::TOKEN).contains(&token.len())
                && token.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        };
        let refresh_token = self.refresh_token.as_ref().map(RefreshToken::secret);
        if fits(self.access_token.secret()) && refresh_token.is_none_or(|token| fits(token)) {
            return Ok(());
        }
        Err(Fault::Invalid(Step::Exchange).because("a token is no token, or too long"))
    }

    /// What it says besides the tokens.
    pub fn further(&self) -> Value {
        Value::Object(self.further.clone())
    }

    pub fn tokens(&self, asked_for: &[String], now: Time) -> Tokens {
        let end = |seconds: u64| {
            // One that is over when it comes says nothing of when it ends.
            let seconds = i64::try_from(seconds)
                .ok()
                .filter(|_| (1..=LONGEST_LIFE).contains(&seconds))?;
            Some(now + TimeDelta::try_seconds(seconds)?)
        };
        let life_of_refresh = OF_REFRESH
            .iter()
            .find_map(|name| number(self.further.get(*name)?));
        let granted: Option<Vec<String>> = self.scopes.as_ref().map(|scopes| {
            let names = scopes.iter().map(|scope| scope.to_string());
            names
                .filter(|name| name.len() <= limits::SCOPE && !name.contains('\0'))
                .take(limits::SCOPES)
                .collect()
        });
        Tokens {
            access_token: self.access_token.secret().clone().into(),
            refresh_token: self
                .refresh_token
                .as_ref()
                .map(|token| token.secret().clone().into()),
            token_type: "Bearer".to_owned(),
            expires_at: self.expires_in.and_then(end),
            refresh_token_expires_at: life_of_refresh.filter(|seconds| *seconds > 0).and_then(end),
            // RFC 6749 §5.1: left out if it is what was asked for.
            scopes: granted.unwrap_or_else(|| asked_for.to_vec()),
        }
    }
}

/// Makes a token endpoint's answer what RFC 6749 §5 has: JSON, with the tokens at the top, names
/// as they are there, and spaces between scopes. What can't be read stays as it came.
pub(super) fn standardize(answer: &mut HttpResponse, rules: &TokenRules) {
    let form = "application/x-www-form-urlencoded";
    let kind = answer.headers().get(CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(form.as_bytes()));
    if !is_form && rules.is_standard() {
        // As it came: what is there twice is refused where it is read.
        return;
    }
    let read = if is_form {
        let pairs = url::form_urlencoded::parse(answer.body()).take(MOST_PARAMETERS);
        let member = |(name, value): (Cow<str>, Cow<str>)| {
            (name.into_owned(), Value::from(value.into_owned()))
        };
        Some(pairs.map(member).collect::<Map<_, _>>())
    } else {
        serde_json::from_slice(answer.body()).ok()
    };
    let Some(mut members) = read else {
        return;
    };
    let inner = rules.within.as_ref().and_then(|within| members.get(within));
    if let Some(Value::Object(inner)) = inner {
        let inner = inner.clone();
        for name in OF_TOKENS.into_iter().chain([rules.scope_member.as_str()]) {
            match inner.get(name) {
                Some(value) => members.insert(name.to_owned(), value.clone()),
                // Outside it would be another token's: a bot's, where a person's is inside.
                None => members.remove(name),
            };
        }
    }
    if let Some(scopes) = members.remove(&rules.scope_member) {
        members.insert("scope".to_owned(), scopes);
    }
    if rules.token_type.as_deref() == members.get("token_type").and_then(Value::as_str) {
        members.remove("token_type");
    }
    if rules.scope_separator != " "
        && let Some(Value::String(scopes)) = members.get_mut("scope")
    {
        *scopes = scopes.replace(&rules.scope_separator, " ");
    }
    if let Ok(body) = serde_json::to_vec(&members) {
        *answer.body_mut() = body;
        let json = HeaderValue::from_static("application/json");
        answer.headers_mut().insert(CONTENT_TYPE, json);
    }
}

/// How long a refresh token lasts, where the answer says: GitHub's name for it, and Keycloak's, whose
/// 0 is for ever.
const OF_REFRESH: [&str; 2] = ["refresh_token_expires_in", "refresh_expires_in"];

/// Parameters of an answer that is a form.
const MOST_PARAMETERS: usize = 100;

/// The members of an answer that belong to its tokens: RFC 6749 §5.1.
const OF_TOKENS: [&str; 5] = [
    "access_token",
    "refresh_token",
    "expires_in",
    "scope",
    "token_type",
];

/// A number, or one in a string.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(number(&Value::deserialize(deserializer)?))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is cut off is a part of a second, or negative, or absurd"
)]
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().map(|seconds| seconds as u64)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Words between spaces; a list, as some send it; anything else is no statement.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Scope>>, D::Error> {
    let word = |word: &str| (!word.is_empty()).then(|| Scope::new(word.to_owned()));
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text.split_ascii_whitespace().filter_map(word).collect()),
        Value::Array(values) => {
            let texts = values.iter().filter_map(Value::as_str);
            Some(texts.filter_map(word).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    })
}

/// One that can't be read, or is longer than any, is none: what is wrong is said where it is looked
/// for.
fn id_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IdToken>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if text.len() <= LONGEST_ID_TOKEN => text.parse().ok(),
        Value::String(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    })
}
