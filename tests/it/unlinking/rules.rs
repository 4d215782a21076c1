//! The disconnect rules, as `disconnect` shows them and the mutations obey them.

use rstest::rstest;
use serde_json::json;

use super::{
    change, delete_auth_identity, disconnect, disconnect_of_auth, door, is_gone, is_refused, unlink,
};
use crate::support::app::{App, Db};
use crate::support::sign_on::{auth_identity, own_provider, sign_on};

const CAN: &str = "CAN_DISCONNECT";
const GLOBAL: &str = "NEEDED_FOR_GLOBAL_AUTH";
const ORG: &str = "NEEDED_FOR_ORG_AUTH";

#[rstest]
#[tokio::test]
async fn identity_needed_for_global_auth(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let (github, google, slack) = (
        door(&app, "github").await,
        door(&app, "google").await,
        app.provider("slack").await,
    );
    let lone = app.linked(&github, &jane, "1").await;
    assert_eq!(disconnect(&app, &lone).await, GLOBAL);
    // One that signs nobody in changes nothing, and is never needed itself.
    let chat = app.linked(&slack, &jane, "2").await;
    assert_eq!(disconnect(&app, &lone).await, GLOBAL);
    assert_eq!(disconnect(&app, &chat).await, CAN);
    // Nor does somebody else's.
    let joe = app.user("joe").await;
    app.linked(&google, &joe, "4").await;
    assert_eq!(disconnect(&app, &lone).await, GLOBAL);
    // A second login flips both.
    let second = app.linked(&google, &jane, "3").await;
    assert_eq!(disconnect(&app, &lone).await, CAN);
    assert_eq!(disconnect(&app, &second).await, CAN);
    // Deleting one flips back.
    is_gone(unlink(&app, &lone).await, &lone);
    assert_eq!(disconnect(&app, &second).await, GLOBAL);
    assert_eq!(disconnect(&app, &chat).await, CAN);
    is_gone(unlink(&app, &chat).await, &chat);
    let refused = unlink(&app, &second).await.data();
    is_refused(&refused["unlinkIdentity"], GLOBAL);
}

#[rstest]
#[tokio::test]
async fn another_way_in_that_the_application_knows_is_one(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let github = door(&app, "github").await;
    let lone = app.linked(&github, &jane, "1").await;
    assert_eq!(disconnect(&app, &lone).await, GLOBAL);
    let entity_ref = "user:default/jane";
    change(
        &app,
        "upsertUser",
        json!({ "entityRef": entity_ref, "hasOtherSignIn": true }),
    )
    .await;
    assert_eq!(disconnect(&app, &lone).await, CAN);
    is_gone(unlink(&app, &lone).await, &lone);
}

#[rstest]
#[tokio::test]
async fn a_login_counts_as_another_way_in_while_its_provider_is_enabled(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let (github, google) = (door(&app, "github").await, door(&app, "google").await);
    let first = app.linked(&github, &jane, "1").await;
    let second = app.linked(&google, &jane, "2").await;
    let input = json!({ "id": google, "enabled": false });
    change(&app, "updateIdentityProvider", input).await;
    assert_eq!(disconnect(&app, &first).await, GLOBAL);
    // The shut one itself can go: the other one is open.
    assert_eq!(disconnect(&app, &second).await, CAN);
    let input = json!({ "id": google, "enabled": true, "allowsSignIn": false });
    change(&app, "updateIdentityProvider", input).await;
    assert_eq!(disconnect(&app, &first).await, GLOBAL);
    assert_eq!(disconnect(&app, &second).await, CAN);
    is_refused(&unlink(&app, &first).await.data()["unlinkIdentity"], GLOBAL);
}

/// Jane, a member of an organization with a sign-on, and an account of hers there.
struct Tenant {
    jane: String,
    organization: String,
    provider: String,
    sign_on: String,
    identity: String,
    auth_identity: String,
}

async fn tenant(app: &App, allow_unlinked: bool) -> Tenant {
    let (jane, organization) = (app.user("jane").await, app.organization("acme").await);
    app.add_member(&organization, &jane).await;
    let provider = own_provider(app, &organization, "acme-okta").await;
    let sign_on = sign_on(app, &organization, &provider, allow_unlinked).await;
    Tenant {
        identity: app.linked(&provider, &jane, "j").await,
        auth_identity: auth_identity(app, &sign_on, &jane, "j").await,
        jane,
        organization,
        provider,
        sign_on,
    }
}

