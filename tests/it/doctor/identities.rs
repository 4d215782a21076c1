//! Stored identities that break what the API keeps and no constraint does.

use rstest::rstest;
use serde_json::json;

use super::seen::Seen;
use crate::support::app::{App, Db};
use crate::support::tenants::Tenants;

#[rstest]
#[tokio::test]
async fn what_the_api_leaves_behind_is_in_order(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let linked = Linked::new(on).await;
    // The primary identity of two goes to another user.
    let input = json!({ "providerId": linked.many, "userId": linked.joe, "externalId": "1", "onConflict": "REATTACH" });
    linked.app.link(input).await.data();
    linked.app.all_sealed().await;
    Seen::of_app(&linked.app, &[]).await.is_healthy();
}

#[rstest]
#[tokio::test]
async fn an_identity_of_another_type_than_its_provider_is_named(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let linked = Linked::new(on).await;
    let says = format!("set provider_type to the provider's: {}", linked.first);
    let sql = "UPDATE identity SET provider_type = 'github' WHERE external_id = '1'";
    linked.app.execute(sql).await;
    let seen = Seen::of_app(&linked.app, &[]).await;
    seen.fails(&[("identity_types", &says)]);
}

#[rstest]
#[tokio::test]
async fn an_identity_within_another_organization_than_its_provider_is_named(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, a) = (&tenants.app, &tenants.a);
    app.all_sealed().await;
    Seen::of_app(app, &[]).await.is_healthy();
    let of = |slug: &str| format!("(SELECT id FROM organization WHERE slug = '{slug}')");
    // Another one; none at an organization's own; one at a shared provider.
    for (external_id, id, organization, right) in [
        ("canary-a-own", &a.at_own, of("b"), of("canary-a")),
        ("canary-a-own", &a.at_own, "NULL".to_owned(), of("canary-a")),
        (
            "canary-a-shared",
            &a.at_shared,
            of("canary-a"),
            "NULL".to_owned(),
        ),
    ] {
        let set = |organization: &str| {
            format!(
                "UPDATE identity SET organization_id = {organization}
                 WHERE external_id = '{external_id}'"
            )
        };
        app.execute(&set(&organization)).await;
        let says = format!("set organization_id to the provider's: {id}");
        let seen = Seen::of_app(app, &[]).await;
        seen.fails(&[("identity_organizations", &says)]);
        app.execute(&set(&right)).await;
    }
    Seen::of_app(app, &[]).await.is_healthy();
}

#[rstest]
#[tokio::test]
async fn an_auth_identity_within_another_organization_than_its_sign_on_is_named(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, a) = (&tenants.app, &tenants.a);
    app.all_sealed().await;
    app.execute(
        "UPDATE auth_identity SET organization_id =
            (SELECT id FROM organization WHERE slug = 'b')",
    )
    .await;
    let says = format!(
        "set organization_id to the auth provider's: {}",
        a.auth_identity
    );
    let seen = Seen::of_app(app, &[]).await;
    seen.fails(&[("auth_identities", &says)]);
}

#[rstest]
#[tokio::test]
async fn an_organization_integration_of_another_service_than_its_integration_is_named(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let linked = Linked::new(on).await;
    let app = &linked.app;
    let organization = app.organization("acme").await;
    app.add_member(&organization, &linked.jane).await;
    let installed = app.acting_as(&organization, &linked.single).await;
    app.all_sealed().await;
    let says = format!("set provider and external_id to the integration's: {installed}");
    for column in ["provider", "external_id"] {
        Seen::of_app(app, &[]).await.is_healthy();
        let set = format!("UPDATE organization_integration SET {column} = 'other'");
        app.execute(&set).await;
        let seen = Seen::of_app(app, &[]).await;
        seen.fails(&[("organization_integrations", &says)]);
        let right = format!(
            "UPDATE organization_integration SET {column} = (SELECT {column} FROM integration)"
        );
        app.execute(&right).await;
    }
}

