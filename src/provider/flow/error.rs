//! Why a flow doesn't begin or ends badly: a stable code for the page, a cause for the log.

use std::fmt;

use super::Facts;
use crate::error::Error;
use crate::provider::relying_party::{Fault, RelyingPartyError, Step};

/// A flow that was refused.
#[derive(Debug)]
pub struct FlowError {
    pub refusal: Refusal,
    /// What the flow was, once the browser has shown that it is its own.
    pub flow: Option<Box<Facts>>,
    /// For the log alone. It never holds a code, a token or a secret.
    pub cause: String,
}

/// What a refusal comes to. The codes are part of the pages: never rename one.
#[derive(Debug)]
pub enum Refusal {
    /// No flow has this state, or it has had its answer.
    Unknown,
    Expired,
    OtherBrowser,
    /// The person said no at the provider, or the provider to the person.
    AccessDenied,
    /// The provider answered with an error that no other try will change.
    ProviderRefused,
    /// The provider, or the way to it, fails; or it can't be used as it is configured.
    ProviderUnavailable,
    /// What came back is not to be trusted, or can't be understood.
    AnswerInvalid(Step),
    /// The account is none that the provider is for.
    AccountNotAllowed,
    /// Too many flows are open.
    TooMany,
    /// The application's link was used, or is over.
    LinkUsed,
    /// The session that began the link is not the one that ends it.
    SignInFirst,
    /// Ours to mend.
    Internal(Error),
}

impl Refusal {
    /// The code that the page shows.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "FLOW_UNKNOWN",
            Self::Expired => "FLOW_EXPIRED",
            Self::OtherBrowser => "FLOW_OF_ANOTHER_BROWSER",
            Self::AccessDenied => "ACCESS_DENIED",
            Self::ProviderRefused => "PROVIDER_REFUSED",
            Self::ProviderUnavailable => "PROVIDER_UNAVAILABLE",
            Self::AnswerInvalid(_) => "ANSWER_INVALID",
            Self::AccountNotAllowed => "ACCOUNT_NOT_ALLOWED",
            Self::TooMany => "TOO_MANY",
            Self::LinkUsed => "LINK_USED",
            Self::SignInFirst => "SIGN_IN_FIRST",
            Self::Internal(error) => error.code().name(),
        }
    }

    /// Where the answer was wrong, if that is what is wrong.
    pub const fn step(&self) -> Option<Step> {
        match self {
            Self::AnswerInvalid(step) => Some(*step),
            Self::Unknown
            | Self::Expired
            | Self::OtherBrowser
            | Self::AccessDenied
            | Self::ProviderRefused
            | Self::ProviderUnavailable
            | Self::AccountNotAllowed
            | Self::TooMany
            | Self::LinkUsed
            | Self::SignInFirst
            | Self::Internal(_) => None,
        }
    }

    pub(super) fn because(self, cause: impl Into<String>) -> FlowError {
        FlowError {
            refusal: self,
            flow: None,
            cause: cause.into(),
        }
    }
}

impl FlowError {
    pub const fn code(&self) -> &'static str {
        self.refusal.code()
    }

    pub(super) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Error::Internal(error.into()).into()
    }

    pub(super) fn of(self, flow: &Facts) -> Self {
        Self {
            flow: Some(Box::new(flow.clone())),
            ..self
        }
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusal.step() {
            None => write!(f, "{}: {}", self.code(), self.cause),
            Some(step) => write!(f, "{} ({}): {}", self.code(), step.name(), self.cause),
        }
    }
}

impl std::error::Error for FlowError {}

impl From<Error> for FlowError {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        Refusal::Internal(error).because(cause)
    }
}

impl From<RelyingPartyError> for FlowError {
    fn from(error: RelyingPartyError) -> Self {
        let refusal = match error.fault {
            Fault::Unavailable => Refusal::ProviderUnavailable,
            Fault::Refused => Refusal::ProviderRefused,
            Fault::Invalid(step) => Refusal::AnswerInvalid(step),
            Fault::NotAllowed => Refusal::AccountNotAllowed,
        };
        refusal.because(error.cause)
    }
}
