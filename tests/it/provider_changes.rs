//! Changing providers: what stays, what is replaced, what is fixed.

use lanyard::database::identity_provider::{Entity, Model};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::Answer;

const UPDATE: &str = "mutation($input: UpdateIdentityProviderInput!) {
    updateIdentityProvider(input: $input) {
        identityProvider { name config clientId hasClientSecret allowsSignIn enabled version externalId }
        userErrors { code message field }
    } }";

async fn update(app: &App, id: &str, more: Value) -> Answer {
    let mut input = json!({ "id": id });
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    app.ask(UPDATE)
        .variables(json!({ "input": input }))
        .send()
        .await
}

async fn updated(app: &App, id: &str, more: Value) -> Value {
    let payload = update(app, id, more).await.data()["updateIdentityProvider"].clone();
    assert_eq!(payload["userErrors"], json!([]));
    payload["identityProvider"].clone()
}

/// Codes and fields of a refusal, after which nothing has changed.
async fn refused(app: &App, id: &str, more: Value) -> Value {
    let before = (stored(app, id).await, app.stored().await);
    let payload = update(app, id, more).await.data()["updateIdentityProvider"].clone();
    assert_eq!(payload["identityProvider"], Value::Null, "{payload:#}");
    assert_eq!((stored(app, id).await, app.stored().await), before);
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| json!([error["code"], error["field"]]))
        .collect()
}

async fn stored(app: &App, id: &str) -> Model {
    let row = Entity::find_by_id(id.parse::<lanyard::id::ProviderId>().unwrap());
    row.one(app.database.reader()).await.unwrap().unwrap()
}

async fn oidc(app: &App) -> String {
    let input = json!({
        "type": "oidc", "name": "Id", "clientId": "x", "clientSecret": "s",
        "config": { "issuer": "https://id.example.org", "scopes": ["openid", "email"] },
    });
    app.provider_with("id", input).await
}

#[rstest]
#[tokio::test]
async fn what_is_left_out_stays_and_every_change_counts(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let id = oidc(&app).await;
    let mut expected = json!({
        "name": "Id", "config": { "issuer": "https://id.example.org", "scopes": ["openid", "email"] },
        "clientId": "x", "hasClientSecret": true, "allowsSignIn": false, "enabled": true,
        "version": 1, "externalId": "https://id.example.org",
    });
    assert_eq!(updated(&app, &id, json!({})).await, expected);
    for (version, (field, value)) in (2..).zip([
        ("name", json!("Other")),
        ("enabled", json!(false)),
        ("allowsSignIn", json!(true)),
        ("clientId", json!("y")),
        ("config", json!({ "issuer": "https://id.example.org" })),
        ("allowsSignIn", json!(false)),
    ]) {
        let before = (stored(&app, &id).await, app.stored().await.events.len());
        expected[field] = value.clone();
        expected["version"] = json!(version);
        let change = json!({ field: value, "expectedVersion": version - 1 });
        assert_eq!(
            updated(&app, &id, change.clone()).await,
            expected,
            "{field}"
        );
        let after = (stored(&app, &id).await, app.stored().await.events.len());
        assert!(after.0.date_updated > before.0.date_updated);
        assert_eq!(after.0.date_added, before.0.date_added);
        assert_eq!(after.1, before.1 + 1);
        // The same again changes nothing.
        assert_eq!(updated(&app, &id, json!({ field: value })).await, expected);
        assert_eq!(
            (stored(&app, &id).await, app.stored().await.events.len()),
            after
        );
    }
    let event = app.stored().await.events.pop().unwrap();
    assert_eq!(
        (event.action, event.target_id),
        ("provider.updated".to_owned(), Some(id))
    );
    assert_eq!(event.before_json.unwrap().0["allowsSignIn"], true);
    assert_eq!(event.after_json.unwrap().0["allowsSignIn"], false);
}

#[rstest]
#[tokio::test]
async fn a_client_secret_is_replaced_or_cleared_and_never_told(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let id = oidc(&app).await;
    let first = stored(&app, &id).await.client_secret_sealed;
    updated(&app, &id, json!({ "name": "Other" })).await;
    assert_eq!(stored(&app, &id).await.client_secret_sealed, first);
    let replaced = updated(&app, &id, json!({ "clientSecret": "plain secret" })).await;
    assert_eq!(
        (&replaced["hasClientSecret"], &replaced["version"]),
        (&json!(true), &json!(3))
    );
    let second = stored(&app, &id).await.client_secret_sealed.unwrap();
    assert_ne!(Some(&second), first.as_ref());
    assert!(!second.as_bytes().windows(5).any(|part| part == b"plain"));
    let cleared = updated(&app, &id, json!({ "clientSecret": null })).await;
    assert_eq!(
        (&cleared["hasClientSecret"], &cleared["version"]),
        (&json!(false), &json!(4))
    );
    assert_eq!(stored(&app, &id).await.client_secret_sealed, None);
    let events = app.stored().await.events;
    assert!(!format!("{events:?}").contains("plain secret"));
    let empty = update(&app, &id, json!({ "clientSecret": "" })).await;
    assert_eq!(empty.code(), "BAD_USER_INPUT");
    assert!(
        empty.message().starts_with("input.clientSecret: "),
        "{}",
        empty.message()
    );
}

