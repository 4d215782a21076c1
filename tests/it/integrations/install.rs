//! Installing: everything in one transaction, or nothing.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{
    Setting, actions_since, codes, events, install, set_status, shares, uninstall,
    update_integration, update_share,
};
use crate::support::app::{ADMIN, Db};
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn it_makes_both_rows_with_their_events(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let before = it.app.stored().await;
    let payload = it
        .install(json!({
            "metadata": { "host": "github.com" },
            "config": { "channel": "#dev" },
            "defaultIdentityId": it.account,
        }))
        .await;
    let integration = text(&payload, "/integration/id");
    let share = text(&payload, "/organizationIntegration/id");
    assert_eq!(
        payload,
        json!({
            "integration": {
                "id": integration, "provider": "github", "externalId": "installation-1",
                "name": "GitHub", "metadata": { "host": "github.com" }, "status": "ACTIVE",
            },
            "organizationIntegration": {
                "id": share, "config": { "channel": "#dev" }, "status": "ACTIVE",
                "gracePeriodEnd": null, "defaultIdentity": { "id": it.account },
                "organization": { "slug": "acme" }, "integration": { "id": integration },
            },
            "userErrors": [],
        })
    );
    let after = it.app.stored().await;
    assert_eq!(
        after.events_since(&before),
        [
            ("integration.created".to_owned(), integration),
            ("org_integration.installed".to_owned(), share),
        ]
    );
    for event in &after.events[before.events.len()..] {
        assert_eq!(event.organization_id.as_ref(), Some(&it.acme));
        assert!(event.before_json.is_none());
    }
    let told = after.events.last().unwrap();
    assert_eq!(told.user_id.as_ref(), Some(&it.jane));
    let told = told.after_json.clone().unwrap().0;
    assert_eq!(told["defaultIdentityId"], json!(it.account));
}

#[rstest]
#[tokio::test]
async fn the_same_again_changes_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let all = json!({
        "metadata": { "a": [1, 2.5, null] }, "config": { "b": "é" },
        "defaultIdentityId": it.account,
    });
    let first = it.install(all.clone()).await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    for more in [all, json!({})] {
        assert_eq!(it.install(more.clone()).await, first, "{more}");
        assert_eq!(it.app.dump().await, before, "{more}");
    }
}

#[rstest]
#[tokio::test]
async fn what_is_left_out_stays_and_null_clears(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it
        .installed(json!({
            "metadata": { "a": 1 }, "config": { "b": 1 }, "defaultIdentityId": it.account,
        }))
        .await;
    let payload = it.install(json!({ "name": "Renamed" })).await;
    assert_eq!(payload["integration"]["name"], "Renamed");
    assert_eq!(payload["integration"]["metadata"], json!({ "a": 1 }));
    let here = &payload["organizationIntegration"];
    assert_eq!(here["id"], json!(share));
    assert_eq!(here["config"], json!({ "b": 1 }));
    assert_eq!(here["defaultIdentity"]["id"], json!(it.account));
    let nulls = json!({
        "name": "Renamed", "metadata": null, "config": null, "defaultIdentityId": null,
    });
    let payload = it.install(nulls).await;
    assert_eq!(payload["integration"]["metadata"], json!({}));
    let here = &payload["organizationIntegration"];
    assert_eq!(
        (&here["config"], &here["defaultIdentity"]),
        (&json!({}), &Value::Null)
    );
    // On purpose: nothing is lost.
    assert!(shares(&it.app).await[0].default_lost_at.is_none());
}

#[rstest]
#[tokio::test]
async fn it_brings_back_what_was_switched_off(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let first = it.install(json!({})).await;
    let share = text(&first, "/organizationIntegration/id");
    let id = text(&first, "/integration/id");
    let off =
        json!({ "id": share, "status": "DISABLED", "gracePeriodEnd": "2020-01-01T00:00:00Z" });
    update_share(&it.app, off).await.data();
    let off = json!({ "id": id, "status": "PENDING_DELETION" });
    update_integration(&it.app, ADMIN, off).await.data();
    let before = events(&it.app).await;
    assert_eq!(it.install(json!({})).await, first);
    assert_eq!(
        actions_since(&it.app, before).await,
        ["integration.updated", "org_integration.updated"]
    );
}

