//! How a request that carries a secret is sent, and what comes of it before anybody reads it.

use std::pin::Pin;

use chrono::TimeDelta;
use openidconnect::http::StatusCode;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::refusal::ErrorAnswer;
use super::retry_after::retry_after;
use super::token_answer::standardize;
use super::{Fault, RelyingParty};
use crate::clock::Clock;
use crate::provider::catalog::TokenRules;
use crate::provider::egress::{Egress, EgressError};
use crate::provider::extent::is_bounded;

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
        retry_after: Option<TimeDelta>,
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

/// What keeps an answer from coming, by a code.
pub(super) const fn reason_of(error: &EgressError) -> &'static str {
    match error {
        EgressError::TimedOut { .. } => "timed_out",
        EgressError::Refused { .. } => "not_allowed",
        EgressError::Unreachable { .. } => "unreachable",
        EgressError::TooLarge { .. } | EgressError::Redirected { .. } => "unreadable",
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
