//! What a revocation endpoint answers.

use openidconnect::HttpResponse;
use openidconnect::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::calls::is_rate_limited;
use super::{RevokeError, Shown};
use crate::provider::catalog::Revocation;
use crate::provider::extent::is_bounded;

/// Bytes of a code that is told.
const LONGEST_CODE: usize = 40;

/// Codes that ask for another try: of OAuth, and of those who answer errors with the status 200.
const LATER: [&str; 9] = [
    "temporarily_unavailable",
    "server_error",
    "slow_down",
    "rate_limited",
    "ratelimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
];

/// What the provider says, where it doesn't say no.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Revoked,
    /// It knows no such token, or none that is alive.
    Gone,
}

/// RFC 7009 §2.2, and the errors of those who have their own: an error of any status that has a
/// code is what the code says.
pub(super) fn read(
    rules: &Revocation,
    shown: &Shown,
    answer: &HttpResponse,
    sent: &[&str],
) -> Result<Said, RevokeError> {
    let status = answer.status();
    let number = format!("http_{}", status.as_u16());
    let later = |reason: &str| {
        Err(RevokeError::later(
            reason,
            &format!("the revocation endpoint answered {reason}"),
        ))
    };
    let is_limited = status == StatusCode::FORBIDDEN && is_rate_limited(answer.headers());
    if status == StatusCode::TOO_MANY_REQUESTS || is_limited {
        return later("rate_limited");
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return later(&number);
    }
    let code = error_code(answer.body()).map(|code| printable(&code, sent));
    match code.as_deref() {
        Some(code) if LATER.contains(&code) => later(code),
        // It is we who are not known.
        Some("invalid_client") => later("invalid_client"),
        Some("invalid_token") => Ok(Said::Gone),
        Some(code) if rules.gone_codes.iter().any(|gone| gone == code) => Ok(Said::Gone),
        _ if rules.gone_statuses.contains(&status.as_u16()) => Ok(Said::Gone),
        Some(code) => Err(RevokeError::refused(code)),
        // A page of whatever stands in between.
        None if status.is_success() && answer.body().trim_ascii_start().starts_with(b"<") => {
            later("unreadable")
        }
        None if status.is_success() => Ok(Said::Revoked),
        None if status == StatusCode::UNAUTHORIZED && matches!(shown, Shown::Client(_)) => {
            later(&number)
        }
        None => Err(RevokeError::refused(number)),
    }
}

/// What says no in JSON: a member `error` (RFC 6749 §5.2), or `ok` that is false.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorAnswer {
        ok: Option<Value>,
        error: Option<Value>,
    }
    if !is_bounded(body) {
        return None;
    }
    let answer: ErrorAnswer = serde_json::from_slice(body).ok()?;
    match answer.error {
        Some(Value::String(code)) => Some(code),
        Some(_) => Some(String::new()),
        None => (answer.ok == Some(Value::Bool(false))).then(String::new),
    }
}

/// The code, where it is one: in small letters, and no part of what was sent.
fn printable(code: &str, sent: &[&str]) -> String {
    let is_code = (1..=LONGEST_CODE).contains(&code.len())
        && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))
        && !sent.iter().any(|secret| secret.contains(code));
    if is_code { code } else { "unspecified" }.to_owned()
}

#[cfg(test)]
mod tests {
    use openidconnect::http::header::RETRY_AFTER;
    use rstest::rstest;

    use super::*;
    use crate::provider::catalog::Catalog;
    use crate::provider::relying_party::client_auth::ClientAuth;

