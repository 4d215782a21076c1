//! Which mutations leave which events, and that the two come and go together.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

const MEMBER_REMOVED: &str = "organization.member_removed";

/// A mutation, and the event that it leaves.
struct Case {
    field: &'static str,
    document: &'static str,
    variables: Value,
    action: &'static str,
    /// Where the answer says what the event's target is.
    target: &'static str,
    before: Value,
    after: Value,
}

#[rstest]
#[tokio::test]
async fn every_mutation_leaves_its_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let key = app.key("writer", &["admin"]).await;
    let key_id = app.key_id(&key).await;
    let cases = cases(&rows);
    let schema = app
        .ask("{ __type(name: \"Mutation\") { fields { name } } }")
        .data()
        .await;
    for field in schema["__type"]["fields"].as_array().unwrap() {
        let known = cases.iter().any(|case| field["name"] == case.field);
        // By people alone, an event for each session: the tests of sessions see to it.
        let known = known || field["name"] == "endOtherSessions";
        assert!(known, "say which event {} leaves", field["name"]);
    }
    for case in cases {
        app.all_sealed().await;
        let before = events(&app).await.len();
        let began = app.clock.now();
        let answer = app
            .ask(case.document)
            .variables(case.variables)
            .by(&key)
            .send()
            .await;
        let request_id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        let data = answer.data();
        app.all_sealed().await;
        let events = events(&app).await.split_off(before);
        assert_eq!(events.len(), 1, "{}: {events:#?}", case.field);
        let event = &events[0];
        assert_eq!(event["action"], case.action, "{}", case.field);
        assert_eq!(
            event["actor"],
            json!({ "kind": "API_KEY", "id": key_id, "name": "writer" })
        );
        assert_eq!(event["requestId"], request_id.as_str(), "{}", case.field);
        assert_eq!(
            text(event, "/targetId"),
            text(&data, case.target),
            "{}",
            case.field
        );
        // A membership is gone, and its organization is there.
        let gone = case.after.is_null() && case.action != MEMBER_REMOVED;
        assert_eq!(event["target"].is_null(), gone, "{}: {event:#}", case.field);
        let at: chrono::DateTime<chrono::Utc> = text(event, "/at").parse().unwrap();
        assert!(began <= at && at <= app.clock.now(), "{at}");
        assert_includes(&event["before"], &case.before, case.field);
        assert_includes(&event["after"], &case.after, case.field);
        assert!(!event.to_string().contains("canary"), "{event:#}");
    }
}