#[rstest]
#[tokio::test]
async fn org_identity_can_be_deleted_if_not_required(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tenant = tenant(&app, true).await;
    app.linked(&door(&app, "github").await, &tenant.jane, "1")
        .await;
    assert_eq!(disconnect_of_auth(&app, &tenant.auth_identity).await, CAN);
    assert_eq!(disconnect(&app, &tenant.identity).await, CAN);
    let id = &tenant.auth_identity;
    let payload = delete_auth_identity(&app, id).await.data()["deleteAuthIdentity"].clone();
    assert_eq!(payload, json!({ "deletedId": id, "userErrors": [] }));
    assert_eq!(delete_auth_identity(&app, id).await.code(), "NOT_FOUND");
    // The identity beside it has stayed, and can go too.
    is_gone(unlink(&app, &tenant.identity).await, &tenant.identity);
}

#[rstest]
#[tokio::test]
async fn org_identity_used_for_global_auth(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tenant = tenant(&app, true).await;
    assert_eq!(
        disconnect_of_auth(&app, &tenant.auth_identity).await,
        GLOBAL
    );
    assert_eq!(disconnect(&app, &tenant.identity).await, GLOBAL);
    // One that signs nobody in, and one at another provider of the organization's own, are no
    // other way: the person may be removed from the organization.
    app.linked(&app.provider("slack").await, &tenant.jane, "2")
        .await;
    let other = own_provider(&app, &tenant.organization, "acme-google").await;
    let other = app.linked(&other, &tenant.jane, "3").await;
    assert_eq!(
        disconnect_of_auth(&app, &tenant.auth_identity).await,
        GLOBAL
    );
    assert_eq!(disconnect(&app, &tenant.identity).await, GLOBAL);
    assert_eq!(disconnect(&app, &other).await, GLOBAL);
    // Nor are they for a login at a shared provider; and that is one for them.
    let lone = app
        .linked(&door(&app, "github").await, &tenant.jane, "1")
        .await;
    assert_eq!(disconnect(&app, &lone).await, GLOBAL);
    assert_eq!(disconnect_of_auth(&app, &tenant.auth_identity).await, CAN);
    assert_eq!(disconnect(&app, &tenant.identity).await, CAN);
    assert_eq!(disconnect(&app, &other).await, CAN);
    is_refused(&unlink(&app, &lone).await.data()["unlinkIdentity"], GLOBAL);
    is_gone(unlink(&app, &other).await, &other);
}

#[rstest]
#[tokio::test]
async fn org_requirement_precedes_global_auth(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tenant = tenant(&app, false).await;
    // Needed for both: the organization's word comes first.
    assert_eq!(disconnect_of_auth(&app, &tenant.auth_identity).await, ORG);
    assert_eq!(disconnect(&app, &tenant.identity).await, ORG);
    // And it stands, however many other ways in there are.
    app.linked(&door(&app, "github").await, &tenant.jane, "1")
        .await;
    assert_eq!(disconnect_of_auth(&app, &tenant.auth_identity).await, ORG);
    assert_eq!(disconnect(&app, &tenant.identity).await, ORG);
    // Until the organization lets members be without, or the person is none any more.
    sign_on(&app, &tenant.organization, &tenant.provider, true).await;
    assert_eq!(disconnect_of_auth(&app, &tenant.auth_identity).await, CAN);
    sign_on(&app, &tenant.organization, &tenant.provider, false).await;
    assert_eq!(disconnect(&app, &tenant.identity).await, ORG);
    app.execute("DELETE FROM organization_member").await;
    assert_eq!(disconnect_of_auth(&app, &tenant.auth_identity).await, CAN);
    assert_eq!(disconnect(&app, &tenant.identity).await, CAN);
}

#[rstest]
#[tokio::test]
async fn enforces_needed_for_org_access(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tenant = tenant(&app, false).await;
    app.linked(&door(&app, "github").await, &tenant.jane, "1")
        .await;
    app.all_sealed().await;
    let before = app.dump().await;
    is_refused(
        &unlink(&app, &tenant.identity).await.data()["unlinkIdentity"],
        ORG,
    );
    is_refused(
        &delete_auth_identity(&app, &tenant.auth_identity)
            .await
            .data()["deleteAuthIdentity"],
        ORG,
    );
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn enforces_global_ident_needed_for_login(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tenant = tenant(&app, true).await;
    let lone = app
        .linked(&door(&app, "github").await, &tenant.jane, "1")
        .await;
    app.all_sealed().await;
    let before = app.dump().await;
    is_refused(&unlink(&app, &lone).await.data()["unlinkIdentity"], GLOBAL);
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn enforces_org_ident_needed_for_login(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let tenant = tenant(&app, true).await;
    app.all_sealed().await;
    let before = app.dump().await;
    is_refused(
        &delete_auth_identity(&app, &tenant.auth_identity)
            .await
            .data()["deleteAuthIdentity"],
        GLOBAL,
    );
    is_refused(
        &unlink(&app, &tenant.identity).await.data()["unlinkIdentity"],
        GLOBAL,
    );
    assert_eq!(app.dump().await, before);
    assert!(!tenant.sign_on.is_empty());
}
