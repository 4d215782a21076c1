//! The token and the revocation endpoint (RFC 6749 §3.2, RFC 7009). A refresh gives what was
//! granted: it takes no narrower `scope`.

use data_encoding::BASE64;
use poem::http::{Method, StatusCode, header};
use poem::{Body, Response};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::fault::{Fault, TokenFault};
use super::grants::{ACCESS_TOKEN, Grant};
use super::id_token::{self, NewIdToken};
use super::parameters::Parameters;
use super::record::Asked;
use super::state::IssuerState;
use crate::clock::Clock;

/// An error of RFC 6749 §5.2.
type OAuthError = (StatusCode, &'static str, &'static str);

/// Answers the token endpoint.
pub fn token(issuer: &mut IssuerState, clock: &Clock, asked: &Asked) -> Response {
    exchange(issuer, clock, asked).unwrap_or_else(refuse)
}

/// Answers the revocation endpoint.
pub fn revoke(issuer: &mut IssuerState, asked: &Asked) -> Response {
    if let Err(error) = client(issuer, asked) {
        return refuse(error);
    }
    match asked.form.get("token") {
        None => refuse(invalid_request("token is missing")),
        // Whether it was good is nobody's business (§2.2).
        Some(token) => {
            issuer.grants.revoke(token);
            Response::builder().finish()
        }
    }
}

/// JSON that some endpoint answers with.
pub fn json(status: StatusCode, value: &Value) -> Response {
    Response::builder()
        .status(status)
        .content_type("application/json")
        .body(value.to_string())
}

fn exchange(
    issuer: &mut IssuerState,
    clock: &Clock,
    asked: &Asked,
) -> Result<Response, OAuthError> {
    client(issuer, asked)?;
    let form = &asked.form;
    match form.get("grant_type") {
        Some("authorization_code") => {
            let code = required(form, "code", "code is missing")?;
            let verifier = required(form, "code_verifier", "code_verifier is missing")?;
            let uri = required(form, "redirect_uri", "redirect_uri is missing")?;
            let verifier = (!takes_any_verifier(issuer)).then_some(verifier);
            let redeemed = issuer.grants.redeem(clock, code, uri, verifier);
            let (id, grant) = redeemed.ok_or(INVALID_GRANT)?;
            Ok(give(issuer, clock, &id, &grant, None))
        }
        Some("refresh_token") => {
            let refresh_token = required(form, "refresh_token", "refresh_token is missing")?;
            let faults = faults(issuer, true);
            let kept = faults.contains(&TokenFault::KeepsRefreshToken);
            let refreshed = issuer.grants.refresh(refresh_token, kept);
            let (id, grant) = refreshed.ok_or(INVALID_GRANT)?;
            Ok(give(issuer, clock, &id, &grant, Some(faults)))
        }
        Some(_) => Err((
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "grant_type must be authorization_code or refresh_token",
        )),
        None => Err(invalid_request("grant_type is missing")),
    }
}

/// The tokens of a grant. A refresh has taken its faults already.
fn give(
    issuer: &mut IssuerState,
    clock: &Clock,
    id: &str,
    grant: &Grant,
    refresh: Option<Vec<TokenFault>>,
) -> Response {
    let Some(person) = issuer.person(|person| person.sub == grant.sub).cloned() else {
        return refuse(INVALID_GRANT);
    };
    let with_nonce = refresh.is_none();
    let faults = refresh.unwrap_or_else(|| faults(issuer, false));
    let access_token = issuer.grants.access_token(clock, id);
    let mut answer = Map::new();
    let new = NewIdToken {
        person: &person,
        grant,
        access_token: &access_token,
        with_nonce,
    };
    let id_token = id_token::issue(issuer, clock, &new);
    answer.insert("id_token".to_owned(), id_token.into());
    answer.insert("access_token".to_owned(), access_token.into());
    answer.insert("token_type".to_owned(), "Bearer".into());
    answer.insert("expires_in".to_owned(), ACCESS_TOKEN.num_seconds().into());
    answer.insert("scope".to_owned(), grant.scopes.join(" ").into());
    let gives_refresh_token = grant.has("offline_access")
        && !faults.contains(&TokenFault::NoRefreshToken)
        && !faults.contains(&TokenFault::KeepsRefreshToken);
    if gives_refresh_token {
        let refresh_token = issuer.grants.refresh_token(clock, id);
        answer.insert("refresh_token".to_owned(), refresh_token.into());
    }
    let mut form_encoded = false;
    for fault in faults {
        match fault {
            TokenFault::FormEncoded => form_encoded = true,
            TokenFault::NoIdToken => drop(answer.remove("id_token")),
            TokenFault::NoAccessToken => drop(answer.remove("access_token")),
            TokenFault::NoScope => drop(answer.remove("scope")),
            TokenFault::NoExpiry => drop(answer.remove("expires_in")),
            TokenFault::OtherType => drop(answer.insert("token_type".to_owned(), "mac".into())),
            TokenFault::NoRefreshToken
            | TokenFault::KeepsRefreshToken
            | TokenFault::AnyVerifier => {}
        }
    }
    if form_encoded {
        return form(&answer);
    }
    json(StatusCode::OK, &Value::Object(answer))
}

/// Those of an answer.
fn faults(issuer: &mut IssuerState, refreshes: bool) -> Vec<TokenFault> {
    issuer.faults.take(|fault| match fault {
        Fault::Token(TokenFault::KeepsRefreshToken) if !refreshes => None,
        Fault::Token(TokenFault::AnyVerifier)
        | Fault::Endpoint(..)
        | Fault::Discovery(_)
        | Fault::Callback(_)
        | Fault::IdToken(_)
        | Fault::Profile(_) => None,
        Fault::Token(fault) => Some(*fault),
    })
}

fn takes_any_verifier(issuer: &mut IssuerState) -> bool {
    let wanted = Fault::Token(TokenFault::AnyVerifier);
    let taken = issuer.faults.take(|fault| (*fault == wanted).then_some(()));
    !taken.is_empty()
}

/// As GitHub's token endpoint answers, unless it is asked for JSON.
fn form(answer: &Map<String, Value>) -> Response {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in answer {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        text.append_pair(name, &value);
    }
    Response::builder()
        .content_type("application/x-www-form-urlencoded")
        .body(Body::from_string(text.finish()))
}

/// The client has shown that it is the one that is known here, in exactly one way (§2.3).
fn client(issuer: &IssuerState, asked: &Asked) -> Result<(), OAuthError> {
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

fn required<'a>(
    form: &'a Parameters,
    name: &str,
    said: &'static str,
) -> Result<&'a str, OAuthError> {
    form.get(name).ok_or_else(|| invalid_request(said))
}

const INVALID_GRANT: OAuthError = (
    StatusCode::BAD_REQUEST,
    "invalid_grant",
    "the grant is not known, spent, revoked or another's",
);

const fn invalid_request(said: &'static str) -> OAuthError {
    (StatusCode::BAD_REQUEST, "invalid_request", said)
}

fn refuse((status, error, said): OAuthError) -> Response {
    let mut response = json(
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
