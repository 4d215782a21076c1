//! How a request that carries a secret is sent, and what comes of it before anybody reads it.

use std::pin::Pin;
use std::time::Duration;

use chrono::NaiveDateTime;
use openidconnect::http::header::RETRY_AFTER;
use openidconnect::http::{HeaderMap, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::refusal::ErrorAnswer;
use super::token_answer::standardize;
use super::{Fault, RelyingParty};
use crate::clock::{Clock, Time};
use crate::provider::catalog::TokenRules;
use crate::provider::egress::{Egress, EgressError};
use crate::provider::extent::is_bounded;

/// A provider that wants more than a day says nothing that can be meant.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// RFC 9110 §5.6.7: the one that is to be sent, and two that are to be understood.
const DATES: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// Why an endpoint that speaks for one account gave nothing to read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("it answered with more than can be read")]
    TooFull,
    /// It fails (5xx), or wants less of us (429).
    #[error("it answered with the status {status}")]
    Failing {
        status: u16,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It says no, and doesn't say why in a way that can be read.
    #[error("it answered with the status {status}")]
    Status { status: u16 },
}

impl CallError {
    pub fn fault(&self) -> Fault {
        match self {
            Self::Egress(_) | Self::TooFull | Self::Failing { .. } => Fault::Unavailable,
            Self::Status { .. } => Fault::Refused,
        }
    }
}

/// How the library sends what carries a secret. A closure would do, if only its future were known
/// to be `Send` wherever it is awaited.
pub(super) struct Caller<'a> {
    egress: &'a Egress,
    clock: &'a Clock,
    /// How the token endpoint of the type answers, where it is asked.
    answers: Option<&'a TokenRules>,
    /// Codes that are listened to whatever the status is.
    hears: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
}

impl RelyingParty {
    /// A caller for one request: of a token endpoint that `answers` so, or of another one.
    pub(super) fn caller<'a>(&'a self, answers: Option<&'a TokenRules>) -> Caller<'a> {
        Caller {
            egress: &self.egress,
            clock: &self.clock,
            answers,
            hears: None,
        }
    }
}

impl<'a> Caller<'a> {
    /// Some providers fail (5xx) and say what they mean by an error code: one that `hears` is taken
    /// at its word.
    pub fn hearing(self, hears: &'a (dyn Fn(&str) -> bool + Sync)) -> Self {
        Self {
            hears: Some(hears),
            ..self
        }
    }

    fn is_heard(&self, answer: &HttpResponse) -> bool {
        let said = || serde_json::from_slice::<ErrorAnswer>(answer.body()).ok();
        self.hears
            .filter(|_| is_bounded(answer.body()))
            .is_some_and(|hears| said().is_some_and(|said| hears(said.code())))
    }
}

impl<'c> AsyncHttpClient<'c> for Caller<'_> {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.egress.send(request).await?;
            let status = answer.status();
            let fails = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            if fails && !self.is_heard(&answer) {
                return Err(CallError::Failing {
                    status: status.as_u16(),
                    retry_after: retry_after(answer.headers(), self.clock.now()),
                });
            }
            if !is_bounded(answer.body()) {
                return Err(CallError::TooFull);
            }
            if let Some(rules) = self.answers {
                standardize(&mut answer, rules);
            }
            let says_why = serde_json::from_slice::<ErrorAnswer>(answer.body()).is_ok();
            if status.is_client_error() && !says_why {
                return Err(CallError::Status {
                    status: status.as_u16(),
                });
            }
            Ok(answer)
        })
    }
}

/// How long the provider wants to be left alone: seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        Duration::from_secs(text.parse().ok()?)
    } else {
        let date = |format| NaiveDateTime::parse_from_str(text, format).ok();
        let date = DATES.into_iter().find_map(date)?;
        (date.and_utc() - now).to_std().ok()?
    };
    (wait <= LONGEST_WAIT).then_some(wait)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use openidconnect::http::HeaderValue;

    use super::*;

    fn read(header: &str) -> Option<u64> {
        let now = DateTime::from_timestamp(784_111_777, 0).unwrap() - TimeDelta::seconds(90);
        let header = HeaderValue::from_str(header).unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, header)]);
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_within_a_day() {
        assert_eq!(read("0"), Some(0));
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("86400"), Some(86_400));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(90));
        assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT"), Some(90));
        assert_eq!(read("Sun Nov  6 08:49:37 1994"), Some(90));
    }

    #[test]
    fn a_wait_that_cannot_be_meant_is_none() {
        for header in [
            "",
            "-1",
            "1.5",
            "soon",
            "86401",
            "99999999999999999999",
            "Sun, 06 Nov 1994 08:40:00 GMT",
            "Tue, 08 Nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), DateTime::UNIX_EPOCH), None);
    }
}
