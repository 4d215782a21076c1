//! Keys that are bound to an organization: how they are made, and what they see.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::tenants::Tenants;

#[rstest]
#[tokio::test]
async fn a_key_is_bound_when_it_is_made(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (a, b) = (app.organization("a").await, app.organization("b").await);
    let create = async |by: Option<&str>, input: Value| {
        let ask = app
            .ask(
                "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) {
                    apiKey { organization { slug } } secret userErrors { code }
                } }",
            )
            .variables(json!({ "input": input }));
        let ask = match by {
            Some(key) => ask.by(key),
            None => ask,
        };
        ask.send().await
    };
    let input = |organization: Option<&str>| {
        let mut input = json!({ "name": "key", "scopes": ["identity:read"] });
        if let Some(id) = organization {
            input["organizationId"] = json!(id);
        }
        input
    };
    let unbound = create(None, input(None)).await.data();
    assert_eq!(
        unbound["createApiKey"]["apiKey"]["organization"],
        Value::Null
    );
    let bound = create(None, input(Some(&a))).await.data();
    let of_a = json!({ "slug": "a" });
    assert_eq!(bound["createApiKey"]["apiKey"]["organization"], of_a);
    let secret = text(&bound, "/createApiKey/secret");
    let who = "{ viewer { ... on ApiKey { name organization { slug name } } } }";
    let seen = app.ask(who).by(&secret).data().await;
    assert_eq!(seen["viewer"]["organization"]["slug"], "a");
    let unknown = "organization_01h455vb4pex5vsknk084sn02q";
    assert_eq!(create(None, input(Some(unknown))).await.code(), "NOT_FOUND");

    // What a bound key makes is its organization's.
    let admin = app.bound_key(&a, &["admin"]).await;
    for organization in [None, Some(a.as_str())] {
        let made = create(Some(&admin), input(organization)).await.data();
        assert_eq!(made["createApiKey"]["apiKey"]["organization"], of_a);
    }
    for other in [b.as_str(), unknown] {
        let refused = create(Some(&admin), input(Some(other))).await;
        assert_eq!(refused.code(), "FORBIDDEN", "{other}");
    }
}

/// What lists answer with, in a few words each, and how many they say there are.
const LISTS: &str = "{
    organizations { totalCount nodes { slug } }
    users { totalCount nodes { entityRef } }
    identities { totalCount nodes { externalId } }
    identityProviders { totalCount nodes { slug } }
    apiKeys { totalCount nodes { id } }
}";

#[rstest]
#[tokio::test]
async fn lists_and_their_counts_have_what_is_within_the_organization(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let found = app.ask(LISTS).by(&b.key).data().await;
    let list =
        |nodes: Value| json!({ "totalCount": nodes.as_array().unwrap().len(), "nodes": nodes });
    assert_eq!(
        found,
        json!({
            "organizations": list(json!([{ "slug": "b" }])),
            "users": list(json!([{ "entityRef": "user:default/b-user" }])),
            "identities": list(json!([{ "externalId": "b-own" }, { "externalId": "b-shared" }])),
            "identityProviders": list(json!([{ "slug": "shared" }, { "slug": "b-provider" }])),
            "apiKeys": list(json!([{ "id": b.key_id }])),
        })
    );
    // Over edges, too, from a row that all see.
    let nested = app
        .ask("{ identityProviders { nodes { slug identities { totalCount nodes { externalId user { entityRef } } } } } }")
        .by(&b.key)
        .data()
        .await;
    let of = |account: &str| json!({ "externalId": account, "user": { "entityRef": "user:default/b-user" } });
    assert_eq!(
        nested["identityProviders"]["nodes"],
        json!([
            { "slug": "shared", "identities": list(json!([of("b-shared")])) },
            { "slug": "b-provider", "identities": list(json!([of("b-own")])) },
        ])
    );
}

