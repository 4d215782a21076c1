//! Organizations' single sign-on: set, changed, taken away, and read.

use lanyard::database::{auth_identity, user};
use lanyard::id::{AuthIdentityId, UserId};
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Ask, text};
use crate::support::sign_on::{
    LINK_AUTH_IDENTITY, SET_AUTH_PROVIDER, auth_identity, own_provider, set_auth_provider, sign_on,
};

const REMOVE: &str = "mutation($id: ID!) { removeAuthProvider(organizationId: $id) {
    deletedId userErrors { code message field } } }";

fn read<'a>(app: &'a App, organization: &str) -> Ask<'a> {
    app.ask(
        "query($id: ID!) { authProvider(organizationId: $id) {
            id allowUnlinked provider { id slug } organization { id authProvider { id } } } }",
    )
    .variables(json!({ "id": organization }))
}

fn actions(events: &[(String, String)]) -> Vec<&str> {
    events.iter().map(|(action, _)| action.as_str()).collect()
}

#[rstest]
#[tokio::test]
async fn an_organization_signs_on_by_a_provider_of_its_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    assert_eq!(read(&app, &acme).data().await["authProvider"], Value::Null);
    let before = app.stored().await;
    let payload = set_auth_provider(&app, &acme, &okta, false).await.data();
    let payload = &payload["setAuthProvider"];
    let id = text(payload, "/authProvider/id");
    assert_eq!(
        *payload,
        json!({
            "authProvider": {
                "id": id, "allowUnlinked": false,
                "organization": { "id": acme }, "provider": { "id": okta },
            },
            "userErrors": [],
        })
    );
    let found = read(&app, &acme).data().await["authProvider"].clone();
    assert_eq!(
        found,
        json!({
            "id": id, "allowUnlinked": false,
            "provider": { "id": okta, "slug": "acme-okta" },
            "organization": { "id": acme, "authProvider": { "id": id } },
        })
    );
    let stored = app.stored().await;
    assert_eq!(
        stored.events_since(&before),
        [("auth_provider.created".to_owned(), id.clone())]
    );
    let event = stored.events.last().unwrap();
    assert_eq!(event.organization_id.as_ref(), Some(&acme));
    // The same again changes nothing; another answer of it is a change.
    set_auth_provider(&app, &acme, &okta, false).await.data();
    assert_eq!(app.stored().await.events.len(), stored.events.len());
    let payload = set_auth_provider(&app, &acme, &okta, true).await.data();
    assert_eq!(payload["setAuthProvider"]["authProvider"]["id"], json!(id));
    assert_eq!(
        payload["setAuthProvider"]["authProvider"]["allowUnlinked"],
        true
    );
    let events = app.stored().await.events_since(&stored);
    assert_eq!(actions(&events), ["auth_provider.updated"]);
}

