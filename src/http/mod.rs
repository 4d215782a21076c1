//! Requests that are not resolvers: the routes, and what every answer has.

mod account;
mod asset;
pub mod authenticate;
mod callback;
pub mod client_address;
mod client_key;
mod connect;
pub mod cookie;
mod disconnect;
mod flow_refusal;
pub mod form_token;
mod found;
mod graphiql;
mod graphql;
mod health;
mod negotiate;
pub mod pages;
pub mod scan;
mod sign_in;
pub mod site;
mod visit;

use std::sync::Arc;
use std::time::Instant;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::middleware::{CatchPanic, Cors};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route};

use self::client_address::Proxies;
use crate::graphql::{App, Engine};
use form_token::FormTokens;
use site::Site;

/// What the handlers share.
#[derive(Clone)]
pub struct Http {
    pub app: App,
    pub engine: Engine,
    pub site: Arc<Site>,
    pub form_tokens: Arc<FormTokens>,
    pub proxies: Proxies,
}

/// Names a request in logs, events and the header `X-Request-Id`.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl Http {
    /// The routes of the public listener. Where there is a private one, health and metrics are
    /// there.
    pub fn public(self, has_private_listener: bool) -> impl Endpoint {
        let engine = self.engine.clone();
        let clock = self.app.clock.clone();
        let mut routes = Route::new()
            .at(
                "/graphql",
                self.open_to_others(graphql::endpoint(self.clone())),
            )
            .at(
                "/schema.graphql",
                poem::get(poem::endpoint::make_sync(move |_| {
                    Response::builder()
                        .content_type("text/plain; charset=utf-8")
                        .body(engine.sdl().to_owned())
                })),
            )
            .at(
                "/",
                visit::route(&self, &PAGE, |visit| Box::pin(account::start_page(visit))),
            )
            .at(
                "/sign-in",
                visit::route(&self, &PAGE, |visit| Box::pin(account::sign_in_page(visit))),
            )
            .at(
                "/account",
                visit::route(&self, &PAGE, |visit| Box::pin(account::account_page(visit))),
            )
            .at(
                "/account/disconnect",
                visit::route(&self, &STEP, |visit| {
                    Box::pin(disconnect::disconnect(visit))
                }),
            )
            .at(
                "/account/sign-out-elsewhere",
                visit::route(&self, &[Method::POST], |visit| {
                    Box::pin(disconnect::sign_out_elsewhere(visit))
                }),
            )
            .at(
                "/auth/logout",
                visit::route(&self, &[Method::POST], |visit| {
                    Box::pin(account::logout(visit))
                }),
            )
            .at(
                "/auth/:slug/start",
                visit::route(&self, &STEP, |visit| Box::pin(sign_in::start(visit))),
            )
            .at(
                "/auth/:slug/callback",
                visit::route(&self, &STEP, |visit| Box::pin(callback::callback(visit))),
            )
            .at(
                "/connect/:token",
                visit::route(&self, &STEP, |visit| Box::pin(connect::connect(visit))),
            )
            .at(
                "/connect/found/:link",
                visit::route(&self, &STEP, |visit| Box::pin(found::found(visit))),
            )
            .at("/auth/:slug/jwks.json", client_key::key_set(&self))
            .at(
                "/graphiql",
                poem::get(poem::endpoint::make_sync(move |_| graphiql::page(&clock))),
            )
            .at(
                "/assets/:file",
                poem::get(poem::endpoint::make_sync(|request| asset::serve(&request))),
            );
        if !has_private_listener {
            routes = routes
                .at("/livez", poem::get(poem::endpoint::make_sync(health::live)))
                .at("/readyz", health::ready(self.clone()))
                .at("/metrics", health::metrics_for_admins(self.clone()));
        }
        self.around(routes)
    }

    /// The routes of the private listener.
    pub fn private(self) -> impl Endpoint {
        let routes = Route::new()
            .at("/livez", poem::get(poem::endpoint::make_sync(health::live)))
            .at("/readyz", health::ready(self.clone()))
            .at("/metrics", health::metrics(self.clone()));
        self.around(routes)
    }

    /// Pages of other origins may call the API, where they are named. Everything else is for
    /// browsers that go there, whoever sends them.
    fn open_to_others(
        &self,
        endpoint: impl Endpoint<Output = Response> + 'static,
    ) -> BoxEndpoint<'static, Response> {
        let origins = self.site.cors_origins();
        if origins.is_empty() {
            return endpoint.boxed();
        }
        let cors = Cors::new()
            .allow_origins(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(["authorization", "content-type", authenticate::ANTI_FORGERY])
            .allow_credentials(true)
            .expose_headers(["x-request-id"])
            .max_age(86_400);
        endpoint.with(cors).map_to_response().boxed()
    }

    fn around(self, routes: Route) -> impl Endpoint {
        let routes = routes.with(CatchPanic::new().with_handler(panicked));
        routes.around(move |endpoint, request| {
            let http = self.clone();
            async move { Ok(observe(&http, endpoint, request).await) }
        })
    }
}

/// What pages are asked for by.
const PAGE: [Method; 2] = [Method::GET, Method::HEAD];
/// A step of a flow has effects, so it is not asked for its head alone.
const STEP: [Method; 2] = [Method::GET, Method::POST];

/// Gives the request its id, answers whatever happened, and counts it.
async fn observe<E: Endpoint>(http: &Http, endpoint: Arc<E>, mut request: Request) -> Response {
    let began = Instant::now();
    let id = http.app.clock.new_uuid().simple().to_string();
    request.set_data(RequestId(id.clone()));
    let method = request.method().clone();
    let route = route_of(request.uri().path());
    let is_browser = negotiate::wants_a_page(request.headers());
    let mut response = match endpoint.call(request).await {
        Ok(response) => response.into_response(),
        Err(error) if is_browser => visit::error_page(error.status(), &id),
        Err(error) => text(error.status(), reason(error.status())),
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    let status = response.status().as_u16();
    http.app.metrics.count_request(route, status);
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(request.id = %id, %method, route, status, millis, "{method} {route} was answered with {status}");
    response
}

/// A path as a bounded set of names: anybody may ask for any path.
fn route_of(path: &str) -> &'static str {
    if let Some(rest) = path.strip_prefix("/auth/") {
        return match rest.split_once('/').map_or(rest, |(_, step)| step) {
            "start" => "/auth/{slug}/start",
            "callback" => "/auth/{slug}/callback",
            "jwks.json" => "/auth/{slug}/jwks.json",
            "logout" => "/auth/logout",
            _ => "other",
        };
    }
    if let Some(rest) = path.strip_prefix("/connect/") {
        return if rest.starts_with("found/") {
            "/connect/found/{link}"
        } else {
            "/connect/{token}"
        };
    }
    [
        "/account",
        "/account/disconnect",
        "/account/sign-out-elsewhere",
        "/graphql",
        "/graphiql",
        "/sign-in",
        "/schema.graphql",
        "/livez",
        "/readyz",
        "/metrics",
        "/",
    ]
    .into_iter()
    .find(|route| *route == path)
    .or_else(|| path.starts_with(asset::FOLDER).then_some(asset::FOLDER))
    .unwrap_or("other")
}

fn text(status: StatusCode, body: impl Into<String>) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/plain; charset=utf-8")
        .body(body.into() + "\n")
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("the request failed")
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "something went wrong here; the log says more",
    )
}