#[rstest]
#[tokio::test]
async fn every_kind_of_row_is_seen_within_the_organization_and_nowhere_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let nodes = async |ids: &[&str]| {
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
        let data = app
            .ask(query)
            .variables(json!({ "ids": ids }))
            .by(&b.key)
            .data()
            .await;
        data["nodes"].as_array().unwrap().clone()
    };
    let own = [
        b.organization.as_str(),
        &b.user,
        &b.provider,
        &b.at_own,
        &b.at_shared,
        &b.integration,
        &b.organization_integration,
        &b.auth_provider,
        &b.auth_identity,
        &b.key_id,
        &tenants.shared,
    ];
    let seen = nodes(&own).await;
    let ids: Vec<String> = seen.iter().map(|node| text(node, "/id")).collect();
    assert_eq!(ids, own);
    let hidden = nodes(&tenants.hidden_from_b()).await;
    assert!(hidden.iter().all(Value::is_null), "{hidden:#?}");
    // Sessions and events of others are hidden as well.
    let session = app.opened(app.new_session(&b.user, &tenants.shared)).await;
    let session = session.row.id.to_string();
    assert_eq!(nodes(&[session.as_str()]).await, [Value::Null]);
    let stored = app.stored().await;
    for event in &stored.events {
        let id = event.id.to_string();
        let is_own = event.organization_id.as_deref() == Some(b.organization.as_str());
        let node = &nodes(&[id.as_str()]).await[0];
        assert_eq!(!node.is_null(), is_own, "{event:?}");
    }
}

#[rstest]
#[tokio::test]
async fn events_of_an_organization_are_its_keys_to_read(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, a, b) = (&tenants.app, &tenants.a, &tenants.b);
    let query = "query($filter: AuditFilter) { auditEvents(filter: $filter, first: 100) {
        totalCount nodes { action targetId }
    } }";
    let events = async |key: Option<&str>, filter: Value| {
        let ask = app.ask(query).variables(json!({ "filter": filter }));
        let data = match key {
            Some(key) => ask.by(key).data().await,
            None => ask.data().await,
        };
        let list = &data["auditEvents"];
        let nodes = list["nodes"].as_array().unwrap().clone();
        assert_eq!(list["totalCount"], nodes.len());
        nodes
            .iter()
            .map(|node| (text(node, "/action"), text(node, "/targetId")))
            .collect::<Vec<_>>()
    };
    let told = |action: &str, target: &str| (action.to_owned(), target.to_owned());
    let of_b = [
        told("organization.created", &b.organization),
        told("organization.member_added", &b.organization),
        told("provider.created", &b.provider),
        told("identity.linked", &b.at_own),
        told("integration.created", &b.integration),
        told("org_integration.installed", &b.organization_integration),
        told("auth_provider.created", &b.auth_provider),
        told("api_key.created", &b.key_id),
        told("auth_identity.linked", &b.auth_identity),
    ];
    assert_eq!(events(Some(&b.key), Value::Null).await, of_b);
    let mine = json!({ "organizationId": b.organization });
    assert_eq!(events(Some(&b.key), mine.clone()).await, of_b);
    assert_eq!(events(None, mine).await, of_b);
    let member = json!({ "userId": b.user });
    let about_member = events(Some(&b.key), member).await;
    let of_member = [1, 3, 5, 8].map(|number| of_b[number].clone());
    assert_eq!(about_member, of_member);
    for foreign in [
        json!({ "organizationId": a.organization }),
        json!({ "userId": a.user }),
        json!({ "targetId": a.provider }),
        json!({ "targetId": tenants.shared }),
        json!({ "actions": ["user.created", "session.started"] }),
    ] {
        assert_eq!(events(Some(&b.key), foreign.clone()).await, [], "{foreign}");
    }
}

