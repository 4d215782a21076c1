//! What a key of one organization tries on another's rows and on nobody's; each test is named
//! after what it stops.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::Db;
use crate::support::client::{Answer, text};
use crate::support::fixtures::LINK;
use crate::support::tenancy::codes;
use crate::support::tenants::Tenants;

#[rstest]
#[tokio::test]
async fn taking_over_an_account_of_somebody_who_is_not_seen(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    // Whoever has left is not seen any more, not even at the organization's own provider.
    let left = app.member(&b.organization, "left").await;
    app.linked(&b.provider, &left, "canary-left").await;
    app.remove_member(&b.organization, &left).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let mut messages = Vec::new();
    for (provider, account) in [
        (&tenants.shared, "canary-a-shared"),
        (&tenants.shared, "canary-nobody"),
        (&b.provider, "canary-left"),
    ] {
        let answer = tenants
            .link_by_b(provider, &b.user, account, "REATTACH")
            .await;
        let payload = answer.data()["linkIdentity"].clone();
        assert!(payload["identity"].is_null(), "{payload:#}");
        let expected = "ACCOUNT_OWNED_BY_ANOTHER_USER";
        assert!(codes(&payload).contains(&expected), "{payload:#}");
        messages.push(payload["userErrors"].clone());
        let preview = "query($input: LinkIdentityInput!) { linkPreview(input: $input) { outcome conflict displaces { id } } }";
        let input = json!({
            "providerId": provider, "userId": b.user, "externalId": account, "onConflict": "REATTACH",
        });
        let answer = tenants
            .by_b(preview, json!({ "input": input }))
            .await
            .data();
        let preview = &answer["linkPreview"];
        assert_eq!(preview["outcome"], Value::Null, "{preview}");
        assert_eq!(preview["displaces"], json!([]), "{preview}");
        app.all_sealed().await;
        assert_eq!(app.dump().await, before, "{account}");
    }
    messages.dedup();
    assert_eq!(
        messages.len(),
        1,
        "the same words, whoever has the account: {messages:#?}"
    );
}

