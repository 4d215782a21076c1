//! `GET /auth/{slug}/jwks.json`: the public half of the key that we show ourselves by at a
//! provider, for that provider. Anybody may have it.

use poem::http::{StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, Response};

use super::{Http, RequestId, text};
use crate::provider::client_key;

/// A provider that keeps the key knows of a new one after a minute.
const KEPT: &str = "public, max-age=60";

/// The route.
pub fn key_set(http: &Http) -> impl Endpoint<Output = Response> + use<> {
    let flows = http.app.flows.clone();
    poem::get(poem::endpoint::make(move |request: Request| {
        let flows = flows.clone();
        async move {
            let slug = request.raw_path_param("slug").unwrap_or_default();
            let found = client_key::key_set(&flows.database, &flows.vault, slug).await;
            Ok::<_, poem::Error>(match found {
                Ok(Some(keys)) => Response::builder()
                    // RFC 7517 §8.5.2.
                    .content_type("application/jwk-set+json")
                    .header(header::CACHE_CONTROL, KEPT)
                    .body(keys.to_string()),
                Ok(None) => text(StatusCode::NOT_FOUND, "there is no such key"),
                Err(error) => {
                    let id = request.data::<RequestId>().map_or("", |id| id.0.as_str());
                    tracing::error!(request.id = %id, error = ?error, "a client's key could not be read");
                    text(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "something went wrong here; the log says more",
                    )
                }
            })
        }
    }))
    .map_to_response()
}
