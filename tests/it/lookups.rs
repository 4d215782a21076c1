//! identity and identities: every key of the filter alone and in pairs, against a model in
//! memory; and what a filter may not be.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// An identity as the model knows it.
#[derive(Debug, Clone)]
struct Row {
    id: String,
    user: String,
    provider: String,
    provider_type: &'static str,
    provider_external_id: Option<&'static str>,
    external_id: &'static str,
    email: Option<&'static str>,
    status: &'static str,
    expires_at: Option<&'static str>,
    is_primary: bool,
}

struct Fixture {
    app: App,
    rows: Vec<Row>,
}

impl Fixture {
    async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let crm = app
            .provider_with(
                "crm",
                json!({ "externalId": "acme", "allowsMultiplePerUser": true }),
            )
            .await;
        let shop = app
            .provider_with("shop", json!({ "externalId": "4711" }))
            .await;
        let client = json!({ "clientId": "id", "clientSecret": "secret" });
        let mut github = json!({ "type": "github" });
        github
            .as_object_mut()
            .unwrap()
            .extend(client.as_object().unwrap().clone());
        let github = app.provider_with("github", github).await;
        let gitlab = json!({ "type": "gitlab", "clientId": "id", "clientSecret": "secret" });
        let gitlab = app.provider_with("gitlab", gitlab).await;
        let providers = BTreeMap::from([
            ("crm", (crm, "custom", Some("acme"))),
            ("shop", (shop, "custom", Some("4711"))),
            ("github", (github, "github", None)),
            ("gitlab", (gitlab, "gitlab", Some("gitlab.com"))),
        ]);
        let (jane, john) = (app.user("jane").await, app.user("john").await);
        let mut rows = Vec::new();
        let mut add = async |provider: &str,
                             user: &String,
                             external_id,
                             email: Option<&'static str>,
                             expires_at: Option<&'static str>| {
            let (provider, provider_type, provider_external_id) = providers[provider].clone();
            let mut input = json!({
                "providerId": provider, "userId": user, "externalId": external_id,
                "profile": { "email": email },
            });
            if let Some(time) = expires_at {
                input["credential"] = json!({ "accessToken": "canary-token-a", "expiresAt": time });
            }
            let payload = app.link(input).await.data();
            rows.push(Row {
                id: text(&payload, "/linkIdentity/identity/id"),
                user: user.clone(),
                provider,
                provider_type,
                provider_external_id,
                external_id,
                email,
                status: "VALID",
                expires_at,
                is_primary: payload["linkIdentity"]["identity"]["isPrimary"] == true,
            });
        };
        let (early, late) = (Some("2030-01-01T00:00:00Z"), Some("2031-01-01T00:00:00.5Z"));
        add("crm", &jane, "4711", Some("Jane@Example.org"), early).await;
        add("crm", &jane, "acme", None, late).await;
        add("crm", &john, "8", Some("john@example.org"), None).await;
        add("shop", &jane, "4711", Some("jane@example.org"), None).await;
        add("github", &john, "4711", Some("JANE@EXAMPLE.ORG"), early).await;
        add("github", &jane, "8", None, None).await;
        add("gitlab", &john, "9", Some("ÉLÈVE@example.org"), late).await;
        for (status, external_id) in [("INVALID", "9"), ("UNKNOWN", "acme")] {
            app.execute(&format!(
                "UPDATE identity SET status = '{status}' WHERE external_id = '{external_id}'"
            ))
            .await;
            for row in rows.iter_mut().filter(|row| row.external_id == external_id) {
                row.status = status;
            }
        }
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        Self { app, rows }
    }

    /// What the filter finds, by id.
    async fn found(&self, filter: &Value) -> Vec<String> {
        let data = self
            .app
            .ask(
                "query($filter: IdentityFilter!) {
                identity(filter: $filter) { id }
                identities(filter: $filter) { nodes { id } totalCount }
            }",
            )
            .variables(json!({ "filter": filter }))
            .data()
            .await;
        let nodes = data["identities"]["nodes"].as_array().unwrap();
        let ids: Vec<_> = nodes.iter().map(|node| text(node, "/id")).collect();
        assert_eq!(data["identities"]["totalCount"], ids.len(), "{filter}");
        assert_eq!(
            data["identity"]["id"].as_str(),
            ids.first().map(String::as_str),
            "identity is the first of them: {filter}"
        );
        ids
    }

    fn expected(&self, keep: impl Fn(&Row) -> bool) -> Vec<String> {
        let kept = self.rows.iter().filter(|row| keep(row));
        kept.map(|row| row.id.clone()).collect()
    }

    async fn refused(&self, filter: Value) -> (String, String) {
        let answer = self
            .app
            .ask("query($filter: IdentityFilter!) { identities(filter: $filter) { nodes { id } } }")
            .variables(json!({ "filter": filter }))
            .send()
            .await;
        (answer.code(), answer.message())
    }
}

