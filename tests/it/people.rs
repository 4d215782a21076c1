//! What signed-in people see of the rows: their own, in lists too, whatever the page.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// Jane and Joe, each with an account at each of three providers; the third is switched off.
struct People {
    app: App,
    jane: String,
    joe: String,
    providers: [String; 3],
    of_jane: Vec<String>,
    of_joe: Vec<String>,
    /// Jane's session.
    token: String,
}

impl People {
    async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let (joe, jane) = (app.user("joe").await, app.user("jane").await);
        let providers = [
            app.provider("one").await,
            app.provider("two").await,
            app.provider("off").await,
        ];
        let (mut of_jane, mut of_joe) = (Vec::new(), Vec::new());
        for provider in &providers {
            of_joe.push(app.linked(provider, &joe, "of-joe").await);
            of_jane.push(app.linked(provider, &jane, "of-jane").await);
        }
        app.ask("mutation($id: ID!) { updateIdentityProvider(input: { id: $id, enabled: false }) { userErrors { code } } }")
            .variables(json!({ "id": providers[2] }))
            .data()
            .await;
        Self {
            token: app.session(&jane, &providers[0]).await,
            app,
            jane,
            joe,
            providers,
            of_jane,
            of_joe,
        }
    }

    /// What Jane is answered.
    async fn data(&self, query: &str, variables: Value) -> Value {
        let ask = self.app.ask(query).variables(variables);
        ask.by_person(&self.token).data().await
    }
}

fn ids(list: &Value) -> Vec<String> {
    let nodes = list["nodes"].as_array().unwrap().iter();
    nodes.map(|node| text(node, "/id")).collect()
}