fn cases(rows: &Rows) -> Vec<Case> {
    let Rows {
        user,
        provider,
        identity,
        ..
    } = rows;
    vec![
        Case {
            field: "upsertUser",
            document: "mutation { upsertUser(input: { entityRef: \"User:Joe\", displayName: \"Joe\", annotations: { team: \"a\" } }) { user { id } } }",
            variables: json!({}),
            action: "user.created",
            target: "/upsertUser/user/id",
            before: Value::Null,
            after: json!({ "entityRef": "user:default/joe", "displayName": "Joe", "annotations": { "team": "a" }, "status": "ACTIVE" }),
        },
        Case {
            field: "createIdentityProvider",
            document: "mutation { createIdentityProvider(input: { slug: \"gh\", type: \"github\", config: {}, clientId: \"id\", clientSecret: \"canary-secret\" }) { identityProvider { id } userErrors { message } } }",
            variables: json!({}),
            action: "provider.created",
            target: "/createIdentityProvider/identityProvider/id",
            before: Value::Null,
            after: json!({ "slug": "gh", "type": "github", "clientId": "id", "hasClientSecret": true, "allowsSignIn": false, "version": 1 }),
        },
        Case {
            field: "updateIdentityProvider",
            document: "mutation($id: ID!) { updateIdentityProvider(input: { id: $id, name: \"CRM\", enabled: false }) { identityProvider { id } } }",
            variables: json!({ "id": provider }),
            action: "provider.updated",
            target: "/updateIdentityProvider/identityProvider/id",
            before: json!({ "slug": "crm", "enabled": true, "version": 1 }),
            after: json!({ "slug": "crm", "name": "CRM", "enabled": false, "version": 2 }),
        },
        Case {
            field: "updateIdentityData",
            document: "mutation($id: ID!) { updateIdentityData(input: { id: $id, data: { team: 7 } }) { identity { id } } }",
            variables: json!({ "id": identity }),
            action: "identity.updated",
            target: "/updateIdentityData/identity/id",
            before: json!({ "data": {} }),
            after: json!({ "data": { "team": 7 } }),
        },
        Case {
            field: "linkIdentity",
            document: "mutation($user: ID!, $provider: ID!) { linkIdentity(input: { userId: $user, providerId: $provider, externalId: \"4711\",
                profile: { email: \"j@example.org\" }, credential: { accessToken: \"canary-a\", refreshToken: \"canary-r\" } }) { identity { id } } }",
            variables: json!({ "user": user, "provider": provider }),
            action: "identity.updated",
            target: "/linkIdentity/identity/id",
            before: json!({ "externalId": "4711", "email": null, "version": 2 }),
            after: json!({ "externalId": "4711", "email": "j@example.org", "version": 3, "userId": user, "providerId": provider }),
        },
        Case {
            field: "linkIdentity",
            document: "mutation($user: ID!, $provider: ID!) { linkIdentity(input: { userId: $user, providerId: $provider, externalId: \"4712\",
                onConflict: UPDATE_IN_PLACE }) { identity { id } } }",
            variables: json!({ "user": user, "provider": provider }),
            action: "identity.updated",
            target: "/linkIdentity/identity/id",
            before: json!({ "externalId": "4711", "email": "j@example.org" }),
            after: json!({ "externalId": "4712", "email": null }),
        },
        Case {
            field: "createApiKey",
            document: "mutation { createApiKey(input: { name: \"new\", scopes: [\"audit:read\"] }) { apiKey { id } secret } }",
            variables: json!({}),
            action: "api_key.created",
            target: "/createApiKey/apiKey/id",
            before: Value::Null,
            after: json!({ "name": "new", "scopes": ["audit:read"], "application": "new" }),
        },
        Case {
            field: "revokeApiKey",
            document: "mutation($id: ID!) { revokeApiKey(id: $id) { deletedId } }",
            variables: json!({ "id": rows.spare_key }),
            action: "api_key.revoked",
            target: "/revokeApiKey/deletedId",
            before: json!({ "name": "spare", "scopes": ["user:act_as"] }),
            after: Value::Null,
        },
        Case {
            field: "deleteIdentityProvider",
            document: "mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId userErrors { message } } }",
            variables: json!({ "id": rows.spare_provider }),
            action: "provider.deleted",
            target: "/deleteIdentityProvider/deletedId",
            before: json!({ "slug": "spare" }),
            after: Value::Null,
        },
        Case {
            field: "endSession",
            document: "mutation($id: ID!) { endSession(id: $id) { deletedId userErrors { message } } }",
            variables: json!({ "id": rows.session }),
            action: "session.ended",
            target: "/endSession/deletedId",
            before: json!({ "providerId": provider, "identityId": null, "userAgent": "Browser/1.0" }),
            after: Value::Null,
        },
        Case {
            field: "createOrganization",
            document: "mutation { createOrganization(input: { slug: \"new\", name: \"New\" }) { organization { id } } }",
            variables: json!({}),
            action: "organization.created",
            target: "/createOrganization/organization/id",
            before: Value::Null,
            after: json!({ "slug": "new", "name": "New", "domains": [] }),
        },
        Case {
            field: "updateOrganization",
            document: "mutation($id: ID!) { updateOrganization(input: { id: $id, name: \"Acme\", domains: [\"ACME.example\"] }) { organization { id } } }",
            variables: json!({ "id": rows.organization }),
            action: "organization.updated",
            target: "/updateOrganization/organization/id",
            before: json!({ "slug": "acme", "name": "acme", "domains": [] }),
            after: json!({ "slug": "acme", "name": "Acme", "domains": ["acme.example"] }),
        },
        Case {
            field: "addOrganizationMember",
            document: "mutation($id: ID!, $user: ID!) { addOrganizationMember(organizationId: $id, userId: $user) { organization { id } } }",
            variables: json!({ "id": rows.elsewhere, "user": user }),
            action: "organization.member_added",
            target: "/addOrganizationMember/organization/id",
            before: Value::Null,
            after: json!({ "userId": user }),
        },
        Case {
            field: "removeOrganizationMember",
            document: "mutation($id: ID!, $user: ID!) { removeOrganizationMember(organizationId: $id, userId: $user) { organization { id } } }",
            variables: json!({ "id": rows.organization, "user": user }),
            action: MEMBER_REMOVED,
            target: "/removeOrganizationMember/organization/id",
            before: json!({ "userId": user }),
            after: Value::Null,
        },
        // Last, since nothing is linked to a user who is disabled.
        Case {
            field: "upsertUser",
            document: "mutation { upsertUser(input: { entityRef: \"user:default/jane\", email: null, status: DISABLED }) { user { id } } }",
            variables: json!({}),
            action: "user.updated",
            target: "/upsertUser/user/id",
            before: json!({ "email": "jane@example.org", "status": "ACTIVE" }),
            after: json!({ "email": null, "status": "DISABLED", "displayName": "jane" }),
        },
    ]
}