#[rstest]
#[tokio::test]
async fn linking_somebody_who_is_no_member_at_an_organizations_provider(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let before = app.dump().await;
    for (user, account) in [
        (&tenants.a.user, "new"),
        (&tenants.nobody, "new"),
        // Whether the account is taken is not said before.
        (&tenants.nobody, "b-own"),
    ] {
        for policy in ["FAIL", "UPDATE_IN_PLACE", "REATTACH"] {
            let input = json!({
                "providerId": b.provider, "userId": user, "externalId": account,
                "onConflict": policy,
            });
            let payload = app.link(input.clone()).await.data()["linkIdentity"].clone();
            assert_eq!(codes(&payload), ["USER_NOT_IN_ORGANIZATION"], "{payload:#}");
            assert_eq!(
                payload["userErrors"][0]["field"],
                json!(["input", "userId"])
            );
            let preview = app
                .ask("query($input: LinkIdentityInput!) { linkPreview(input: $input) { outcome } }")
                .variables(json!({ "input": input }))
                .send()
                .await;
            assert!(preview.body["data"]["linkPreview"]["outcome"].is_null());
        }
    }
    app.all_sealed().await;
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn borrowing_the_client_of_another_organizations_provider(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let input = |more: Value| {
        let mut input = json!({
            "slug": "mine", "type": "oidc", "config": { "issuer": "https://issuer.example" },
        });
        let fields = input.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        input
    };
    let create = async |more: Value| {
        let input_type = "CreateIdentityProviderInput";
        tenants
            .mutation_by_b("createIdentityProvider", input_type, input(more))
            .await
    };
    let team = json!({ "type": "slack", "config": { "team": "T012" } });
    let mut borrowing = team.clone();
    borrowing["clientOf"] = json!(tenants.a.provider);
    assert_eq!(create(borrowing).await.code(), "NOT_FOUND");
    // The operator's own client: whoever stands for a team shuts out others who would.
    let app = json!({ "type": "slack", "clientId": "x", "clientSecret": "s" });
    let mut borrowing = team;
    borrowing["clientOf"] = json!(tenants.app.provider_with("app", app).await);
    tenants.app.all_sealed().await;
    let before = tenants.app.dump().await;
    assert_eq!(create(borrowing).await.code(), "FORBIDDEN");
    // A provider for another organization, whether there is one or not.
    let unknown = "organization_01h455vb4pex5vsknk084sn02q";
    let mut messages = Vec::new();
    for organization in [tenants.a.organization.as_str(), unknown] {
        let answer = create(json!({ "organizationId": organization })).await;
        assert_eq!(answer.code(), "FORBIDDEN");
        messages.push(answer.message());
    }
    assert_eq!(messages[0], messages[1]);
    tenants.app.all_sealed().await;
    assert_eq!(tenants.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn enumeration_what_is_hidden_is_told_as_what_is_not_there(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (a, b) = (&tenants.a, &tenants.b);
    // The same question about a row that is hidden and about none: the same words.
    let same = |hidden: &Answer, hidden_id: &str, absent: &Answer, absent_id: &str| {
        assert_eq!(hidden.status, absent.status);
        let blank = |answer: &Answer, id: &str| {
            let mut body = answer.body.clone();
            if let Some(extensions) = body.pointer_mut("/errors/0/extensions") {
                extensions.as_object_mut().unwrap().remove("requestId");
            }
            body.to_string().replace(id, "ID")
        };
        assert_eq!(blank(hidden, hidden_id), blank(absent, absent_id));
    };
    let (no_user, no_provider, no_identity) = (
        "user_01h455vb4pex5vsknk084sn02q",
        "provider_01h455vb4pex5vsknk084sn02q",
        "identity_01h455vb4pex5vsknk084sn02q",
    );
    for (hidden, absent) in [(a.user.as_str(), no_user), (&tenants.nobody, no_user)] {
        let (one, other) = (
            tenants
                .link_by_b(&tenants.shared, hidden, "new", "FAIL")
                .await,
            tenants
                .link_by_b(&tenants.shared, absent, "new", "FAIL")
                .await,
        );
        same(&one, hidden, &other, absent);
    }
    let (one, other) = (
        tenants.link_by_b(&a.provider, &b.user, "new", "FAIL").await,
        tenants.link_by_b(no_provider, &b.user, "new", "FAIL").await,
    );
    same(&one, &a.provider, &other, no_provider);
    let update = async |id: &str| {
        let input = json!({ "id": id, "data": {} });
        let input_type = "UpdateIdentityDataInput";
        tenants
            .mutation_by_b("updateIdentityData", input_type, input)
            .await
    };
    same(
        &update(&a.at_own).await,
        &a.at_own,
        &update(no_identity).await,
        no_identity,
    );
}

#[rstest]
#[tokio::test]
async fn replaying_an_idempotent_link_of_another_organization(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, a) = (&tenants.app, &tenants.a);
    let input = json!({
        "providerId": a.provider, "userId": a.user, "externalId": "canary-a-own",
        "idempotencyKey": "once",
    });
    let first = app
        .ask(LINK)
        .variables(json!({ "input": input }))
        .by(&a.key);
    assert_eq!(first.data().await["linkIdentity"]["outcome"], "UPDATED");
    // Both keys have the same name, and so are of the same application.
    let again = tenants.by_b(LINK, json!({ "input": input })).await;
    assert_eq!(again.code(), "NOT_FOUND");
    // Nor does the one find out, or stand in the way, where the other has used the mark.
    let own = json!({
        "providerId": tenants.b.provider, "userId": tenants.b.user, "externalId": "b-own",
        "idempotencyKey": "once",
    });
    let own = tenants.by_b(LINK, json!({ "input": own })).await.data();
    assert_eq!(own["linkIdentity"]["outcome"], "UPDATED", "{own:#}");
}

#[rstest]
#[tokio::test]
async fn two_organizations_have_a_provider_each_of_the_same_instance(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let app = &tenants.app;
    let mut identities = Vec::new();
    for (slug, tenant) in [("twin-a", &tenants.a), ("twin-b", &tenants.b)] {
        let input = json!({
            "slug": slug, "type": "custom", "externalId": "twin", "config": {},
        });
        let create = "mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) {
            identityProvider { id } userErrors { code message }
        } }";
        let made = app
            .ask(create)
            .variables(json!({ "input": input }))
            .by(&tenant.key)
            .data()
            .await;
        let provider = text(&made, "/createIdentityProvider/identityProvider/id");
        let link = json!({ "providerId": provider, "userId": tenant.user, "externalId": "same" });
        let linked = app
            .ask(LINK)
            .variables(json!({ "input": link }))
            .by(&tenant.key)
            .data()
            .await;
        assert_eq!(linked["linkIdentity"]["outcome"], "CREATED");
        identities.push(text(&linked, "/linkIdentity/identity/id"));
        // A second one of the same instance is refused within the organization only.
        let again = json!({
            "slug": format!("{slug}-again"), "type": "custom", "externalId": "twin", "config": {},
        });
        let again = app
            .ask(create)
            .variables(json!({ "input": again }))
            .by(&tenant.key)
            .data()
            .await;
        assert_eq!(codes(&again["createIdentityProvider"]), ["ALREADY_EXISTS"]);
    }
    // Each is found for its own organization, and the shared one for none.
    let query = "query($organization: ID) { identityProvider(type: \"custom\", externalId: \"twin\", organizationId: $organization) { slug } }";
    for (organization, slug) in [
        (json!(tenants.a.organization), json!({ "slug": "twin-a" })),
        (json!(tenants.b.organization), json!({ "slug": "twin-b" })),
        (Value::Null, Value::Null),
    ] {
        let ask = app.ask(query);
        let found = ask
            .variables(json!({ "organization": organization }))
            .data()
            .await;
        assert_eq!(found["identityProvider"], slug);
    }
    // The account's name says nothing across the two.
    let found = tenants
        .by_b(
            "{ identities(filter: { externalId: \"same\" }) { nodes { id } } }",
            json!({}),
        )
        .await
        .data();
    let nodes = found["identities"]["nodes"].as_array().unwrap();
    assert_eq!(nodes, &[json!({ "id": identities[1] })]);
}

