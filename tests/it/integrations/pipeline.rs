//! The cases that the makers of integration pipelines found out the hard way, each by its name.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{
    Setting, actions_since, acts_as, codes, events, reason, shares, uninstall, update_share,
};
use crate::support::app::Db;
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn with_data(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let first = it
        .install(json!({ "name": "Name", "metadata": { "url": "https://example.org" } }))
        .await;
    let id = text(&first, "/integration/id");
    let asked = it
        .app
        .ask("{ integration(provider: \"github\", externalId: \"installation-1\") { id name metadata status organizationIntegrations { totalCount nodes { organization { slug } } } } }")
        .data()
        .await;
    assert_eq!(
        asked["integration"],
        json!({
            "id": id, "name": "Name", "metadata": { "url": "https://example.org" },
            "status": "ACTIVE",
            "organizationIntegrations": {
                "totalCount": 1, "nodes": [{ "organization": { "slug": "acme" } }],
            },
        })
    );
}

#[rstest]
#[tokio::test]
async fn with_expect_exists(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let globex = it.app.organization("globex").await;
    let first = it.install(json!({ "metadata": { "a": 1 } })).await;
    let before = events(&it.app).await;
    let second = it.install(json!({ "organizationId": globex })).await;
    assert_eq!(second["integration"], first["integration"]);
    assert_eq!(
        actions_since(&it.app, before).await,
        ["org_integration.installed"]
    );
}

#[rstest]
#[tokio::test]
async fn expect_exists_does_not_update(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let metadata = json!({ "url": "https://example.org" });
    it.install(json!({ "metadata": metadata })).await;
    let again = it.install(json!({})).await;
    assert_eq!(again["integration"]["metadata"], metadata);
}

#[rstest]
#[tokio::test]
async fn with_default_id(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    assert_eq!(acts_as(&it.app, &share).await, it.account);
    let rows = shares(&it.app).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].default_identity_id.map(|id| id.to_string()),
        Some(it.account)
    );
}

#[rstest]
#[tokio::test]
async fn default_identity_does_update(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let joe = it.other_member("joe").await;
    let joes = it.app.linked(&it.crm, &joe, "joe").await;
    let again = it.installed(json!({ "defaultIdentityId": joes })).await;
    assert_eq!(again, share);
    assert_eq!(acts_as(&it.app, &share).await, joes);
}

#[rstest]
#[tokio::test]
async fn default_identity_that_dangles_is_repaired_by_installing_again(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let joe = it.other_member("joe").await;
    // Joe takes the account over.
    let input = json!({
        "providerId": it.crm, "userId": joe, "externalId": "4711", "onConflict": "REATTACH",
    });
    let link = it.app.link(input).await.data();
    let joes = text(&link, "/linkIdentity/identity/id");
    assert_eq!(reason(&it.app, &share).await, "DANGLING");
    // Without a default it stays as it is.
    it.installed(json!({})).await;
    assert_eq!(reason(&it.app, &share).await, "DANGLING");
    it.installed(json!({ "defaultIdentityId": joes })).await;
    assert_eq!(acts_as(&it.app, &share).await, joes);
    assert!(shares(&it.app).await[0].default_lost_at.is_none());
}

#[rstest]
#[tokio::test]
async fn existing_identity_becomes_default_auth_on_new_orgintegration(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let first = it.acting().await;
    let globex = it.app.organization("globex").await;
    it.app.add_member(&globex, &it.jane).await;
    // The application links the account again, as part of the installation.
    let again = it.app.linked(&it.crm, &it.jane, "4711").await;
    assert_eq!(again, it.account);
    let second = it
        .installed(json!({ "organizationId": globex, "defaultIdentityId": again }))
        .await;
    for share in [first, second] {
        assert_eq!(acts_as(&it.app, &share).await, it.account);
    }
    assert_eq!(it.app.stored().await.identities.len(), 1);
}

