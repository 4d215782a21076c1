//! Errors as clients see them: a message, a code, and nothing of the inside.

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use super::{COMPLEXITY, DEPTH, LARGE};
use crate::error::{Code, Error, NoDefault};

/// Characters of a message: the parser's own quote the line that they are about, which a client
/// may have made as long as it likes.
const LONGEST_MESSAGE: usize = 400;

/// Gives every error its code and hides what is not for callers. Failures of ours go to the log,
/// under the id of the request.
pub fn to_wire(response: &mut Response, request_id: &str) {
    for error in &mut response.errors {
        let source = error.source.take();
        let ours = source
            .as_ref()
            .and_then(|source| source.downcast_ref::<Error>());
        let code = match (ours, &source) {
            (Some(ours), _) => {
                log(ours, request_id);
                ours.code()
            }
            (None, Some(_)) => {
                let message = &error.message;
                tracing::error!(
                    request.id = request_id,
                    "a foreign error reached the edge: {message}"
                );
                Code::Internal
            }
            (None, None) if let Some(limit) = limit_of(&error.message) => {
                error.message = limit;
                Code::LimitExceeded
            }
            (None, None) if error.path.is_empty() => Code::ValidationFailed,
            (None, None) => Code::BadUserInput,
        };
        set_code(error, code, request_id);
        if let Some(Error::IdentityNotFound(why)) = ours {
            set_reason(error, why);
        }
    }
}

/// What the library says of a document that is over its limits, in place of a code; and how to
/// keep to them.
fn limit_of(message: &str) -> Option<String> {
    match message {
        "Query is too complex." => Some(format!(
            "the query is too complex: it costs more than {COMPLEXITY}, where a field costs 1, a \
             large one {LARGE}, and a page what is in it times `first` or `last`"
        )),
        "Query is nested too deep." => Some(format!(
            "the query is nested too deep: {DEPTH} fields within each other at most"
        )),
        _ => None,
    }
}

/// An error that ends a request before it runs.
pub fn wire_error(error: &Error, request_id: &str) -> ServerError {
    log(error, request_id);
    let mut wire = message_only(error.to_string());
    set_code(&mut wire, error.code(), request_id);
    wire
}

/// A document that can't be parsed.
pub fn parse_error(error: &async_graphql::parser::Error) -> ServerError {
    with_code(ServerError::from(error.clone()), Code::ParseFailed)
}

/// An error without a place in the document.
pub fn message_only(message: impl Into<String>) -> ServerError {
    ServerError::new(message, None)
}

pub fn with_code(mut error: ServerError, code: Code) -> ServerError {
    set_code(&mut error, code, "");
    error
}

/// The code that an error has been given.
pub fn code_of(error: &ServerError) -> Code {
    match error
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get("code"))
    {
        Some(Value::String(name)) => Code::from_name(name).unwrap_or(Code::Internal),
        _ => Code::Internal,
    }
}

fn log(error: &Error, request_id: &str) {
    match error {
        Error::Internal(cause) => {
            tracing::error!(request.id = request_id, error = ?cause, "a request failed");
        }
        Error::Refused(_) => {
            tracing::error!(request.id = request_id, error = %error, "a refusal has no payload");
        }
        Error::Unauthenticated(_)
        | Error::Forbidden(_)
        | Error::NotFound { .. }
        | Error::Ambiguous(_)
        | Error::IdentityNotFound(_)
        | Error::BadInput { .. }
        | Error::LimitExceeded(_)
        | Error::RateLimited(_)
        | Error::CredentialInvalid(_)
        | Error::ProviderUnavailable(_)
        | Error::Timeout => {}
    }
}

/// Why there is no identity, and what an application needs to mend it.
fn set_reason(error: &mut ServerError, why: &NoDefault) {
    let NoDefault {
        reason,
        integration_provider,
        organization_integration_id,
        default_identity_id,
    } = why;
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("reason", reason.name());
    for (name, value) in [
        ("integrationProvider", integration_provider),
        ("organizationIntegrationId", organization_integration_id),
        ("defaultIdentityId", default_identity_id),
    ] {
        if let Some(value) = value {
            extensions.set(name, value.as_str());
        }
    }
}

fn set_code(error: &mut ServerError, code: Code, request_id: &str) {
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", code.name());
    if code == Code::Internal {
        extensions.set("requestId", request_id);
        "something went wrong here; the log says more under this request's id"
            .clone_into(&mut error.message);
    } else if let Some((end, _)) = error.message.char_indices().nth(LONGEST_MESSAGE) {
        error.message.truncate(end);
        error.message.push('…');
    }
}