#[rstest]
#[tokio::test]
async fn people_see_the_providers_of_their_own_organizations(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, a, b) = (&tenants.app, &tenants.a, &tenants.b);
    let session = app.session(&b.user, &tenants.shared).await;
    let found = app
        .ask("{ identityProviders { totalCount nodes { slug } } organizations { nodes { slug } } }")
        .by_person(&session)
        .data()
        .await;
    let slugs = json!([{ "slug": "shared" }, { "slug": "b-provider" }]);
    assert_eq!(
        found["identityProviders"],
        json!({ "totalCount": 2, "nodes": slugs })
    );
    assert_eq!(found["organizations"]["nodes"], json!([{ "slug": "b" }]));
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }";
    let nodes = app
        .ask(query)
        .variables(json!({ "ids": [
            a.provider, b.provider, a.organization, b.organization, a.auth_provider,
            b.auth_provider, a.auth_identity, b.auth_identity, a.user, a.at_own,
        ] }))
        .by_person(&session)
        .data()
        .await;
    let seen: Vec<_> = nodes["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| !node.is_null())
        .collect();
    let expected = [
        false, true, false, true, false, true, false, true, false, false,
    ];
    assert_eq!(seen, expected);
}

/// A member of both organizations; an integration of `a` acts as their account at the shared
/// provider.
struct Lent {
    user: String,
    identity: String,
    acting: String,
}

impl Lent {
    async fn new(tenants: &Tenants) -> Self {
        let (app, a, b) = (&tenants.app, &tenants.a, &tenants.b);
        let user = app.member(&b.organization, "both").await;
        app.add_member(&a.organization, &user).await;
        let identity = app.linked(&tenants.shared, &user, "both").await;
        Self {
            acting: app.acting_as(&a.organization, &identity).await,
            user,
            identity,
        }
    }
}