#[rstest]
#[tokio::test]
async fn an_identity_in_a_slot_that_is_not_its_own_is_named(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let linked = Linked::new(on).await;
    // Where there are several accounts, and where there is one.
    for (external_id, slot, id) in [("1", "", &linked.first), ("3", "3", &linked.single)] {
        let set = |slot: &str| {
            format!(
                "UPDATE identity SET account_slot = '{slot}' WHERE external_id = '{external_id}'"
            )
        };
        linked.app.execute(&set(slot)).await;
        let seen = Seen::of_app(&linked.app, &[]).await;
        let says = format!("else to '': {id}");
        seen.fails(&[("identity_slots", &says)]);
        let right = if slot.is_empty() { external_id } else { "" };
        linked.app.execute(&set(right)).await;
    }
    Seen::of_app(&linked.app, &[]).await.is_healthy();
}

#[rstest]
#[tokio::test]
async fn a_user_without_a_primary_identity_at_a_provider_is_named_by_those_there_are(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let linked = Linked::new(on).await;
    let sql = "UPDATE identity SET is_primary = FALSE WHERE external_id IN ('1', '2')";
    linked.app.execute(sql).await;
    let mut ids = [linked.first.as_str(), linked.second.as_str()];
    ids.sort_unstable();
    let says = format!("make one of each user's primary: {}", ids.join(", "));
    let seen = Seen::of_app(&linked.app, &[]).await;
    seen.fails(&[("primary_identities", &says)]);
}

#[rstest]
#[tokio::test]
async fn a_large_table_is_looked_at_to_its_end(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let linked = Linked::new(on).await;
    // Copies of one row, more than one statement looks at; the ids don't matter to any check.
    let (id, number) = match on {
        Db::Sqlite => ("randomblob(16)", "CAST(n AS text)"),
        Db::Postgres => ("gen_random_uuid()", "n::text"),
    };
    linked
        .app
        .execute(&format!(
            "WITH RECURSIVE numbers(n) AS
                (SELECT 100 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10300)
             INSERT INTO identity (id, provider_id, provider_type, user_id, external_id,
                account_slot, is_primary, attributes_json, scopes_json, status, data_json, version,
                date_added, date_updated, date_verified)
             SELECT {id}, provider_id, provider_type, user_id, {number}, {number}, FALSE,
                attributes_json, scopes_json, status, data_json, version,
                date_added, date_updated, date_verified
             FROM identity, numbers WHERE external_id = '1'"
        ))
        .await;
    Seen::of_app(&linked.app, &[]).await.is_healthy();
    let sql = "UPDATE identity SET provider_type = 'github'
               WHERE id = (SELECT id FROM identity ORDER BY id DESC LIMIT 1)";
    linked.app.execute(sql).await;
    Seen::of_app(&linked.app, &[])
        .await
        .fails(&[("identity_types", ": identity_")]);
    linked
        .app
        .execute("UPDATE identity SET provider_type = 'github'")
        .await;
    Seen::of_app(&linked.app, &[])
        .await
        .fails(&[("identity_types", " and at least 95 more")]);
}

/// Jane has two accounts where several are allowed, the first of them primary, and one where one
/// is.
struct Linked {
    app: App,
    jane: String,
    joe: String,
    many: String,
    first: String,
    second: String,
    single: String,
}

impl Linked {
    async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let (jane, joe) = (app.user("jane").await, app.user("joe").await);
        let many = app
            .provider_with("many", json!({ "allowsMultiplePerUser": true }))
            .await;
        let one = app.provider("one").await;
        let first = app.linked(&many, &jane, "1").await;
        let second = app.linked(&many, &jane, "2").await;
        let single = app.linked(&one, &jane, "3").await;
        app.all_sealed().await;
        Self {
            app,
            jane,
            joe,
            many,
            first,
            second,
            single,
        }
    }
}
