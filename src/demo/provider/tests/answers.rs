use std::time::Duration;

use serde_json::json;
use url::Url;

use super::super::{Broken, DiscoveryFault, Endpoint, Issuer, Person, Times};
use super::{World, json, parameter, text};

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn the_issuers_have_nothing_in_common() {
    let world = World::start().await;
    let acme = json(world.get(DISCOVERY).await).await;
    assert_eq!(acme["issuer"], world.at(Issuer::Acme, ""));
    assert_eq!(acme["authorization_response_iss_parameter_supported"], true);
    let hub_url = world.at(Issuer::Hub, DISCOVERY);
    let hub = json(world.http.get(hub_url).send().await.unwrap()).await;
    for key in ["issuer", "token_endpoint", "jwks_uri"] {
        assert!(text(&hub, key).starts_with(&world.at(Issuer::Hub, "")));
    }
    let keys = world.http.get(text(&hub, "jwks_uri")).send().await.unwrap();
    let acme_keys = world.http.get(text(&acme, "jwks_uri")).send().await;
    assert_ne!(json(keys).await, json(acme_keys.unwrap()).await);
    let question = world.question(Issuer::Hub, &[]);
    let callback = world.handle.decide(&question, "amarlow").unwrap();
    let code = parameter(&callback, "code").unwrap();
    assert_eq!(
        world.redeem(&code).await.status(),
        400,
        "Acme knows no code of Hub's"
    );
    assert_eq!(
        world
            .http
            .get(world.at(Issuer::Hub, "/"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        world
            .http
            .get(world.at(Issuer::Hub, "/x"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        world
            .http
            .get(world.at(Issuer::Hub, "x"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn people_can_be_added_and_changed() {
    let world = World::start().await;
    let person = Person::new("n-1", "new", "<i>New</i>", "new@acme.example");
    world.handle.put_person(Issuer::Acme, person.clone());
    world.handle.put_person(Issuer::Acme, person.clone());
    let people = world.handle.people(Issuer::Acme);
    assert_eq!(people.iter().filter(|other| **other == person).count(), 1);
    let tokens = world.tokens("new").await;
    let userinfo = world.userinfo(text(&tokens, "access_token")).await;
    assert_eq!(json(userinfo).await["sub"], "n-1");
    let page = world.get("/").await.text().await.unwrap();
    assert!(page.contains("&lt;i&gt;New&lt;/i&gt;"), "{page}");
}

#[tokio::test]
async fn discovery_can_be_wrong_in_every_way() {
    let world = World::start().await;
    let document = async |fault: DiscoveryFault| {
        world.fault(fault);
        json(world.get(DISCOVERY).await).await
    };
    let other = document(DiscoveryFault::OtherIssuer).await;
    assert_eq!(other["issuer"], "https://issuer.example");
    let without = document(DiscoveryFault::Without("token_endpoint")).await;
    assert!(without["token_endpoint"].is_null());
    let with = document(DiscoveryFault::With(
        "id_token_signing_alg_values_supported",
        json!(["none"]),
    ));
    let with = with.await;
    assert_eq!(
        with["id_token_signing_alg_values_supported"],
        json!(["none"])
    );
    let elsewhere = Url::parse("http://elsewhere.example/").unwrap();
    let elsewhere = document(DiscoveryFault::EndpointsAt(elsewhere)).await;
    assert_eq!(elsewhere["jwks_uri"], "http://elsewhere.example/acme/jwks");
    assert_eq!(elsewhere["issuer"], world.at(Issuer::Acme, ""));
    let good = json(world.get(DISCOVERY).await).await;
    assert_eq!(good["jwks_uri"], world.at(Issuer::Acme, "/jwks"));
}

#[tokio::test]
async fn endpoints_break_in_every_way_that_answers() {
    let world = World::start().await;
    let there = Url::parse("https://elsewhere.example/").unwrap();
    for (broken, status, media_type) in [
        (Broken::Down, 503, "text/plain"),
        (Broken::Huge, 200, "application/json"),
        (Broken::Html(200), 200, "text/html; charset=utf-8"),
        (Broken::Html(500), 500, "text/html; charset=utf-8"),
        (Broken::Redirect(there), 302, ""),
        (Broken::BrokenJson, 200, "application/json"),
        (Broken::TooMany(7), 429, ""),
        (Broken::BareUnauthorized, 401, ""),
        (Broken::Error(400, "invalid_grant"), 400, "application/json"),
        (
            Broken::Error(200, "invalid_client"),
            200,
            "application/json",
        ),
    ] {
        world.fault((Endpoint::Token, broken.clone()));
        let code = world.code("ada");
        let answer = world.redeem(&code).await;
        assert_eq!(answer.status(), status, "{broken:?}");
        let headers = answer.headers().clone();
        let found = headers.get("content-type");
        let found = found.map_or("", |value| value.to_str().unwrap());
        assert_eq!(found, media_type, "{broken:?}");
        assert_eq!(headers["cache-control"], "no-store");
        let body = answer.text().await.unwrap();
        match &broken {
            Broken::Huge => assert!(body.len() > 2 * 1024 * 1024),
            Broken::Redirect(to) => assert_eq!(headers["location"], to.as_str()),
            Broken::TooMany(_) => assert_eq!(headers["retry-after"], "7"),
            Broken::BareUnauthorized => {
                assert!(!headers.contains_key("www-authenticate") && body.is_empty());
            }
            Broken::BrokenJson => {
                assert!(serde_json::from_str::<serde_json::Value>(&body).is_err());
            }
            Broken::Error(_, error) => {
                let body: serde_json::Value = serde_json::from_str(&body).unwrap();
                assert_eq!(body["error"], *error);
                assert!(text(&body, "error_description").contains("<script>"));
            }
            Broken::Down
            | Broken::Html(_)
            | Broken::Delay(_)
            | Broken::Closes
            | Broken::Hangs
            | Broken::Drips => {}
        }
        let healed = world.redeem(&code).await;
        assert_eq!(
            healed.status(),
            200,
            "{broken:?} happens once, and spends no code"
        );
    }
}

#[tokio::test]
async fn endpoints_break_in_every_way_that_does_not_answer() {
    let world = World::start().await;
    let url = world.at(Issuer::Acme, "/jwks");
    world.fault((Endpoint::Jwks, Broken::Closes));
    let closed = world.http.get(&url).send().await.unwrap_err();
    assert!(!closed.is_timeout() && closed.is_request(), "{closed:?}");

    let soon = Duration::from_millis(700);
    world.fault((Endpoint::Jwks, Broken::Hangs));
    let hung = world.http.get(&url).timeout(soon).send().await;
    assert!(hung.unwrap_err().is_timeout());

    world.fault((Endpoint::Jwks, Broken::Drips));
    let mut dripping = world.http.get(&url).send().await.unwrap();
    assert_eq!(dripping.status(), 200);
    for _ in 0..2 {
        assert_eq!(&dripping.chunk().await.unwrap().unwrap()[..], b" ");
    }
    let endless = world.http.get(&url).timeout(soon);
    world.fault((Endpoint::Jwks, Broken::Drips));
    let endless = endless.send().await.unwrap().bytes().await;
    assert!(endless.unwrap_err().is_timeout());

    let delay = Duration::from_millis(300);
    world.fault((Endpoint::Jwks, Broken::Delay(delay)));
    let began = std::time::Instant::now();
    assert_eq!(world.get("/jwks").await.status(), 200);
    assert!(began.elapsed() >= delay);
}

#[tokio::test]
async fn a_fault_is_of_its_endpoint_and_issuer_until_it_is_cleared() {
    let world = World::start().await;
    let down = (Endpoint::Jwks, Broken::Down);
    world.handle.fault(Issuer::Acme, down, Times::Always);
    for _ in 0..2 {
        assert_eq!(world.get("/jwks").await.status(), 503);
    }
    assert_eq!(world.get(DISCOVERY).await.status(), 200);
    let hub = world.http.get(world.at(Issuer::Hub, "/jwks")).send();
    assert_eq!(hub.await.unwrap().status(), 200);
    world.handle.clear_faults(Issuer::Acme);
    assert_eq!(world.get("/jwks").await.status(), 200);
}

#[tokio::test]
async fn told_to_stop_it_ends_what_hangs() {
    let provider = super::Provider::bind(
        "127.0.0.1:0".parse().unwrap(),
        crate::clock::Clock::default(),
    );
    let provider = provider.await.unwrap();
    let (handle, url) = (provider.handle(), provider.issuer(Issuer::Acme));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(provider.run(async { drop(stopped.await) }));
    let hangs = (Endpoint::Jwks, Broken::Hangs);
    handle.fault(Issuer::Acme, hangs, Times::Once);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = tokio::spawn(http.get(format!("{url}/jwks")).send());
    while handle.records().is_empty() {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await;
    ended.expect("it ends").unwrap();
    assert!(asked.await.unwrap().is_err());
    assert!(http.get(url).send().await.is_err(), "it listens no more");
}
