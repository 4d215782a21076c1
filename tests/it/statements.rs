//! How many statements an operation takes: one a level, however many rows there are.

use lanyard::database::{Sealed, credential, identity, json, user};
use lanyard::id::{IdentityId, UserId};
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{ADMIN, App, Db};
use crate::support::sign_on;

const USERS: usize = 100;
/// Of each user.
const IDENTITIES: usize = 4;

/// The statements that readers of the server have run so far.
async fn statements(app: &App) -> u64 {
    let response = app
        .http()
        .get(app.url("/metrics"))
        .bearer_auth(ADMIN)
        .send()
        .await;
    let text = response.unwrap().text().await.unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("lanyard_database_statements_total "));
    line.unwrap().parse().unwrap()
}

/// The statements of one operation beyond finding out who asks: the least of some measurements,
/// since the sealer reads too, now and then.
pub async fn cost(app: &App, query: &str, variables: &Value) -> u64 {
    // What was set up is sealed first: the sealer has its own statements.
    app.all_sealed().await;
    let mut least = u64::MAX;
    for _ in 0..8 {
        let before = statements(app).await;
        app.ask(query).variables(variables.clone()).data().await;
        // The operation's own look at the key, and that of the second measurement.
        least = least.min(statements(app).await - before - 2);
    }
    least
}

/// A hundred users with four identities each, at four providers.
async fn many(on: Db) -> (App, Vec<String>, Vec<String>) {
    let app = App::start(on).await;
    let first = app.user("first").await;
    let mut providers = Vec::new();
    for number in 0..IDENTITIES {
        providers.push(app.provider(&format!("provider-{number}")).await);
    }
    app.linked(&providers[0], &first, "first").await;
    let like = app.stored().await.identities[0].clone();
    let first = first.parse::<UserId>().unwrap();
    let first = user::by_ids(app.database.reader(), &[first])
        .await
        .unwrap()
        .remove(0);
    app.execute("DELETE FROM identity").await;
    let users: Vec<_> = (1..USERS)
        .map(|number| user::Model {
            id: UserId::new(&app.clock),
            entity_ref: format!("user:default/user-{number}"),
            ..first.clone()
        })
        .collect();
    let mut identities = Vec::new();
    for user in users.iter().chain([&first]) {
        for provider in &providers {
            identities.push(identity::Model {
                id: IdentityId::new(&app.clock),
                provider_id: provider.parse().unwrap(),
                user_id: user.id,
                external_id: user.entity_ref.clone(),
                ..like.clone()
            });
        }
    }
    let credentials: Vec<_> = identities
        .iter()
        .map(|row| credential::Model {
            identity_id: row.id,
            access_token_sealed: Sealed::new(vec![0]),
            refresh_token_sealed: None,
            token_type: Some(format!("of {}", row.id)),
            scopes_json: json::Texts::default(),
            expires_at: None,
            refresh_token_expires_at: None,
            date_added: row.date_added,
            date_updated: row.date_added,
            grant_id: None,
            refreshed_at: None,
            failures: 0,
            failure_reason: None,
            next_attempt_at: None,
            keep_alive_at: None,
            lease_owner: None,
            lease_fence: 0,
            lease_until: None,
            token_fence: 0,
        })
        .collect();
    let mut ids: Vec<_> = identities.iter().map(|row| row.id.to_string()).collect();
    ids.sort();
    let mut user_ids: Vec<_> = users.iter().map(|row| row.id.to_string()).collect();
    user_ids.push(first.id.to_string());
    user_ids.sort();
    app.database
        .write(|tx| {
            let users: Vec<_> = users
                .iter()
                .cloned()
                .map(IntoActiveModel::into_active_model)
                .collect();
            let rows: Vec<_> = identities
                .iter()
                .cloned()
                .map(IntoActiveModel::into_active_model)
                .collect();
            let tokens: Vec<_> = credentials
                .iter()
                .cloned()
                .map(IntoActiveModel::into_active_model)
                .collect();
            async move {
                user::Entity::insert_many(users)
                    .exec_without_returning(&*tx)
                    .await?;
                identity::Entity::insert_many(rows)
                    .exec_without_returning(&*tx)
                    .await?;
                credential::Entity::insert_many(tokens)
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            }
        })
        .await
        .unwrap();
    (app, user_ids, ids)
}

