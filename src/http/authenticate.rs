//! Who sends a request, by its `Authorization` header.

use std::sync::Arc;

use poem::http::{HeaderMap, header};

use crate::access::api_key::{PREFIX, hash, unless_expired};
use crate::access::{Caller, Viewer};
use crate::clock::Time;
use crate::database::api_key;
use crate::error::Error;
use crate::graphql::App;

/// Longer than any key of ours.
const LONGEST: usize = 512;

/// Nobody, where there is no header; whose key it is, where there is one.
///
/// # Errors
/// `UNAUTHENTICATED` for a header that names nobody: a client that sends a key means to be
/// somebody.
pub async fn caller(app: &App, headers: &HeaderMap, request_id: &str) -> Result<Caller, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let viewer = match (values.next(), values.next()) {
        (None, _) => Viewer::Nobody,
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
            Viewer::ApiKey(api_key(app, token).await?)
        }
    };
    Ok(Caller {
        viewer,
        request_id: request_id.to_owned(),
    })
}

async fn api_key(app: &App, token: &str) -> Result<Arc<api_key::Model>, Error> {
    let now = app.clock.now();
    let found = app.loader.api_keys_by_hash.load(hash(token)).await?;
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
