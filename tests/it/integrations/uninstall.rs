//! Uninstalling: what goes, and what stays because something else refers to it.

use lanyard::database::{auth_identity, auth_provider};
use lanyard::id::{AuthIdentityId, AuthProviderId};
use lanyard::sign_in::session::NewSession;
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::setting::{Setting, acts_as, bound_key, shares, uninstall};
use crate::support::app::Db;
use crate::support::client::text;

/// Uninstalls the share, which leaves the identities as they are.
async fn leaves_the_identities(it: &Setting, share: &str) {
    let before = it.app.stored().await;
    let gone = uninstall(&it.app, share).await.data()["uninstallIntegration"].clone();
    assert_eq!(gone, json!({ "deletedId": share, "userErrors": [] }));
    let after = it.app.stored().await;
    assert_eq!(after.identities, before.identities);
    assert_eq!(
        after.events_since(&before),
        [("org_integration.uninstalled".to_owned(), share.to_owned())]
    );
}

#[rstest]
#[tokio::test]
async fn an_identity_that_another_share_acts_as_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let here = it.acting().await;
    let globex = it.app.organization("globex").await;
    it.app.add_member(&globex, &it.jane).await;
    let there = it
        .installed(json!({ "organizationId": globex, "defaultIdentityId": it.account }))
        .await;
    leaves_the_identities(&it, &here).await;
    assert_eq!(acts_as(&it.app, &there).await, it.account);
    // The last one takes it along.
    uninstall(&it.app, &there).await.data();
    assert_eq!(it.app.stored().await.identities, []);
}

#[rstest]
#[tokio::test]
async fn an_identity_that_people_sign_in_by_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    it.app
        .execute("UPDATE identity_provider SET allows_sign_in = true")
        .await;
    leaves_the_identities(&it, &share).await;
}

#[rstest]
#[tokio::test]
async fn an_identity_that_a_session_rests_on_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let new = NewSession {
        identity: Some(it.account.parse().unwrap()),
        ..it.app.new_session(&it.jane, &it.crm)
    };
    it.app.opened(new).await;
    it.app
        .execute("UPDATE identity_provider SET allows_sign_in = false")
        .await;
    leaves_the_identities(&it, &share).await;
    assert_eq!(it.app.sessions().await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn an_identity_beside_an_auth_identity_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let owned = json!({ "organizationId": it.acme });
    let sso = it.app.provider_with("acme-sso", owned).await;
    let account = it.app.linked(&sso, &it.jane, "jane").await;
    let share = it.installed(json!({ "defaultIdentityId": account })).await;
    let now = it.app.clock.now();
    let sign_on = &auth_provider::Model {
        id: AuthProviderId::new(&it.app.clock),
        organization_id: it.acme.parse().unwrap(),
        provider_id: sso.parse().unwrap(),
        allow_unlinked: true,
        date_added: now,
    };
    let link = &auth_identity::Model {
        id: AuthIdentityId::new(&it.app.clock),
        auth_provider_id: sign_on.id,
        organization_id: sign_on.organization_id,
        user_id: it.jane.parse().unwrap(),
        ident: "jane".to_owned(),
        date_added: now,
        last_verified: now,
        last_synced: now,
    };
    it.app
        .database
        .write(|tx| async move {
            auth_provider::Entity::insert(sign_on.clone().into_active_model())
                .exec_without_returning(&*tx)
                .await?;
            auth_identity::Entity::insert(link.clone().into_active_model())
                .exec_without_returning(&*tx)
                .await?;
            Ok(())
        })
        .await
        .unwrap();
    leaves_the_identities(&it, &share).await;
}

#[rstest]
#[tokio::test]
async fn an_identity_that_is_no_default_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.installed(json!({})).await;
    leaves_the_identities(&it, &share).await;
}

#[rstest]
#[tokio::test]
async fn without_the_scope_to_write_identities_the_identity_stays(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    for (scopes, bound, left) in [
        (&["integration:write"][..], false, 1),
        (&["integration:write"], true, 1),
        (&["integration:write", "identity:write"], true, 0),
    ] {
        let share = it.acting().await;
        let key = if bound {
            bound_key(&it.app, &it.acme, scopes).await
        } else {
            it.app.key("uninstaller", scopes).await
        };
        let payload = it
            .app
            .ask("mutation($share: ID!) { uninstallIntegration(organizationIntegrationId: $share) { deletedId userErrors { code } } }")
            .variables(json!({ "share": share }))
            .by(&key)
            .data()
            .await["uninstallIntegration"]
            .clone();
        assert_eq!(payload, json!({ "deletedId": share, "userErrors": [] }));
        assert_eq!(shares(&it.app).await, []);
        let identities = it.app.stored().await.identities;
        assert_eq!(identities.len(), left, "{scopes:?}, bound: {bound}");
    }
}

#[rstest]
#[tokio::test]
async fn the_first_linked_of_those_that_stay_is_the_primary_one(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let many = json!({ "allowsMultiplePerUser": true });
    let many = it.app.provider_with("many", many).await;
    let mut accounts = Vec::new();
    for name in ["first", "second", "third"] {
        accounts.push(it.app.linked(&many, &it.jane, name).await);
    }
    let default = json!({ "defaultIdentityId": accounts[0] });
    let share = it.installed(default).await;
    let before = it.app.stored().await;
    assert!(before.identity(&accounts[0]).is_primary);
    uninstall(&it.app, &share).await.data();
    let after = it.app.stored().await;
    let mut primary = after.identities.iter().filter(|row| row.is_primary);
    assert!(primary.any(|row| row.id.to_string() == accounts[1]));
    assert_eq!(
        after.events_since(&before),
        [
            ("org_integration.uninstalled".to_owned(), share),
            ("identity.unlinked".to_owned(), accounts[0].clone()),
            ("identity.updated".to_owned(), accounts[1].clone()),
        ]
    );
}

#[rstest]
#[tokio::test]
async fn a_second_time_it_is_not_found(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    uninstall(&it.app, &share).await.data();
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    assert_eq!(uninstall(&it.app, &share).await.code(), "NOT_FOUND");
    assert_eq!(uninstall(&it.app, &it.acme).await.code(), "BAD_USER_INPUT");
    assert_eq!(it.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn the_event_tells_what_was_there(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it
        .installed(json!({ "config": { "a": 1 }, "defaultIdentityId": it.account }))
        .await;
    let events = it.app.stored().await.events.len();
    uninstall(&it.app, &share).await.data();
    let told = it.app.stored().await.events.remove(events);
    assert_eq!(told.organization_id.as_ref(), Some(&it.acme));
    assert_eq!(told.user_id.as_ref(), Some(&it.jane));
    assert!(told.after_json.is_none());
    let before: Value = told.before_json.unwrap().0;
    assert_eq!(text(&before, "/defaultIdentityId"), it.account);
    assert_eq!(before["config"], json!({ "a": 1 }));
    assert_eq!(shares(&it.app).await, []);
}
