//! Fresh tokens for a refresh token (RFC 6749 §6), and what it means where there are none.

use chrono::TimeDelta;
use openidconnect::RefreshToken;
use secrecy::{ExposeSecret, SecretString};

use super::call::{CallError, reason_of};
use super::refusal::{NoTokens, SaidNo, refusal};
use super::{Registration, RelyingParty, RelyingPartyError};
use crate::provider::account::Tokens;
use crate::provider::client_key::ASSERTION_TYPE;

/// Why there are no fresh tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct RefreshError {
    pub fault: RefreshFault,
    /// A code: the provider's own, or one for what went wrong on the way. Never a secret.
    pub reason: String,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<TimeDelta>,
    /// For the log, no longer than a line.
    pub cause: String,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshFault {
    /// The grant has ended: only the person can give another one.
    Ended,
    /// 401, and nothing that says why: the grant's end, or ours to mend.
    Unauthorized,
    /// The provider refuses this server, whichever grant it asks for.
    Client,
    /// The provider refuses, and means neither the grant nor clearly this server.
    Refused,
    /// The provider wants less of us.
    Busy,
    /// The provider, or the way to it, fails.
    Unavailable,
}

impl RelyingParty {
    /// Exchanges the refresh token, once. `asked_for`: the scopes where the answer names none.
    ///
    /// # Errors
    /// Each as [`RefreshFault`] has it.
    pub async fn refresh(
        &self,
        us: &Registration<'_>,
        refresh_token: &SecretString,
        asked_for: &[String],
    ) -> Result<Tokens, RefreshError> {
        let server = self.token_server(us).await?.for_refresh(us)?;
        let rules = us.rules.refresh.as_ref();
        let dead_codes = rules.map_or(&[][..], |rules| &rules.dead_codes);
        let client = server.oauth_client(us)?;
        let exchanged = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let mut request = client.exchange_refresh_token(&exchanged);
        if rules.is_some_and(|rules| rules.sends_redirect_uri) {
            request = request.add_extra_param("redirect_uri", us.redirect_uri.as_str());
        }
        let assertion = server
            .client_auth
            .assertion(us, &server.name, &self.clock)?;
        if let Some(assertion) = &assertion {
            request = request
                .add_extra_param("client_assertion_type", ASSERTION_TYPE)
                .add_extra_param("client_assertion", assertion.expose_secret());
        }
        let is_end =
            |code: &str| code == INVALID_GRANT || dead_codes.iter().any(|dead| dead == code);
        let caller = self.caller(Some(&us.rules.token)).hearing(&is_end);
        let answer = request.request_async(&caller).await.map_err(|error| {
            let secret = us.client_secret.as_ref().map(ExposeSecret::expose_secret);
            let assertion = assertion.as_ref().map(ExposeSecret::expose_secret);
            let sent = [
                refresh_token.expose_secret(),
                secret.unwrap_or_default(),
                assertion.unwrap_or_default(),
            ];
            let why = refusal(error, &sent);
            RefreshError::of(why, is_end)
        })?;
        answer.check()?;
        Ok(answer.tokens(asked_for, self.clock.now()))
    }
}

/// The reason of a provider that wants less of us.
pub const RATE_LIMITED: &str = "rate_limited";

/// The longest that providers have has half of it.
const LONGEST_CODE: usize = 64;

/// RFC 6749 §5.2.
const INVALID_GRANT: &str = "invalid_grant";

/// Codes that speak of the client (RFC 6749 §5.2), and GitHub's for the same.
const OF_THE_CLIENT: [&str; 5] = [
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "incorrect_client_credentials",
    "bad_client_secret",
];

impl RefreshError {
    fn of(why: NoTokens, is_end: impl Fn(&str) -> bool) -> Self {
        let retry_after = match &why {
            NoTokens::Failed(CallError::Failing { retry_after, .. }) => *retry_after,
            NoTokens::Failed(_) | NoTokens::SaidNo(_) | NoTokens::Unreadable(_) => None,
        };
        let (fault, reason) = match &why {
            NoTokens::Failed(error) => of_call(error),
            NoTokens::SaidNo(no) => (of_no(no, is_end), code(&no.code)),
            NoTokens::Unreadable(_) => (RefreshFault::Unavailable, "unreadable".to_owned()),
        };
        Self {
            fault,
            reason,
            retry_after,
            cause: RelyingPartyError::from(why).cause,
        }
    }
}

/// The provider's code as it is stored and shown: RFC 6749 §5.2 has few characters for it.
fn code(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (1..=LONGEST_CODE).contains(&text.len()) && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        "unspecified".to_owned()
    }
}

fn of_call(error: &CallError) -> (RefreshFault, String) {
    let unavailable = |reason: &str| (RefreshFault::Unavailable, reason.to_owned());
    match error {
        CallError::Egress(error) => unavailable(reason_of(error)),
        CallError::TooFull => unavailable("unreadable"),
        CallError::Failing { status: 429, .. } => (RefreshFault::Busy, RATE_LIMITED.to_owned()),
        CallError::Failing { status, .. } => unavailable(&format!("http_{status}")),
        CallError::Status { status: 401 } => (RefreshFault::Unauthorized, "http_401".to_owned()),
        CallError::Status { status } => (RefreshFault::Refused, format!("http_{status}")),
    }
}

fn of_no(no: &SaidNo, is_end: impl Fn(&str) -> bool) -> RefreshFault {
    match no.code.as_str() {
        code if is_end(code) => RefreshFault::Ended,
        "temporarily_unavailable" | "server_error" => RefreshFault::Unavailable,
        "slow_down" | "ratelimited" | RATE_LIMITED => RefreshFault::Busy,
        code if OF_THE_CLIENT.contains(&code) => RefreshFault::Client,
        _ => RefreshFault::Refused,
    }
}

/// The endpoint can't be asked, or its tokens are none.
impl From<RelyingPartyError> for RefreshError {
    fn from(error: RelyingPartyError) -> Self {
        Self {
            fault: RefreshFault::Unavailable,
            reason: "unusable".to_owned(),
            retry_after: None,
            cause: error.cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_code_that_is_none_is_not_repeated() {
        for good in ["invalid_grant", "AADSTS7000222", "a-b.c"] {
            assert_eq!(code(good), good);
        }
        for bad in ["", "a b", "a\0b", "<script>", "é", &"x".repeat(65)] {
            assert_eq!(code(bad), "unspecified");
        }
    }
}
