//! What is seen of a row that is reached from another one, and of rows asked for by their ids.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use super::document::Schema;
use crate::support::app::{App, Db};
use crate::support::client::text;

/// The fields that the design shows of a row over an edge, with the scope of the parent alone.
const USER: &[&str] = &["id", "entityRef", "displayName", "picture"];
const PROVIDER: &[&str] = &["id", "slug", "name", "type", "externalId"];

#[rstest]
#[tokio::test]
async fn over_an_edge_the_parents_scope_shows_key_and_name(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let schema = Schema::read(&app).await;
    let key = app.key("reader", &["identity:read"]).await;
    for (edge, of, shown, scope) in [
        ("user", "User", USER, "directory:read"),
        ("provider", "IdentityProvider", PROVIDER, "provider:read"),
    ] {
        for field in schema.fields_of(of) {
            let inner = match field.as_str() {
                "identities" | "sessions" | "organizations" | "authIdentities" => continue,
                "type" | "annotations" | "clientOf" | "organization" | "mergedInto" | "health" => {
                    " { __typename }"
                }
                _ => "",
            };
            let query = format!(
                "{{ identity(filter: {{ id: {:?} }}) {{ {edge} {{ {field}{inner} }} }} }}",
                rows.identity
            );
            let answer = app.ask(&query).by(&key).send().await;
            if shown.contains(&field.as_str()) {
                answer.data();
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{of}.{field}");
                let message = answer.message();
                let names_both =
                    message.contains(&format!("{of}.{field}")) && message.contains(scope);
                assert!(names_both, "{message}");
            }
        }
        // The row's identities are its reader's, whose scope the key has.
        let query = format!(
            "{{ identity(filter: {{ id: {:?} }}) {{ {edge} {{ identities {{ nodes {{ id }} }} }} }} }}",
            rows.identity
        );
        app.ask(&query).by(&key).data().await;
    }
}

#[rstest]
#[tokio::test]
async fn the_way_to_identities_needs_their_scope_from_everywhere(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let key = app
        .key(
            "no identities",
            &[
                "directory:read",
                "provider:read",
                "audit:read",
                "identity:write",
            ],
        )
        .await;
    let Rows {
        user,
        provider,
        identity,
        ..
    } = &rows;
    for (query, field) in [
        (
            format!("{{ user(id: {user:?}) {{ identities {{ totalCount }} }} }}"),
            "User.identities",
        ),
        (
            "{ users { nodes { identities { nodes { id } } } } }".to_owned(),
            "User.identities",
        ),
        (
            format!(
                "{{ identityProvider(id: {provider:?}) {{ identities {{ pageInfo {{ endCursor }} }} }} }}"
            ),
            "IdentityProvider.identities",
        ),
        (
            format!("{{ node(id: {user:?}) {{ ... on Identity {{ externalId }} }} }}"),
            "Identity.externalId",
        ),
        (
            "{ auditEvents { nodes { target { ... on Identity { email } } } } }".to_owned(),
            "Identity.email",
        ),
        (
            format!(
                "{{ linkPreview(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"4711\" }}) {{ displaces {{ externalId }} }} }}"
            ),
            "Identity.externalId",
        ),
        (
            format!(
                "mutation {{ updateIdentityData(input: {{ id: {identity:?}, data: {{ a: 1 }} }}) {{ identity {{ version }} }} }}"
            ),
            "Identity.version",
        ),
    ] {
        let answer = app.ask(&query).by(&key).send().await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{query}: {:#}",
            answer.body
        );
        let message = answer.message();
        assert!(
            message.contains(field) && message.contains("identity:read"),
            "{query}: {message}"
        );
    }
    let stored = app.stored().await;
    assert_eq!(
        stored.identity(identity).version,
        1,
        "the refused mutation did nothing"
    );
}

#[rstest]
#[tokio::test]
async fn an_event_shows_no_api_key_to_those_who_may_not_read_keys(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let auditor = app.key("auditor", &["audit:read"]).await;
    let own = app.key_id(&auditor).await;
    app.key("other", &["identity:read"]).await;
    app.all_sealed().await;
    let query = "{ auditEvents(filter: { actions: [\"api_key.created\"] }) { nodes {
        targetId target { __typename ... on ApiKey { id name scopes hint lastUsedAt } }
    } } }";
    let seen = |data: Value| -> Vec<Value> {
        let nodes = data["auditEvents"]["nodes"].as_array().unwrap().clone();
        nodes
            .into_iter()
            .map(|node| node["target"].clone())
            .filter(|target| !target.is_null())
            .collect()
    };
    let by_auditor = seen(app.ask(query).by(&auditor).data().await);
    let by_admin = seen(app.ask(query).data().await);
    assert_eq!(by_admin.len(), 3, "the first key and two more");
    assert_eq!(by_auditor.len(), 1, "{by_auditor:#?}");
    assert_eq!(by_auditor[0]["id"], own.as_str(), "a key sees itself");
}

