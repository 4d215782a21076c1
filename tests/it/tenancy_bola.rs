//! Broken object level authorization: a key of one organization asks for rows of another, and
//! changes them, by every way that names them.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::Db;
use crate::support::tenants::Tenants;

#[rstest]
#[tokio::test]
async fn reading_rows_of_another_organization_by_every_key_of_the_filters(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let a = &tenants.a;
    for filter in [
        json!({ "id": a.at_own }),
        json!({ "ids": [a.at_own, a.at_shared, tenants.nobodys] }),
        json!({ "userId": a.user }),
        json!({ "userIds": [a.user, tenants.nobody] }),
        json!({ "externalId": "canary-a-own" }),
        json!({ "externalIds": ["canary-a-shared", "canary-nobody"] }),
        json!({ "providerId": a.provider }),
        json!({ "providerId": tenants.shared, "userId": a.user }),
        json!({ "organizationId": a.organization }),
        json!({ "organizationId": a.organization, "userId": a.user }),
    ] {
        let query = "query($filter: IdentityFilter!) {
            identity(filter: $filter) { id } identities(filter: $filter) { totalCount nodes { id } }
        }";
        let found = tenants
            .by_b(query, json!({ "filter": filter }))
            .await
            .data();
        let nothing = json!({ "identity": null, "identities": { "totalCount": 0, "nodes": [] } });
        assert_eq!(found, nothing, "{filter}");
    }
    for filter in [
        json!({ "ids": [a.user, tenants.nobody] }),
        json!({ "entityRefs": ["user:default/canary-a-user"] }),
        json!({ "email": "canary-a-user@example.org" }),
        json!({ "organizationId": a.organization }),
        json!({ "organizationId": a.organization, "status": "ACTIVE" }),
    ] {
        let query =
            "query($filter: UserFilter!) { users(filter: $filter) { totalCount nodes { id } } }";
        let found = tenants
            .by_b(query, json!({ "filter": filter }))
            .await
            .data();
        assert_eq!(
            found["users"],
            json!({ "totalCount": 0, "nodes": [] }),
            "{filter}"
        );
    }
    for filter in [
        json!({ "ids": [a.provider] }),
        json!({ "slugs": ["canary-a-provider"] }),
        json!({ "organizationId": a.organization }),
    ] {
        let query = "query($filter: IdentityProviderFilter!) { identityProviders(filter: $filter) { totalCount nodes { id } } }";
        let found = tenants
            .by_b(query, json!({ "filter": filter }))
            .await
            .data();
        let nothing = json!({ "totalCount": 0, "nodes": [] });
        assert_eq!(found["identityProviders"], nothing, "{filter}");
    }
    for (field, id) in [
        ("user(id: $id)", &a.user),
        ("user(id: $id)", &tenants.nobody),
        ("identityProvider(id: $id)", &a.provider),
        (
            "identityProvider(type: \"custom\", externalId: \"canary-a-provider\", organizationId: $id)",
            &a.organization,
        ),
        ("organization(id: $id)", &a.organization),
    ] {
        let query = format!("query($id: ID!) {{ found: {field} {{ id }} }}");
        let found = tenants.by_b(&query, json!({ "id": id })).await.data();
        assert_eq!(found["found"], Value::Null, "{field}");
    }
    for field in [
        "user(entityRef: \"user:default/canary-a-user\")",
        "user(email: \"canary-nobody@example.org\")",
        "identityProvider(slug: \"canary-a-provider\")",
        "organization(slug: \"canary-a\")",
    ] {
        let query = format!("{{ found: {field} {{ id }} }}");
        let found = tenants.by_b(&query, json!({})).await.data();
        assert_eq!(found["found"], Value::Null, "{field}");
    }
    for user in [&a.user, &tenants.nobody] {
        let query =
            "query($id: ID!) { userIdentities(userId: $id, providerType: \"custom\") { id } }";
        let found = tenants.by_b(query, json!({ "id": user })).await.data();
        assert_eq!(found["userIdentities"], json!([]));
    }
}

#[rstest]
#[tokio::test]
async fn changing_rows_of_another_organization(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let tenants = Tenants::new(on).await;
    let (a, b) = (&tenants.a, &tenants.b);
    let before = tenants.app.dump().await;
    let mut answers = Vec::new();
    for (field, input_type, input) in [
        (
            "updateIdentityData",
            "UpdateIdentityDataInput",
            json!({ "id": a.at_own, "data": {} }),
        ),
        (
            "updateIdentityData",
            "UpdateIdentityDataInput",
            json!({ "id": a.at_shared, "data": { "x": 1 } }),
        ),
        (
            "updateIdentityData",
            "UpdateIdentityDataInput",
            json!({ "id": tenants.nobodys, "data": { "x": 1 } }),
        ),
        (
            "updateIdentityProvider",
            "UpdateIdentityProviderInput",
            json!({ "id": a.provider, "name": "Mine" }),
        ),
        (
            "updateOrganization",
            "UpdateOrganizationInput",
            json!({ "id": a.organization, "name": "Mine" }),
        ),
    ] {
        answers.push((field, tenants.mutation_by_b(field, input_type, input).await));
    }
    for (field, id) in [
        ("deleteIdentityProvider", &a.provider),
        ("revokeApiKey", &a.key_id),
        ("revokeApiKey", &tenants.unbound_key_id),
    ] {
        let query = format!("mutation($id: ID!) {{ {field}(id: $id) {{ deletedId }} }}");
        answers.push((field, tenants.by_b(&query, json!({ "id": id })).await));
    }
    // Users of others at every provider, and one's own users at others' providers.
    for (provider, user) in [
        (&tenants.shared, &a.user),
        (&tenants.shared, &tenants.nobody),
        (&b.provider, &a.user),
        (&b.provider, &tenants.nobody),
        (&a.provider, &a.user),
        (&a.provider, &b.user),
    ] {
        for policy in ["FAIL", "REATTACH"] {
            let answer = tenants.link_by_b(provider, user, "new", policy).await;
            answers.push(("linkIdentity", answer));
        }
        let preview =
            "query($input: LinkIdentityInput!) { linkPreview(input: $input) { outcome } }";
        let input = json!({ "providerId": provider, "userId": user, "externalId": "new" });
        let answer = tenants.by_b(preview, json!({ "input": input })).await;
        assert_eq!(answer.data(), json!({ "linkPreview": null }));
    }
    for (field, answer) in answers {
        assert_eq!(answer.code(), "NOT_FOUND", "{field}: {:#}", answer.body);
    }
    tenants.app.all_sealed().await;
    assert_eq!(tenants.app.dump().await, before);
}