/// A key with a value, and whether a row has it.
type Condition = (&'static str, Value, Box<dyn Fn(&Row) -> bool>);

fn conditions(rows: &[Row]) -> Vec<Condition> {
    let unknown = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    let mut all: Vec<Condition> = Vec::new();
    let mut add = |key, value, test: Box<dyn Fn(&Row) -> bool>| all.push((key, value, test));
    for id in [rows[0].id.clone(), rows[6].id.clone(), unknown("identity")] {
        add("id", json!(id.clone()), Box::new(move |row| row.id == id));
    }
    let ids = [
        rows[1].id.clone(),
        unknown("identity"),
        rows[6].id.clone(),
        rows[1].id.clone(),
    ];
    add(
        "ids",
        json!(ids.clone()),
        Box::new(move |row| ids.contains(&row.id)),
    );
    for user in [rows[0].user.clone(), unknown("user")] {
        add(
            "userId",
            json!(user.clone()),
            Box::new(move |row| row.user == user),
        );
    }
    let users = [rows[2].user.clone(), unknown("user")];
    add(
        "userIds",
        json!(users.clone()),
        Box::new(move |row| users.contains(&row.user)),
    );
    for external_id in ["4711", "acme", "none"] {
        add(
            "externalId",
            json!(external_id),
            Box::new(move |row| row.external_id == external_id),
        );
    }
    let external_ids = ["8", "9", "none"];
    add(
        "externalIds",
        json!(external_ids),
        Box::new(move |row| external_ids.contains(&row.external_id)),
    );
    for provider in [
        rows[0].provider.clone(),
        rows[4].provider.clone(),
        unknown("provider"),
    ] {
        add(
            "providerId",
            json!(provider.clone()),
            Box::new(move |row| row.provider == provider),
        );
    }
    for external_id in [Some("acme"), Some("gitlab.com"), Some("none"), None] {
        add(
            "providerExternalId",
            json!(external_id),
            Box::new(move |row| row.provider_external_id == external_id),
        );
    }
    for key in ["custom", "github", "google"] {
        add(
            "providerType",
            json!(key),
            Box::new(move |row| row.provider_type == key),
        );
    }
    for status in ["VALID", "INVALID", "UNKNOWN"] {
        add(
            "status",
            json!(status),
            Box::new(move |row| row.status == status),
        );
    }
    for time in [
        "2030-01-01T00:00:00Z",
        "2030-01-01T00:00:00.000001Z",
        "2031-01-01T02:00:00.500001+02:00",
    ] {
        add(
            "expiringBefore",
            json!(time),
            Box::new(move |row| row.expires_at.is_some_and(|at| instant(at) < instant(time))),
        );
    }
    for email in [
        "jane@example.org",
        "JOHN@example.org",
        "élève@EXAMPLE.org",
        "none@example.org",
    ] {
        add(
            "email",
            json!(email),
            Box::new(move |row| {
                row.email
                    .is_some_and(|e| e.to_lowercase() == email.to_lowercase())
            }),
        );
    }
    for is_primary in [true, false] {
        add(
            "isPrimary",
            json!(is_primary),
            Box::new(move |row| row.is_primary == is_primary),
        );
    }
    all
}

fn instant(text: &str) -> chrono::DateTime<chrono::Utc> {
    text.parse().unwrap()
}

#[rstest]
#[tokio::test]
async fn every_key_alone_and_every_pair_finds_what_the_model_says(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let fixture = Fixture::new(on).await;
    let conditions = conditions(&fixture.rows);
    let mut found_something = 0;
    for (index, (key, value, test)) in conditions.iter().enumerate() {
        let expected = fixture.expected(test);
        let filter = json!({ *key: value });
        assert_eq!(fixture.found(&filter).await, expected, "{filter}");
        for (other_key, other_value, other_test) in &conditions[index + 1..] {
            if other_key == key {
                continue;
            }
            let expected = fixture.expected(|row| test(row) && other_test(row));
            let filter = json!({ *key: value, *other_key: other_value });
            assert_eq!(fixture.found(&filter).await, expected, "{filter}");
            found_something += usize::from(!expected.is_empty());
        }
    }
    assert!(found_something > 100, "the fixture is worth it");
}

#[rstest]
#[tokio::test]
async fn a_row_is_found_by_all_its_keys_together(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let fixture = Fixture::new(on).await;
    for row in &fixture.rows {
        let mut filter = json!({
            "id": row.id, "ids": [row.id], "userId": row.user, "userIds": [row.user],
            "externalId": row.external_id, "externalIds": [row.external_id],
            "providerId": row.provider, "providerExternalId": row.provider_external_id,
            "providerType": row.provider_type, "status": row.status,
            "isPrimary": row.is_primary,
        });
        if let Some(email) = row.email {
            filter["email"] = json!(email);
        }
        if row.expires_at.is_some() {
            filter["expiringBefore"] = json!("2040-01-01T00:00:00Z");
        }
        assert_eq!(fixture.found(&filter).await, [row.id.clone()]);
        // Each key counts.
        for (key, other) in [
            ("externalId", json!("other")),
            ("providerType", json!("google")),
            ("isPrimary", json!(!row.is_primary)),
            ("expiringBefore", json!("2000-01-01T00:00:00Z")),
        ] {
            let mut filter = filter.clone();
            filter[key] = other;
            assert_eq!(
                fixture.found(&filter).await,
                Vec::<String>::new(),
                "{filter}"
            );
        }
    }
}

#[rstest]
#[tokio::test]
async fn no_filter_lists_all_and_an_empty_one_is_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let fixture = Fixture::new(on).await;
    for query in [
        "{ identities { nodes { id } totalCount } }",
        "{ identities(filter: null) { nodes { id } totalCount } }",
    ] {
        let data = fixture.app.ask(query).data().await;
        assert_eq!(data["identities"]["totalCount"], fixture.rows.len());
        assert_eq!(
            data["identities"]["nodes"].as_array().unwrap().len(),
            fixture.rows.len()
        );
    }
    let (code, message) = fixture.refused(json!({})).await;
    assert_eq!(code, "BAD_USER_INPUT");
    assert!(message.starts_with("filter: is empty"), "{message}");
    let empty = fixture
        .app
        .ask("{ identity(filter: {}) { id } }")
        .send()
        .await;
    assert_eq!(empty.code(), "BAD_USER_INPUT");
    let missing = fixture.app.ask("{ identity { id } }").send().await;
    assert_eq!(missing.code(), "GRAPHQL_VALIDATION_FAILED");
}