    fn said(of: &str, status: u16, body: &str) -> String {
        let catalog = Catalog::builtin().unwrap();
        let rules = catalog.get(of).unwrap().flow.as_ref().unwrap();
        let rules = rules.revocation.as_ref().unwrap();
        let mut answer = HttpResponse::new(body.as_bytes().to_vec());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        let shown = match of {
            "slack" | "google" => Shown::Nobody,
            _ => Shown::Client(ClientAuth::Basic),
        };
        match read(rules, &shown, &answer, &["canary_of_a_token"]) {
            Ok(Said::Revoked) => "revoked".to_owned(),
            Ok(Said::Gone) => "gone".to_owned(),
            Err(RevokeError::Later { reason, .. }) => format!("later {reason}"),
            Err(RevokeError::Refused { reason }) => format!("refused {reason}"),
            Err(RevokeError::Unsupported | RevokeError::AccessTokenDead) => {
                "not of an answer".to_owned()
            }
        }
    }

    #[rstest]
    #[case("oidc", 200, "", "revoked")]
    #[case("oidc", 204, "", "revoked")]
    #[case("google", 200, "{}", "revoked")]
    #[case("oidc", 200, "  <html>Request Rejected</html>", "later unreadable")]
    #[case("oidc", 503, "", "later http_503")]
    #[case("oidc", 500, r#"{"error":"invalid_token"}"#, "later http_500")]
    #[case("oidc", 429, "", "later rate_limited")]
    #[case("oidc", 408, "", "later http_408")]
    #[case(
        "oidc",
        400,
        r#"{"error":"temporarily_unavailable"}"#,
        "later temporarily_unavailable"
    )]
    #[case("oidc", 401, r#"{"error":"invalid_client"}"#, "later invalid_client")]
    #[case("oidc", 401, "", "later http_401")]
    #[case("google", 401, "", "refused http_401")]
    #[case(
        "oidc",
        400,
        r#"{"error":"unsupported_token_type"}"#,
        "refused unsupported_token_type"
    )]
    #[case("oidc", 400, r#"{"error":"invalid_token"}"#, "gone")]
    #[case("oidc", 404, "", "refused http_404")]
    #[case("oidc", 400, "{", "refused http_400")]
    #[case("github", 404, r#"{"message":"Not Found"}"#, "gone")]
    #[case("github", 422, "", "gone")]
    #[case("github", 403, "", "refused http_403")]
    #[case("slack", 200, r#"{"ok":true,"revoked":true}"#, "revoked")]
    #[case("slack", 200, r#"{"ok":false,"error":"token_revoked"}"#, "gone")]
    #[case(
        "slack",
        200,
        r#"{"ok":false,"error":"access_denied"}"#,
        "refused access_denied"
    )]
    #[case(
        "slack",
        200,
        r#"{"ok":false,"error":"ratelimited"}"#,
        "later ratelimited"
    )]
    #[case("slack", 200, r#"{"ok":false}"#, "refused unspecified")]
    #[case("oidc", 400, r#"{"error":{"code":1}}"#, "refused unspecified")]
    #[case("oidc", 400, r#"{"error":"Not a code."}"#, "refused unspecified")]
    fn answers_are_told_by_codes(
        #[case] of: &str,
        #[case] status: u16,
        #[case] body: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(said(of, status, body), expected);
    }

    #[test]
    fn a_code_that_repeats_what_was_sent_is_not_told() {
        for code in ["canary_of_a_token", "canary", "of_a"] {
            let body = serde_json::json!({ "error": code }).to_string();
            assert_eq!(said("oidc", 400, &body), "refused unspecified");
        }
        let long = serde_json::json!({ "error": "a".repeat(41) }).to_string();
        assert_eq!(said("oidc", 400, &long), "refused unspecified");
    }

    #[test]
    fn a_limit_may_come_as_a_refusal() {
        let catalog = Catalog::builtin().unwrap();
        let rules = catalog.get("github").unwrap().flow.as_ref().unwrap();
        let mut answer = HttpResponse::new(Vec::new());
        *answer.status_mut() = StatusCode::FORBIDDEN;
        answer
            .headers_mut()
            .insert(RETRY_AFTER, "60".parse().unwrap());
        let read = read(
            rules.revocation.as_ref().unwrap(),
            &Shown::Client(ClientAuth::Basic),
            &answer,
            &[],
        );
        assert!(matches!(read, Err(RevokeError::Later { reason, .. }) if reason == "rate_limited"));
    }
}