#[rstest]
#[tokio::test]
async fn an_integration_is_shared_by_organizations(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let globex = it.app.organization("globex").await;
    let first = it.install(json!({ "config": { "at": "acme" } })).await;
    let second = it
        .install(json!({ "organizationId": globex, "config": { "at": "globex" } }))
        .await;
    assert_eq!(first["integration"], second["integration"]);
    let (here, there) = (
        &first["organizationIntegration"],
        &second["organizationIntegration"],
    );
    assert_ne!(here["id"], there["id"]);
    assert_eq!(there["config"], json!({ "at": "globex" }));
    assert_eq!(there["organization"]["slug"], "globex");
    // The same installation of another kind of service is another integration.
    let other = it.install(json!({ "provider": "gitlab" })).await;
    assert_ne!(other["integration"]["id"], first["integration"]["id"]);
    assert_eq!(shares(&it.app).await.len(), 3);
}

#[rstest]
#[tokio::test]
async fn a_refused_default_leaves_nothing_and_no_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let stranger = it.app.user("stranger").await;
    let theirs = it.app.linked(&it.crm, &stranger, "stranger").await;
    let joe = it.other_member("joe").await;
    let joes = it.app.linked(&it.crm, &joe, "joe").await;
    set_status(&it.app, "joe", "DISABLED").await;
    let globex = it.app.organization("globex").await;
    let owned = json!({ "organizationId": globex });
    let foreign = it.app.provider_with("globex-sso", owned).await;
    // Jane is a member of both, but this account of hers is for Globex.
    it.app.add_member(&globex, &it.jane).await;
    let at_globex = it.app.linked(&foreign, &it.jane, "jane").await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    for (identity, code) in [
        (&theirs, "USER_NOT_IN_ORGANIZATION"),
        (&joes, "USER_NOT_ACTIVE"),
        (&at_globex, "USER_NOT_IN_ORGANIZATION"),
    ] {
        let payload = it
            .install(json!({ "defaultIdentityId": identity, "metadata": { "new": true } }))
            .await;
        assert_eq!(codes(&payload), [code], "{payload:#}");
        assert_eq!(
            payload["userErrors"][0]["field"],
            json!(["input", "defaultIdentityId"])
        );
        assert_eq!(payload["integration"], Value::Null);
        assert_eq!(payload["organizationIntegration"], Value::Null);
        assert_eq!(it.app.dump().await, before, "{code}");
    }
    let gone = it
        .app
        .linked(&it.crm, &it.other_member("ann").await, "ann")
        .await;
    it.app
        .execute("DELETE FROM identity WHERE external_id = 'ann'")
        .await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    let answer = it.send(json!({ "defaultIdentityId": gone })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(it.app.dump().await, before);
    // Where the integration is there already, its name and metadata stay too.
    it.installed(json!({ "metadata": { "old": true } })).await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    let payload = it
        .install(json!({ "defaultIdentityId": theirs, "name": "New", "metadata": {} }))
        .await;
    assert_eq!(codes(&payload), ["USER_NOT_IN_ORGANIZATION"]);
    assert_eq!(it.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn secrets_in_metadata_and_config_are_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    for name in ["metadata", "config"] {
        let payload = it
            .install(json!({ name: { "deep": [{ "accessToken": "canary-token-x" }] } }))
            .await;
        assert_eq!(codes(&payload), ["SECRET_IN_DATA"]);
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", name]));
    }
    assert_eq!(it.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn wrong_input_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let gone = it.app.organization("gone").await;
    it.app
        .execute("DELETE FROM organization WHERE slug = 'gone'")
        .await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    let long = |bytes: usize| "x".repeat(bytes);
    for wrong in [
        json!({ "provider": "" }),
        json!({ "provider": long(201) }),
        json!({ "externalId": " " }),
        json!({ "externalId": long(1025) }),
        json!({ "externalId": "a\u{0}b" }),
        json!({ "name": "" }),
        json!({ "name": long(201) }),
        json!({ "metadata": [] }),
        json!({ "config": "text" }),
        json!({ "config": { "big": long(65_536) } }),
        json!({ "metadata": { "big": long(65_536) } }),
        json!({ "organizationId": it.jane }),
        json!({ "defaultIdentityId": it.acme }),
    ] {
        let answer = it.send(wrong.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
    let answer = it.send(json!({ "organizationId": gone })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(it.app.dump().await, before);
    // What is just small enough is taken.
    let payload = it
        .install(json!({ "provider": long(200), "externalId": long(1024), "name": long(200) }))
        .await;
    assert_eq!(codes(&payload), [""; 0]);
}

#[rstest]
#[tokio::test]
async fn it_can_be_installed_again_after_it_was_uninstalled(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let first = it.install(json!({})).await;
    let share = text(&first, "/organizationIntegration/id");
    uninstall(&it.app, &share).await.data();
    let second = install(&it.app, it.input(json!({}))).await.data();
    let second = &second["installIntegration"];
    assert_eq!(second["integration"], first["integration"]);
    assert_ne!(second["organizationIntegration"]["id"], json!(share));
}