#[rstest]
#[tokio::test]
async fn ids_need_the_scope_of_what_they_name(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    for (kind, id, scope) in rows.by_kind() {
        let all = [
            "identity:read",
            "provider:read",
            "directory:read",
            "audit:read",
            "user:act_as",
        ];
        let rest: Vec<&str> = all.into_iter().filter(|held| *held != scope).collect();
        let (without, with) = (
            app.key("without", &rest).await,
            app.key("with", &[scope]).await,
        );
        for (query, variables) in asking_for(&[id]) {
            let ask = |key: &str| app.ask(&query).variables(variables.clone()).by(key).send();
            let answer = ask(&without).await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{kind}: {query}: {:#}",
                answer.body
            );
            assert!(
                answer.message().contains(scope),
                "{kind}: {}",
                answer.message()
            );
            assert!(answer.body.get("data").is_none());
            let data = ask(&with).await.data();
            let found = data
                .pointer("/node/__typename")
                .or(data.pointer("/nodes/0/__typename"));
            assert_eq!(found, Some(&json!(kind)), "{query}");
            assert!(
                app.ask(&query)
                    .variables(variables)
                    .by_nobody()
                    .code()
                    .await
                    == "UNAUTHENTICATED"
            );
        }
    }
}

#[rstest]
#[tokio::test]
async fn one_forbidden_id_among_others_is_enough(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let key = app.key("directory", &["directory:read"]).await;
    for (kind, id, scope) in rows
        .by_kind()
        .into_iter()
        .filter(|(kind, ..)| *kind != "User")
    {
        for ids in [
            vec![id, &rows.user],
            vec![&rows.user, id],
            vec!["no id at all", &rows.user, id],
        ] {
            for (query, variables) in asking_for(&ids) {
                let answer = app.ask(&query).variables(variables).by(&key).send().await;
                assert_eq!(
                    answer.status,
                    StatusCode::FORBIDDEN,
                    "{kind}: {query}: {:#}",
                    answer.body
                );
                assert!(answer.message().contains(scope), "{}", answer.message());
                assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
            }
        }
    }
    let mixed = format!(
        "{{ nodes(ids: [{:?}, {:?}]) {{ id }} }}",
        rows.user, rows.identity
    );
    let both = app.key("both", &["directory:read", "identity:read"]).await;
    let data = app.ask(&mixed).by(&both).data().await;
    assert_eq!(
        data["nodes"],
        json!([{ "id": rows.user }, { "id": rows.identity }])
    );
}

/// Every way to hand ids over: as they stand, by variables, by their defaults; one of them alone
/// also without its list.
fn asking_for(ids: &[&str]) -> Vec<(String, Value)> {
    let list = format!("{ids:?}");
    let mut asked = vec![
        (
            format!("{{ nodes(ids: {list}) {{ __typename }} }}"),
            json!({}),
        ),
        (
            "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }".to_owned(),
            json!({ "ids": ids }),
        ),
        (
            format!("query($ids: [ID!]! = {list}) {{ nodes(ids: $ids) {{ __typename }} }}"),
            json!({}),
        ),
    ];
    let names: Vec<String> = (0..ids.len()).map(|index| format!("$id{index}")).collect();
    let variables: serde_json::Map<String, Value> = ids
        .iter()
        .enumerate()
        .map(|(index, id)| (format!("id{index}"), json!(id)))
        .collect();
    asked.push((
        format!(
            "query({}) {{ nodes(ids: [{}]) {{ __typename }} }}",
            names
                .iter()
                .map(|name| format!("{name}: ID!"))
                .collect::<Vec<_>>()
                .join(", "),
            names.join(", ")
        ),
        Value::Object(variables),
    ));
    if let [id] = ids {
        asked.extend([
            (
                format!("{{ node(id: {id:?}) {{ __typename }} }}"),
                json!({}),
            ),
            (
                "query($id: ID!) { node(id: $id) { __typename } }".to_owned(),
                json!({ "id": id }),
            ),
            (
                format!("query($id: ID! = {id:?}) {{ node(id: $id) {{ __typename }} }}"),
                json!({}),
            ),
            (
                format!("{{ nodes(ids: {id:?}) {{ __typename }} }}"),
                json!({}),
            ),
        ]);
    }
    asked
}

/// A row of each kind.
struct Rows {
    user: String,
    provider: String,
    identity: String,
    event: String,
    api_key: String,
    session: String,
}

impl Rows {
    async fn new(app: &App) -> Self {
        let (user, provider) = (app.user("jane").await, app.provider("crm").await);
        let identity = app.linked(&provider, &user, "4711").await;
        let api_key = app.key_id(&app.key("spare", &["user:act_as"]).await).await;
        let session = app.opened(app.new_session(&user, &provider)).await;
        let session = session.row.id.to_string();
        app.all_sealed().await;
        let events = app
            .ask("{ auditEvents(first: 1) { nodes { id } } }")
            .data()
            .await;
        Self {
            event: text(&events, "/auditEvents/nodes/0/id"),
            user,
            provider,
            identity,
            api_key,
            session,
        }
    }

    /// Type, id, and the scope that the id alone needs.
    fn by_kind(&self) -> [(&'static str, &str, &'static str); 6] {
        [
            ("User", &self.user, "directory:read"),
            ("IdentityProvider", &self.provider, "provider:read"),
            ("Identity", &self.identity, "identity:read"),
            ("AuditEvent", &self.event, "audit:read"),
            ("ApiKey", &self.api_key, "admin"),
            ("Session", &self.session, "admin"),
        ]
    }
}
