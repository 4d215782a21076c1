//! The client that asks for tokens, and how it is refused (RFC 6749 §2.3, §5.2).

use data_encoding::BASE64;
use poem::Response;
use poem::http::{Method, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::json;
use url::form_urlencoded;

use super::parameters::Parameters;
use super::record::Asked;
use super::state::IssuerState;
use super::token;

/// Status, code and description of an error.
pub type OAuthError = (StatusCode, &'static str, &'static str);

/// The client has shown that it is the one that is known here, in exactly one way (§2.3).
pub fn check(issuer: &IssuerState, asked: &Asked) -> Result<(), OAuthError> {
    if asked.method != Method::POST {
        let said = "POST is required";
        return Err((StatusCode::METHOD_NOT_ALLOWED, "invalid_request", said));
    }
    if asked.form.repeated().is_some() {
        return Err(invalid_request("a parameter is there more than once"));
    }
    if !asked.query.0.is_empty() {
        return Err(invalid_request("parameters belong into the body"));
    }
    let by_basic = asked.authorization.as_deref().map(basic);
    let by_post = asked.form.get("client_secret").map(|secret| {
        let id = asked.form.get("client_id").unwrap_or_default();
        Some((id.to_owned(), secret.to_owned()))
    });
    let shown = match (by_basic, by_post) {
        (Some(_), Some(_)) => {
            return Err(invalid_request("the client shows who it is in two ways"));
        }
        (Some(shown), None) | (None, Some(shown)) => shown,
        (None, None) => None,
    };
    let known = shown.is_some_and(|(id, secret)| {
        id == issuer.client.id && secret == issuer.client.secret.expose_secret()
    });
    if known {
        return Ok(());
    }
    let said = "the client is not known, or its secret is another";
    Err((StatusCode::UNAUTHORIZED, "invalid_client", said))
}

/// Id and secret, each form-encoded before they were joined (§2.3.1).
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, text) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = BASE64.decode(text.trim().as_bytes()).ok()?;
    let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    // A name without a value is a value, decoded.
    let decode = |text: &str| {
        let (decoded, _) = form_urlencoded::parse(text.as_bytes()).next()?;
        (!text.contains(['=', '&'])).then(|| decoded.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

/// A parameter that must be there.
pub fn required<'a>(
    form: &'a Parameters,
    name: &str,
    said: &'static str,
) -> Result<&'a str, OAuthError> {
    form.get(name).ok_or_else(|| invalid_request(said))
}

/// What was shown gives nothing.
pub const INVALID_GRANT: OAuthError = (
    StatusCode::BAD_REQUEST,
    "invalid_grant",
    "the grant is not known, spent, revoked or another's",
);

/// The request is not what it must be.
pub const fn invalid_request(said: &'static str) -> OAuthError {
    (StatusCode::BAD_REQUEST, "invalid_request", said)
}

/// The answer that an error is.
pub fn refuse((status, error, said): OAuthError) -> Response {
    let mut response = token::json(
        status,
        &json!({ "error": error, "error_description": said }),
    );
    if status == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("Basic realm=\"make-believe\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
