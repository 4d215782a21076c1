//! A database that the release before has filled: nothing of it changes, all of it goes on
//! working; and that release can go on writing beside this one.

use std::collections::BTreeSet;

use lanyard::clock::Clock;
use lanyard::database::{credential, identity_provider};
use lanyard::demo::provider::Issuer;
use lanyard::vault::{KeyRing, MasterKey, Place, Vault};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::Empty;
use super::rows_of_then::{apply_ground, in_words_of, write_rows};
use crate::audit::chain::{broken_at, chain_key, sealed};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::dump::{Columns, columns, dump_of};
use crate::support::fixtures::LINK;
use crate::support::world::World;

/// What it had told in the end.
const EVENTS: usize = 39;
/// What it gave away: a key that reads identities and the directory, and Ada's session.
const READER: &str = "lyd_JINnHA8Dsl2ATjZn7gI6GDpgiV29BjfpzpAeabiMJzk";
const SESSION: &str = "SUBw_wn39W9yFLSR200OZ35IICmpbaQPH6ymriDI7i4";

/// The tables of then that held nothing.
fn empty_tables(dump: &crate::support::dump::Dump) -> BTreeSet<&str> {
    let empty = dump.iter().filter(|(_, rows)| rows.is_empty());
    empty.map(|(table, _)| table.as_str()).collect()
}

#[rstest]
#[tokio::test]
async fn nothing_of_the_release_before_changes_and_all_of_it_goes_on(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let empty = Empty::new(on).await;
    apply_ground(&empty).await;
    let mut columns_then = Columns::new();
    let mut before = None;
    let world = World::start_at(async |provider| {
        write_rows(&empty, provider).await;
        columns_then = columns(&empty.database).await;
        columns_then.remove("seaql_migrations");
        // Who works just now.
        columns_then.remove("job_lease");
        columns_then.retain(|table, _| !table.starts_with("sqlite_"));
        before = Some(dump_of(&empty.database, &columns_then).await);
        empty.url.clone()
    })
    .await;
    let (app, before) = (&world.app, before.unwrap());
    let without_rows = ["event_unsealed", "organization", "organization_member"];
    assert_eq!(empty_tables(&before), BTreeSet::from(without_rows));
    let status = app.database.migration_status("here").await.unwrap();
    assert_eq!((status.applied.len(), status.pending.len()), (4, 0));
    let same = async |when: &str| {
        let mut now = dump_of(&app.database, &columns_then).await;
        // A release may have further secrets of its own.
        let secrets_then = &before["secret"];
        let secrets = now.get_mut("secret").unwrap();
        secrets.retain(|row| secrets_then.contains(row));
        assert_eq!(now, before, "{when}");
    };
    same("migrated").await;
    reads_all(app).await;
    opens_the_secrets(app).await;
    knows_keys_and_sessions(app).await;
    answers_the_same_request_alike(app).await;
    let chain = chain_key(app).await;
    let sealed_then = sealed(app).await;
    assert_eq!(sealed_then.len(), EVENTS);
    assert_eq!(broken_at(&chain, &sealed_then), None);
    same("read").await;

    links_on(app).await;
    signs_in(&world).await;
    app.all_sealed().await;
    let sealed_now = sealed(app).await;
    assert!(sealed_now.len() > EVENTS + 3, "{}", sealed_now.len());
    assert_eq!(sealed_now[..EVENTS], sealed_then);
    assert_eq!(broken_at(&chain, &sealed_now), None);
}

async fn reads_all(app: &App) {
    let data = app
        .ask(
            "{ users { totalCount } identities { totalCount } auditEvents { totalCount }
            identityProviders { nodes { slug name enabled version organization { id } } }
            identity(filter: { providerType: \"github\", externalId: \"583231\" }) {
                email emailVerified username displayName attributes { name value } scopes data
                status version isPrimary user { entityRef displayName email }
                credential { tokenType scopes expiresAt refreshTokenExpiresAt } dateAdded
            } }",
        )
        .data()
        .await;
    assert_eq!(data["users"]["totalCount"], 8);
    assert_eq!(data["identities"]["totalCount"], 13);
    assert_eq!(data["auditEvents"]["totalCount"], EVENTS);
    let row = |slug: &str, name: &str, enabled: bool, version: i32| json!({ "slug": slug, "name": name, "enabled": enabled, "version": version, "organization": null });
    assert_eq!(
        data["identityProviders"]["nodes"],
        json!([
            row("acme", "Acme", true, 1),
            row("hub", "Hub", true, 1),
            row("payroll", "Payroll", true, 1),
            row("github", "GitHub", true, 1),
            row("crm", "Customers", true, 2),
            row("old-system", "Custom", false, 1),
        ])
    );
    assert_eq!(
        data["identity"],
        json!({
            "email": "mira@example.org", "emailVerified": true, "username": "mira",
            "displayName": "Mira", "attributes": [{ "name": "company", "value": "Acme" }],
            "scopes": ["read:user", "user:email"], "status": "VALID", "version": 1,
            "data": { "installation": 42, "nested": { "list": [1, 2.5, null, "é"] } },
            "isPrimary": true, "dateAdded": "2026-11-22T10:48:47.320125+00:00",
            "user": { "entityRef": "user:default/mira", "displayName": "Mira Solano",
                      "email": "Mira@Example.org" },
            "credential": { "tokenType": "bearer", "scopes": ["read:user"],
                            "expiresAt": "2031-01-01T00:00:00.500+00:00",
                            "refreshTokenExpiresAt": "2032-01-01T00:00:00+00:00" },
        })
    );
}