const IDENTITIES: &str = "query($filter: IdentityFilter, $order: IdentityOrder, $first: Int, $after: String, $last: Int, $before: String) {
    identities(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

#[rstest]
#[tokio::test]
async fn a_list_is_of_the_own_identities_on_every_page(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let people = People::new(on).await;
    for field in ["ID", "DATE_ADDED", "DATE_VERIFIED", "EXTERNAL_ID"] {
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let variables = json!({ "order": { "field": field }, "first": 1, "after": after });
            let list = people.data(IDENTITIES, variables).await["identities"].clone();
            assert_eq!(list["totalCount"], 3);
            // A page is full although others' rows lie between the own ones.
            assert_eq!(ids(&list).len(), 1, "{field}: {list:#}");
            seen.extend(ids(&list));
            if list["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = list["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen, people.of_jane, "{field}");
        let variables = json!({ "order": { "field": field }, "last": 2 });
        let list = people.data(IDENTITIES, variables).await["identities"].clone();
        assert_eq!(ids(&list), people.of_jane[1..], "{field}");
        assert_eq!(list["pageInfo"]["hasPreviousPage"], true);
    }
}

#[rstest]
#[tokio::test]
async fn every_key_of_the_filter_finds_own_identities_only(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let people = People::new(on).await;
    let (of_jane, one) = (&people.of_jane, &people.providers[0]);
    let own = of_jane.clone();
    let first = vec![of_jane[0].clone()];
    let none: Vec<String> = Vec::new();
    for (filter, expected) in [
        (json!({ "userId": people.jane }), &own),
        (json!({ "userId": people.joe }), &none),
        (json!({ "userIds": [people.joe, people.jane] }), &own),
        (json!({ "userIds": [people.joe] }), &none),
        (
            json!({ "userId": people.jane, "userIds": [people.joe] }),
            &none,
        ),
        (json!({ "id": people.of_joe[0] }), &none),
        (json!({ "ids": [people.of_joe[0], of_jane[0]] }), &first),
        (json!({ "externalId": "of-joe" }), &none),
        (json!({ "externalIds": ["of-joe", "of-jane"] }), &own),
        (json!({ "providerId": one }), &first),
        (json!({ "providerId": one, "externalId": "of-joe" }), &none),
        (json!({ "providerExternalId": null }), &none),
        (json!({ "providerExternalId": "one" }), &first),
        (json!({ "providerType": "custom" }), &own),
        (json!({ "status": "VALID" }), &own),
        (json!({ "expiringBefore": "2099-01-01T00:00:00Z" }), &none),
        (json!({ "email": "joe@example.org" }), &none),
        (json!({ "isPrimary": true }), &own),
    ] {
        let variables = json!({ "filter": filter });
        let list = people.data(IDENTITIES, variables.clone()).await["identities"].clone();
        if filter.get("providerExternalId").is_some() || filter.get("status").is_some() {
            // What these find depends on how the rows were made: nothing but own ones.
            let found = ids(&list);
            assert!(
                found.iter().all(|id| own.contains(id)),
                "{filter}: {found:?}"
            );
        } else {
            assert_eq!(&ids(&list), expected, "{filter}");
        }
        assert_eq!(list["totalCount"], ids(&list).len(), "{filter}");
        let query = "query($filter: IdentityFilter!) { identity(filter: $filter) { id } }";
        let one = people.data(query, variables).await["identity"].clone();
        let id = one["id"].as_str().map(ToOwned::to_owned);
        assert_eq!(id, ids(&list).first().cloned(), "{filter}");
    }
    let query =
        "query($user: ID!) { userIdentities(userId: $user, providerType: \"custom\") { id } }";
    for (user, expected) in [(&people.jane, 3), (&people.joe, 0)] {
        let data = people.data(query, json!({ "user": user })).await;
        assert_eq!(data["userIdentities"].as_array().unwrap().len(), expected);
    }
}

#[rstest]
#[tokio::test]
async fn nobody_else_is_there(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let people = People::new(on).await;
    let app = &people.app;
    // Two with one address, whom nobody but their readers may count.
    for name in ["ann", "ane"] {
        let input =
            json!({ "entityRef": format!("user:default/{name}"), "email": "a@example.org" });
        app.ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { id } } }")
            .variables(json!({ "input": input }))
            .data()
            .await;
    }
    let query = "query($filter: UserFilter) { users(filter: $filter, first: 1) { totalCount nodes { id } pageInfo { hasNextPage } } }";
    for (filter, found) in [
        (Value::Null, true),
        (json!({ "status": "ACTIVE" }), true),
        (json!({ "status": "DISABLED" }), false),
        (json!({ "ids": [people.joe] }), false),
        (json!({ "ids": [people.joe, people.jane] }), true),
        (json!({ "entityRefs": ["user:default/joe"] }), false),
        (
            json!({ "entityRefs": ["user:default/joe", "user:default/jane"] }),
            true,
        ),
        (json!({ "email": "joe@example.org" }), false),
        (json!({ "email": "JANE@example.org" }), true),
    ] {
        let users = people.data(query, json!({ "filter": filter })).await["users"].clone();
        let expected: Vec<String> = found.then(|| people.jane.clone()).into_iter().collect();
        assert_eq!(ids(&users), expected, "{filter}");
        assert_eq!(users["totalCount"], expected.len(), "{filter}");
        assert_eq!(users["pageInfo"]["hasNextPage"], false, "{filter}");
    }
    let query = "query($id: ID, $ref: EntityRef, $email: String) { user(id: $id, entityRef: $ref, email: $email) { id } }";
    for (variables, found) in [
        (json!({ "id": people.jane }), true),
        (json!({ "id": people.joe }), false),
        (json!({ "ref": "user:default/jane" }), true),
        (json!({ "ref": "user:default/joe" }), false),
        (json!({ "email": "jane@example.org" }), true),
        (json!({ "email": "joe@example.org" }), false),
        // Not AMBIGUOUS, which would tell that they are there.
        (json!({ "email": "a@example.org" }), false),
    ] {
        let user = people.data(query, variables.clone()).await["user"].clone();
        let expected = if found {
            json!({ "id": people.jane })
        } else {
            Value::Null
        };
        assert_eq!(user, expected, "{variables}");
    }
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let asked = json!([people.joe, people.jane, people.of_joe[0], people.of_jane[0]]);
    let data = people.data(query, json!({ "ids": asked })).await;
    let (jane, identity) = (
        json!({ "id": people.jane }),
        json!({ "id": people.of_jane[0] }),
    );
    assert_eq!(data["nodes"], json!([null, jane, null, identity]));
}

