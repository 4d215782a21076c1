//! Creating providers: each type of the catalogue, and every refusal.

use lanyard::database::identity_provider::{Entity, Model};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

const CREATE: &str = "mutation($input: CreateIdentityProviderInput!) {
    createIdentityProvider(input: $input) {
        identityProvider {
            id slug name externalId type { key known } config enabled allowsSignIn
            allowsMultiplePerUser clientId hasClientSecret managedBy version clientOf { slug }
        }
        userErrors { code message field }
    } }";

async fn create(app: &App, input: Value) -> Answer {
    app.ask(CREATE)
        .variables(json!({ "input": input }))
        .send()
        .await
}

async fn created(app: &App, input: Value) -> Value {
    let payload = create(app, input).await.data()["createIdentityProvider"].clone();
    assert_eq!(payload["userErrors"], json!([]));
    payload["identityProvider"].clone()
}

/// Codes and fields of a refusal, after which nothing has changed.
async fn refused(app: &App, input: Value) -> Value {
    let before = rows(app).await;
    let payload = create(app, input).await.data()["createIdentityProvider"].clone();
    assert_eq!(payload["identityProvider"], Value::Null, "{payload:#}");
    assert_eq!(rows(app).await, before);
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| json!([error["code"], error["field"]]))
        .collect()
}

/// All that is stored of providers, and how many events.
pub async fn rows(app: &App) -> (Vec<Model>, usize) {
    let rows = Entity::find().all(app.database.reader()).await.unwrap();
    (rows, app.stored().await.events.len())
}

fn invalid(fields: &[&str]) -> Value {
    let path: Vec<_> = std::iter::once(&"input").chain(fields).collect();
    json!(["INVALID_CONFIGURATION", path])
}

fn endpoints(host: &str) -> Value {
    json!({
        "authorization_endpoint": format!("https://{host}/authorize"),
        "token_endpoint": format!("https://{host}/token"),
        "userinfo_endpoint": format!("https://{host}/me"),
    })
}

const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";

#[rstest]
#[tokio::test]
async fn every_type_is_created_with_its_external_id_derived(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let github = json!({});
    let tenant = json!({ "tenant": TENANT });
    let enterprise = json!({ "base_url": "https://github.example.org" });
    let domain = json!({ "hosted_domain": "example.org" });
    let self_managed = json!({ "base_url": "https://Git.Example.org:8443/sub/" });
    let issuer = json!({ "issuer": "https://id.example.org/Realm/" });
    let mut types = Vec::new();
    for (key, config, external_id) in [
        ("github", github, Value::Null),
        ("google", domain, Value::Null),
        ("slack", json!({ "team": "T012" }), json!("T012")),
        ("azure_devops", tenant.clone(), json!(TENANT)),
        ("entra_id", tenant, json!(TENANT)),
        ("bitbucket", json!({}), Value::Null),
        ("discord", json!({}), Value::Null),
        ("vercel", json!({}), Value::Null),
        (
            "okta",
            issuer.clone(),
            json!("https://id.example.org/Realm/"),
        ),
        (
            "auth0",
            issuer.clone(),
            json!("https://id.example.org/Realm/"),
        ),
        (
            "keycloak",
            issuer.clone(),
            json!("https://id.example.org/Realm/"),
        ),
        ("atlassian", json!({}), Value::Null),
        ("github_enterprise", enterprise, json!("github.example.org")),
        ("gitlab", json!({}), json!("gitlab.com")),
        ("gitlab", self_managed, json!("git.example.org:8443/sub")),
        ("oidc", issuer, json!("https://id.example.org/Realm/")),
        (
            "oauth2",
            endpoints("api.example.org"),
            json!("api.example.org"),
        ),
        ("custom", json!({}), json!("custom-17")),
    ] {
        let slug = format!("{}-{}", key.replace('_', "-"), types.len());
        let mut input = json!({ "slug": slug, "type": key, "config": config });
        let has_client = key != "custom";
        if has_client {
            input["clientId"] = json!("client");
            input["clientSecret"] = json!("secret of the client");
        }
        let provider = created(&app, input).await;
        let id = text(&provider, "/id");
        assert!(id.starts_with("provider_"));
        let name = &provider["name"];
        assert!(name.as_str().is_some_and(|name| !name.is_empty()));
        assert_eq!(
            provider,
            json!({
                "id": id, "slug": slug, "name": name, "externalId": external_id,
                "type": { "key": key, "known": true }, "config": config, "enabled": true,
                "allowsSignIn": false, "allowsMultiplePerUser": false,
                "clientId": has_client.then_some("client"), "hasClientSecret": has_client,
                "managedBy": "API", "version": 1, "clientOf": null,
            })
        );
        types.push(key);
    }
    let catalogue = app.ask("{ providerTypes { key } }").data().await;
    for known in catalogue["providerTypes"].as_array().unwrap() {
        let key = text(known, "/key");
        assert!(types.contains(&key.as_str()), "{key} needs its row here");
    }
    let (stored, _) = rows(&app).await;
    for row in stored
        .iter()
        .filter_map(|row| row.client_secret_sealed.as_ref())
    {
        let plain = b"secret of the client";
        assert!(
            !row.as_bytes()
                .windows(plain.len())
                .any(|part| part == plain)
        );
    }
    let events = app.stored().await.events;
    assert_eq!(
        events
            .iter()
            .filter(|e| e.action == "provider.created")
            .count(),
        types.len()
    );
    assert!(!format!("{events:?}").contains("secret of the client"));
}

