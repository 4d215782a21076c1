//! Errors as clients see them: a message, a code, and nothing of the inside.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use crate::error::Error;

/// Codes that no [`Error`] has, because they come before anything of ours runs.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
const INTERNAL: &str = "INTERNAL";

/// Gives every error its code and hides what is not for callers. Failures of ours go to the log,
/// under the id of the request.
pub fn to_wire(response: &mut Response, request_id: &str) {
    for error in &mut response.errors {
        let source = error.source.take();
        let ours = source
            .as_ref()
            .and_then(|source| source.downcast_ref::<Error>());
        let code = match (ours, &source) {
            (Some(Error::Internal(cause)), _) => {
                tracing::error!(request.id = request_id, error = ?cause, "a resolver failed");
                INTERNAL
            }
            (Some(Error::Refused(_)), _) => {
                tracing::error!(
                    request.id = request_id,
                    "a refusal outside of a mutation's payload"
                );
                INTERNAL
            }
            (Some(ours), _) => ours.code(),
            (None, Some(source)) => {
                let kind = Arc::as_ptr(source);
                tracing::error!(request.id = request_id, error = %error.message, ?kind, "a foreign error reached the edge");
                INTERNAL
            }
            (None, None) if error.path.is_empty() => VALIDATION_FAILED,
            (None, None) => BAD_USER_INPUT,
        };
        set_code(error, code, request_id);
    }
}

/// An error that ends a request before it runs.
pub fn wire_error(error: &Error, request_id: &str) -> ServerError {
    let mut wire = ServerError::new(error.to_string(), None);
    if let Error::Internal(cause) = error {
        tracing::error!(request.id = request_id, error = ?cause, "a request failed");
    }
    set_code(&mut wire, error.code(), request_id);
    wire
}

/// The code that an error has been given.
pub fn code_of(error: &ServerError) -> &str {
    match error
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get("code"))
    {
        Some(Value::String(code)) => code,
        _ => INTERNAL,
    }
}

/// A document that can't be parsed.
pub fn parse_error(error: &async_graphql::parser::Error) -> ServerError {
    let mut wire = ServerError::from(error.clone());
    set_code(&mut wire, PARSE_FAILED, "");
    wire
}

fn set_code(error: &mut ServerError, code: &str, request_id: &str) {
    if code == INTERNAL {
        "something went wrong here; the log knows more under this request's id"
            .clone_into(&mut error.message);
        error.locations.clear();
    }
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", code);
    if code == INTERNAL {
        extensions.set("requestId", request_id);
    }
}
