//! Lists of what is within an organization, however many members it has.

use lanyard::database::organization_member::{self, MOST_FEW};
use lanyard::database::user;
use lanyard::id::UserId;
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::tenants::Tenants;

/// Makes so many users members that they are too many to be looked up by their ids.
async fn grow(app: &App, organization: &str, like: &str) {
    let like: UserId = like.parse().unwrap();
    let like = user::by_ids(app.database.reader(), &[like]).await;
    let (like, organization) = (like.unwrap().remove(0), organization.parse().unwrap());
    let users: Vec<_> = (0..=MOST_FEW)
        .map(|number| user::Model {
            id: UserId::new(&app.clock),
            entity_ref: format!("user:default/grown-{number}"),
            email: None,
            email_folded: None,
            ..like.clone()
        })
        .collect();
    let users = &users;
    app.database
        .write(|tx| async move {
            let tx = &*tx;
            for users in users.chunks(500) {
                let rows = users
                    .iter()
                    .cloned()
                    .map(IntoActiveModel::into_active_model);
                user::Entity::insert_many(rows)
                    .exec_without_returning(tx)
                    .await?;
                let members = users.iter().map(|user| {
                    let member = organization_member::Model {
                        organization_id: organization,
                        user_id: user.id,
                        date_added: user.date_added,
                    };
                    member.into_active_model()
                });
                organization_member::Entity::insert_many(members)
                    .exec_without_returning(tx)
                    .await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[rstest]
#[tokio::test]
async fn identities_of_an_organization_are_found_by_every_other_key(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(false, true)] has_many_members: bool,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    // Of a member of both, what is at another organization's provider stays away.
    app.add_member(&tenants.a.organization, &b.user).await;
    app.linked(&tenants.a.provider, &b.user, "canary-at-a")
        .await;
    if has_many_members {
        grow(app, &b.organization, &b.user).await;
    }
    let (own, shared) = ("b-own", "b-shared");
    let both = || vec![own, shared];
    for (more, expected) in [
        (json!({}), both()),
        (json!({ "id": b.at_own }), vec![own]),
        (json!({ "ids": [b.at_own, tenants.a.at_own] }), vec![own]),
        (json!({ "userId": b.user }), both()),
        (json!({ "userIds": [b.user, tenants.a.user] }), both()),
        (json!({ "externalId": own }), vec![own]),
        (json!({ "externalIds": [own, "canary-a-own"] }), vec![own]),
        (json!({ "providerId": b.provider }), vec![own]),
        (json!({ "providerId": tenants.shared }), vec![shared]),
        (json!({ "providerId": tenants.a.provider }), vec![]),
        (json!({ "providerExternalId": "shared" }), vec![shared]),
        (json!({ "providerType": "custom" }), both()),
        (
            json!({ "providerType": "custom", "providerExternalId": "shared" }),
            vec![shared],
        ),
        (json!({ "status": "VALID" }), both()),
        (json!({ "status": "INVALID" }), vec![]),
        (json!({ "expiringBefore": "2100-01-01T00:00:00Z" }), vec![]),
        (json!({ "email": "none@example.org" }), vec![]),
        (json!({ "isPrimary": true }), both()),
        (json!({ "isPrimary": false }), vec![]),
    ] {
        let mut filter = more.clone();
        filter["organizationId"] = json!(b.organization);
        // An admin says which organization, and its own key needs not.
        for (by, filter) in [(None, filter), (Some(&b.key), more)] {
            if filter == json!({}) {
                continue;
            }
            for field in ["ID", "DATE_ADDED", "DATE_VERIFIED", "EXTERNAL_ID"] {
                for direction in ["ASC", "DESC"] {
                    let found = pages(app, by, &filter, field, direction).await;
                    let mut expected = expected.clone();
                    if direction == "DESC" {
                        expected.reverse();
                    }
                    assert_eq!(found, expected, "{filter} by {field} {direction}");
                }
            }
        }
    }
}

/// External ids of the pages of one that the filter has, and its count compared.
async fn pages(
    app: &App,
    by: Option<&String>,
    filter: &Value,
    field: &str,
    direction: &str,
) -> Vec<String> {
    let query = "query($filter: IdentityFilter, $order: IdentityOrder, $after: String) {
        identities(filter: $filter, orderBy: $order, first: 1, after: $after) {
            totalCount nodes { externalId } pageInfo { hasNextPage endCursor }
        }
    }";
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let order = json!({ "field": field, "direction": direction });
        let variables = json!({ "filter": filter, "order": order, "after": cursor });
        let ask = app.ask(query).variables(variables);
        let data = match by {
            Some(key) => ask.by(key).data().await,
            None => ask.data().await,
        };
        let list = &data["identities"];
        let nodes = list["nodes"].as_array().unwrap().iter();
        found.extend(nodes.map(|node| text(node, "/externalId")));
        cursor = list["pageInfo"]["endCursor"].clone();
        if list["pageInfo"]["hasNextPage"] == false {
            assert_eq!(list["totalCount"], found.len(), "{filter}");
            return found;
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_big_organization_has_its_own_rows_over_edges_too(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    grow(app, &b.organization, &b.user).await;
    let query =
        "{ identityProviders { nodes { slug identities { totalCount nodes { externalId } } } }
        users(first: 1) { totalCount nodes { entityRef identities { nodes { externalId } } } } }";
    let found = app.ask(query).by(&b.key).data().await;
    let of = |account: &str| json!({ "totalCount": 1, "nodes": [{ "externalId": account }] });
    assert_eq!(
        found["identityProviders"]["nodes"],
        json!([
            { "slug": "shared", "identities": of("b-shared") },
            { "slug": "b-provider", "identities": of("b-own") },
        ])
    );
    assert_eq!(found["users"]["totalCount"], MOST_FEW + 2);
    let accounts = json!({ "nodes": [{ "externalId": "b-own" }, { "externalId": "b-shared" }] });
    let expected = json!([{ "entityRef": "user:default/b-user", "identities": accounts }]);
    assert_eq!(found["users"]["nodes"], expected);
}

#[rstest]
#[tokio::test]
async fn providers_of_an_organization_are_its_own_ones(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let query = "query($filter: IdentityProviderFilter) { identityProviders(filter: $filter) { totalCount nodes { slug organization { slug } } } }";
    for filter in [
        json!({ "organizationId": b.organization }),
        json!({ "organizationId": b.organization, "type": "custom" }),
        json!({ "organizationId": b.organization, "enabled": true }),
    ] {
        for key in [None, Some(&b.key)] {
            let ask = app.ask(query).variables(json!({ "filter": filter }));
            let data = match key {
                Some(key) => ask.by(key).data().await,
                None => ask.data().await,
            };
            let own = json!([{ "slug": "b-provider", "organization": { "slug": "b" } }]);
            let expected = json!({ "totalCount": 1, "nodes": own });
            assert_eq!(data["identityProviders"], expected, "{filter}");
        }
    }
    for wrong in [
        json!({ "organizationId": null }),
        json!({ "organizationId": b.user }),
    ] {
        let ask = app.ask(query).variables(json!({ "filter": wrong }));
        assert_eq!(ask.code().await, "BAD_USER_INPUT", "{wrong}");
    }
}