#[rstest]
#[tokio::test]
async fn a_provider_of_somebody_else_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (acme, other) = (
        app.organization("acme").await,
        app.organization("other").await,
    );
    let shared = app.provider("github").await;
    let of_other = own_provider(&app, &other, "other-okta").await;
    for provider in [&shared, &of_other] {
        let payload = set_auth_provider(&app, &acme, provider, false).await.data();
        let payload = &payload["setAuthProvider"];
        assert_eq!(payload["authProvider"], Value::Null);
        let error = &payload["userErrors"][0];
        assert_eq!(error["code"], "INVALID_CONFIGURATION");
        assert_eq!(error["field"], json!(["input", "providerId"]));
    }
    let unknown = "provider_01h455vb4pex5vsknk084sn02q";
    let answer = set_auth_provider(&app, &acme, unknown, false).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    let unknown = "organization_01h455vb4pex5vsknk084sn02q";
    let answer = set_auth_provider(&app, unknown, &shared, false).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(read(&app, &acme).data().await["authProvider"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_sign_on_that_is_asked_of_members_signs_them_in(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let silent = app.own_provider(&acme, "acme-silent").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let set = async |provider: &str, allow_unlinked: bool| {
        let answer = set_auth_provider(&app, &acme, provider, allow_unlinked).await;
        answer.data()["setAuthProvider"].clone()
    };
    let enable = async |on: bool| {
        app.ask("mutation($input: UpdateIdentityProviderInput!) { updateIdentityProvider(input: $input) { identityProvider { id } userErrors { code } } }")
            .variables(json!({ "input": { "id": okta, "enabled": on } }))
            .data()
            .await
    };
    enable(false).await;
    app.all_sealed().await;
    let before = app.dump().await;
    for (provider, why) in [
        (&silent, "acme-silent signs nobody in"),
        (&okta, "acme-okta is not enabled"),
    ] {
        let payload = set(provider, false).await;
        assert_eq!(payload["authProvider"], Value::Null);
        let error = &payload["userErrors"][0];
        assert_eq!(error["code"], "INVALID_CONFIGURATION", "{payload:#}");
        assert_eq!(error["field"], json!(["input", "providerId"]));
        let message = text(error, "/message");
        assert!(message.contains(why), "{message}");
    }
    assert_eq!(app.dump().await, before);
    // Where members may be without a link, neither is needed; to ask for one later is refused too.
    assert_eq!(set(&silent, true).await["userErrors"], json!([]));
    let refused = set(&silent, false).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID_CONFIGURATION");
    enable(true).await;
    assert_eq!(set(&okta, false).await["userErrors"], json!([]));
}

#[rstest]
#[tokio::test]
async fn another_provider_takes_the_place_and_the_old_links_go(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let (okta, google) = (
        own_provider(&app, &acme, "acme-okta").await,
        own_provider(&app, &acme, "acme-google").await,
    );
    let old = sign_on(&app, &acme, &okta, false).await;
    let mut links = Vec::new();
    for name in ["jane", "joe"] {
        let user = app.user(name).await;
        app.add_member(&acme, &user).await;
        app.linked(&okta, &user, name).await;
        links.push(auth_identity(&app, &old, &user, name).await);
    }
    let before = app.stored().await;
    let new = sign_on(&app, &acme, &google, false).await;
    assert_ne!(new, old);
    let stored = app.stored().await;
    assert_eq!(stored.identities, before.identities, "identities stay");
    let told = stored.events_since(&before);
    let of = |action: &str, id: &String| (action.to_owned(), id.clone());
    assert_eq!(
        told,
        [
            of("auth_identity.deleted", &links[0]),
            of("auth_identity.deleted", &links[1]),
            of("auth_provider.deleted", &old),
            of("auth_provider.created", &new),
        ]
    );
    for id in links.iter().chain([&old]) {
        let node = app
            .ask("query($id: ID!) { node(id: $id) { id } }")
            .variables(json!({ "id": id }));
        assert_eq!(node.data().await["node"], Value::Null);
    }
    // The many events of one change are sealed like any other.
    app.all_sealed().await;
}

#[rstest]
#[tokio::test]
async fn a_sign_on_is_taken_away_with_its_links(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let remove = || app.ask(REMOVE).variables(json!({ "id": acme })).send();
    assert_eq!(remove().await.code(), "NOT_FOUND");
    let id = sign_on(&app, &acme, &okta, false).await;
    let jane = app.user("jane").await;
    app.add_member(&acme, &jane).await;
    auth_identity(&app, &id, &jane, "j").await;
    let payload = remove().await.data()["removeAuthProvider"].clone();
    assert_eq!(payload, json!({ "deletedId": id, "userErrors": [] }));
    assert_eq!(read(&app, &acme).data().await["authProvider"], Value::Null);
    assert_eq!(remove().await.code(), "NOT_FOUND");
}

#[rstest]
#[tokio::test]
async fn a_provider_is_in_use_while_it_is_a_sign_on(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    sign_on(&app, &acme, &okta, false).await;
    let delete = || {
        app.ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId userErrors { code message } } }")
            .variables(json!({ "id": okta }))
            .data()
    };
    let payload = delete().await["deleteIdentityProvider"].clone();
    let error = &payload["userErrors"][0];
    assert_eq!(error["code"], "IN_USE");
    let message = text(error, "/message");
    assert!(
        message.contains("the sign-on of 1 organization"),
        "{message}"
    );
    app.ask(REMOVE)
        .variables(json!({ "id": acme }))
        .data()
        .await;
    let payload = delete().await["deleteIdentityProvider"].clone();
    assert_eq!(payload["deletedId"], json!(okta));
}

