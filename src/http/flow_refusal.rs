//! Why flows and links end without what they were for, as pages say it and as the log does.

use super::pages::{AnswerStep, Refusal};
use super::visit::Visit;
use crate::provider::flow::{FlowError, Refusal as FlowRefusal, Step};
use crate::sign_in::connect::Closed;
use crate::sign_in::flow::Denied;

/// The cause is for the log; the page has the code.
pub fn log(visit: &Visit, slug: &str, error: &FlowError) {
    let (request_id, code) = (&visit.request_id, error.code());
    match &error.refusal {
        FlowRefusal::Internal(inside) => {
            tracing::error!(request.id = %request_id, slug, error = ?inside, "a flow failed");
        }
        FlowRefusal::Unknown | FlowRefusal::TooMany => {
            // Anybody can make as many of these as they like.
            tracing::debug!(request.id = %request_id, slug, code, "a flow was refused: {error}");
        }
        FlowRefusal::Expired
        | FlowRefusal::OtherBrowser
        | FlowRefusal::AccessDenied
        | FlowRefusal::AccountNotAllowed
        | FlowRefusal::ProviderRefused
        | FlowRefusal::ProviderUnavailable
        | FlowRefusal::AnswerInvalid(_)
        | FlowRefusal::LinkUsed
        | FlowRefusal::SignInFirst => {
            tracing::warn!(request.id = %request_id, slug, code, "a flow was refused: {error}");
        }
    }
}

pub const fn refusal_of(error: &FlowError) -> Refusal {
    match error.refusal {
        FlowRefusal::Unknown => Refusal::FlowUnknown,
        FlowRefusal::Expired => Refusal::FlowExpired,
        FlowRefusal::OtherBrowser => Refusal::FlowOfAnotherBrowser,
        FlowRefusal::AccessDenied => Refusal::AccessDenied,
        FlowRefusal::AccountNotAllowed => Refusal::AccountNotAllowed,
        FlowRefusal::ProviderRefused => Refusal::ProviderRefused,
        FlowRefusal::ProviderUnavailable => Refusal::ProviderUnavailable,
        FlowRefusal::AnswerInvalid(step) => Refusal::AnswerInvalid(match step {
            Step::State => AnswerStep::State,
            Step::Issuer => AnswerStep::Issuer,
            Step::Exchange => AnswerStep::Exchange,
            Step::IdToken => AnswerStep::IdToken,
            Step::UserInfo => AnswerStep::Userinfo,
        }),
        FlowRefusal::TooMany => Refusal::TooMany,
        FlowRefusal::LinkUsed => Refusal::LinkUsed,
        FlowRefusal::SignInFirst => Refusal::SignInFirst,
        FlowRefusal::Internal(_) => Refusal::Internal,
    }
}

pub const fn refusal_of_denied(denied: &Denied) -> Refusal {
    match denied {
        Denied::NoResolver => Refusal::NoResolver,
        Denied::NoEmail => Refusal::NoEmail,
        Denied::EmailUnverified => Refusal::EmailUnverified,
        Denied::UserNotFound => Refusal::UserNotFound,
        Denied::Ambiguous => Refusal::Ambiguous,
        Denied::AccountMismatch => Refusal::AccountMismatch,
        Denied::UserNotActive => Refusal::UserNotActive,
        Denied::NotAMember => Refusal::NotAMember,
        Denied::NoSayHere => Refusal::NoSayHere,
        Denied::ProviderGone | Denied::NotForSignIn => Refusal::NotFound,
        Denied::SessionEnded | Denied::SignInFirst(_) => Refusal::SignInFirst,
        Denied::LinkUsed => Refusal::LinkUsed,
        Denied::AccountOwnedByAnotherUser => Refusal::AccountOwnedByAnotherUser,
        Denied::UserHasAnotherAccount => Refusal::UserHasAnotherAccount,
        Denied::Failed(_) => Refusal::Internal,
    }
}

/// Logs what is ours to mend.
pub fn refusal_of_closed(visit: &Visit, closed: &Closed) -> Refusal {
    match closed {
        Closed::Unknown => Refusal::LinkUnknown,
        Closed::Used => Refusal::LinkUsed,
        Closed::Expired => Refusal::LinkExpired,
        Closed::OtherBrowser => Refusal::FlowOfAnotherBrowser,
        Closed::SignInFirst => Refusal::SignInFirst,
        Closed::UserNotActive => Refusal::UserNotActive,
        Closed::ProviderGone => Refusal::NotFound,
        Closed::TooMany => Refusal::TooMany,
        Closed::Failed(error) => {
            tracing::error!(request.id = %visit.request_id, error = ?error, "a link failed");
            Refusal::Internal
        }
    }
}

/// Logs a refusal that the provider has no part in.
pub fn log_denied(visit: &Visit, slug: &str, denied: &Denied) {
    match denied {
        Denied::Failed(error) => {
            tracing::error!(request.id = %visit.request_id, %slug, error = ?error, "a flow at {slug} could not be ended");
        }
        Denied::NoResolver
        | Denied::NoEmail
        | Denied::EmailUnverified
        | Denied::UserNotFound
        | Denied::Ambiguous
        | Denied::AccountMismatch
        | Denied::UserNotActive
        | Denied::ProviderGone
        | Denied::NotForSignIn
        | Denied::SessionEnded
        | Denied::LinkUsed
        | Denied::NotAMember
        | Denied::NoSayHere
        | Denied::SignInFirst(_)
        | Denied::AccountOwnedByAnotherUser
        | Denied::UserHasAnotherAccount => {
            let code = refusal_of_denied(denied).words().code;
            tracing::warn!(request.id = %visit.request_id, %slug, code, "a flow at {slug} was refused: {code}");
        }
    }
}
