//! The token and the revocation endpoint (RFC 6749 §3.2, RFC 7009). A refresh gives what was
//! granted: it takes no narrower `scope`.

use chrono::TimeDelta;
use poem::http::StatusCode;
use poem::{Body, Response};
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::client::{self, INVALID_GRANT, OAuthError, invalid_request, refuse, required};
use super::fault::{Fault, RefreshFault, TokenFault};
use super::grants::{ACCESS_TOKEN, Grant, Refreshed};
use super::id_token::{self, NewIdToken};
use super::record::Asked;
use super::state::IssuerState;
use crate::clock::Clock;

/// An account and its tokens, as somebody's consent has given them.
#[derive(Debug)]
pub struct GivenTokens {
    pub sub: String,
    pub access_token: SecretString,
    pub refresh_token: SecretString,
}

/// Answers the token endpoint.
pub fn token(issuer: &mut IssuerState, clock: &Clock, asked: &Asked) -> Response {
    exchange(issuer, clock, asked).unwrap_or_else(refuse)
}

/// Answers the revocation endpoint.
pub fn revoke(issuer: &mut IssuerState, asked: &Asked) -> Response {
    if let Err(error) = client::check(issuer, asked) {
        return refuse(error);
    }
    match asked.form.get("token") {
        None => refuse(invalid_request("token is missing")),
        // Whether it was good is nobody's business (§2.2).
        Some(token) => {
            issuer.counts.revocations += u64::from(issuer.grants.revoke(token));
            Response::builder().finish()
        }
    }
}

/// Tokens for that person that no code was redeemed for.
pub fn give_directly(
    issuer: &mut IssuerState,
    clock: &Clock,
    username: &str,
) -> Option<GivenTokens> {
    let sub = issuer
        .person(|person| person.username == username)?
        .sub
        .clone();
    let scopes = ["openid", "profile", "email", "offline_access"];
    let grant = Grant {
        sub: sub.clone(),
        scopes: scopes.map(str::to_owned).to_vec(),
        nonce: String::new(),
        redirect_uri: String::new(),
        code_challenge: String::new(),
    };
    let lives = Lives::of(&faults(issuer, false));
    let grants = &mut issuer.grants;
    let id = grants.open(clock, grant);
    Some(GivenTokens {
        sub,
        access_token: grants.access_token(clock, &id, lives.access_token).into(),
        refresh_token: grants
            .refresh_token(clock, &id, lives.refresh_token, None)
            .into(),
    })
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
    client::check(issuer, asked)?;
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
            refresh(issuer, clock, refresh_token)
        }
        Some(_) => Err((
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "grant_type must be authorization_code or refresh_token",
        )),
        None => Err(invalid_request("grant_type is missing")),
    }
}

/// What a refresh token brings.
fn refresh(
    issuer: &mut IssuerState,
    clock: &Clock,
    refresh_token: &str,
) -> Result<Response, OAuthError> {
    let faults = faults(issuer, true);
    let kept = faults.contains(&TokenFault::KeepsRefreshToken);
    let forgiven = issuer.grants.is_spent(refresh_token) && forgives_spent(issuer);
    let grants = &mut issuer.grants;
    let (id, grant, successor) = match grants.refresh(refresh_token, clock.now(), kept, forgiven) {
        Refreshed::Good(id, grant) => (id, grant, None),
        Refreshed::Again(id, grant, successor) => (id, grant, Some(successor)),
        Refreshed::Reused => {
            issuer.counts.reuses += 1;
            return Err(INVALID_GRANT);
        }
        Refreshed::Unknown => return Err(INVALID_GRANT),
    };
    let refresh = Refresh {
        faults,
        used: refresh_token,
        successor,
    };
    Ok(give(issuer, clock, &id, &grant, Some(refresh)))
}

/// A refresh that has taken its faults already.
struct Refresh<'a> {
    faults: Vec<TokenFault>,
    /// The refresh token that was used.
    used: &'a str,
    /// What took its place when it was used before.
    successor: Option<String>,
}

/// The tokens of a grant.
fn give(
    issuer: &mut IssuerState,
    clock: &Clock,
    id: &str,
    grant: &Grant,
    refresh: Option<Refresh<'_>>,
) -> Response {
    let Some(person) = issuer.person(|person| person.sub == grant.sub).cloned() else {
        return refuse(INVALID_GRANT);
    };
    let with_nonce = refresh.is_none();
    let (faults, before, successor) = match refresh {
        Some(refresh) => (refresh.faults, Some(refresh.used), refresh.successor),
        None => (faults(issuer, false), None, None),
    };
    let lives = Lives::of(&faults);
    let access_token = issuer.grants.access_token(clock, id, lives.access_token);
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
    let expires_in = lives.access_token.num_seconds();
    answer.insert("expires_in".to_owned(), expires_in.into());
    answer.insert("scope".to_owned(), grant.scopes.join(" ").into());
    let gives_refresh_token = grant.has("offline_access")
        && !faults.contains(&TokenFault::NoRefreshToken)
        && !faults.contains(&TokenFault::KeepsRefreshToken);
    if gives_refresh_token {
        let life = lives.refresh_token;
        let grants = &mut issuer.grants;
        let refresh_token =
            successor.unwrap_or_else(|| grants.refresh_token(clock, id, life, before));
        answer.insert("refresh_token".to_owned(), refresh_token.into());
        if let Some(life) = life {
            let expires_in = life.num_seconds();
            answer.insert("refresh_token_expires_in".to_owned(), expires_in.into());
        }
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
            | TokenFault::AnyVerifier
            | TokenFault::ExpiresIn(_)
            | TokenFault::RefreshTokenExpiresIn(_) => {}
        }
    }
    if form_encoded {
        return form(&answer);
    }
    json(StatusCode::OK, &Value::Object(answer))
}

/// How long tokens are good.
struct Lives {
    access_token: TimeDelta,
    /// None: until it is used.
    refresh_token: Option<TimeDelta>,
}

impl Lives {
    fn of(faults: &[TokenFault]) -> Self {
        let mut lives = Self {
            access_token: ACCESS_TOKEN,
            refresh_token: None,
        };
        for fault in faults {
            match fault {
                TokenFault::ExpiresIn(seconds) => {
                    lives.access_token = TimeDelta::seconds(i64::from(*seconds));
                }
                TokenFault::RefreshTokenExpiresIn(seconds) => {
                    lives.refresh_token = Some(TimeDelta::seconds(i64::from(*seconds)));
                }
                TokenFault::FormEncoded
                | TokenFault::NoIdToken
                | TokenFault::NoAccessToken
                | TokenFault::NoRefreshToken
                | TokenFault::KeepsRefreshToken
                | TokenFault::NoScope
                | TokenFault::NoExpiry
                | TokenFault::OtherType
                | TokenFault::AnyVerifier => {}
            }
        }
        lives
    }
}

/// Those of an answer.
fn faults(issuer: &mut IssuerState, refreshes: bool) -> Vec<TokenFault> {
    issuer.faults.take(|fault| match fault {
        Fault::Token(TokenFault::KeepsRefreshToken) if !refreshes => None,
        Fault::Token(TokenFault::AnyVerifier)
        | Fault::Endpoint(..)
        | Fault::Refresh(_)
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

fn forgives_spent(issuer: &mut IssuerState) -> bool {
    let wanted = Fault::Refresh(RefreshFault::SpentIsForgiven);
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
