//! Disconnecting by API keys: which scopes, and what a key that is bound to an organization may.

use lanyard::sign_in::session::NewSession;
use rstest::rstest;
use serde_json::json;

use super::{UNLINK, door, is_gone, is_refused, unlink};
use crate::support::app::{App, Db};
use crate::support::client::Answer;
use crate::support::sign_on::{auth_identity, own_provider, sign_on};

async fn ask(app: &App, key: &str, id: &str, force: bool) -> Answer {
    app.ask(UNLINK)
        .by(key)
        .variables(json!({ "input": { "id": id, "force": force } }))
        .send()
        .await
}

#[rstest]
#[tokio::test]
async fn force_passes_over_the_rules_and_is_for_admins(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = (app.user("jane").await, app.organization("acme").await);
    app.add_member(&acme, &jane).await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let sign_on = sign_on(&app, &acme, &okta, false).await;
    let required = app.linked(&okta, &jane, "j").await;
    auth_identity(&app, &sign_on, &jane, "j").await;
    let lone = app.linked(&door(&app, "github").await, &jane, "1").await;
    let writer = app
        .key("writer", &["identity:write", "identity:assert"])
        .await;
    app.all_sealed().await;
    let before = app.dump().await;
    for id in [&required, &lone] {
        let answer = ask(&app, &writer, id, true).await;
        assert_eq!(answer.code(), "FORBIDDEN");
        assert!(answer.message().contains("admin"), "{}", answer.message());
    }
    assert_eq!(app.dump().await, before);
    let refused = ask(&app, &writer, &lone, false).await.data();
    is_refused(&refused["unlinkIdentity"], "NEEDED_FOR_GLOBAL_AUTH");
    let refused = unlink(&app, &required).await.data();
    is_refused(&refused["unlinkIdentity"], "NEEDED_FOR_ORG_AUTH");
    let message = refused["unlinkIdentity"]["userErrors"][0]["message"].as_str();
    assert!(message.unwrap().contains("allowUnlinked"), "{message:?}");
    for id in [&required, &lone] {
        let answer = app
            .ask(UNLINK)
            .variables(json!({ "input": { "id": id, "force": true } }))
            .send()
            .await;
        is_gone(answer, id);
    }
}

#[rstest]
#[tokio::test]
async fn a_bound_key_forces_at_its_organizations_own_providers_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = (app.user("jane").await, app.organization("acme").await);
    app.add_member(&acme, &jane).await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let own = app.linked(&okta, &jane, "j").await;
    let shared = app.linked(&door(&app, "github").await, &jane, "1").await;
    let key = app.bound_key(&acme, &["admin"]).await;
    let answer = ask(&app, &key, &shared, true).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    let message = answer.message();
    assert!(message.contains("bound"), "{message}");
    // Without force it obeys the rules as everybody does.
    let refused = ask(&app, &key, &shared, false).await.data();
    is_refused(&refused["unlinkIdentity"], "NEEDED_FOR_GLOBAL_AUTH");
    is_gone(ask(&app, &key, &own, true).await, &own);
}

#[rstest]
#[tokio::test]
async fn what_a_bound_key_does_not_see_it_does_not_unlink(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let (acme, other) = (
        app.organization("acme").await,
        app.organization("other").await,
    );
    app.add_member(&acme, &jane).await;
    app.add_member(&other, &jane).await;
    let slack = app.provider("slack").await;
    // A stranger's, and a member's at another organization's provider.
    let of_joe = app.linked(&slack, &joe, "1").await;
    let elsewhere = own_provider(&app, &other, "other-okta").await;
    let elsewhere = app.linked(&elsewhere, &jane, "2").await;
    let key = app.bound_key(&acme, &["admin"]).await;
    app.all_sealed().await;
    let before = app.dump().await;
    for id in [&of_joe, &elsewhere] {
        for force in [false, true] {
            assert_eq!(ask(&app, &key, id, force).await.code(), "NOT_FOUND");
        }
    }
    assert_eq!(app.dump().await, before);
    let of_jane = app.linked(&slack, &jane, "3").await;
    is_gone(ask(&app, &key, &of_jane, false).await, &of_jane);
}

#[rstest]
#[tokio::test]
async fn a_bound_key_ends_its_own_organizations_sessions_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, other) = (
        app.organization("acme").await,
        app.organization("other").await,
    );
    let jane = app.member(&acme, "jane").await;
    app.add_member(&other, &jane).await;
    let (github, google) = (door(&app, "github").await, door(&app, "google").await);
    let (okta, elsewhere) = (
        own_provider(&app, &acme, "acme-okta").await,
        own_provider(&app, &other, "other-okta").await,
    );
    let account = app.linked(&okta, &jane, "1").await;
    let shared = app.linked(&google, &jane, "2").await;
    app.linked(&github, &jane, "3").await;
    let by_account = NewSession {
        identity: Some(account.parse().unwrap()),
        ..app.new_session(&jane, &okta)
    };
    let by_account = app.opened(by_account).await.row.id;
    let by_okta = app.opened(app.new_session(&jane, &okta)).await.row.id;
    let mut stay = Vec::new();
    for provider in [&github, &google, &elsewhere] {
        stay.push(app.opened(app.new_session(&jane, provider)).await.row.id);
    }
    let key = app.bound_key(&acme, &["identity:write"]).await;
    let before = app.stored().await;
    // What people sign in with everywhere is not one organization's to take away.
    let refused = ask(&app, &key, &shared, false).await;
    assert_eq!(refused.code(), "FORBIDDEN");
    assert_eq!(app.stored().await, before);
    is_gone(ask(&app, &key, &account, false).await, &account);
    let mut left: Vec<_> = app.sessions().await.into_iter().map(|row| row.id).collect();
    left.sort_unstable();
    stay.sort_unstable();
    assert_eq!(left, stay);
    let mut ended: Vec<_> = app.stored().await.events_since(&before);
    ended.retain(|(action, _)| action == "session.ended");
    ended.sort();
    let mut expected = [by_account, by_okta].map(|id| ("session.ended".to_owned(), id.to_string()));
    expected.sort();
    assert_eq!(ended, expected);
}

#[rstest]
#[tokio::test]
async fn ids_of_nothing_and_of_other_kinds(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    for id in [jane.as_str(), "", "x"] {
        assert_eq!(unlink(&app, id).await.code(), "BAD_USER_INPUT", "{id}");
    }
    let unknown = "identity_01h455vb4pex5vsknk084sn02q";
    assert_eq!(unlink(&app, unknown).await.code(), "NOT_FOUND");
}