#[rstest]
#[tokio::test]
async fn it_takes_both_scopes_and_a_bound_key_is_for_its_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, other) = (
        app.organization("acme").await,
        app.organization("other").await,
    );
    let (okta, foreign) = (
        own_provider(&app, &acme, "acme-okta").await,
        own_provider(&app, &other, "other-okta").await,
    );
    let set = |key: &str, organization: &str, provider: &str| {
        app.ask(SET_AUTH_PROVIDER)
            .by(key)
            .variables(json!({ "input": {
                "organizationId": organization, "providerId": provider,
            } }))
            .send()
    };
    for (lacks, held) in [
        ("identity:write", "integration:write"),
        ("integration:write", "identity:write"),
    ] {
        let key = app.key(held, &[held, "integration:read"]).await;
        let answer = set(&key, &acme, &okta).await;
        assert_eq!(answer.code(), "FORBIDDEN");
        assert!(answer.message().contains(lacks), "{}", answer.message());
    }
    let scopes = ["integration:read", "integration:write", "identity:write"];
    let key = app.bound_key(&acme, &scopes).await;
    assert_eq!(set(&key, &other, &foreign).await.code(), "NOT_FOUND");
    assert_eq!(set(&key, &acme, &foreign).await.code(), "NOT_FOUND");
    let refused = app.ask(REMOVE).by(&key).variables(json!({ "id": other }));
    assert_eq!(refused.code().await, "NOT_FOUND");
    let payload = set(&key, &acme, &okta).await.data();
    assert_eq!(payload["setAuthProvider"]["userErrors"], json!([]));
    sign_on(&app, &other, &foreign, true).await;
    let seen = read(&app, &other).by(&key).data().await;
    assert_eq!(seen["authProvider"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn members_see_their_organizations_sign_on(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let id = sign_on(&app, &acme, &okta, true).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    app.add_member(&acme, &jane).await;
    let door = app.provider("door").await;
    let (member, stranger) = (
        app.session(&jane, &door).await,
        app.session(&joe, &door).await,
    );
    let seen = read(&app, &acme).by_person(&member).data().await;
    assert_eq!(seen["authProvider"]["id"], json!(id));
    let seen = read(&app, &acme).by_person(&stranger).data().await;
    assert_eq!(seen["authProvider"], Value::Null);
    for document in [
        "{ authProvider { id } }".to_owned(),
        format!("{{ authProvider(id: {id:?}, organizationId: {acme:?}) {{ id }} }}"),
        format!("{{ authProvider(id: {acme:?}) {{ id }} }}"),
    ] {
        assert_eq!(app.ask(&document).code().await, "BAD_USER_INPUT");
    }
    let by_id = app
        .ask(&format!("{{ authProvider(id: {id:?}) {{ id }} }}"))
        .data()
        .await;
    assert_eq!(by_id["authProvider"]["id"], json!(id));
}

/// So many users more, each linked to the sign-on, past the API.
async fn many_links(app: &App, like: &str, sign_on: &str, organization: &str, count: usize) {
    let db = app.database.reader();
    let like = user::by_ids(db, &[like.parse().unwrap()]).await.unwrap();
    let users: Vec<user::Model> = (0..count)
        .map(|number| user::Model {
            id: UserId::new(&app.clock),
            entity_ref: format!("user:default/person-{number}"),
            ..like[0].clone()
        })
        .collect();
    for users in users.chunks(1000) {
        app.database
            .write(|tx| {
                let rows: Vec<_> = users
                    .iter()
                    .map(|row| row.clone().into_active_model())
                    .collect();
                let links: Vec<_> = users
                    .iter()
                    .map(|row| {
                        auth_identity::Model {
                            id: AuthIdentityId::new(&app.clock),
                            auth_provider_id: sign_on.parse().unwrap(),
                            organization_id: organization.parse().unwrap(),
                            user_id: row.id,
                            ident: row.entity_ref.clone(),
                            date_added: row.date_added,
                            last_verified: row.date_added,
                            last_synced: row.date_added,
                        }
                        .into_active_model()
                    })
                    .collect();
                async move {
                    user::Entity::insert_many(rows)
                        .exec_without_returning(&*tx)
                        .await?;
                    auth_identity::Entity::insert_many(links)
                        .exec_without_returning(&*tx)
                        .await?;
                    Ok(())
                }
            })
            .await
            .unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn a_sign_on_of_very_many_members_is_not_taken_away_at_once(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let id = sign_on(&app, &acme, &okta, true).await;
    let jane = app.user("jane").await;
    many_links(&app, &jane, &id, &acme, 10_000).await;
    app.add_member(&acme, &jane).await;
    auth_identity(&app, &id, &jane, "jane").await;
    let remove = || app.ask(REMOVE).variables(json!({ "id": acme })).data();
    let payload = remove().await["removeAuthProvider"].clone();
    assert_eq!(payload["deletedId"], Value::Null);
    assert_eq!(payload["userErrors"][0]["code"], "TOO_LARGE");
    let other = own_provider(&app, &acme, "acme-google").await;
    let payload = set_auth_provider(&app, &acme, &other, true).await.data();
    assert_eq!(
        payload["setAuthProvider"]["userErrors"][0]["code"],
        "TOO_LARGE"
    );
    assert_eq!(
        read(&app, &acme).data().await["authProvider"]["id"],
        json!(id)
    );
    // One less can go, each with its event.
    let one = "mutation($user: ID!, $organization: ID!) {
        deleteAuthIdentities(userId: $user, organizationId: $organization) { deletedIds } }";
    app.ask(one)
        .variables(json!({ "user": jane, "organization": acme }))
        .data()
        .await;
    let before = app.stored().await;
    let payload = remove().await["removeAuthProvider"].clone();
    assert_eq!(payload["deletedId"], json!(id), "{payload:#}");
    let told = app.stored().await.events_since(&before);
    let mut targets: Vec<_> = told
        .iter()
        .filter(|(action, _)| action == "auth_identity.deleted")
        .map(|(_, target)| target)
        .collect();
    targets.sort();
    targets.dedup();
    assert_eq!((told.len(), targets.len()), (10_001, 10_000));
}

#[rstest]
#[tokio::test]
async fn links_that_are_made_while_the_sign_on_goes_are_no_fault(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let okta = own_provider(&app, &acme, "acme-okta").await;
    let jane = app.user("jane").await;
    app.add_member(&acme, &jane).await;
    for round in 0..15 {
        let id = sign_on(&app, &acme, &okta, true).await;
        if round % 2 == 0 {
            auth_identity(&app, &id, &jane, "j").await;
        }
        let before = app.stored().await;
        let link = app
            .ask(LINK_AUTH_IDENTITY)
            .variables(json!({ "input": { "authProviderId": id, "userId": jane, "ident": "j" } }))
            .send();
        let remove = app.ask(REMOVE).variables(json!({ "id": acme })).send();
        let (linked, removed) = tokio::join!(link, remove);
        assert_eq!(removed.data()["removeAuthProvider"]["deletedId"], json!(id));
        if linked.body.get("errors").is_some() {
            assert_eq!(linked.code(), "NOT_FOUND", "{linked:?}");
        }
        let events = app.stored().await.events_since(&before);
        let told = |what: &str| events.iter().filter(|(action, _)| action == what).count();
        // Whatever was linked is gone, once.
        let was = usize::from(round % 2 == 0);
        assert_eq!(
            told("auth_identity.deleted"),
            was + told("auth_identity.linked"),
            "{events:?}"
        );
    }
}
