//! What goes along with an account that is disconnected, and what stays.

use lanyard::database::organization_integration;
use lanyard::database::status::ObjectStatus;
use lanyard::database::{integration, json::Json};
use lanyard::id::{IntegrationId, OrganizationIntegrationId};
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::{door, is_gone, unlink};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::sign_on::{auth_identity, own_provider, sign_on};

fn actions(events: &[(String, String)]) -> Vec<&str> {
    let mut actions: Vec<_> = events.iter().map(|(action, _)| action.as_str()).collect();
    actions.sort_unstable();
    actions
}

#[rstest]
#[tokio::test]
async fn the_tokens_go_and_all_sessions_of_the_user_end(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let (github, google) = (door(&app, "github").await, door(&app, "google").await);
    let input = json!({
        "providerId": github, "userId": jane, "externalId": "1",
        "credential": { "accessToken": "canary-token" },
    });
    let first = text(&app.link(input).await.data(), "/linkIdentity/identity/id");
    let second = app.linked(&google, &jane, "2").await;
    let by_first = lanyard::sign_in::session::NewSession {
        identity: Some(first.parse().unwrap()),
        ..app.new_session(&jane, &github)
    };
    let by_first = app.opened(by_first).await.row.id;
    let by_second = app.opened(app.new_session(&jane, &google)).await.row.id;
    let of_joe = app.session(&joe, &google).await;
    let before = app.stored().await;
    assert_eq!(before.credentials.len(), 1);

    is_gone(unlink(&app, &first).await, &first);

    let after = app.stored().await;
    assert!(after.credentials.is_empty());
    let left: Vec<_> = after
        .identities
        .iter()
        .map(|row| row.id.to_string())
        .collect();
    assert_eq!(left, [second.clone()]);
    let open = app.sessions().await;
    assert_eq!(open.len(), 1, "Joe's has stayed: {open:?}");
    assert!(!of_joe.is_empty());
    let events = after.events_since(&before);
    assert_eq!(
        actions(&events),
        ["identity.unlinked", "session.ended", "session.ended"]
    );
    for target in [first.clone(), by_first.to_string(), by_second.to_string()] {
        assert!(events.iter().any(|(_, found)| *found == target), "{target}");
    }
    let unlinked = &after.events[before.events.len()..];
    let unlinked = unlinked
        .iter()
        .find(|event| event.action == "identity.unlinked");
    let told = &unlinked.unwrap().before_json.as_ref().unwrap().0;
    assert_eq!(told["externalId"], "1");
    assert!(!told.to_string().contains("token"), "{told}");

    // The second call.
    assert_eq!(unlink(&app, &first).await.code(), "NOT_FOUND");
    assert_eq!(app.stored().await.events.len(), after.events.len());
}

