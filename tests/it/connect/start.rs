//! What startLink takes, from applications and from people.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ACME, HUB, Portal};
use crate::support::app::Db;
use crate::support::client::Answer;
use crate::support::connecting::{RETURN_TO, START_LINK};

#[rstest]
#[tokio::test]
async fn a_start_that_is_wrong_in_itself_names_the_field(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let good = json!({ "providerId": portal.hub, "userId": portal.ada, "returnTo": RETURN_TO });
    let with = |name: &str, value: Value| {
        let mut input = good.clone();
        input[name] = value;
        input
    };
    let without = |name: &str| {
        let mut input = good.clone();
        input.as_object_mut().unwrap().remove(name);
        input
    };
    app.all_sealed().await;
    let before = app.dump().await;
    for (input, field) in [
        (with("onConflict", json!("REATTACH")), "input.onConflict"),
        (without("userId"), "input.userId"),
        (without("returnTo"), "input.returnTo"),
        (with("userId", json!(portal.hub)), "input.userId"),
        (with("providerId", json!("hub")), "input.providerId"),
        (with("scopes", json!(["email"])), "input.scopes"),
        (with("scopes", json!([])), "input.scopes"),
        (
            with("scopes", json!(["openid", "two words"])),
            "input.scopes",
        ),
        (with("scopes", json!(["openid", "openid"])), "input.scopes"),
        (with("scopes", json!(vec!["x"; 101])), "input.scopes"),
        (
            with(
                "returnTo",
                json!(format!("{RETURN_TO}{}", "x".repeat(2048))),
            ),
            "input.returnTo",
        ),
    ] {
        let answer = app.start_link(&portal.key, input).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{answer:?}");
        assert!(
            answer.message().starts_with(&format!("{field}: ")),
            "{answer:?}"
        );
    }
    let unknown = [
        with("userId", json!("user_01h455vb4pex5vsknk084sn02q")),
        with("providerId", json!("provider_01h455vb4pex5vsknk084sn02q")),
    ];
    for input in unknown {
        assert_eq!(app.start_link(&portal.key, input).await.code(), "NOT_FOUND");
    }
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn what_is_stored_stands_against_a_start(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let custom = app.provider("crm").await;
    let refusal = async |provider: &str, user: &str| {
        let input = json!({ "providerId": provider, "userId": user, "returnTo": RETURN_TO });
        let data = app.start_link(&portal.key, input).await.data();
        let payload = &data["startLink"];
        assert_eq!(
            (&payload["url"], &payload["expiresAt"]),
            (&Value::Null, &Value::Null)
        );
        payload["userErrors"][0]["code"].clone()
    };
    assert_eq!(refusal(&custom, &portal.ada).await, "PROVIDER_UNAVAILABLE");
    portal.disable("bo").await;
    assert_eq!(refusal(&portal.hub, &portal.bo).await, "USER_NOT_ACTIVE");
    portal
        .world
        .reconfigure("hub", json!({ "enabled": false }))
        .await;
    assert_eq!(
        refusal(&portal.hub, &portal.ada).await,
        "PROVIDER_UNAVAILABLE"
    );
    portal.nothing_waits().await;
}

#[rstest]
#[tokio::test]
async fn a_start_says_until_when_it_is_good(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let app = &portal.world.app;
    let began = app.clock.now();
    let input = json!({ "providerId": portal.hub, "userId": portal.ada, "returnTo": RETURN_TO });
    let data = app.start_link(&portal.key, input).await.data();
    let until: chrono::DateTime<chrono::Utc> = data["startLink"]["expiresAt"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let ten = chrono::TimeDelta::minutes(10);
    assert!(
        began + ten <= until && until <= app.clock.now() + ten,
        "{until}"
    );
}

#[rstest]
#[tokio::test]
async fn a_person_begins_their_own_link_on_its_page(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let portal = Portal::new(on).await;
    let (world, app) = (&portal.world, &portal.world.app);
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let token = browser.cookies()["lanyard-session"].clone();
    app.all_sealed().await;
    let before = app.dump().await;
    let start = async |input: Value| -> Answer {
        let asked = app.ask(START_LINK).variables(json!({ "input": input }));
        asked.by_person(&token).send().await
    };
    let page = app.url("/auth/hub/start?intent=link&return_to=");
    for (more, address) in [
        (json!({}), format!("{page}%2Faccount")),
        (json!({ "userId": portal.ada }), format!("{page}%2Faccount")),
        (
            json!({ "returnTo": "/graphiql", "onConflict": "UPDATE_IN_PLACE" }),
            format!("{page}%2Fgraphiql&on_conflict=update_in_place"),
        ),
    ] {
        let mut input = json!({ "providerId": portal.hub });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let payload = start(input).await.data()["startLink"].clone();
        assert_eq!(payload["url"], address, "{payload:#}");
        assert_eq!(payload["expiresAt"], Value::Null);
        let path = address.strip_prefix(&app.url("")).unwrap();
        assert!(browser.get(path).await.text.contains("form_token"));
    }
    let somebody_else = json!({ "providerId": portal.hub, "userId": portal.bo });
    assert_eq!(start(somebody_else).await.code(), "NOT_FOUND");
    for (name, value) in [
        ("scopes", json!(["openid", "repo"])),
        ("onConflict", json!("REATTACH")),
    ] {
        let mut input = json!({ "providerId": portal.hub });
        input[name] = value;
        assert_eq!(start(input).await.code(), "BAD_USER_INPUT", "{name}");
    }
    for place in [
        "https://app.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:x",
    ] {
        let input = json!({ "providerId": portal.hub, "returnTo": place });
        let data = start(input).await.data();
        let refusal = &data["startLink"]["userErrors"][0];
        assert_eq!(refusal["code"], "RETURN_TO_NOT_ALLOWED", "{place}");
    }
    let complete = app
        .ask("mutation($id: ID!) { completeLink(code: \"x\", userId: $id) { outcome } }")
        .variables(json!({ "id": portal.ada }));
    assert_eq!(complete.by_person(&token).code().await, "FORBIDDEN");
    assert_eq!(app.dump().await, before);
    // An organization's provider is for its members.
    let organization = app.organization("org").await;
    let own = world.own_provider(&organization, "own", HUB).await;
    let input = json!({ "providerId": own });
    assert_eq!(start(input.clone()).await.code(), "NOT_FOUND");
    app.add_member(&organization, &portal.ada).await;
    assert!(start(input).await.data()["startLink"]["url"].is_string());
}
