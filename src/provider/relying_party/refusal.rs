//! Why the token endpoint gave no tokens: as data for whoever has to decide by it, and as an error
//! for the log.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{RequestTokenError, StandardErrorResponse};
use serde::Deserialize;

use super::call::CallError;
use super::text::without;
use super::{Fault, RelyingPartyError, Step};

/// An error answer, whatever its status.
#[derive(Deserialize)]
pub(super) struct ErrorAnswer {
    error: String,
    error_description: Option<String>,
}

impl ErrorAnswer {
    pub fn code(&self) -> &str {
        &self.error
    }
}

/// Why there are no tokens.
#[derive(Debug)]
pub(super) enum NoTokens {
    /// No answer came, or one that says nothing.
    Failed(CallError),
    SaidNo(SaidNo),
    /// What came can't be read.
    Unreadable(String),
}

/// The provider's no, and why. The texts are the provider's, without what it was sent.
#[derive(Debug)]
pub(super) struct SaidNo {
    /// RFC 6749 §5.2, or the provider's own.
    pub code: String,
    pub description: Option<String>,
}

/// Never shows the body: it may be what was hoped for, in a form that can't be read. Nor what was
/// sent, which some repeat in their descriptions.
pub(super) fn refusal(
    error: RequestTokenError<CallError, StandardErrorResponse<CoreErrorResponseType>>,
    sent: &[&str],
) -> NoTokens {
    let said_no = |code: &str, description: Option<&str>| {
        NoTokens::SaidNo(SaidNo {
            code: without(code, sent),
            description: description.map(|text| without(text, sent)),
        })
    };
    match error {
        RequestTokenError::Request(error) => NoTokens::Failed(error),
        RequestTokenError::ServerResponse(answer) => said_no(
            answer.error().as_ref(),
            answer.error_description().map(String::as_str),
        ),
        RequestTokenError::Parse(error, body) => {
            if let Ok(answer) = serde_json::from_slice::<ErrorAnswer>(&body) {
                return said_no(&answer.error, answer.error_description.as_deref());
            }
            let path = error.path();
            NoTokens::Unreadable(format!(
                "the token endpoint's answer can't be read, at {path}"
            ))
        }
        RequestTokenError::Other(_) => {
            NoTokens::Unreadable("the token endpoint's answer is no JSON".to_owned())
        }
    }
}

impl From<NoTokens> for RelyingPartyError {
    fn from(why: NoTokens) -> Self {
        match why {
            NoTokens::Failed(error) => error
                .fault()
                .because(format!("the token endpoint failed: {error}")),
            NoTokens::SaidNo(SaidNo { code, description }) => {
                let fault = match code.as_str() {
                    "temporarily_unavailable" | "server_error" => Fault::Unavailable,
                    _ => Fault::Refused,
                };
                let description = description.as_deref().unwrap_or("no description");
                fault.because(format!("the token endpoint said {code}: {description}"))
            }
            NoTokens::Unreadable(cause) => Fault::Invalid(Step::Exchange).because(cause),
        }
    }
}