#[rstest]
#[tokio::test]
async fn all_that_can_be_said_at_creation_is_kept(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = created(
        &app,
        json!({
            "slug": "a", "type": "custom", "externalId": " Acme\u{1f980} ", "name": "Ä name",
            "config": {}, "allowsSignIn": true, "allowsMultiplePerUser": true, "enabled": false,
        }),
    )
    .await;
    assert_eq!(provider["externalId"], " Acme\u{1f980} ");
    assert_eq!(provider["name"], "Ä name");
    assert_eq!(provider["allowsSignIn"], true);
    assert_eq!(provider["allowsMultiplePerUser"], true);
    assert_eq!(provider["enabled"], false);
    let mut public = json!({ "slug": "b", "type": "oidc", "clientId": "x" });
    public["config"] = json!({ "issuer": "https://id.example.org", "scopes": ["openid", "x"] });
    let public = created(&app, public).await;
    assert_eq!(public["hasClientSecret"], false);
    assert_eq!(public["config"]["scopes"], json!(["openid", "x"]));
    let mut given =
        json!({ "slug": "c", "type": "oauth2", "clientId": "x", "externalId": "Tenant" });
    given["config"] = endpoints("api.example.org");
    assert_eq!(created(&app, given).await["externalId"], "Tenant");
}

#[rstest]
#[tokio::test]
async fn slug_and_instance_are_taken_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let github = |slug: &str| json!({ "slug": slug, "type": "github", "config": {}, "clientId": "x", "clientSecret": "s" });
    let custom = |slug: &str, external_id: &str| json!({ "slug": slug, "type": "custom", "config": {}, "externalId": external_id });
    created(&app, github("hub")).await;
    created(&app, custom("acme", "Instance")).await;
    let by_slug = json!([["ALREADY_EXISTS", ["input", "slug"]]]);
    let by_instance = json!([["ALREADY_EXISTS", ["input", "externalId"]]]);
    assert_eq!(refused(&app, custom("hub", "other")).await, by_slug);
    assert_eq!(refused(&app, github("hub-2")).await, by_instance);
    assert_eq!(
        refused(&app, custom("acme-2", "Instance")).await,
        by_instance
    );
    // Derived, it is the slug.
    let derived = json!({ "slug": "Instance".to_lowercase(), "type": "custom", "config": {} });
    created(&app, derived).await;
    assert_eq!(
        refused(&app, custom("acme-3", "instance")).await,
        by_instance
    );
    created(&app, custom("acme-4", "INSTANCE")).await;
    // Another type may have the same instance.
    let mut other =
        json!({ "slug": "other", "type": "oauth2", "clientId": "x", "externalId": "Instance" });
    other["config"] = endpoints("api.example.org");
    created(&app, other).await;
}

