//! A sign-in that ends well: what is stored, what the browser keeps, where it goes.

use lanyard::demo::provider::Endpoint;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ACME, HUB, sessions, world};
use crate::support::app::Db;
use crate::support::world::World;

#[rstest]
#[tokio::test]
async fn a_person_of_the_directory_signs_in_and_the_account_is_linked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    assert_eq!(browser.viewer().await, Value::Null);
    let seen = browser.sign_in(ACME, "ada").await;
    seen.leads_to("/account");
    assert_eq!(browser.viewer().await, "user:default/ada");
    let account = browser.get("/account").await;
    assert_eq!(account.status.as_u16(), 200);
    for part in [
        "user:default/ada",
        "ada@acme.example",
        "Acme",
        "Browser of a test",
    ] {
        assert!(account.text.contains(part), "{part} in {}", account.text);
    }
    let stored = world.app.stored().await;
    let [identity] = stored.identities.as_slice() else {
        panic!("{:?}", stored.identities);
    };
    assert_eq!(identity.external_id, "a-7f31c0");
    assert_eq!(identity.username.as_deref(), Some("ada"));
    assert_eq!(identity.display_name.as_deref(), Some("Ada Marlow"));
    assert_eq!(identity.email.as_deref(), Some("ada@acme.example"));
    assert_eq!(identity.email_verified, Some(true));
    assert_eq!(
        identity.scopes_json.0,
        ["openid", "profile", "email", "offline_access"]
    );
    let actions: Vec<&str> = stored
        .events
        .iter()
        .map(|event| event.action.as_str())
        .collect();
    assert!(
        actions.ends_with(&["identity.linked", "session.started"]),
        "{actions:?}"
    );
    for event in stored.events.iter().rev().take(2) {
        assert_eq!(event.actor_name, "ada");
        assert_eq!(event.user_id, event.actor_id);
    }
}

#[rstest]
#[tokio::test]
async fn tokens_that_come_with_a_link_are_sealed(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    let stored = world.app.stored().await;
    let [credential] = stored.credentials.as_slice() else {
        panic!("one credential");
    };
    assert!(credential.refresh_token_sealed.is_some());
    assert!(credential.expires_at.unwrap() > world.app.clock.now());
    world.app.all_sealed().await;
    // What the provider gave stands nowhere as it is.
    let dump = format!("{:?}", world.app.dump().await);
    let given = world.provider.records_of(ACME, Endpoint::Token);
    assert_eq!(given.len(), 1);
    for name in ["code", "code_verifier"] {
        let secret = given[0].get(name).unwrap();
        assert!(!dump.contains(secret), "{name} is stored");
    }
}

#[rstest]
#[tokio::test]
async fn who_signs_in_again_is_the_same_by_the_account_whatever_the_address_says(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
    let first = world.app.stored().await.identities.remove(0);
    let mut ada = world.provider.people(ACME).remove(0);
    ada.email = Some("ada@married.example".to_owned());
    world.provider.put_person(ACME, ada);
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    assert_eq!(browser.viewer().await, "user:default/ada");
    let identities = world.app.stored().await.identities;
    assert_eq!(identities.len(), 1);
    assert_eq!(identities[0].id, first.id);
    assert_eq!(identities[0].email.as_deref(), Some("ada@married.example"));
    assert_eq!(sessions(&world).await, 2);
}

#[rstest]
#[tokio::test]
async fn the_way_back_leads_where_it_was_asked_to_and_nowhere_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let settings = [("LANYARD_ALLOWED_ORIGINS", "https://app.example.com")];
    let world = World::start_with(on, &settings).await;
    world.person("ada", "ada@acme.example").await;
    for (asked, leads_to) in [
        ("/graphiql%3Fquery%3Dx", "/graphiql?query=x"),
        (
            "https%3A%2F%2Fapp.example.com%2Fdone",
            "https://app.example.com/done",
        ),
    ] {
        let browser = world.browser();
        let authorization = browser
            .begin_with(ACME, &format!("&return_to={asked}"))
            .await;
        let callback = world.provider.decide(&authorization, "ada").unwrap();
        browser.come_back(&callback).await.leads_to(leads_to);
    }
    for asked in [
        "%2F.%2F%2Fevil.example",
        "%2Fa%2F..%2F%2Fevil.example",
        "%2F%252e%2F%2Fevil.example",
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "javascript%3Aalert(1)",
        "%2F%5Cevil.example",
    ] {
        let path = format!("/auth/acme/start?intent=sign_in&return_to={asked}");
        world
            .browser()
            .get(&path)
            .await
            .is_refused(400, "BAD_USER_INPUT");
    }
}