#[rstest]
#[tokio::test]
async fn new_external_id_same_user(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let globex = it.app.organization("globex").await;
    it.app.add_member(&globex, &it.jane).await;
    let there = it
        .installed(json!({ "organizationId": globex, "defaultIdentityId": it.account }))
        .await;
    let input = json!({
        "providerId": it.crm, "userId": it.jane, "externalId": "4712",
        "onConflict": "UPDATE_IN_PLACE",
    });
    let linked = it.app.link(input).await.data();
    assert_eq!(linked["linkIdentity"]["outcome"], "UPDATED_IN_PLACE");
    assert_eq!(linked["linkIdentity"]["identity"]["id"], json!(it.account));
    let here = it.acting().await;
    for share in [here, there] {
        let asked = it
            .app
            .ask("query($id: ID!) { defaultIdentity(organizationIntegrationId: $id) { id externalId } }")
            .variables(json!({ "id": share }))
            .data()
            .await;
        assert_eq!(
            asked["defaultIdentity"],
            json!({ "id": it.account, "externalId": "4712" })
        );
    }
}

/// Jane's account belongs to somebody of another organization: linking it is refused.
async fn refused_link(it: &Setting) -> String {
    let owner = it.app.user("owner").await;
    let account = it.app.linked(&it.crm, &owner, "taken").await;
    let input = json!({ "providerId": it.crm, "userId": it.jane, "externalId": "taken" });
    let refused = it.app.link(input).await.data()["linkIdentity"].clone();
    assert!(
        codes(&refused).contains(&"ACCOUNT_OWNED_BY_ANOTHER_USER".to_owned()),
        "{refused:#}"
    );
    account
}

#[rstest]
#[tokio::test]
async fn different_user_same_external_id_no_default_needed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    refused_link(&it).await;
    let share = it.installed(json!({})).await;
    assert_eq!(reason(&it.app, &share).await, "NO_DEFAULT");
}

#[rstest]
#[tokio::test]
async fn different_user_same_external_id(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let theirs = refused_link(&it).await;
    let before = events(&it.app).await;
    let payload = it.install(json!({ "defaultIdentityId": theirs })).await;
    assert_eq!(codes(&payload), ["USER_NOT_IN_ORGANIZATION"]);
    assert_eq!(payload["organizationIntegration"], Value::Null);
    assert_eq!(shares(&it.app).await, []);
    assert_eq!(actions_since(&it.app, before).await, [""; 0]);
}

#[rstest]
#[tokio::test]
async fn simple(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let payload = it.install(json!({})).await;
    let share = text(&payload, "/organizationIntegration/id");
    let gone = uninstall(&it.app, &share).await.data();
    assert_eq!(gone["uninstallIntegration"]["deletedId"], json!(share));
    assert_eq!(shares(&it.app).await, []);
    let asked = it
        .app
        .ask("query($id: ID!) { integration(id: $id) { id status } }")
        .variables(json!({ "id": payload["integration"]["id"] }))
        .data()
        .await;
    assert_eq!(asked["integration"]["status"], "ACTIVE");
}

#[rstest]
#[tokio::test]
async fn skip_on_undelete(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let pending = json!({ "id": share, "status": "PENDING_DELETION" });
    let pending = update_share(&it.app, pending).await.data();
    assert_eq!(
        pending["updateOrganizationIntegration"]["organizationIntegration"]["status"],
        "PENDING_DELETION"
    );
    assert_eq!(reason(&it.app, &share).await, "INTEGRATION_DISABLED");
    let back = json!({ "id": share, "status": "ACTIVE" });
    update_share(&it.app, back).await.data();
    assert_eq!(acts_as(&it.app, &share).await, it.account);
}

#[rstest]
#[tokio::test]
async fn repository_and_identity(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let before = it.app.stored().await;
    uninstall(&it.app, &share).await.data();
    let after = it.app.stored().await;
    assert_eq!(after.identities, []);
    assert_eq!(
        after.events_since(&before),
        [
            ("org_integration.uninstalled".to_owned(), share),
            ("identity.unlinked".to_owned(), it.account.clone()),
        ]
    );
    let asked = it
        .app
        .ask("{ integration(provider: \"github\", externalId: \"installation-1\") { name } }")
        .data()
        .await;
    assert_eq!(asked["integration"]["name"], "GitHub");
    // The account is free for the next installation.
    it.app.linked(&it.crm, &it.jane, "4711").await;
}