#[rstest]
#[tokio::test]
async fn a_bound_key_works_within_its_organization(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let ask = async |query: &str, input: Value| {
        let ask = app.ask(query).variables(json!({ "input": input }));
        ask.by(&b.key).data().await
    };
    let rename = "mutation($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { organization { name } } }";
    let renamed = ask(rename, json!({ "id": b.organization, "name": "B" })).await;
    assert_eq!(renamed["updateOrganization"]["organization"]["name"], "B");
    let create =
        "mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) {
        identityProvider { id organization { slug } } userErrors { code message }
    } }";
    let made = ask(
        create,
        json!({ "slug": "new", "type": "custom", "config": {} }),
    )
    .await;
    let made = &made["createIdentityProvider"]["identityProvider"];
    assert_eq!(made["organization"]["slug"], "b");
    let link = crate::support::fixtures::LINK;
    for (provider, account) in [
        (text(made, "/id"), "new"),
        (tenants.shared.clone(), "b-shared"),
    ] {
        let input = json!({ "providerId": provider, "userId": b.user, "externalId": account });
        let linked = ask(link, input).await;
        assert!(linked["linkIdentity"]["identity"].is_object(), "{linked:#}");
    }
    let data = "mutation($input: UpdateIdentityDataInput!) { updateIdentityData(input: $input) { identity { data } } }";
    let changed = ask(data, json!({ "id": b.at_own, "data": { "a": 1 } })).await;
    assert_eq!(
        changed["updateIdentityData"]["identity"]["data"],
        json!({ "a": 1 })
    );
}

/// What reaches beyond the organization is refused before anything of the document runs.
#[rstest]
#[tokio::test]
async fn what_reaches_beyond_the_organization_is_forbidden(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let before = app.dump().await;
    let (organization, user, provider) = (&b.organization, &b.user, &b.provider);
    for (mutation, says) in [
        ("upsertUser(input: { entityRef: \"user:default/new\" }) { userErrors { code } }".to_owned(), "upsertUser"),
        ("createOrganization(input: { slug: \"new\", name: \"New\" }) { userErrors { code } }".to_owned(), "createOrganization"),
        (format!("addOrganizationMember(organizationId: {organization:?}, userId: {user:?}) {{ userErrors {{ code }} }}"), "addOrganizationMember"),
        (format!("removeOrganizationMember(organizationId: {organization:?}, userId: {user:?}) {{ userErrors {{ code }} }}"), "removeOrganizationMember"),
        (format!("updateOrganization(input: {{ id: {organization:?}, domains: [\"b.example\"] }}) {{ userErrors {{ code }} }}"), "domains"),
        (format!("updateOrganization(input: {{ id: {organization:?}, domains: null }}) {{ userErrors {{ code }} }}"), "domains"),
        (format!("updateIdentityProvider(input: {{ id: {provider:?}, allowsSignIn: true }}) {{ userErrors {{ code }} }}"), "allowsSignIn"),
        (format!("updateIdentityProvider(input: {{ id: {provider:?}, signIn: null }}) {{ userErrors {{ code }} }}"), "who may sign in"),
        ("createIdentityProvider(input: { slug: \"new\", type: \"custom\", config: {}, allowsSignIn: true }) { userErrors { code } }".to_owned(), "allowsSignIn"),
        (format!("updateIdentityProvider(input: {{ id: {:?}, name: \"Mine\" }}) {{ userErrors {{ code }} }}", tenants.shared), "all organizations"),
        (format!("deleteIdentityProvider(id: {:?}) {{ userErrors {{ code }} }}", tenants.shared), "all organizations"),
        ("endOtherSessions { userErrors { code } }".to_owned(), "people"),
    ] {
        let answer = app.ask(&format!("mutation {{ {mutation} }}")).by(&b.key).send().await;
        assert_eq!(answer.code(), "FORBIDDEN", "{mutation}");
        assert!(answer.message().contains(says), "{mutation}: {}", answer.message());
        app.all_sealed().await;
        assert_eq!(app.dump().await, before, "{mutation}");
    }
    let sessions = app
        .ask("{ users { nodes { sessions { id } } } }")
        .by(&b.key);
    assert_eq!(sessions.code().await, "FORBIDDEN");
}