#[rstest]
#[tokio::test]
async fn changing_whom_another_organizations_integration_acts_as(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b, shared) = (&tenants.app, &tenants.b, &tenants.shared);
    let lent = Lent::new(&tenants).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let refused = |payload: &Value| {
        assert_eq!(codes(payload), ["IN_USE"], "{payload:#}");
        let message = text(payload, "/userErrors/0/message");
        assert!(message.contains("another organization"), "{message}");
        message
    };
    let cases = [
        // Another account in its place; the same again; and away with it, whoever gets it.
        (&lent.user, "of-an-attacker", "UPDATE_IN_PLACE"),
        (&lent.user, "both", "FAIL"),
        (&lent.user, "of-an-attacker", "REATTACH"),
        (&b.user, "both", "REATTACH"),
    ];
    let preview = "query($input: LinkIdentityInput!) { linkPreview(input: $input) {
        outcome conflict explanation displaces { id } } }";
    for (user, account, policy) in cases {
        let input = json!({
            "providerId": shared, "userId": user, "externalId": account, "onConflict": policy,
            "credential": { "accessToken": "canary-token-of-an-attacker" },
        });
        let answer = tenants.by_b(LINK, json!({ "input": input })).await.data();
        let message = refused(&answer["linkIdentity"]);
        let answer = tenants.by_b(preview, json!({ "input": input })).await;
        assert_eq!(
            answer.data()["linkPreview"],
            json!({ "outcome": null, "conflict": null, "explanation": message, "displaces": [] }),
            "{account} {policy}"
        );
        app.all_sealed().await;
        assert_eq!(app.dump().await, before, "{account} {policy}");
    }
    let id = &lent.identity;
    let change = json!({ "id": id, "data": { "of": "an attacker" } });
    for (field, input_type, input) in [
        ("unlinkIdentity", "UnlinkIdentityInput", json!({ "id": id })),
        ("updateIdentityData", "UpdateIdentityDataInput", change),
    ] {
        let answer = tenants.mutation_by_b(field, input_type, input).await;
        refused(&answer.data()[field]);
    }
    app.all_sealed().await;
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn what_only_its_own_integrations_act_as_a_bound_key_changes(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b, shared) = (&tenants.app, &tenants.b, &tenants.shared);
    let lent = Lent::new(&tenants).await;
    let own = app.acting_as(&b.organization, &b.at_shared).await;
    let link = async |user: &str, account: &str, policy: &str| {
        let answer = tenants.link_by_b(shared, user, account, policy).await;
        answer.data()["linkIdentity"].clone()
    };
    let moved = link(&b.user, "moved", "UPDATE_IN_PLACE").await;
    assert_eq!(moved["outcome"], "UPDATED_IN_PLACE", "{moved:#}");
    let anew = link(&b.user, "anew", "REATTACH").await;
    assert_eq!(anew["outcome"], "REATTACHED", "{anew:#}");
    let anew = text(&anew, "/identity/id");
    assert_eq!(app.default_of(&own).await, (Some(anew), false));
    // Once the other organization has let go of it, an identity is as any other.
    app.ask(
        "mutation($id: ID!) {
            setDefaultIdentity(organizationIntegrationId: $id, identityId: null) { userErrors { code } }
        }",
    )
    .variables(json!({ "id": lent.acting }))
    .by(&tenants.a.key)
    .data()
    .await;
    let linked = link(&lent.user, "both", "FAIL").await;
    assert_eq!(linked["outcome"], "UPDATED", "{linked:#}");
    let input = json!({ "id": lent.identity });
    let gone = tenants
        .mutation_by_b("unlinkIdentity", "UnlinkIdentityInput", input)
        .await
        .data();
    assert_eq!(gone["unlinkIdentity"]["userErrors"], json!([]));
}

#[rstest]
#[tokio::test]
async fn an_unbound_key_and_the_person_change_what_organizations_act_as(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let app = &tenants.app;
    let lent = Lent::new(&tenants).await;
    let input = json!({
        "providerId": tenants.shared, "userId": lent.user, "externalId": "another",
        "onConflict": "UPDATE_IN_PLACE",
    });
    let linked = app.link(input).await.data();
    assert_eq!(linked["linkIdentity"]["outcome"], "UPDATED_IN_PLACE");
    let more = json!({ "allowsSignIn": true });
    let door = app.provider_with("door", more).await;
    app.linked(&door, &lent.user, "door").await;
    let session = app.session(&lent.user, &door).await;
    let gone = app
        .ask("mutation($id: ID!) { unlinkIdentity(input: { id: $id }) { deletedId userErrors { code message } } }")
        .variables(json!({ "id": lent.identity }))
        .by_person(&session)
        .data()
        .await;
    assert_eq!(gone["unlinkIdentity"]["deletedId"], json!(lent.identity));
    assert_eq!(app.default_of(&lent.acting).await, (None, true));
}

/// The attacker's account at the organization's own provider would sign in as the member, into all
/// of the member's organizations.
#[rstest]
#[tokio::test]
async fn vouching_for_an_account_that_signs_in_as_a_member(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, b) = (&tenants.app, &tenants.b);
    let opened = app
        .ask("mutation($input: UpdateIdentityProviderInput!) { updateIdentityProvider(input: $input) { userErrors { code } } }")
        .variables(json!({ "input": { "id": b.provider, "allowsSignIn": true } }))
        .data()
        .await;
    assert_eq!(opened["updateIdentityProvider"]["userErrors"], json!([]));
    let member = app.member(&b.organization, "newcomer").await;
    app.all_sealed().await;
    let before = app.dump().await;
    for policy in ["FAIL", "UPDATE_IN_PLACE", "REATTACH"] {
        for user in [&member, &b.user] {
            let answer = tenants.link_by_b(&b.provider, user, "evil", policy).await;
            assert_eq!(answer.code(), "FORBIDDEN", "{policy}");
        }
    }
    // Hidden and unknown users are told alike.
    let nobody = "user_01h455vb4pex5vsknk084sn02q";
    for user in [nobody, tenants.a.user.as_str()] {
        let answer = tenants.link_by_b(&b.provider, user, "evil", "FAIL").await;
        assert_eq!(answer.code(), "NOT_FOUND", "{user}");
    }
    app.all_sealed().await;
    assert_eq!(app.dump().await, before);
}
