//! The user info endpoint (OpenID Connect Core 1.0 §5.3), for bearers (RFC 6750).

use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::fault::ProfileFault;
use super::id_token::profile_faults;
use super::profile;
use super::record::Asked;
use super::state::IssuerState;
use super::token;
use crate::clock::Clock;

/// Answers with what the access token's scopes allow.
pub fn answer(issuer: &mut IssuerState, clock: &Clock, asked: &Asked) -> Response {
    let bearer = asked.authorization.as_deref().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let grant = bearer
        .and_then(|token| issuer.grants.bearer(token, clock.now()))
        .cloned();
    let known = grant.and_then(|grant| {
        let person = issuer.person(|person| person.sub == grant.sub)?;
        Some((person.clone(), grant))
    });
    let Some((person, grant)) = known else {
        return unauthorized();
    };
    let faults = profile_faults(issuer);
    let mut claims = profile::claims(&person, &grant, &faults);
    if faults.contains(&ProfileFault::OtherSubjectInUserInfo) {
        claims.insert("sub".to_owned(), "somebody-else".into());
    }
    token::json(StatusCode::OK, &Value::Object(claims))
}

fn unauthorized() -> Response {
    let mut response = token::json(
        StatusCode::UNAUTHORIZED,
        &json!({ "error": "invalid_token" }),
    );
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