#[rstest]
#[tokio::test]
async fn providers_are_seen_where_they_are_switched_on(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let people = People::new(on).await;
    let [one, two, off] = &people.providers;
    let query = "query($filter: IdentityProviderFilter, $first: Int, $after: String) {
        identityProviders(filter: $filter, first: $first, after: $after) {
            totalCount nodes { id slug name externalId type { key } } pageInfo { hasNextPage endCursor }
        }
    }";
    for (filter, expected) in [
        (Value::Null, vec![one, two]),
        (json!({ "enabled": true }), vec![one, two]),
        (json!({ "enabled": false }), vec![]),
        (json!({ "ids": [off, two] }), vec![two]),
        (json!({ "slugs": ["off"] }), vec![]),
        (json!({ "type": "custom" }), vec![one, two]),
    ] {
        let list =
            people.data(query, json!({ "filter": filter })).await["identityProviders"].clone();
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(list["totalCount"], expected.len(), "{filter}");
    }
    let found = "query($id: ID, $slug: String) { identityProvider(id: $id, slug: $slug) { id } }";
    for (variables, expected) in [
        (json!({ "id": one }), json!({ "id": one })),
        (json!({ "slug": "one" }), json!({ "id": one })),
        (json!({ "id": off }), Value::Null),
        (json!({ "slug": "off" }), Value::Null),
    ] {
        let data = people.data(found, variables.clone()).await;
        assert_eq!(data["identityProvider"], expected, "{variables}");
    }
    let data = people
        .data(
            "query($id: ID!) { node(id: $id) { id } }",
            json!({ "id": off }),
        )
        .await;
    assert_eq!(data["node"], Value::Null);
    // Where the own accounts are can be seen, however that provider is.
    let data = people
        .data(
            "{ identities { nodes { provider { slug name } user { id } } } }",
            json!({}),
        )
        .await;
    let slugs: Vec<String> = data["identities"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| text(node, "/provider/slug"))
        .collect();
    assert_eq!(slugs, ["one", "two", "off"]);
}

#[rstest]
#[tokio::test]
async fn a_provider_shows_the_own_identities(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let people = People::new(on).await;
    let query = "{ identityProviders { nodes { identities(first: 1) { totalCount nodes { id } pageInfo { hasNextPage } } } } }";
    let data = people.data(query, json!({})).await;
    let providers = data["identityProviders"]["nodes"].as_array().unwrap();
    assert_eq!(providers.len(), 2);
    for (provider, identity) in providers.iter().zip(&people.of_jane) {
        let list = &provider["identities"];
        assert_eq!(&ids(list), &[identity.clone()]);
        assert_eq!(list["totalCount"], 1);
        assert_eq!(list["pageInfo"]["hasNextPage"], false);
    }
    // The way back to the person leads nowhere else.
    let query = "{ identityProviders { nodes { identities { nodes { user { id identities { totalCount } } } } } } }";
    let data = people.data(query, json!({})).await.to_string();
    assert!(!data.contains(&people.joe), "{data}");
}

#[rstest]
#[tokio::test]
async fn the_viewer_is_the_person(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let people = People::new(on).await;
    // As GraphiQL asks.
    let query = "{ viewer { __typename ... on User { id displayName entityRef email status identities { totalCount } sessions { current } } ... on ApiKey { name scopes } } }";
    let data = people.data(query, json!({})).await;
    assert_eq!(
        data["viewer"],
        json!({
            "__typename": "User", "id": people.jane, "displayName": "jane",
            "entityRef": "user:default/jane", "email": "jane@example.org", "status": "ACTIVE",
            "identities": { "totalCount": 3 }, "sessions": [{ "current": true }],
        })
    );
}

#[rstest]
#[tokio::test]
async fn what_is_an_applications_to_ask_says_so(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let people = People::new(on).await;
    for (query, field, scope) in [
        (
            "{ identityProviders { nodes { clientId } } }",
            "IdentityProvider.clientId",
            "provider:read",
        ),
        (
            "{ identityProviders { nodes { config } } }",
            "IdentityProvider.config",
            "provider:read",
        ),
        (
            "{ auditEvents { totalCount } }",
            "Query.auditEvents",
            "audit:read",
        ),
        ("{ apiKeys { totalCount } }", "Query.apiKeys", "admin"),
        (
            "mutation { upsertUser(input: { entityRef: \"user:default/jane\" }) { user { id } } }",
            "Mutation.upsertUser",
            "directory:write",
        ),
        (
            "{ node(id: \"api_key_01h455vb4pex5vsknk084sn02q\") { id } }",
            "Query.node",
            "admin",
        ),
    ] {
        let answer = people.app.ask(query).by_person(&people.token).send().await;
        assert_eq!(answer.status, 403, "{query}: {:#}", answer.body);
        let message = answer.message();
        for word in [field, scope, "API key", "person"] {
            assert!(message.contains(word), "{query}: {message}");
        }
    }
}
