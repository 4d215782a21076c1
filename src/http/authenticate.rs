//! Who sends a request: by its `Authorization` header, or else by its session cookie.

use std::sync::Arc;

use poem::http::{HeaderMap, header};

use super::Http;
use crate::access::api_key::{PREFIX, unless_expired};
use crate::access::{Caller, Person, Viewer};
use crate::clock::Time;
use crate::database::api_key;
use crate::error::Error;
use crate::graphql::App;
use crate::token;

/// Longer than any key of ours.
const LONGEST: usize = 512;

/// A header of any value. A page of another origin can't send it unless it has asked first.
pub const ANTI_FORGERY: &str = "x-requested-with";

/// Who calls the API: whose key it is, where the header is there; else whose session; nobody,
/// where there is neither.
///
/// # Errors
/// `UNAUTHENTICATED` for a header or a cookie that names nobody: a client that sends one means to
/// be somebody. `FORBIDDEN` for a cookie that another site's page may have sent.
pub async fn caller(http: &Http, headers: &HeaderMap, request_id: &str) -> Result<Caller, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let viewer = match (values.next(), values.next()) {
        (None, _) => match http.site.cookies.session(headers) {
            None => Viewer::Nobody,
            Some(token) => Viewer::Person(by_cookie(http, headers, token).await?),
        },
        // Whoever stands in between may have looked at the other one.
        (Some(_), Some(_)) => {
            return Err(Error::Unauthenticated(
                "the header Authorization is there twice".to_owned(),
            ));
        }
        (Some(value), None) => {
            let token = value.to_str().ok().and_then(bearer_token).ok_or_else(|| {
                Error::Unauthenticated(format!(
                    "the header Authorization must be `Bearer` and an API key ({PREFIX}…)"
                ))
            })?;
            Viewer::ApiKey(api_key(&http.app, token).await?)
        }
    };
    Ok(Caller {
        viewer,
        request_id: request_id.to_owned(),
    })
}

/// Who looks at a page; `None` where nobody is signed in, or not any more.
///
/// What this finds is good for showing: what a page's form does needs its form token, too.
pub async fn person(http: &Http, headers: &HeaderMap) -> Result<Option<Arc<Person>>, Error> {
    match http.site.cookies.session(headers) {
        None => Ok(None),
        Some(token) => http.app.sessions.find(token).await,
    }
}

async fn by_cookie(http: &Http, headers: &HeaderMap, token: &str) -> Result<Arc<Person>, Error> {
    if !headers.contains_key(ANTI_FORGERY) {
        return Err(Error::Forbidden(
            "with a session cookie a request needs the header \
             `X-Requested-With: XMLHttpRequest`"
                .to_owned(),
        ));
    }
    if !http.site.lets_call(headers) {
        return Err(Error::Forbidden(
            "pages of this origin may not call with a session cookie; LANYARD_ALLOWED_ORIGINS \
             says which may"
                .to_owned(),
        ));
    }
    let person = http.app.sessions.find(token).await?;
    person.ok_or_else(|| {
        Error::Unauthenticated("the session is over, or unknown: sign in again".to_owned())
    })
}

async fn api_key(app: &App, token: &str) -> Result<Arc<api_key::Model>, Error> {
    let now = app.clock.now();
    let found = app.loader.api_keys_by_hash.load(token::hash(token)).await?;
    let key = found
        .and_then(|key| unless_expired(key, now))
        .ok_or_else(|| {
            Error::Unauthenticated("the API key is unknown, revoked or expired".to_owned())
        })?;
    if let Some(minute) = app.key_uses.to_note(&key, now) {
        note_use(app.clone(), key.id, minute);
    }
    Ok(key)
}

/// Behind the request's back: nobody waits for the note, and a lost one costs nothing.
fn note_use(app: App, id: crate::id::ApiKeyId, minute: Time) {
    tokio::spawn(async move {
        let noted = app.database.write(|tx| async move {
            api_key::note_use(&*tx, id, minute)
                .await
                .map_err(Error::from)
        });
        if let Err(error) = noted.await {
            tracing::warn!(error = %error, "the use of an API key could not be noted");
        }
    });
}

/// RFC 6750 §2.1; the scheme's case does not count.
fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer")
        && token.starts_with(PREFIX)
        && token.len() <= LONGEST;
    fits.then_some(token)
}