/// Tokens and the secrets of clients, by the same master key.
async fn opens_the_secrets(app: &App) {
    let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
    let vault = Vault::new(keys, Clock::default());
    let db = app.database.reader();
    let rows = credential::Entity::find().all(db).await.unwrap();
    assert_eq!(rows.len(), 3);
    let mut opened = BTreeSet::new();
    for row in &rows {
        let sealed = [
            ("access_token_sealed", Some(&row.access_token_sealed)),
            ("refresh_token_sealed", row.refresh_token_sealed.as_ref()),
        ];
        for (column, sealed) in sealed {
            let place = Place {
                table: "credential",
                row: row.identity_id.0.as_bytes(),
                column,
            };
            let token = vault.open(&place, sealed.unwrap()).unwrap();
            opened.insert(String::from_utf8(token.to_vec()).unwrap());
        }
    }
    for token in ["the access token of then", "the refresh token of then"] {
        assert!(opened.contains(token), "{token}");
    }
    let providers = identity_provider::Entity::find().all(db).await.unwrap();
    let github = providers.iter().find(|row| row.slug == "github").unwrap();
    let place = Place {
        table: "identity_provider",
        row: github.id.0.as_bytes(),
        column: "client_secret_sealed",
    };
    let secret = vault.open(&place, github.client_secret_sealed.as_ref().unwrap());
    assert_eq!(secret.unwrap().as_slice(), b"the client secret of then");
}

async fn knows_keys_and_sessions(app: &App) {
    let query = "{ viewer { ... on ApiKey { name application } } identities { totalCount } }";
    let data = app.ask(query).by(READER).data().await;
    assert_eq!(data["viewer"]["application"], "portal");
    assert_eq!(
        data["identities"]["totalCount"], 13,
        "it is bound to nothing"
    );
    let denied = app.ask("{ auditEvents { totalCount } }").by(READER);
    assert_eq!(denied.code().await, "FORBIDDEN");
    let query = "{ viewer { ... on User { entityRef sessions { current provider { slug } } } } }";
    let data = app.ask(query).by_person(SESSION).data().await;
    assert_eq!(
        data["viewer"],
        json!({ "entityRef": "user:default/ada",
                "sessions": [{ "current": true, "provider": { "slug": "acme" } }] })
    );
}

/// An idempotency key of then.
async fn answers_the_same_request_alike(app: &App) {
    let data = app
        .ask("{ identityProvider(slug: \"github\") { id } user(entityRef: \"user:mira\") { id } }")
        .data()
        .await;
    let input = json!({
        "providerId": data["identityProvider"]["id"], "userId": data["user"]["id"],
        "externalId": "583231", "scopes": ["read:user", "user:email"],
        "data": { "installation": 42, "nested": { "list": [1, 2.5, null, "é"] } },
        "profile": { "email": "mira@example.org", "emailVerified": true, "username": "mira",
                     "displayName": "Mira", "attributes": { "company": "Acme" } },
        "credential": { "accessToken": "the access token of then",
                        "refreshToken": "the refresh token of then", "tokenType": "bearer",
                        "expiresAt": "2031-01-01T00:00:00.5Z",
                        "refreshTokenExpiresAt": "2032-01-01T00:00:00Z",
                        "scopes": ["read:user"] },
        "idempotencyKey": "of then",
    });
    let payload = app.link(input).await.data()["linkIdentity"].clone();
    assert_eq!(payload["outcome"], "CREATED", "{payload:#}");
    assert_eq!(payload["identity"]["version"], 1);
}