const CHILDREN: &str = "identities(first: 3) { nodes {
    id provider { slug } user { entityRef } credential { tokenType } } totalCount }";

/// Every child is its parent's own.
fn assert_children(users: &Value) {
    let users = users.as_array().unwrap();
    assert_eq!(users.len(), USERS);
    for user in users {
        assert_eq!(user["identities"]["totalCount"], IDENTITIES);
        let nodes = user["identities"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 3);
        for node in nodes {
            assert_eq!(node["user"]["entityRef"], user["entityRef"]);
            let token_type = format!("of {}", node["id"].as_str().unwrap());
            assert_eq!(node["credential"]["tokenType"], token_type);
            assert!(
                node["provider"]["slug"]
                    .as_str()
                    .unwrap()
                    .starts_with("provider-")
            );
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_page_of_parents_with_their_pages_is_one_statement_a_level(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (app, users, identities) = many(on).await;
    let none = json!({});
    let query = format!("{{ users(first: 100) {{ nodes {{ entityRef {CHILDREN} }} }} }}");
    let data = app.ask(&query).data().await;
    assert_children(&data["users"]["nodes"]);
    // Users, pages of identities, counts, providers, their users, credentials.
    assert_eq!(cost(&app, &query, &none).await, 6);

    let ids = json!({ "ids": users });
    let query = format!(
        "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on User {{ entityRef {CHILDREN} }} }} }}"
    );
    let data = app.ask(&query).variables(ids.clone()).data().await;
    assert_children(&data["nodes"]);
    assert_eq!(cost(&app, &query, &ids).await, 6);

    let ids = json!({ "ids": identities[..100] });
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Identity {
        provider { slug } user { entityRef } credential { tokenType } } } }";
    // Identities, providers, users, credentials.
    assert_eq!(cost(&app, query, &ids).await, 4);

    let query = "{ identityProviders(first: 4) { nodes { identities(first: 100) {
        nodes { user { entityRef } } } } } }";
    // Providers, pages of identities, users.
    assert_eq!(cost(&app, query, &none).await, 3);

    let query = "{ identities(first: 100) { nodes { user { identities(first: 2) {
        nodes { provider { identities(first: 1) { nodes { id } } } } } } } } }";
    // Identities, users, their identities, providers, their identities.
    assert_eq!(cost(&app, query, &none).await, 5);
}

#[rstest]
#[tokio::test]
async fn organizations_and_their_members_are_read_level_by_level(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (app, users, _) = many(on).await;
    for slug in ["a", "b", "c"] {
        let organization = app.organization(slug).await;
        for user in &users[..5] {
            app.add_member(&organization, user).await;
        }
    }
    let none = json!({});
    let query = "{ organizations { nodes { domains members(first: 3) { nodes { entityRef } } } } }";
    // Organizations, domains, pages of members, users.
    assert_eq!(cost(&app, query, &none).await, 4);
    let query = "{ organizations { nodes { members { totalCount } } } }";
    // Organizations, pages of members, users, counts.
    assert_eq!(cost(&app, query, &none).await, 4);
    let query = "{ users(first: 100) { nodes { organizations { slug } } } }";
    // Users, memberships, organizations.
    assert_eq!(cost(&app, query, &none).await, 3);
}

#[rstest]
#[tokio::test]
async fn different_pages_of_the_same_parents_are_a_statement_each(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (app, _, _) = many(on).await;
    let query = "{ users(first: 100) { nodes {
        two: identities(first: 2) { nodes { id } }
        same: identities(first: 2) { nodes { externalId } }
        last: identities(last: 1) { nodes { id } }
        typed: identities(first: 2, providerType: \"custom\") { nodes { id } }
    } } }";
    assert_eq!(cost(&app, query, &json!({})).await, 1 + 3);
}

