//! Broken object level authorization: a key of one organization asks for rows of another, and
//! changes them, by every way that names them.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::Db;
use crate::support::client::Answer;
use crate::support::tenants::Tenants;

#[rstest]
#[tokio::test]
async fn reading_rows_of_another_organization_by_every_key_of_the_filters(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (a, b) = (&tenants.a, &tenants.b);
    give_what_filters_look_at(&tenants).await;
    let later = "2100-01-01T00:00:00Z";
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
        json!({ "email": "canary@example.org" }),
        json!({ "status": "VALID", "userId": a.user }),
        json!({ "status": "UNKNOWN", "userIds": [a.user, tenants.nobody] }),
        json!({ "isPrimary": true, "externalId": "canary-a-own" }),
        json!({ "providerType": "custom", "userId": a.user }),
        json!({ "providerType": "custom", "providerExternalId": "canary-a-provider" }),
        json!({ "providerExternalId": "canary-a-provider" }),
        json!({ "expiringBefore": later }),
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
    // Keys that name nobody find one's own, and nothing else.
    let own = json!([{ "id": b.at_own }, { "id": b.at_shared }]);
    for filter in [
        json!({ "isPrimary": true }),
        json!({ "providerType": "custom" }),
        json!({ "status": b_status(&tenants).await }),
    ] {
        let query = "query($filter: IdentityFilter!) {
            identities(filter: $filter) { totalCount nodes { id } } }";
        let found = tenants.by_b(query, json!({ "filter": filter })).await;
        let expected = json!({ "totalCount": 2, "nodes": own });
        assert_eq!(found.data()["identities"], expected, "{filter}");
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

/// An address and tokens that end, for every identity that a key of `b` must not find.
async fn give_what_filters_look_at(tenants: &Tenants) {
    let a = &tenants.a;
    for (provider, user, account) in [
        (&a.provider, &a.user, "canary-a-own"),
        (&tenants.shared, &a.user, "canary-a-shared"),
        (&tenants.shared, &tenants.nobody, "canary-nobody"),
    ] {
        let input = json!({
            "providerId": provider, "userId": user, "externalId": account,
            "profile": { "email": "canary@example.org" },
            "credential": { "accessToken": "canary-token-t", "expiresAt": "2099-01-01T00:00:00Z" },
        });
        let linked = tenants.app.link(input).await.data();
        assert_eq!(linked["linkIdentity"]["outcome"], "UPDATED", "{linked:#}");
    }
    // Whoever may see them finds them so.
    let query = "{
        email: identities(filter: { email: \"canary@example.org\" }) { totalCount }
        ends: identities(filter: { expiringBefore: \"2100-01-01T00:00:00Z\" }) { totalCount }
    }";
    let found = tenants.app.ask(query).data().await;
    let three = json!({ "totalCount": 3 });
    assert_eq!(found, json!({ "email": three, "ends": three }));
}

/// The status that both identities of `b` have.
async fn b_status(tenants: &Tenants) -> Value {
    let query = "query($ids: [ID!]!) { identities(filter: { ids: $ids }) { nodes { status } } }";
    let ids = json!({ "ids": [tenants.b.at_own, tenants.b.at_shared] });
    let found = tenants.by_b(query, ids).await.data();
    let nodes = &found["identities"]["nodes"];
    assert_eq!(nodes[0], nodes[1]);
    nodes[0]["status"].clone()
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
    answers.extend(foreign_children(&tenants).await);
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

/// What is one's own is to take in what is another organization's.
async fn foreign_children(tenants: &Tenants) -> Vec<(&'static str, Answer)> {
    let (a, b) = (&tenants.a, &tenants.b);
    let mut answers = Vec::new();
    for identity in [&a.at_own, &a.at_shared, &tenants.nobodys] {
        let input = json!({
            "organizationId": b.organization, "provider": "service", "externalId": "new",
            "name": "New", "defaultIdentityId": identity,
        });
        let field = "installIntegration";
        let answer = tenants.mutation_by_b(field, "InstallIntegrationInput", input);
        answers.push((field, answer.await));
        let query = "mutation($share: ID!, $identity: ID!) {
            setDefaultIdentity(organizationIntegrationId: $share, identityId: $identity) {
                userErrors { code } } }";
        let ids = json!({ "share": b.organization_integration, "identity": identity });
        answers.push(("setDefaultIdentity", tenants.by_b(query, ids).await));
    }
    let input = json!({
        "organizationId": b.organization, "providerId": a.provider, "allowUnlinked": true,
    });
    let field = "setAuthProvider";
    let answer = tenants.mutation_by_b(field, "SetAuthProviderInput", input);
    answers.push((field, answer.await));
    for user in [&a.user, &tenants.nobody] {
        let input = json!({ "authProviderId": b.auth_provider, "userId": user, "ident": "new" });
        let field = "linkAuthIdentity";
        let answer = tenants.mutation_by_b(field, "LinkAuthIdentityInput", input);
        answers.push((field, answer.await));
    }
    let input = json!({
        "slug": "new", "type": "slack", "config": { "team": "T012" },
        "organizationId": b.organization, "clientOf": a.provider,
    });
    let field = "createIdentityProvider";
    let answer = tenants.mutation_by_b(field, "CreateIdentityProviderInput", input);
    answers.push((field, answer.await));
    answers
}