#[rstest]
#[tokio::test]
async fn a_change_is_held_against_the_type(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let id = oidc(&app).await;
    let github = json!({ "type": "github", "clientId": "x", "clientSecret": "s" });
    let github = app.provider_with("hub", github).await;
    let custom = app.provider("custom").await;
    let invalid = |path: Value| json!([["INVALID_CONFIGURATION", path]]);
    for (id, change, path) in [
        (
            &id,
            json!({ "clientId": null }),
            json!(["input", "clientId"]),
        ),
        (
            &id,
            json!({ "config": {} }),
            json!(["input", "config", "issuer"]),
        ),
        (
            &id,
            json!({ "config": { "issuer": "https://id.example.org", "x": 1 } }),
            json!(["input", "config", "x"]),
        ),
        (
            &github,
            json!({ "clientSecret": null }),
            json!(["input", "clientSecret"]),
        ),
        (
            &custom,
            json!({ "clientId": "x" }),
            json!(["input", "clientId"]),
        ),
        (
            &custom,
            json!({ "clientSecret": "x" }),
            json!(["input", "clientSecret"]),
        ),
        (
            &custom,
            json!({ "config": { "x": 1 } }),
            json!(["input", "config", "x"]),
        ),
    ] {
        assert_eq!(
            refused(&app, id, change.clone()).await,
            invalid(path),
            "{change}"
        );
    }
    let secret = json!({ "config": { "issuer": "https://id.example.org", "private_key": "k" } });
    assert_eq!(
        refused(&app, &id, secret).await,
        json!([["SECRET_IN_DATA", ["input", "config"]]])
    );
    for (change, field) in [
        (json!({ "name": "" }), "input.name"),
        (json!({ "name": "x".repeat(201) }), "input.name"),
        (json!({ "config": 1 }), "input.config"),
        (json!({ "name": null }), "input.name"),
        (json!({ "config": null }), "input.config"),
        (json!({ "allowsSignIn": null }), "input.allowsSignIn"),
        (json!({ "enabled": null }), "input.enabled"),
    ] {
        let answer = update(&app, &id, change).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert!(
            answer.message().starts_with(&format!("{field}: ")),
            "{}",
            answer.message()
        );
    }
}

#[rstest]
#[tokio::test]
async fn what_the_external_id_came_from_is_fixed(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let endpoints = |userinfo: &str| {
        json!({
            "authorization_endpoint": "https://example.org/a", "token_endpoint": "https://example.org/t",
            "userinfo_endpoint": userinfo,
        })
    };
    let provider = async |slug: &str, key: &str, config: Value| {
        let input = json!({ "type": key, "clientId": "x", "clientSecret": "s", "config": config });
        app.provider_with(slug, input).await
    };
    let oidc = provider(
        "oidc",
        "oidc",
        json!({ "issuer": "https://id.example.org" }),
    )
    .await;
    let hosted = provider("hosted", "gitlab", json!({})).await;
    let own = provider(
        "own",
        "gitlab",
        json!({ "base_url": "https://git.example.org" }),
    )
    .await;
    let oauth2 = provider("oauth2", "oauth2", endpoints("https://api.example.org/me")).await;
    let immutable = json!([["IMMUTABLE", ["input", "config"]]]);
    for (id, config) in [
        (&oidc, json!({ "issuer": "https://id.example.org/" })),
        (&oidc, json!({ "issuer": "https://other.example.org" })),
        (&hosted, json!({ "base_url": "https://git.example.net" })),
        (&own, json!({})),
        (&own, json!({ "base_url": "https://git.example.org/sub" })),
        (&own, json!({ "base_url": "https://git.example.org:8443" })),
        (&oauth2, endpoints("https://api.example.net/me")),
    ] {
        let change = json!({ "config": config, "name": "not either" });
        assert_eq!(
            refused(&app, id, change.clone()).await,
            immutable,
            "{config}"
        );
    }
    for (id, config) in [
        (
            &own,
            json!({ "base_url": "https://GIT.example.org/", "scopes": ["api"] }),
        ),
        (&hosted, json!({ "base_url": "https://gitlab.com" })),
        (&oauth2, endpoints("https://api.example.org/v2/me")),
    ] {
        let external_id = stored(&app, id).await.external_id;
        let changed = updated(&app, id, json!({ "config": config })).await;
        assert_eq!(changed["config"], config);
        assert_eq!(changed["externalId"], external_id);
    }
    // Given or derived, it stands for the instance.
    let mut given = json!({ "type": "oauth2", "clientId": "x", "externalId": "tenant" });
    given["config"] = endpoints("https://api.example.org/me");
    let given = app.provider_with("given", given).await;
    let moved = json!({ "config": endpoints("https://api.example.net/me") });
    assert_eq!(refused(&app, &given, moved).await, immutable);
    for field in [
        "slug",
        "type",
        "externalId",
        "allowsMultiplePerUser",
        "clientOf",
    ] {
        let answer = update(&app, &oidc, json!({ field: "x" })).await;
        assert_eq!(
            answer.code(),
            "GRAPHQL_VALIDATION_FAILED",
            "{field} is no field of a change"
        );
    }
}