/// Rows of then, by the mutations of now.
async fn links_on(app: &App) {
    let data = app
        .ask(
            "{ crm: identityProvider(slug: \"crm\") { id }
            payroll: identityProvider(slug: \"payroll\") { id }
            teo: user(entityRef: \"user:teo\") { id } kim: user(entityRef: \"user:kim\") { id }
            identity(filter: { externalId: \"E-1007\" }) { id } }",
        )
        .data()
        .await;
    let link = async |provider: &str, user: &str, external_id: &str, policy: &str| {
        let input = json!({ "providerId": data[provider]["id"], "userId": data[user]["id"],
                            "externalId": external_id, "onConflict": policy });
        let asked = app.ask(LINK).variables(json!({ "input": input }));
        asked.data().await["linkIdentity"].clone()
    };
    assert_eq!(link("crm", "teo", "c", "FAIL").await["outcome"], "UPDATED");
    let taken = link("crm", "teo", "b", "FAIL").await;
    assert_eq!(
        taken["userErrors"][0]["code"],
        "ACCOUNT_OWNED_BY_ANOTHER_USER"
    );
    let moved = link("payroll", "kim", "E-2007", "UPDATE_IN_PLACE").await;
    assert_eq!(moved["outcome"], "UPDATED_IN_PLACE");
    assert_eq!(moved["identity"]["id"], data["identity"]["id"]);
    let refused = link("payroll", "kim", "E-1001", "FAIL").await;
    assert_eq!(refused["userErrors"].as_array().unwrap().len(), 2);
}

/// By an account that the release before has linked, and by a new one.
async fn signs_in(world: &World) {
    let at_acme = async || {
        let asked = world.app.ask(
            "{ identityProvider(slug: \"acme\") { identities { nodes { id user { entityRef } } } } }",
        );
        asked.data().await["identityProvider"]["identities"]["nodes"].clone()
    };
    let before = at_acme().await;
    assert_eq!(before.as_array().unwrap().len(), 1);
    let ada = world.browser();
    ada.sign_in(Issuer::Acme, "ada").await.leads_to("/account");
    assert_eq!(ada.viewer().await, "user:default/ada");
    assert_eq!(at_acme().await, before, "by the identity of then");
    let bo = world.browser();
    bo.sign_in(Issuer::Acme, "bo").await.leads_to("/account");
    assert_eq!(bo.viewer().await, "user:default/bo");
    assert_eq!(at_acme().await.as_array().unwrap().len(), 2);
}

#[rstest]
#[tokio::test]
async fn tokens_of_the_release_before_are_kept_alive_from_now_on(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let empty = Empty::new(on).await;
    apply_ground(&empty).await;
    World::start_at(async |provider| {
        write_rows(&empty, provider).await;
        empty.database.migrate("here").await.unwrap();
        // No server has begun yet.
        let rows = credential::Entity::find().all(empty.database.reader());
        let mut rows = rows.await.unwrap();
        rows.retain(|row| row.refresh_token_sealed.is_some());
        assert!(!rows.is_empty());
        for row in rows {
            assert!(row.keep_alive_at.is_some(), "{}", row.identity_id);
        }
        empty.url.clone()
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn the_release_before_goes_on_writing_on_the_new_schema(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let empty = Empty::new(on).await;
    empty.database.migrate("here").await.unwrap();
    let world = World::start_at(async |provider| {
        write_rows(&empty, provider).await;
        empty.url.clone()
    })
    .await;
    let app = &world.app;
    reads_all(app).await;
    knows_keys_and_sessions(app).await;

    // While a server of this release runs, too.
    let id = in_words_of(
        app.database.backend(),
        "uuid '01a202df-6fff-7000-8000-000000000001'",
    );
    app.execute(&format!(
        "INSERT INTO identity (id, provider_id, provider_type, user_id, external_id, account_slot,
             is_primary, email, email_folded, email_verified, username, display_name,
             attributes_json, scopes_json, status, data_json, version, date_added, date_updated,
             date_verified)
         SELECT {id}, provider_id, provider_type, user_id, 'z', 'z', false, email, email_folded,
             email_verified, username, display_name, attributes_json, scopes_json, status,
             data_json, version, date_added, date_updated, date_verified
         FROM identity WHERE external_id = 'b'"
    ))
    .await;
    let found = app
        .ask(
            "{ identity(filter: { externalId: \"z\", providerType: \"custom\" }) {
            id user { id entityRef } provider { id } } }",
        )
        .data()
        .await;
    assert_eq!(found["identity"]["user"]["entityRef"], "user:default/mira");
    let input = json!({
        "providerId": found["identity"]["provider"]["id"], "externalId": "z",
        "userId": found["identity"]["user"]["id"],
    });
    let linked = app.link(input).await.data();
    assert_eq!(linked["linkIdentity"]["outcome"], "UPDATED");
    assert_eq!(
        text(&linked, "/linkIdentity/identity/id"),
        text(&found, "/identity/id")
    );
    let shared: Vec<Value> = app
        .stored()
        .await
        .identities
        .iter()
        .map(|row| json!(row.organization_id.map(|id| id.to_string())))
        .collect();
    assert_eq!(shared, vec![Value::Null; 14], "they are all shared ones");
}
