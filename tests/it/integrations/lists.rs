//! Lookups and lists of integrations and of what organizations have of them.

use lanyard::id::{IntegrationId, OrganizationIntegrationId};
use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{Setting, update_share};
use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

const LIST: &str = "query($filter: OrganizationIntegrationFilter, $first: Int, $after: String, $last: Int, $before: String) {
    organizationIntegrations(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
        totalCount
        nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

async fn list(app: &App, variables: Value) -> Answer {
    app.ask(LIST).variables(variables).send().await
}

fn ids(connection: &Value) -> Vec<String> {
    let nodes = connection["nodes"].as_array().unwrap().iter();
    nodes.map(|node| text(node, "/id")).collect()
}

/// Two organizations with GitHub and GitLab each, and one more of Acme's; by the names of the
/// five.
struct Five {
    it: Setting,
    globex: String,
    github: String,
    /// Acme's GitHub, GitLab and second GitHub, Globex's GitHub and GitLab.
    ids: [String; 5],
}

impl Five {
    async fn start(on: Db) -> Self {
        let it = Setting::start(on).await;
        let globex = it.app.organization("globex").await;
        it.app.add_member(&globex, &it.jane).await;
        let acting = json!({ "defaultIdentityId": it.account });
        let first = it.install(acting).await;
        let gitlab = json!({ "provider": "gitlab" });
        let second = it.installed(gitlab).await;
        let third = it
            .installed(json!({ "externalId": "installation-2" }))
            .await;
        let there = json!({ "organizationId": globex, "defaultIdentityId": it.account });
        let fourth = it.installed(there).await;
        let fifth = json!({ "organizationId": globex, "provider": "gitlab" });
        let fifth = it.installed(fifth).await;
        update_share(&it.app, json!({ "id": fifth, "status": "DISABLED" }))
            .await
            .data();
        Self {
            globex,
            github: text(&first, "/integration/id"),
            ids: [
                text(&first, "/organizationIntegration/id"),
                second,
                third,
                fourth,
                fifth,
            ],
            it,
        }
    }

    fn these(&self, which: &[usize]) -> Vec<String> {
        which.iter().map(|&index| self.ids[index].clone()).collect()
    }
}

#[rstest]
#[tokio::test]
async fn every_key_of_the_filter_and_their_combinations(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let five = Five::start(on).await;
    let it = &five.it;
    let acme = json!(it.acme);
    for (filter, expected) in [
        (Value::Null, &[0, 1, 2, 3, 4][..]),
        (json!({ "organizationId": acme }), &[0, 1, 2]),
        (json!({ "organizationId": five.globex }), &[3, 4]),
        (json!({ "integrationId": five.github }), &[0, 3]),
        (json!({ "provider": "gitlab" }), &[1, 4]),
        (json!({ "externalId": "installation-1" }), &[0, 1, 3, 4]),
        (json!({ "status": "DISABLED" }), &[4]),
        (json!({ "status": "PENDING_DELETION" }), &[]),
        (json!({ "defaultIdentityId": it.account }), &[0, 3]),
        (
            json!({ "organizationId": acme, "provider": "github" }),
            &[0, 2],
        ),
        (
            json!({ "provider": "github", "externalId": "installation-1" }),
            &[0, 3],
        ),
        (
            json!({ "organizationId": acme, "integrationId": five.github }),
            &[0],
        ),
        (
            json!({ "organizationId": acme, "defaultIdentityId": it.account }),
            &[0],
        ),
        (
            json!({ "organizationId": acme, "provider": "github", "externalId": "installation-2", "status": "ACTIVE" }),
            &[2],
        ),
        (json!({ "provider": "github", "status": "DISABLED" }), &[]),
        (json!({ "provider": "GITHUB" }), &[]),
    ] {
        let answer = list(&it.app, json!({ "filter": filter })).await.data();
        let found = &answer["organizationIntegrations"];
        assert_eq!(ids(found), five.these(expected), "{filter}");
        assert_eq!(found["totalCount"], expected.len(), "{filter}");
    }
}

#[rstest]
#[tokio::test]
async fn a_filter_is_not_empty_and_its_keys_have_values(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    for wrong in [
        json!({}),
        json!({ "provider": null }),
        json!({ "provider": "" }),
        json!({ "externalId": "x".repeat(1025) }),
        json!({ "organizationId": it.jane }),
        json!({ "integrationId": "nonsense" }),
        json!({ "defaultIdentityId": it.acme }),
        json!({ "status": null }),
    ] {
        let answer = list(&it.app, json!({ "filter": wrong })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
}

#[rstest]
#[tokio::test]
async fn pages_go_both_ways(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let five = Five::start(on).await;
    let app = &five.it.app;
    let filter = json!({ "externalId": "installation-1" });
    let page = async |more: Value| {
        let mut variables = json!({ "filter": filter });
        let fields = variables.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        list(app, variables).await.data()["organizationIntegrations"].clone()
    };
    let first = page(json!({ "first": 2 })).await;
    assert_eq!(ids(&first), five.these(&[0, 1]));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    assert_eq!(first["pageInfo"]["hasPreviousPage"], false);
    let end = first["pageInfo"]["endCursor"].clone();
    let second = page(json!({ "first": 2, "after": end })).await;
    assert_eq!(ids(&second), five.these(&[3, 4]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    let start = second["pageInfo"]["startCursor"].clone();
    let back = page(json!({ "last": 1, "before": start })).await;
    assert_eq!(ids(&back), five.these(&[1]));
    assert_eq!(back["pageInfo"]["hasPreviousPage"], true);
    let last = page(json!({ "last": 3 })).await;
    assert_eq!(ids(&last), five.these(&[1, 3, 4]));
}

#[rstest]
#[tokio::test]
async fn by_id_or_by_key(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let five = Five::start(on).await;
    let it = &five.it;
    let query = "query($id: ID, $provider: String, $externalId: String, $share: ID, $organization: ID, $integration: ID) {
        integration(id: $id, provider: $provider, externalId: $externalId) { id }
        organizationIntegration(id: $share, organizationId: $organization, integrationId: $integration) { id }
    }";
    let ask = |variables: Value| it.app.ask(query).variables(variables).send();
    let found = json!({
        "integration": { "id": five.github },
        "organizationIntegration": { "id": five.ids[0] },
    });
    for variables in [
        json!({ "id": five.github, "share": five.ids[0] }),
        json!({
            "provider": "github", "externalId": "installation-1",
            "organization": it.acme, "integration": five.github,
        }),
    ] {
        assert_eq!(ask(variables.clone()).await.data(), found, "{variables}");
    }
    let nothing = json!({ "integration": null, "organizationIntegration": null });
    let unknown = (
        IntegrationId::new(&it.app.clock).to_string(),
        OrganizationIntegrationId::new(&it.app.clock).to_string(),
    );
    for variables in [
        json!({ "id": unknown.0, "share": unknown.1 }),
        json!({
            "provider": "gitlab", "externalId": "installation-2",
            "organization": five.globex, "integration": unknown.0,
        }),
    ] {
        assert_eq!(ask(variables.clone()).await.data(), nothing, "{variables}");
    }
    for variables in [
        json!({ "share": five.ids[0] }),
        json!({ "provider": "github", "share": five.ids[0] }),
        json!({ "id": five.github }),
        json!({ "id": five.github, "organization": it.acme }),
        // Both ways, or one and a half.
        json!({
            "id": five.github, "provider": "github", "externalId": "installation-1",
            "share": five.ids[0],
        }),
        json!({ "id": five.github, "provider": "github", "share": five.ids[0] }),
        json!({ "id": five.github, "externalId": "installation-1", "share": five.ids[0] }),
        json!({
            "id": five.github,
            "share": five.ids[0], "organization": it.acme, "integration": five.github,
        }),
        json!({ "id": five.github, "share": five.ids[0], "organization": it.acme }),
        json!({ "id": five.github, "share": five.ids[0], "integration": five.github }),
        json!({ "id": five.ids[0], "share": five.ids[0] }),
        json!({ "id": five.github, "share": five.github }),
    ] {
        assert_eq!(
            ask(variables.clone()).await.code(),
            "BAD_USER_INPUT",
            "{variables}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn lists_within_lists(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let five = Five::start(on).await;
    let it = &five.it;
    let asked = it
        .app
        .ask(
            "query($github: ID!, $acme: ID!, $identity: ID!) {
                integration(id: $github) { organizationIntegrations(first: 1) { totalCount nodes { id } pageInfo { hasNextPage } } }
                node(id: $acme) { ... on Organization { integrations(last: 2) { totalCount nodes { id } pageInfo { hasPreviousPage } } } }
                identity(filter: { id: $identity }) { defaultFor { id organization { slug } } }
            }",
        )
        .variables(json!({ "github": five.github, "acme": it.acme, "identity": it.account }))
        .data()
        .await;
    assert_eq!(
        asked,
        json!({
            "integration": { "organizationIntegrations": {
                "totalCount": 2, "nodes": [{ "id": five.ids[0] }],
                "pageInfo": { "hasNextPage": true },
            } },
            "node": { "integrations": {
                "totalCount": 3, "nodes": [{ "id": five.ids[1] }, { "id": five.ids[2] }],
                "pageInfo": { "hasPreviousPage": true },
            } },
            "identity": { "defaultFor": [
                { "id": five.ids[0], "organization": { "slug": "acme" } },
                { "id": five.ids[3], "organization": { "slug": "globex" } },
            ] },
        })
    );
}

#[rstest]
#[tokio::test]
async fn more_defaults_than_are_listed_are_an_error(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    it.very_many(101).await;
    let query = "query($id: ID!) { identity(filter: { id: $id }) { defaultFor { id } } }";
    let ask = || it.app.ask(query).variables(json!({ "id": it.account }));
    let answer = ask().send().await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
    assert!(answer.message().contains("defaultIdentityId"));
    it.app
        .execute("DELETE FROM organization_integration WHERE external_id = '100'")
        .await;
    let listed = ask().data().await;
    let listed = listed["identity"]["defaultFor"].as_array().unwrap();
    assert_eq!(listed.len(), 100);
}

#[rstest]
#[tokio::test]
async fn a_bound_key_sees_its_own_organizations_share(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let five = Five::start(on).await;
    let it = &five.it;
    let scopes = ["integration:read", "identity:read", "directory:read"];
    let key = super::setting::bound_key(&it.app, &five.globex, &scopes).await;
    let asked = it
        .app
        .ask(
            "query($github: ID!, $identity: ID!) {
                all: organizationIntegrations { totalCount nodes { id } }
                gitlab: organizationIntegrations(filter: { provider: \"gitlab\" }) { totalCount nodes { id } }
                integration(id: $github) { organizationIntegrations { totalCount nodes { id } } }
                identity(filter: { id: $identity }) { defaultFor { id } }
            }",
        )
        .variables(json!({ "github": five.github, "identity": it.account }))
        .by(&key)
        .data()
        .await;
    let own = json!({ "totalCount": 1, "nodes": [{ "id": five.ids[3] }] });
    assert_eq!(
        asked,
        json!({
            "all": { "totalCount": 2, "nodes": [{ "id": five.ids[3] }, { "id": five.ids[4] }] },
            "gitlab": { "totalCount": 1, "nodes": [{ "id": five.ids[4] }] },
            "integration": { "organizationIntegrations": own },
            "identity": { "defaultFor": [{ "id": five.ids[3] }] },
        })
    );
}