#[rstest]
#[tokio::test]
async fn a_configuration_that_the_type_does_not_take_is_refused_field_by_field(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let client = json!({ "clientId": "x", "clientSecret": "s" });
    let cases = [
        (
            "oidc",
            json!({ "config": {} }),
            vec![invalid(&["config", "issuer"])],
        ),
        (
            "oidc",
            json!({ "config": { "isuer": "https://a.b" } }),
            vec![
                invalid(&["config", "issuer"]),
                invalid(&["config", "isuer"]),
            ],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": 7 } }),
            vec![invalid(&["config", "issuer"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "http://a.b" } }),
            vec![invalid(&["config", "issuer"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "https://a.b?c" } }),
            vec![invalid(&["config", "issuer"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "https://a.b", "scopes": ["email"] } }),
            vec![invalid(&["config", "scopes"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "https://a.b" }, "externalId": "https://a.c" }),
            vec![invalid(&["externalId"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "https://a.b" }, "clientId": null }),
            vec![invalid(&["clientId"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "https://a.b" }, "clientId": "" }),
            vec![invalid(&["clientId"])],
        ),
        (
            "oidc",
            json!({ "config": { "issuer": "https://a.b" }, "clientId": "é" }),
            vec![invalid(&["clientId"])],
        ),
        (
            "github",
            json!({ "externalId": "github.com" }),
            vec![invalid(&["externalId"])],
        ),
        (
            "github",
            json!({ "clientSecret": null }),
            vec![invalid(&["clientSecret"])],
        ),
        (
            "github",
            json!({ "config": { "x": 1, "scopes": "all" }, "clientId": null, "clientSecret": null }),
            vec![
                invalid(&["config", "scopes"]),
                invalid(&["config", "x"]),
                invalid(&["clientId"]),
                invalid(&["clientSecret"]),
            ],
        ),
        (
            "google",
            json!({ "config": { "hosted_domain": "Example" } }),
            vec![invalid(&["config", "hosted_domain"])],
        ),
        (
            "custom",
            json!({}),
            vec![invalid(&["clientId"]), invalid(&["clientSecret"])],
        ),
        (
            "custom",
            json!({ "clientId": null, "clientSecret": null, "externalId": "" }),
            vec![invalid(&["externalId"])],
        ),
        (
            "custom",
            json!({ "clientId": null, "clientSecret": null, "externalId": " \t" }),
            vec![invalid(&["externalId"])],
        ),
        (
            "custom",
            json!({ "clientId": null, "clientSecret": null, "externalId": "x".repeat(1025) }),
            vec![invalid(&["externalId"])],
        ),
        (
            "github",
            json!({ "config": { "client_secret": "s" } }),
            vec![json!(["SECRET_IN_DATA", ["input", "config"]])],
        ),
    ];
    for (key, more, expected) in cases {
        let mut input = json!({ "slug": "new", "type": key, "config": {} });
        for part in [&client, &more] {
            input
                .as_object_mut()
                .unwrap()
                .extend(part.as_object().unwrap().clone());
        }
        assert_eq!(refused(&app, input).await, json!(expected), "{key} {more}");
    }
    let mut input = json!({ "slug": "new", "type": "oidc", "clientId": "x" });
    input["config"] = json!({ "isuer": "https://a.b" });
    let payload = create(&app, input).await.data();
    let message = text(&payload, "/createIdentityProvider/userErrors/1/message");
    assert_eq!(
        message,
        "`isuer` is no config key of oidc: did you mean `issuer`?"
    );
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_in_itself_is_an_error_that_names_the_field(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let before = rows(&app).await;
    let long_slug = "x".repeat(64);
    let mut cases: Vec<_> = [
        "",
        " ",
        "A",
        "a_b",
        "-a",
        "a-",
        "é",
        "a b",
        "a/b",
        "a\0",
        "a\n",
        long_slug.as_str(),
    ]
    .into_iter()
    .map(|slug| (json!({ "slug": slug }), "input.slug"))
    .collect();
    cases.extend([
        (json!({ "type": "" }), "input.type"),
        (json!({ "type": "GitHub" }), "input.type"),
        (json!({ "config": [] }), "input.config"),
        (json!({ "config": { "a": "\0" } }), "input.config"),
        (json!({ "name": "" }), "input.name"),
        (json!({ "name": "x".repeat(201) }), "input.name"),
        (json!({ "name": "a\0" }), "input.name"),
        (
            json!({ "type": "oidc", "clientSecret": "" }),
            "input.clientSecret",
        ),
        (
            json!({ "type": "oidc", "clientSecret": "x".repeat(16_385) }),
            "input.clientSecret",
        ),
        (json!({ "clientOf": "x" }), "input.clientOf"),
        (
            json!({ "clientOf": "user_01h455vb4pex5vsknk084sn02q" }),
            "input.clientOf",
        ),
    ]);
    for (more, field) in cases {
        let mut input = json!({ "slug": "new", "type": "custom", "config": {} });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = create(&app, input).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{more}");
        let message = answer.message();
        assert!(
            message.starts_with(&format!("{field}: ")),
            "{more}: {message}"
        );
    }
    assert_eq!(rows(&app).await, before);
    for slug in ["a", "0", "a-b--c", &"x".repeat(63)] {
        created(
            &app,
            json!({ "slug": slug, "type": "custom", "config": {} }),
        )
        .await;
    }
}

#[rstest]
#[tokio::test]
async fn a_client_is_borrowed_from_a_provider_of_the_same_type_that_has_its_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let slack = |slug: &str, more: Value| {
        let config = json!({ "team": slug });
        let mut input = json!({ "slug": slug, "type": "slack", "config": config });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    };
    let own = json!({ "clientId": "x", "clientSecret": "s" });
    let lender = text(&created(&app, slack("lender", own)).await, "/id");
    let borrower = created(&app, slack("borrower", json!({ "clientOf": lender }))).await;
    assert_eq!(borrower["clientOf"], json!({ "slug": "lender" }));
    assert_eq!(
        (&borrower["clientId"], &borrower["hasClientSecret"]),
        (&Value::Null, &json!(false))
    );
    let borrower = text(&borrower, "/id");
    let custom = app.provider("custom").await;
    let wrong = json!([invalid(&["clientOf"])]);
    assert_eq!(
        refused(&app, slack("of-custom", json!({ "clientOf": custom }))).await,
        wrong
    );
    assert_eq!(
        refused(&app, slack("of-borrower", json!({ "clientOf": borrower }))).await,
        wrong
    );
    let of_itself = json!({ "slug": "new", "type": "custom", "config": {}, "clientOf": custom });
    assert_eq!(
        refused(&app, of_itself).await,
        wrong,
        "a type without flows has no client"
    );
    let both = json!({ "clientOf": lender, "clientId": "x", "clientSecret": "s" });
    assert_eq!(
        refused(&app, slack("both", both)).await,
        json!([invalid(&["clientId"]), invalid(&["clientSecret"])])
    );
    let unknown = json!({ "clientOf": "provider_01h455vb4pex5vsknk084sn02q" });
    assert_eq!(
        create(&app, slack("unknown", unknown)).await.code(),
        "NOT_FOUND"
    );
}
