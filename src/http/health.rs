//! Health and metrics.

use poem::http::StatusCode;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, get};

use super::{Http, RequestId, authenticate, text};
use crate::access::Scope;
use crate::error::Error;

/// The process runs.
pub fn live(_: Request) -> Response {
    text(StatusCode::OK, "ok")
}

/// The process can do its work: the database answers, and what is to be stored can be sealed.
pub fn ready(http: Http) -> impl Endpoint<Output = Response> {
    get(poem::endpoint::make(move |_| {
        let http = http.clone();
        async move {
            // One statement: that it answers says that the database does.
            let answers = http.app.linking.vault.can_seal(&http.app.database).await;
            Ok::<_, poem::Error>(match answers {
                Ok(Ok(())) => text(StatusCode::OK, "ok"),
                Ok(Err(missing)) => text(StatusCode::SERVICE_UNAVAILABLE, missing.to_string()),
                Err(error) => {
                    tracing::warn!(error = %error, "not ready: the database does not answer");
                    text(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "the database does not answer",
                    )
                }
            })
        }
    }))
    .map_to_response()
}

/// Counters, for whoever reaches the private listener.
pub fn metrics(http: Http) -> impl Endpoint<Output = Response> {
    get(poem::endpoint::make(move |_| {
        let http = http.clone();
        async move { Ok::<_, poem::Error>(counters(&http)) }
    }))
    .map_to_response()
}

/// Counters, for admin keys.
pub fn metrics_for_admins(http: Http) -> impl Endpoint<Output = Response> {
    get(poem::endpoint::make(move |request: Request| {
        let http = http.clone();
        async move {
            let id = request.data::<RequestId>().map_or("", |id| id.0.as_str());
            let allowed = match authenticate::caller(&http, request.headers(), id).await {
                Ok(caller) => caller.viewer.require(Scope::Admin, "/metrics"),
                Err(error) => Err(error),
            };
            Ok::<_, poem::Error>(match allowed {
                Ok(()) => counters(&http),
                Err(error @ Error::Forbidden(_)) => text(StatusCode::FORBIDDEN, error.to_string()),
                Err(error @ Error::Unauthenticated(_)) => {
                    text(StatusCode::UNAUTHORIZED, error.to_string())
                        .with_header(poem::http::header::WWW_AUTHENTICATE, "Bearer")
                        .into_response()
                }
                Err(error) => {
                    tracing::error!(error = ?error, "metrics could not be authorized");
                    text(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "something went wrong here",
                    )
                }
            })
        }
    }))
    .map_to_response()
}

fn counters(http: &Http) -> Response {
    match http.app.metrics.encode(http.app.database.statements()) {
        Ok(text) => Response::builder()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(error) => {
            tracing::error!(error = ?error, "metrics could not be written");
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "something went wrong here",
            )
        }
    }
}