#[rstest]
#[tokio::test]
async fn a_stale_version_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let id = oidc(&app).await;
    updated(&app, &id, json!({ "name": "Second", "expectedVersion": 1 })).await;
    for stale in [1, 3, 0, -1] {
        let change = json!({ "name": "Third", "expectedVersion": stale });
        assert_eq!(
            refused(&app, &id, change).await,
            json!([["VERSION_CONFLICT", ["input", "expectedVersion"]]])
        );
    }
    // Of changes at once that expect the same version, one is made.
    let names: Vec<_> = (0..8).map(|number| format!("name {number}")).collect();
    let calls = names
        .iter()
        .map(|name| update(&app, &id, json!({ "name": name, "expectedVersion": 2 })));
    let answers = futures_util::future::join_all(calls).await;
    let made: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.data()["updateIdentityProvider"].clone())
        .filter(|payload| {
            let errors = payload["userErrors"].as_array().unwrap();
            assert!(
                errors
                    .iter()
                    .all(|error| error["code"] == "VERSION_CONFLICT")
            );
            errors.is_empty()
        })
        .collect();
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(stored(&app, &id).await.version, 3);
}

#[rstest]
#[tokio::test]
async fn a_provider_of_the_configuration_file_is_left_to_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let id = app.provider("crm").await;
    app.execute("UPDATE identity_provider SET managed_by = 'CONFIGURATION'")
        .await;
    let expected = json!([["MANAGED_BY_CONFIGURATION", []]]);
    assert_eq!(
        refused(&app, &id, json!({ "name": "Other" })).await,
        expected
    );
    assert_eq!(
        refused(&app, &id, json!({ "enabled": false })).await,
        expected
    );
    let data = app
        .ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId userErrors { code } } }")
        .variables(json!({ "id": id }))
        .data()
        .await;
    assert_eq!(
        data["deleteIdentityProvider"],
        json!({ "deletedId": null, "userErrors": [{ "code": "MANAGED_BY_CONFIGURATION" }] })
    );
    let shown = app
        .ask("query($id: ID!) { identityProvider(id: $id) { managedBy } }")
        .variables(json!({ "id": id }))
        .data()
        .await;
    assert_eq!(shown["identityProvider"]["managedBy"], "CONFIGURATION");
    // Accounts are linked there all the same.
    let user = app.user("jane").await;
    app.linked(&id, &user, "1").await;
}

#[rstest]
#[tokio::test]
async fn providers_that_are_not_there_can_not_be_changed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let unknown = "provider_01h455vb4pex5vsknk084sn02q";
    let answer = update(&app, unknown, json!({ "name": "x" })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(
        answer.message(),
        format!("identity provider {unknown} was not found")
    );
    let user = app.user("jane").await;
    for wrong in ["", "crm", &user] {
        let answer = update(&app, wrong, json!({ "name": "x" })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert!(
            answer.message().starts_with("input.id: "),
            "{}",
            answer.message()
        );
    }
}

fn endpoints(host: &str) -> Value {
    json!({
        "authorization_endpoint": format!("https://{host}/authorize"),
        "token_endpoint": format!("https://{host}/token"),
        "userinfo_endpoint": "https://api.example.org/me",
    })
}

#[rstest]
#[tokio::test]
async fn a_secret_goes_to_no_other_server_than_it_was_given_for(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let input = json!({
        "type": "oauth2", "clientId": "x", "clientSecret": "s", "config": endpoints("a.example.org"),
    });
    let id = app.provider_with("hub", input).await;
    let moved = json!({ "config": endpoints("b.example.org") });
    let secret = json!([["INVALID_CONFIGURATION", ["input", "clientSecret"]]]);
    assert_eq!(refused(&app, &id, moved.clone()).await, secret);
    let mut with_secret = moved;
    with_secret["clientSecret"] = json!("t");
    assert_eq!(updated(&app, &id, with_secret).await["version"], 2);
}

#[rstest]
#[tokio::test]
async fn where_people_sign_in_only_admins_say_where_they_are_sent(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let id = oidc(&app).await;
    updated(&app, &id, json!({ "allowsSignIn": true })).await;
    let key = app
        .key("writer", &["provider:write", "provider:read"])
        .await;
    let before = stored(&app, &id).await;
    let by_key = async |more: Value| {
        let mut input = json!({ "id": id });
        let fields = input.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let ask = app.ask(UPDATE).variables(json!({ "input": input }));
        ask.by(&key).send().await
    };
    let config = json!({ "issuer": "https://id.example.org", "scopes": ["openid"] });
    for more in [json!({ "config": config }), json!({ "clientId": "y" })] {
        assert_eq!(by_key(more).await.code(), "FORBIDDEN");
    }
    assert_eq!(stored(&app, &id).await, before);
    let renamed = by_key(json!({ "name": "Other" })).await;
    assert_eq!(
        renamed.data()["updateIdentityProvider"]["userErrors"],
        json!([])
    );
}