#[rstest]
#[tokio::test]
async fn the_request_has_all_that_a_provider_can_check(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let browser = world.browser();
    let (one, other) = (browser.begin(ACME).await, browser.begin(ACME).await);
    let parameter = |url: &url::Url, name: &str| {
        let found: Vec<String> = url
            .query_pairs()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect();
        assert_eq!(found.len(), 1, "{name} in {url}");
        found.into_iter().next().unwrap()
    };
    assert_eq!(parameter(&one, "response_type"), "code");
    assert_eq!(parameter(&one, "code_challenge_method"), "S256");
    assert_eq!(
        parameter(&one, "redirect_uri"),
        world.app.url("/auth/acme/callback")
    );
    assert_eq!(
        parameter(&one, "scope"),
        "openid profile email offline_access"
    );
    for secret in ["state", "nonce", "code_challenge"] {
        let values = (parameter(&one, secret), parameter(&other, secret));
        assert_ne!(values.0, values.1, "{secret}");
        assert!(values.0.len() >= 22, "{secret} has 128 bits");
    }
}

#[rstest]
#[tokio::test]
async fn cookies_are_http_only_lax_and_for_the_whole_host(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start_with(on, &[("LANYARD_PUBLIC_URL", "https://id.example.com")]).await;
    let seen = world.browser().get("/auth/acme/start?intent=sign_in").await;
    let [cookie] = seen.set_cookies.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(cookie.starts_with("__Host-lanyard-flow-"), "{cookie}");
    for attribute in ["; Path=/;", "; HttpOnly;", "; SameSite=Lax;", "; Secure"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[rstest]
#[tokio::test]
async fn every_sign_in_has_a_session_of_its_own_and_the_old_one_ends(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let first = browser.cookies();
    browser.sign_in(ACME, "bo").await.leads_to("/account");
    let second = browser.cookies();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["lanyard-session"]);
    assert_eq!(second.keys().collect::<Vec<_>>(), ["lanyard-session"]);
    assert_ne!(first, second);
    assert_eq!(browser.viewer().await, "user:default/bo");
    assert_eq!(sessions(&world).await, 1);
}

#[rstest]
#[tokio::test]
async fn who_is_signed_in_sees_their_own_rows_alone(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = world(on).await;
    let (ada, bo) = (world.browser(), world.browser());
    ada.sign_in(ACME, "ada").await.leads_to("/account");
    bo.sign_in(ACME, "bo").await.leads_to("/account");
    let request = world
        .app
        .http()
        .post(world.app.url("/graphql"))
        .header("x-requested-with", "XMLHttpRequest")
        .header("cookie", ada.cookie_header())
        .json(&json!({ "query": "{ identities { totalCount nodes { username user { entityRef } } } }" }));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        answer["data"]["identities"],
        json!({ "totalCount": 1, "nodes": [
            { "username": "ada", "user": { "entityRef": "user:default/ada" } },
        ] })
    );
}

#[rstest]
#[tokio::test]
async fn the_client_is_shown_to_the_token_endpoint_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = world(on).await;
    world.browser().sign_in(HUB, "drifter").await;
    let secret = {
        use secrecy::ExposeSecret;
        world.provider.client(HUB).secret.expose_secret().to_owned()
    };
    let seen = format!("{:?}", world.provider.records_of(HUB, Endpoint::Authorize));
    assert!(!seen.contains(&secret));
}