#[rstest]
#[tokio::test]
async fn rows_are_counted_only_where_that_is_asked_for(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (app, users, _) = many(on).await;
    app.all_sealed().await;
    let user = json!({ "id": users[0] });
    // The statements before that of the page: of its parent; the audit log reads its order first.
    let lists = [
        ("{ identities(first: 1) { FIELDS } }", 0),
        (
            "{ identities(first: 1, filter: {providerType: \"custom\"}) { FIELDS } }",
            0,
        ),
        ("{ users(first: 1) { FIELDS } }", 0),
        ("{ identityProviders(first: 1) { FIELDS } }", 0),
        ("{ apiKeys(first: 1) { FIELDS } }", 0),
        ("{ auditEvents(first: 1) { FIELDS } }", 1),
        (
            "query($id: ID!) { user(id: $id) { identities(first: 1) { FIELDS } } }",
            1,
        ),
        (
            "query($id: ID!) { user(id: $id) { identities(first: 1, providerType: \"custom\") { FIELDS } } }",
            1,
        ),
    ];
    for (list, before) in lists {
        for (fields, statements) in [
            (
                "nodes { id } edges { cursor node { id } } pageInfo { hasNextPage }",
                1,
            ),
            ("nodes { id } totalCount", 2),
        ] {
            let query = list.replace("FIELDS", fields);
            let variables = if query.contains('$') {
                user.clone()
            } else {
                json!({})
            };
            let found = cost(&app, &query, &variables).await;
            assert_eq!(found, statements + before, "{query}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn the_total_is_that_of_the_whole_list(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (app, users, _) = many(on).await;
    let data = app
        .ask(
            "query($id: ID!) {
            identities(first: 1) { totalCount }
            byUser: identities(first: 1, filter: {userId: $id}) { totalCount }
            none: identities(filter: {externalId: \"none\"}) { totalCount }
            users(last: 1) { totalCount }
            user(id: $id) { identities(first: 1) { totalCount }
                none: identities(providerType: \"github\") { totalCount } }
            identityProviders(first: 1) { totalCount nodes { identities(first: 1) { totalCount } } }
        }",
        )
        .variables(json!({ "id": users[0] }))
        .data()
        .await;
    assert_eq!(
        data,
        json!({
            "identities": { "totalCount": USERS * IDENTITIES },
            "byUser": { "totalCount": IDENTITIES },
            "none": { "totalCount": 0 },
            "users": { "totalCount": USERS },
            "user": { "identities": { "totalCount": IDENTITIES }, "none": { "totalCount": 0 } },
            "identityProviders": {
                "totalCount": IDENTITIES,
                "nodes": [{ "identities": { "totalCount": USERS } }],
            },
        })
    );
}

#[rstest]
#[tokio::test]
async fn whether_a_hundred_accounts_may_be_disconnected_is_one_statement(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (app, _, _) = many(on).await;
    let query = "{ identities(first: 100) { nodes { disconnect isPrimary } } }";
    let none = json!({});
    assert_eq!(cost(&app, query, &none).await, 1 + 1);
    let data = app.ask(query).data().await;
    let nodes = data["identities"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 100);
    assert!(
        nodes
            .iter()
            .all(|node| node["disconnect"] == "CAN_DISCONNECT")
    );
}

#[rstest]
#[tokio::test]
async fn the_sign_on_of_a_page_of_users_is_a_statement_a_level(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let (app, users, _) = many(on).await;
    let acme = app.organization("acme").await;
    let okta = sign_on::own_provider(&app, &acme, "acme-okta").await;
    let sign_on = sign_on::sign_on(&app, &acme, &okta, true).await;
    for (number, user) in users.iter().take(40).enumerate() {
        app.add_member(&acme, user).await;
        sign_on::auth_identity(&app, &sign_on, user, &format!("{number}")).await;
    }
    let none = json!({});
    let query = "{ users(first: 100) { nodes { authIdentities {
        ident disconnect authProvider { provider { slug } organization { slug } } } } } }";
    // Users, their links, whether they may go, sign-ons, providers, organizations.
    assert_eq!(cost(&app, query, &none).await, 6);
    let query = "query($id: ID!) { authProvider(organizationId: $id) { authIdentities(first: 100) {
        nodes { disconnect user { entityRef } } } } }";
    // The sign-on, its links, whether they may go, users.
    let variables = json!({ "id": acme });
    assert_eq!(cost(&app, query, &variables).await, 4);
    let data = app.ask(query).variables(variables).data().await;
    let links = data["authProvider"]["authIdentities"]["nodes"].as_array();
    assert_eq!(links.unwrap().len(), 40);
}
