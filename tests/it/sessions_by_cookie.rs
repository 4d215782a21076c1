//! The session's cookie at `/graphql`: which requests it counts for.

use lanyard::clock::Clock;
use reqwest::{Method, RequestBuilder};
use rstest::rstest;

use crate::support::app::{ADMIN, App, Db};
use crate::support::http::{QUESTION, Reply, body, reply};

/// A POST with this cookie and these headers, by nobody else.
fn post(app: &App, cookie: &str, headers: &[(&str, &str)]) -> RequestBuilder {
    let mut request = app
        .http()
        .post(app.url("/graphql"))
        .header("accept", "application/graphql-response+json")
        .header("content-type", "application/json")
        .header("cookie", cookie)
        .body(body(QUESTION));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}

/// Who the answer says is asking.
#[track_caller]
fn viewer(reply: &Reply) -> String {
    reply.is_ok();
    let json = reply.json();
    let viewer = json["data"]["viewer"]["__typename"].as_str();
    viewer.unwrap_or("nobody").to_owned()
}

#[track_caller]
fn is_forbidden(reply: &Reply, named: &str) {
    assert_eq!(reply.status, 403, "{reply:?}");
    assert_eq!(reply.code(), "FORBIDDEN", "{reply:?}");
    assert!(reply.text.contains(named), "{reply:?}");
    assert!(reply.json().get("data").is_none(), "{reply:?}");
}

async fn signed_in(app: &App) -> String {
    let (jane, acme) = (app.user("jane").await, app.provider("acme").await);
    app.session(&jane, &acme).await
}

const OURS: (&str, &str) = ("x-requested-with", "XMLHttpRequest");

#[rstest]
#[tokio::test]
async fn a_cookie_needs_a_header_that_no_other_site_sends(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let cookie = format!("lanyard-session={}", signed_in(&app).await);
    for headers in [&[][..], &[("origin", "http://evil.example")]] {
        let refused = reply(post(&app, &cookie, headers)).await;
        is_forbidden(&refused, "X-Requested-With");
    }
    for value in ["XMLHttpRequest", "fetch", ""] {
        let headers = [("x-requested-with", value)];
        let answer = reply(post(&app, &cookie, &headers)).await;
        assert_eq!(viewer(&answer), "User", "{value:?}");
    }
    // A link that a signed-in person follows.
    let get = || {
        app.http()
            .get(app.url("/graphql"))
            .query(&[("query", QUESTION)])
            .header("accept", "application/graphql-response+json")
            .header("cookie", &cookie)
    };
    is_forbidden(&reply(get()).await, "X-Requested-With");
    assert_eq!(viewer(&reply(get().header(OURS.0, OURS.1)).await), "User");
}

#[tokio::test]
async fn a_cookie_counts_for_our_pages_and_for_those_that_are_named() {
    let settings = [("LANYARD_ALLOWED_ORIGINS", "https://app.example.com")];
    let app = App::start_with(Db::Sqlite, &settings).await;
    let alone = App::start(Db::Sqlite).await;
    for (app, origin, allowed) in [
        (&app, app.url(""), true),
        (&app, "https://app.example.com".to_owned(), true),
        (&app, "https://evil.example".to_owned(), false),
        (&app, "null".to_owned(), false),
        (&alone, alone.url(""), true),
        (&alone, "https://app.example.com".to_owned(), false),
        // Cookies don't tell ports apart; origins do.
        (&alone, "http://127.0.0.1:1".to_owned(), false),
        (&alone, "null".to_owned(), false),
    ] {
        let cookie = format!("lanyard-session={}", token_of(app).await);
        let answer = reply(post(app, &cookie, &[OURS, ("origin", &origin)])).await;
        if allowed {
            assert_eq!(viewer(&answer), "User", "{origin}");
        } else {
            assert_eq!(answer.status, 403, "{origin}: {answer:?}");
        }
    }
}

/// A session of a user of its own.
async fn token_of(app: &App) -> String {
    let name = Clock::default().new_uuid().simple().to_string();
    let (user, provider) = (app.user(&name).await, app.provider(&name).await);
    app.session(&user, &provider).await
}

#[rstest]
#[tokio::test]
async fn the_header_authorization_goes_before_the_cookie(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let cookie = format!("lanyard-session={}", signed_in(&app).await);
    let bearer = format!("Bearer {ADMIN}");
    for headers in [
        &[("authorization", bearer.as_str())][..],
        &[("authorization", bearer.as_str()), OURS],
        &[
            ("authorization", bearer.as_str()),
            ("origin", "http://evil.example"),
        ],
    ] {
        let answer = reply(post(&app, &cookie, headers)).await;
        assert_eq!(viewer(&answer), "ApiKey", "{headers:?}");
    }
    for wrong in ["Bearer lyd_unknown", "Basic amFuZQ==", ""] {
        let answer = reply(post(&app, &cookie, &[("authorization", wrong), OURS])).await;
        assert_eq!(answer.status, 401, "{wrong}: {answer:?}");
    }
}

#[rstest]
#[tokio::test]
async fn an_unknown_session_is_told_to_sign_in_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let answer = reply(post(&app, "lanyard-session=unknown", &[OURS])).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert!(answer.text.contains("sign in again"), "{answer:?}");
    // Without a session one is nobody, and asks for what is open to all.
    for cookie in ["", "lanyard-session=", "theme=dark"] {
        let answer = reply(post(&app, cookie, &[])).await;
        assert_eq!(viewer(&answer), "nobody", "{cookie}");
    }
}

#[tokio::test]
async fn where_we_are_reached_by_https_only_the_prefixed_cookie_counts() {
    let settings = [("LANYARD_PUBLIC_URL", "https://id.example.com")];
    let app = App::start_with(Db::Sqlite, &settings).await;
    let token = signed_in(&app).await;
    for (name, expected) in [
        ("__Host-lanyard-session", "User"),
        ("lanyard-session", "nobody"),
        ("__Secure-lanyard-session", "nobody"),
    ] {
        let answer = reply(post(&app, &format!("{name}={token}"), &[OURS])).await;
        assert_eq!(viewer(&answer), expected, "{name}");
    }
    let origin = ("origin", "https://id.example.com");
    let cookie = format!("__Host-lanyard-session={token}");
    let answer = reply(post(&app, &cookie, &[OURS, origin])).await;
    assert_eq!(viewer(&answer), "User");
}

#[rstest]
#[tokio::test]
async fn metrics_are_not_for_people(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let token = signed_in(&app).await;
    let request = app
        .http()
        .request(Method::GET, app.url("/metrics"))
        .header("cookie", format!("lanyard-session={token}"))
        .header(OURS.0, OURS.1);
    let answer = reply(request).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.text.contains("needs an API key"), "{answer:?}");
}
