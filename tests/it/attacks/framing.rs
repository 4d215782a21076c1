//! Clickjacking: no answer of any route may be framed, tells anybody where it was, or is open to
//! other origins.

use std::collections::BTreeSet;

use reqwest::{Method, Response};

use super::world;
use crate::flows::{ACME, HUB};
use crate::support::repository::read;
use crate::support::world::World;

/// The routes, as the table in the sources has them, with something in place of what varies.
fn routes() -> BTreeSet<String> {
    let table = read("src/http/mod.rs");
    let strings = table.split(".at(").skip(1);
    let routes = strings.filter_map(|rest| rest.split('"').nth(1));
    routes
        .filter(|route| route.starts_with('/'))
        .map(|route| route.replace(":slug", "acme").replace(":file", "none"))
        .map(|route| match route.split_once(':') {
            Some((before, _)) => format!("{before}none"),
            None => route,
        })
        .collect()
}

#[track_caller]
fn holds(what: &str, response: &Response) {
    let header = |name: &str| {
        let values: Vec<&str> = response
            .headers()
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert!(values.len() <= 1, "{what}: {name} is there {values:?}");
        values.first().copied().unwrap_or_default().to_owned()
    };
    let policy = header("content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    assert!(
        directives.contains(&"frame-ancestors 'none'"),
        "{what}: {policy:?}"
    );
    let wide = ["*", "'unsafe-eval'", "http:", "https:", "data:"];
    let scripts = directives
        .iter()
        .filter(|one| one.starts_with("script-src"));
    for scripts in scripts {
        assert!(
            !wide.iter().any(|wide| scripts.contains(wide)),
            "{what}: {scripts}"
        );
    }
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    let referrer = header("referrer-policy");
    let none_elsewhere = ["no-referrer", "same-origin"].contains(&referrer.as_str());
    assert!(none_elsewhere, "{what}: {referrer}");
    assert_eq!(header("access-control-allow-origin"), "", "{what}");
}

async fn send(world: &World, method: &Method, path: &str, accept: &str, cookie: &str) -> Response {
    let request = world
        .app
        .http()
        .request(method.clone(), world.app.url(path));
    let request = request.header("accept", accept).header("cookie", cookie);
    request
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn no_answer_of_any_route_can_be_framed() {
    let world = world().await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let session = browser.cookie_header();
    let routes = routes();
    assert!(routes.len() >= 14, "{routes:?}");
    for known in [
        "/",
        "/auth/acme/callback",
        "/account",
        "/graphiql",
        "/graphql",
    ] {
        assert!(routes.contains(known), "{known} in {routes:?}");
    }
    let more = [
        "/auth/hub/start?intent=link",
        "/auth/acme/start?intent=sign_in",
        "/auth/acme/start?intent=no",
        "/auth/nobody/start?intent=sign_in",
        "/auth/acme/callback?state=x&code=y",
        "/auth/acme/callback?state=x&state=y",
        "/sign-in?return_to=//evil.example",
        "/nowhere",
        "/auth",
        "/assets/../Cargo.toml",
    ];
    let paths = routes.iter().map(String::as_str).chain(more);
    for path in paths {
        for method in [
            Method::GET,
            Method::POST,
            Method::HEAD,
            Method::OPTIONS,
            Method::DELETE,
        ] {
            for accept in ["text/html", "application/json"] {
                for cookie in ["", &session] {
                    let what = format!("{method} {path} ({accept}, {cookie:?})");
                    let response = send(&world, &method, path, accept, cookie).await;
                    holds(&what, &response);
                }
            }
        }
    }
}

/// The pages in which a flow ends, well and badly, and the one that leads away.
#[tokio::test]
async fn no_page_of_a_flow_can_be_framed() {
    let world = world().await;
    let browser = world.browser();
    let way_back = browser.begin(ACME).await;
    let way_back = world.provider.decide(&way_back, "ada").unwrap();
    let path = format!("{}?{}", way_back.path(), way_back.query().unwrap());
    for cookie in [
        String::new(),
        browser.cookie_header(),
        browser.cookie_header(),
    ] {
        let response = send(&world, &Method::GET, &path, "text/html", &cookie).await;
        holds(&format!("{} with {cookie:?}", response.status()), &response);
    }
    for username in ["sam", "iris", "kim"] {
        let browser = world.browser();
        let way_back = browser.begin(ACME).await;
        let way_back = world.provider.decide(&way_back, username).unwrap();
        let path = format!("{}?{}", way_back.path(), way_back.query().unwrap());
        let cookie = browser.cookie_header();
        let response = send(&world, &Method::GET, &path, "text/html", &cookie).await;
        assert_eq!(response.status(), 403, "{username}");
        holds(username, &response);
    }
    let browser = world.browser();
    browser.sign_in(ACME, "bo").await.leads_to("/account");
    let page = browser.get("/auth/hub/start?intent=link").await;
    let fields = crate::support::world::hidden_fields(&page.text);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(&fields);
    let request = world.app.http().post(world.app.url("/auth/hub/start"));
    let request = request
        .header("accept", "text/html")
        .header("cookie", browser.cookie_header())
        .header("origin", world.app.url(""))
        .header("content-type", "application/x-www-form-urlencoded");
    let leave = request.body(form.finish()).send().await.unwrap();
    assert_eq!(leave.status(), 200);
    holds("the page that leads away", &leave);
    browser.link(HUB, "drifter").await;
}