#[rstest]
#[tokio::test]
async fn a_key_that_is_given_has_a_value(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let fixture = Fixture::new(on).await;
    let values = conditions(&fixture.rows);
    let keys: Map<String, Value> = values
        .into_iter()
        .map(|(key, value, _)| (key.to_owned(), value))
        .collect();
    assert_eq!(keys.len(), 13, "every key of the filter");
    for key in keys.keys().filter(|key| *key != "providerExternalId") {
        // Also beside a key that has one.
        for filter in [
            json!({ key: null }),
            json!({ "providerType": "custom", key: null }),
        ] {
            let (code, message) = fixture.refused(filter).await;
            assert_eq!(code, "BAD_USER_INPUT");
            assert_eq!(
                message,
                format!("filter.{key}: is null: give a value, or leave it out")
            );
        }
    }
    for key in ["ids", "userIds", "externalIds"] {
        let (code, message) = fixture.refused(json!({ key: [] })).await;
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(
            message.starts_with(&format!("filter.{key}: is an empty list")),
            "{message}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn values_that_no_row_can_have_are_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let fixture = Fixture::new(on).await;
    let id = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    for (filter, field) in [
        (json!({ "id": id("user") }), "filter.id"),
        (json!({ "id": "x" }), "filter.id"),
        (
            json!({ "ids": [fixture.rows[0].id, id("provider")] }),
            "filter.ids",
        ),
        (json!({ "ids": vec![id("identity"); 101] }), "filter.ids"),
        (json!({ "userId": id("identity") }), "filter.userId"),
        (json!({ "userIds": [id("api_key")] }), "filter.userIds"),
        (
            json!({ "userIds": vec![id("user"); 101] }),
            "filter.userIds",
        ),
        (json!({ "providerId": id("user") }), "filter.providerId"),
        (json!({ "externalId": "" }), "filter.externalId"),
        (json!({ "externalId": "a\0" }), "filter.externalId"),
        (
            json!({ "externalId": "x".repeat(1025) }),
            "filter.externalId",
        ),
        (json!({ "externalIds": ["a", "\0"] }), "filter.externalIds"),
        (
            json!({ "externalIds": vec!["a"; 1001] }),
            "filter.externalIds",
        ),
        (
            json!({ "providerExternalId": "" }),
            "filter.providerExternalId",
        ),
        (
            json!({ "providerExternalId": "\0" }),
            "filter.providerExternalId",
        ),
        (json!({ "providerType": "\0" }), "filter.providerType"),
        (json!({ "email": "" }), "filter.email"),
        (json!({ "email": "a@b\0" }), "filter.email"),
        (
            json!({ "expiringBefore": "+12000-01-01T00:00:00Z" }),
            "filter.expiringBefore",
        ),
    ] {
        let (code, message) = fixture.refused(filter.clone()).await;
        assert_eq!(code, "BAD_USER_INPUT", "{filter}");
        assert!(
            message.starts_with(&format!("{field}: ")),
            "{filter}: {message}"
        );
    }
    let most = json!({ "externalIds": vec!["4711"; 1000] });
    let expected = fixture.expected(|row| row.external_id == "4711");
    assert_eq!(fixture.found(&most).await, expected);
}
