//! Keys that are bound to an organization: what they may do with what organizations share, and
//! what they must not learn.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{INSTALL, Setting, bound_key, codes, install, update_integration};
use crate::support::app::Db;
use crate::support::client::{Answer, text};

const SCOPES: &[&str] = &["admin"];

/// Globex, with a key of its own, beside Acme.
async fn globex(it: &Setting) -> (String, String) {
    let globex = it.app.organization("globex").await;
    let key = bound_key(&it.app, &globex, SCOPES).await;
    (globex, key)
}

async fn install_by(it: &Setting, key: &str, more: Value) -> Answer {
    it.app
        .ask(INSTALL)
        .variables(json!({ "input": it.input(more) }))
        .by(key)
        .send()
        .await
}

#[rstest]
#[tokio::test]
async fn it_installs_in_its_own_organization_only(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let (globex, key) = globex(&it).await;
    it.app.add_member(&globex, &it.jane).await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    // Acme is not for this key to see.
    let answer = install_by(&it, &key, json!({})).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(it.app.dump().await, before);
    let own = json!({ "organizationId": globex, "defaultIdentityId": it.account });
    let payload = install_by(&it, &key, own).await.data()["installIntegration"].clone();
    assert_eq!(codes(&payload), [""; 0]);
    let here = &payload["organizationIntegration"];
    assert_eq!(here["organization"]["slug"], "globex");
    assert_eq!(here["defaultIdentity"]["id"], json!(it.account));
}

#[rstest]
#[tokio::test]
async fn it_cannot_join_what_others_have_nor_learn_of_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let (globex, key) = globex(&it).await;
    let secret = json!({ "name": "Codename", "metadata": { "hidden": true } });
    let theirs = it.install(secret).await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    let own = json!({ "organizationId": globex });
    let answer = install_by(&it, &key, own).await;
    let payload = answer.body["data"]["installIntegration"].clone();
    assert_eq!(codes(&payload), ["ALREADY_EXISTS"]);
    assert_eq!(
        payload["userErrors"][0]["field"],
        json!(["input", "externalId"])
    );
    assert_eq!(payload["integration"], Value::Null);
    let shown = answer.body.to_string();
    for hidden in [
        "Codename",
        "hidden",
        &it.acme,
        "acme",
        &text(&theirs, "/integration/id"),
    ] {
        assert!(!shown.contains(hidden), "{hidden}: {shown}");
    }
    assert_eq!(it.app.dump().await, before);
    // By its id, and by its service, it looks absent.
    let id = text(&theirs, "/integration/id");
    let share = text(&theirs, "/organizationIntegration/id");
    let asked = it
        .app
        .ask(
            "query($id: ID!, $share: ID!, $acme: ID!) {
                byId: integration(id: $id) { name }
                byService: integration(provider: \"github\", externalId: \"installation-1\") { name }
                share: organizationIntegration(id: $share) { id }
                byBoth: organizationIntegration(organizationId: $acme, integrationId: $id) { id }
                ofAcme: organizationIntegrations(filter: { organizationId: $acme }) { totalCount nodes { id } }
                ofThis: organizationIntegrations(filter: { integrationId: $id }) { totalCount nodes { id } }
                all: organizationIntegrations { totalCount nodes { id } }
                nodes(ids: [$id, $share]) { id }
            }",
        )
        .variables(json!({ "id": id, "share": share, "acme": it.acme }))
        .by(&key)
        .data()
        .await;
    let nothing = json!({ "totalCount": 0, "nodes": [] });
    assert_eq!(
        asked,
        json!({
            "byId": null, "byService": null, "share": null, "byBoth": null,
            "ofAcme": nothing, "ofThis": nothing, "all": nothing, "nodes": [null, null],
        })
    );
    let query = "query($share: ID, $acme: ID) {
        byId: defaultIdentity(organizationIntegrationId: $share) { id }
        byService: defaultIdentity(organizationId: $acme, provider: \"github\", externalId: \"installation-1\") { id }
    }";
    let variables = json!({ "share": share, "acme": it.acme });
    let answer = it.app.ask(query).variables(variables).by(&key).send().await;
    let errors = answer.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    for error in errors {
        let why = &error["extensions"];
        assert_eq!(why["reason"], "NO_ORGANIZATION_INTEGRATION");
        assert_eq!(why["organizationIntegrationId"], Value::Null);
    }
    // Nor can it change any of it.
    for (mutation, variables) in [
        (
            "mutation($id: ID!) { setDefaultIdentity(organizationIntegrationId: $id) { userErrors { code } } }",
            json!({ "id": share }),
        ),
        (
            "mutation($id: ID!) { uninstallIntegration(organizationIntegrationId: $id) { userErrors { code } } }",
            json!({ "id": share }),
        ),
        (
            "mutation($id: ID!) { updateOrganizationIntegration(input: { id: $id, status: DISABLED }) { userErrors { code } } }",
            json!({ "id": share }),
        ),
        (
            "mutation($id: ID!) { updateIntegration(input: { id: $id, name: \"mine\" }) { userErrors { code } } }",
            json!({ "id": id }),
        ),
    ] {
        let answer = it
            .app
            .ask(mutation)
            .variables(variables)
            .by(&key)
            .send()
            .await;
        assert_eq!(answer.code(), "NOT_FOUND", "{mutation}");
    }
    assert_eq!(it.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn it_changes_an_integration_while_no_other_organization_has_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let (globex, key) = globex(&it).await;
    let own = |more: Value| {
        let mut input = it.input(more);
        input["organizationId"] = json!(globex);
        input
    };
    let by_key = async |more: Value| {
        let answer = install_by(&it, &key, own(more)).await;
        answer.data()["installIntegration"].clone()
    };
    let first = by_key(json!({ "name": "Mine" })).await;
    let id = text(&first, "/integration/id");
    let second = by_key(json!({ "name": "Still mine", "metadata": { "a": 1 } })).await;
    assert_eq!(second["integration"]["name"], "Still mine");
    let input = json!({ "id": id, "name": "Mine again", "status": "DISABLED" });
    let updated = update_integration(&it.app, &key, input).await.data();
    assert_eq!(
        updated["updateIntegration"]["integration"]["status"],
        "DISABLED"
    );
    // Acme has it too from now on.
    install(&it.app, it.input(json!({ "name": "Ours" })))
        .await
        .data();
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    for (more, field) in [
        (json!({ "name": "Mine" }), "name"),
        (json!({ "name": "Ours", "metadata": {} }), "metadata"),
    ] {
        let refused = by_key(more).await;
        assert_eq!(codes(&refused), ["IN_USE"]);
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]));
    }
    for change in [json!({ "name": "Mine" }), json!({ "status": "DISABLED" })] {
        let mut input = change;
        input["id"] = json!(id);
        let refused = update_integration(&it.app, &key, input).await.data();
        assert_eq!(codes(&refused["updateIntegration"]), ["IN_USE"]);
    }
    assert_eq!(it.app.dump().await, before);
    // Its own share it may still change, and say again what all have.
    let payload = by_key(json!({ "name": "Ours", "config": { "own": 1 } })).await;
    assert_eq!(codes(&payload), [""; 0]);
    assert_eq!(
        payload["organizationIntegration"]["config"],
        json!({ "own": 1 })
    );
    // One that is switched off for all is not for one of them to switch on.
    let off = json!({ "id": id, "status": "DISABLED" });
    let by_admin = crate::support::app::ADMIN;
    update_integration(&it.app, by_admin, off).await.data();
    let refused = by_key(json!({ "name": "Ours" })).await;
    assert_eq!(codes(&refused), ["IN_USE"]);
}