#[rstest]
#[tokio::test]
async fn taking_over_an_account_tells_of_both_identities(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, joe, provider) = (
        app.user("jane").await,
        app.user("joe").await,
        app.provider("crm").await,
    );
    let (old, other) = (
        app.linked(&provider, &jane, "1").await,
        app.linked(&provider, &joe, "2").await,
    );
    app.all_sealed().await;
    let before = events(&app).await.len();
    let input = json!({ "providerId": provider, "userId": joe, "externalId": "1", "onConflict": "REATTACH" });
    let new = text(&app.link(input).await.data(), "/linkIdentity/identity/id");
    app.all_sealed().await;
    let mut seen: Vec<(String, String, bool, bool)> = events(&app)
        .await
        .split_off(before)
        .iter()
        .map(|event| {
            (
                text(event, "/action"),
                text(event, "/targetId"),
                event["before"].is_null(),
                event["after"].is_null(),
            )
        })
        .collect();
    assert_eq!(
        seen.pop(),
        Some(("identity.linked".to_owned(), new, true, false))
    );
    seen.sort_unstable();
    let mut gone = vec![
        ("identity.unlinked".to_owned(), old, false, true),
        ("identity.unlinked".to_owned(), other, false, true),
    ];
    gone.sort_unstable();
    assert_eq!(seen, gone);
}

#[rstest]
#[tokio::test]
async fn what_is_refused_or_fails_leaves_no_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let Rows {
        user,
        provider,
        identity,
        ..
    } = &rows;
    let joe = app.user("joe").await;
    let reader = app.key("reader", &["identity:read"]).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let unknown = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    for (document, refused) in [
        // Refused by what is stored.
        (format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {joe:?}, externalId: \"4711\" }}) {{ userErrors {{ code }} }}"), true),
        (format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"9\" }}) {{ userErrors {{ code }} }}"), true),
        (format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"4711\", data: {{ id_token: 1 }} }}) {{ userErrors {{ code }} }}"), true),
        (format!("updateIdentityData(input: {{ id: {identity:?}, data: {{ a: 1 }}, expectedVersion: 7 }}) {{ userErrors {{ code }} }}"), true),
        ("createIdentityProvider(input: { slug: \"crm\", type: \"custom\", config: {} }) { userErrors { code } }".to_owned(), true),
        (format!("updateIdentityProvider(input: {{ id: {provider:?}, name: \"x\", expectedVersion: 7 }}) {{ userErrors {{ code }} }}"), true),
        (format!("deleteIdentityProvider(id: {provider:?}) {{ userErrors {{ code }} }}"), true),
        (format!("upsertUser(input: {{ id: {joe:?}, entityRef: \"user:default/jane\" }}) {{ userErrors {{ code }} }}"), true),
        // Wrong in itself, or about nothing.
        (format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {:?}, externalId: \"9\" }}) {{ userErrors {{ code }} }}", unknown("user")), false),
        (format!("updateIdentityData(input: {{ id: {identity:?}, data: [] }}) {{ userErrors {{ code }} }}"), false),
        (format!("updateIdentityData(input: {{ id: {:?}, data: {{}} }}) {{ userErrors {{ code }} }}", unknown("identity")), false),
        (format!("deleteIdentityProvider(id: {:?}) {{ userErrors {{ code }} }}", unknown("provider")), false),
        ("upsertUser(input: { entityRef: \"group:default/a\" }) { userErrors { code } }".to_owned(), false),
        ("createApiKey(input: { name: \"x\", scopes: [\"none\"] }) { userErrors { code } }".to_owned(), false),
        (format!("revokeApiKey(id: {:?}) {{ userErrors {{ code }} }}", unknown("api_key")), false),
        (format!("endSession(id: {:?}) {{ userErrors {{ code }} }}", unknown("session")), false),
    ] {
        let answer = app.ask(&format!("mutation {{ {document} }}")).send().await;
        if refused {
            let data = answer.data();
            let payload = data.as_object().unwrap().values().next().unwrap();
            assert_ne!(payload["userErrors"], json!([]), "{document}");
        } else {
            assert!(["NOT_FOUND", "BAD_USER_INPUT"].contains(&answer.code().as_str()), "{document}");
        }
        app.all_sealed().await;
        assert_eq!(app.dump().await, before, "{document}");
        let denied = app.ask(&format!("mutation {{ {document} }}")).by(&reader).send().await;
        assert_eq!(denied.code(), "FORBIDDEN", "{document}");
        assert_eq!(app.dump().await, before, "{document}");
    }
}