#[rstest]
#[tokio::test]
async fn the_primary_one_is_handed_on_to_the_first_linked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let more = json!({ "allowsMultiplePerUser": true });
    let provider = app.provider_with("crm", more).await;
    let mut ids = Vec::new();
    for account in ["1", "2", "3"] {
        ids.push(app.linked(&provider, &jane, account).await);
    }
    let primary = async || {
        let stored = app.stored().await;
        let primary = stored.identities.into_iter().filter(|row| row.is_primary);
        primary.map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    is_gone(unlink(&app, &ids[2]).await, &ids[2]);
    assert_eq!(primary().await, [ids[0].clone()]);
    is_gone(unlink(&app, &ids[0]).await, &ids[0]);
    assert_eq!(primary().await, [ids[1].clone()]);
    is_gone(unlink(&app, &ids[1]).await, &ids[1]);
    assert!(primary().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn what_acts_as_the_account_acts_as_nobody(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = (app.user("jane").await, app.organization("acme").await);
    let bot = app.linked(&app.provider("slack").await, &jane, "bot").await;
    let acting = installed(&app, &acme, &bot).await;
    let before = app.stored().await;
    is_gone(unlink(&app, &bot).await, &bot);
    let events = app.stored().await.events_since(&before);
    assert_eq!(
        actions(&events),
        ["identity.unlinked", "org_integration.default_lost"]
    );
    let db = app.database.reader();
    let rows = organization_integration::by_ids(db, &[acting])
        .await
        .unwrap();
    assert_eq!(rows[0].default_identity_id, None);
    assert!(rows[0].default_lost_at.is_some());
}

/// An integration that acts as the identity.
async fn installed(app: &App, organization: &str, identity: &str) -> OrganizationIntegrationId {
    let now = app.clock.now();
    let service = integration::Model {
        id: IntegrationId::new(&app.clock),
        provider: "slack".to_owned(),
        external_id: "T1".to_owned(),
        name: "Slack".to_owned(),
        metadata_json: Json(json!({})),
        status: ObjectStatus::Active,
        date_added: now,
        date_updated: now,
    };
    let share = organization_integration::Model {
        id: OrganizationIntegrationId::new(&app.clock),
        organization_id: organization.parse().unwrap(),
        integration_id: service.id,
        provider: service.provider.clone(),
        external_id: service.external_id.clone(),
        config_json: Json(json!({})),
        status: ObjectStatus::Active,
        default_identity_id: Some(identity.parse().unwrap()),
        default_lost_at: None,
        grace_period_end: None,
        date_added: now,
        date_updated: now,
    };
    let id = share.id;
    app.database
        .write(|tx| {
            let (service, share) = (
                service.clone().into_active_model(),
                share.clone().into_active_model(),
            );
            async move {
                integration::Entity::insert(service)
                    .exec_without_returning(&*tx)
                    .await?;
                organization_integration::Entity::insert(share)
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            }
        })
        .await
        .unwrap();
    id
}

/// Jane at the organization's sign-on: the identity and the auth identity beside it.
async fn at_sign_on(app: &App, jane: &str, more: Value) -> (String, String, String) {
    let acme = app.organization("acme").await;
    app.add_member(&acme, jane).await;
    let provider = match more {
        Value::Null => own_provider(app, &acme, "acme-okta").await,
        mut more => {
            more["organizationId"] = json!(acme);
            more["allowsSignIn"] = json!(true);
            app.provider_with("acme-okta", more).await
        }
    };
    let sign_on = sign_on(app, &acme, &provider, true).await;
    let identity = app.linked(&provider, jane, "j").await;
    let beside = auth_identity(app, &sign_on, jane, "j").await;
    (provider, identity, beside)
}

async fn auth_identities(app: &App, user: &str) -> Value {
    let data = app
        .ask("query($id: ID!) { user(id: $id) { authIdentities { id } } }")
        .variables(json!({ "id": user }))
        .data()
        .await;
    data["user"]["authIdentities"].clone()
}

#[rstest]
#[tokio::test]
async fn the_auth_identity_beside_an_identity_goes_with_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let (_, identity, beside) = at_sign_on(&app, &jane, Value::Null).await;
    app.linked(&door(&app, "github").await, &jane, "1").await;
    assert_eq!(
        auth_identities(&app, &jane).await,
        json!([{ "id": beside }])
    );
    let before = app.stored().await;
    is_gone(unlink(&app, &identity).await, &identity);
    assert_eq!(auth_identities(&app, &jane).await, json!([]));
    let events = app.stored().await.events_since(&before);
    assert_eq!(
        actions(&events),
        ["auth_identity.deleted", "identity.unlinked"]
    );
}

#[rstest]
#[tokio::test]
async fn an_auth_identity_by_another_account_of_the_user_stays(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let several = json!({ "allowsMultiplePerUser": true });
    let (provider, identity, beside) = at_sign_on(&app, &jane, several).await;
    let other = app.linked(&provider, &jane, "other").await;
    app.linked(&door(&app, "github").await, &jane, "1").await;
    is_gone(unlink(&app, &other).await, &other);
    assert_eq!(
        auth_identities(&app, &jane).await,
        json!([{ "id": beside }])
    );
    is_gone(unlink(&app, &identity).await, &identity);
    assert_eq!(auth_identities(&app, &jane).await, json!([]));
}

#[rstest]
#[case::reattached("REATTACH")]
#[case::changed_in_place("UPDATE_IN_PLACE")]
#[tokio::test]
async fn an_auth_identity_goes_when_the_account_beside_it_is_replaced(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[case] policy: &str,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let (provider, _, _) = at_sign_on(&app, &jane, Value::Null).await;
    let input = json!({
        "providerId": provider, "userId": jane, "externalId": "new", "onConflict": policy,
    });
    let linked = app.link(input).await.data();
    assert_eq!(linked["linkIdentity"]["userErrors"], json!([]));
    assert_eq!(auth_identities(&app, &jane).await, json!([]));
}