#[rstest]
#[tokio::test]
async fn a_default_that_it_cannot_see_is_not_there(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let (globex, key) = globex(&it).await;
    let own = json!({ "organizationId": globex, "externalId": "own" });
    let payload = install_by(&it, &key, own.clone()).await.data();
    let share = text(&payload, "/installIntegration/organizationIntegration/id");
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    // Jane is no member of Globex.
    let mut named = own;
    named["defaultIdentityId"] = json!(it.account);
    assert_eq!(install_by(&it, &key, named).await.code(), "NOT_FOUND");
    let set = "mutation($share: ID!, $identity: ID) {
        setDefaultIdentity(organizationIntegrationId: $share, identityId: $identity) { userErrors { code } }
    }";
    let variables = json!({ "share": share, "identity": it.account });
    let answer = it.app.ask(set).variables(variables).by(&key).send().await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(it.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn it_sees_the_events_of_its_own_installations(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let (globex, key) = globex(&it).await;
    it.acting().await;
    let own = json!({ "organizationId": globex, "externalId": "own" });
    install_by(&it, &key, own).await.data();
    it.app.all_sealed().await;
    let asked = it
        .app
        .ask("{ auditEvents { nodes { action after } } }")
        .by(&key)
        .data()
        .await;
    let events = asked["auditEvents"]["nodes"].as_array().unwrap();
    let of_integrations: Vec<_> = events
        .iter()
        .filter(|event| text(event, "/action").contains("integration."))
        .map(|event| (text(event, "/action"), text(event, "/after/externalId")))
        .collect();
    assert_eq!(
        of_integrations,
        [
            ("integration.created".to_owned(), "own".to_owned()),
            ("org_integration.installed".to_owned(), "own".to_owned()),
        ]
    );
}