#[rstest]
#[tokio::test]
async fn what_changes_nothing_leaves_no_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let Rows {
        user,
        provider,
        identity,
        organization,
        elsewhere,
        ..
    } = &Rows::new(&app).await;
    app.all_sealed().await;
    let before = app.dump().await;
    for document in [
        "upsertUser(input: { entityRef: \"user:default/jane\" }) { user { id } userErrors { code } }".to_owned(),
        "upsertUser(input: { entityRef: \"USER:jane\", displayName: \"jane\", email: \"jane@example.org\", picture: null, status: ACTIVE, hasOtherSignIn: false, annotations: {} }) { user { id } userErrors { code } }".to_owned(),
        format!("updateIdentityData(input: {{ id: {identity:?}, data: {{}} }}) {{ identity {{ version }} userErrors {{ code }} }}"),
        format!("updateIdentityProvider(input: {{ id: {provider:?}, config: {{}}, enabled: true }}) {{ identityProvider {{ version }} userErrors {{ code }} }}"),
        format!("updateOrganization(input: {{ id: {organization:?}, name: \"acme\", domains: [] }}) {{ userErrors {{ code }} }}"),
        format!("addOrganizationMember(organizationId: {organization:?}, userId: {user:?}) {{ userErrors {{ code }} }}"),
        format!("removeOrganizationMember(organizationId: {elsewhere:?}, userId: {user:?}) {{ userErrors {{ code }} }}"),
    ] {
        let data = app.ask(&format!("mutation {{ {document} }}")).data().await;
        let payload = data.as_object().unwrap().values().next().unwrap();
        assert_eq!(payload["userErrors"], json!([]), "{document}");
        assert_eq!(app.dump().await, before, "{document}");
    }
}

#[rstest]
#[tokio::test]
async fn a_change_whose_event_can_not_be_written_is_not_made(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    // With the log itself gone, and with the note that it is to be sealed.
    #[values("event", "event_unsealed")] table: &str,
) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let key = app.key("writer", &["admin"]).await;
    let cases = cases(&rows);
    app.all_sealed().await;
    let before = app.dump().await;
    app.execute(&format!("ALTER TABLE {table} RENAME TO away"))
        .await;
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    for case in cases {
        answers.push((
            case.field,
            app.ask(case.document)
                .variables(case.variables)
                .by(&key)
                .send()
                .await,
        ));
    }
    app.execute(&format!("ALTER TABLE away RENAME TO {table}"))
        .await;
    for (field, answer) in answers {
        assert_eq!(answer.code(), "INTERNAL", "{field}: {:#}", answer.body);
        let message = answer.message();
        assert!(
            !message.contains("event") && message.contains("request's id"),
            "{message}"
        );
        let request_id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(
            answer.body["errors"][0]["extensions"]["requestId"],
            request_id
        );
    }
    assert_eq!(app.dump().await, before);
}

async fn events(app: &App) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let query = "query($after: String) { auditEvents(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes {
            action actor { kind id name } targetId target { id __typename } before after requestId at
        } } }";
        let mut data = app
            .ask(query)
            .variables(json!({ "after": cursor }))
            .data()
            .await;
        let page = &mut data["auditEvents"];
        cursor = page["pageInfo"]["endCursor"].clone();
        let more = page["pageInfo"]["hasNextPage"] == true;
        all.append(page["nodes"].as_array_mut().unwrap());
        if !more {
            return all;
        }
    }
}

/// Each entry of `expected` is in `found`.
#[track_caller]
fn assert_includes(found: &Value, expected: &Value, what: &str) {
    match expected {
        Value::Object(entries) => {
            for (name, value) in entries {
                assert_eq!(&found[name], value, "{what}: {name} in {found:#}");
            }
        }
        other => assert_eq!(found, other, "{what}"),
    }
}

/// What the mutations are about.
struct Rows {
    user: String,
    provider: String,
    identity: String,
    spare_provider: String,
    spare_key: String,
    session: String,
    /// The user is a member of it.
    organization: String,
    elsewhere: String,
}

impl Rows {
    async fn new(app: &App) -> Self {
        let (user, provider) = (app.user("jane").await, app.provider("crm").await);
        let session = app.opened(app.new_session(&user, &provider)).await;
        let organization = app.organization("acme").await;
        app.add_member(&organization, &user).await;
        Self {
            session: session.row.id.to_string(),
            identity: app.linked(&provider, &user, "4711").await,
            spare_provider: app.provider("spare").await,
            spare_key: app.key_id(&app.key("spare", &["user:act_as"]).await).await,
            organization,
            elsewhere: app.organization("elsewhere").await,
            user,
            provider,
        }
    }
}
