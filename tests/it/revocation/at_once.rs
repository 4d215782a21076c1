//! While whoever unlinks waits.

use std::time::{Duration, Instant};

use lanyard::demo::provider::{Broken, Endpoint, Times};
use rstest::rstest;
use serde_json::{Value, json};

use super::{HUB, Linked, failed, link, revoked, until};
use crate::support::app::{ADMIN, Db};
use crate::support::client::text;
use crate::support::world::hidden_fields;

#[rstest]
#[tokio::test]
async fn the_grant_ends_with_the_account(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Linked::start(on).await;
    assert!(it.is_alive().await);
    assert!(it.unlink(json!({})).await);
    assert!(!it.is_alive().await);
    let calls = it.calls();
    let [call] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(call.method, "POST");
    assert_eq!(call.get("token"), Some(it.tokens.refresh.as_str()));
    assert_eq!(call.get("token_type_hint"), Some("refresh_token"));
    assert!(call.authorization.as_deref().unwrap().starts_with("Basic "));
    assert_eq!(it.told().await, revoked());
    assert!(it.queued().await.is_empty());
    // It is the server that has seen to it, and says of whose account.
    let event = super::events(it.app(), &it.identity).await.remove(0);
    assert_eq!(event.actor_kind, "SERVER");
    assert_eq!(event.user_id.as_ref(), Some(&it.ada));
    let told = event.after_json.unwrap().0;
    assert_eq!(told["externalId"], super::ADAS.1);
    let metrics = it.app().http().get(it.app().url("/metrics"));
    let metrics = metrics.bearer_auth(ADMIN).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = r#"lanyard_revocations_total{outcome="revoked"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[rstest]
#[tokio::test]
async fn whoever_does_not_want_it_leaves_the_grant_as_it_is(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    assert!(!it.unlink(json!({ "revoke": false })).await);
    assert!(it.queued().await.is_empty());
    assert!(it.is_alive().await);
    assert_eq!(it.told().await, []);
    assert!(it.calls().is_empty());
}

#[rstest]
#[tokio::test]
async fn an_account_without_tokens_has_nothing_to_give_back(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    it.app().execute("DELETE FROM credential").await;
    assert!(!it.unlink(json!({})).await);
    assert!(it.queued().await.is_empty());
    assert_eq!(it.told().await, []);
    assert!(it.calls().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_provider_that_says_no_is_not_asked_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Linked::start(on).await;
    let refusal = Broken::Error(400, "unsupported_token_type");
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, refusal), Times::Always);
    assert!(!it.unlink(json!({})).await);
    assert_eq!(it.told().await, failed("unsupported_token_type"));
    assert!(it.queued().await.is_empty());
    // Its code is told, and nothing else that it says.
    let event = super::events(it.app(), &it.identity).await.remove(0);
    let told = event.after_json.unwrap().0;
    let mut members: Vec<_> = told.as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["externalId", "providerId", "reason"]);
}

#[rstest]
#[tokio::test]
async fn a_provider_that_does_not_answer_keeps_nobody_waiting(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, Broken::Hangs), Times::Once);
    let began = Instant::now();
    assert!(!it.unlink(json!({})).await);
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    let queued = it.queued().await;
    assert_eq!(queued.len(), 1, "{queued:?}");
    assert_eq!((queued[0].attempts, it.calls().len()), (1, 1));
    // The try goes on, and its end is written down.
    until("the try ends", async || {
        it.queued().await[0].failure_reason.as_deref() == Some("timed_out")
    })
    .await;
    it.world.pass(chrono::TimeDelta::minutes(2));
    it.until_done().await;
    assert_eq!(it.told().await, revoked());
}

#[rstest]
#[tokio::test]
async fn several_in_one_operation_end_before_it(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Linked::start(on).await;
    let mut all = vec![it.identity.clone()];
    for (name, username) in [("bo", "drifter"), ("noor", "noor-h")] {
        let email = format!("{name}@acme.example");
        it.world.person(name, &email).await;
        all.push(link(&it.world, name, username).await.0);
    }
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, Broken::Hangs), Times::Always);
    let fields = ["a", "b", "c"].iter().zip(&all).map(|(alias, id)| {
        format!(
            "{alias}: unlinkIdentity(input: {{ id: {id:?}, force: true }}) {{ deletedId revoked }}"
        )
    });
    let fields: Vec<String> = fields.collect();
    let data = it
        .app()
        .ask(&format!("mutation {{ {} }}", fields.join(" ")))
        .data()
        .await;
    for (alias, id) in ["a", "b", "c"].iter().zip(&all) {
        let wanted = json!({ "deletedId": id, "revoked": false });
        assert_eq!(data[*alias], wanted, "{data}");
    }
    assert_eq!(it.queued().await.len(), 3);
}

#[rstest]
#[tokio::test]
async fn whoever_disconnects_on_the_account_page_gives_it_back_too(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    let browser = it.world.browser();
    browser
        .sign_in(super::ACME, "ada")
        .await
        .leads_to("/account");
    let path = "/account/disconnect";
    let page = browser
        .get(&format!("{path}?identity={}", it.identity))
        .await;
    assert!(page.text.contains("end its access to it"), "{page:?}");
    let form = page.text.rsplit("<form").next().unwrap();
    let fields = hidden_fields(&format!("<form{form}"));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let done = browser.post(path, &fields).await;
    done.leads_to(&format!("/account?disconnected={}", it.identity));
    until("it is told", async || it.told().await == revoked()).await;
    assert!(!it.is_alive().await);
}

#[rstest]
#[tokio::test]
async fn an_account_that_goes_with_its_last_integration_is_given_back_too(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    // Nobody signs in at Hub.
    let change = json!({ "allowsSignIn": false });
    it.world.reconfigure("hub", change).await;
    let acme = it.app().organization("acme-inc").await;
    it.app().add_member(&acme, &it.ada).await;
    let data = it
        .app()
        .ask(
            "mutation($input: InstallIntegrationInput!) { installIntegration(input: $input) {
            organizationIntegration { id } userErrors { code message }
        } }",
        )
        .variables(json!({ "input": {
            "organizationId": acme, "provider": "hub", "externalId": "1", "name": "Hub",
            "defaultIdentityId": it.identity,
        } }))
        .data()
        .await;
    let share = text(&data, "/installIntegration/organizationIntegration/id");
    let data = it
        .app()
        .ask("mutation($id: ID!) { uninstallIntegration(organizationIntegrationId: $id) { deletedId } }")
        .variables(json!({ "id": share }))
        .data()
        .await;
    assert_ne!(data["uninstallIntegration"]["deletedId"], Value::Null);
    until("it is told", async || it.told().await == revoked()).await;
    assert!(!it.is_alive().await);
}
