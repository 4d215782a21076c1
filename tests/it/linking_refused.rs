//! Links that are wrong in themselves, or whose user may have none; and external ids of every kind.

use rstest::rstest;
use serde_json::json;

use crate::linking_input::Account;
use crate::support::app::{App, Db};

#[rstest]
#[tokio::test]
async fn only_active_users_get_accounts(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let account = Account::new(on).await;
    account.link(json!({})).await;
    for status in ["DISABLED", "MERGED"] {
        let set = format!("UPDATE \"user\" SET status = '{status}'");
        account.app.execute(&set).await;
        let before = account.app.stored().await;
        for external_id in ["4711", "new"] {
            let input =
                account.input(json!({ "externalId": external_id, "onConflict": "REATTACH" }));
            let payload = account.app.link(input).await.data();
            assert_eq!(
                payload["linkIdentity"]["userErrors"],
                json!([{ "code": "USER_NOT_ACTIVE", "message": "the user is not active",
                         "field": ["input", "userId"], "retryable": false }])
            );
        }
        assert_eq!(account.app.stored().await, before);
    }
}

#[rstest]
#[tokio::test]
async fn unknown_ids_are_not_found_and_others_are_refused_by_field(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    let before = account.app.stored().await;
    let unknown = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    for (field, prefix, what) in [
        ("providerId", "provider", "identity provider"),
        ("userId", "user", "user"),
    ] {
        let (code, message) = account.wrong(json!({ field: unknown(prefix) })).await;
        assert_eq!(code, "NOT_FOUND");
        assert_eq!(message, format!("{what} {} was not found", unknown(prefix)));
        for malformed in ["", "1", prefix, &unknown(prefix).to_uppercase(), "a\0"] {
            let (code, message) = account.wrong(json!({ field: malformed })).await;
            assert_eq!(code, "BAD_USER_INPUT", "{malformed:?}");
            let expected =
                format!("input.{field}: {malformed:?} is not an id: ids look like {prefix}_");
            assert!(message.starts_with(&expected), "{message}");
        }
        for other in ["identity", "user", "provider", "api_key", "secret"] {
            if other == prefix {
                continue;
            }
            let (code, message) = account.wrong(json!({ field: unknown(other) })).await;
            assert_eq!(code, "BAD_USER_INPUT");
            let expected = format!(
                "input.{field}: {:?} is an id of another kind ({other}): an id that begins with {prefix}_ is needed",
                unknown(other)
            );
            assert_eq!(message, expected);
        }
    }
    assert_eq!(account.app.stored().await, before);
}

#[rstest]
#[tokio::test]
async fn external_ids_are_any_text_byte_for_byte(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    let longest = "é".repeat(512);
    let texts = [
        "A",
        "a",
        "a ",
        " a",
        "ä",
        "a\u{308}",
        "\u{1f980}",
        "ﬁ",
        "fi",
        "ß",
        "ss",
        "0",
        "00",
        "null",
        "%",
        "a%",
        "_",
        "'; --",
        "\\",
        "\"",
        "\u{1}",
        "\u{feff}",
        "\u{200b}",
        "a\nb",
        "\u{10ffff}",
        "1e3",
        "-0",
        longest.as_str(),
    ];
    for external_id in texts {
        let id = app.linked(&provider, &user, external_id).await;
        let found = app
            .ask("query($p: ID!, $e: String!) { identities(filter: {providerId: $p, externalId: $e}) {
                nodes { id externalId } } }")
            .variables(json!({ "p": provider, "e": external_id }))
            .data()
            .await;
        assert_eq!(
            found["identities"]["nodes"],
            json!([{ "id": id, "externalId": external_id }]),
            "{external_id:?}"
        );
    }
    assert_eq!(app.stored().await.identities.len(), texts.len());
}

#[rstest]
#[tokio::test]
async fn external_ids_that_are_empty_too_long_or_hold_nul_are_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    let long = "x".repeat(1025);
    for (external_id, why) in [
        ("", "is empty"),
        (" ", "is empty"),
        ("\t\n\u{2003}", "is empty"),
        (long.as_str(), "has 1025 bytes, 1024 at most are allowed"),
        ("a\0", "holds the character U+0000, which can't be stored"),
    ] {
        let (code, message) = account.wrong(json!({ "externalId": external_id })).await;
        assert_eq!(code, "BAD_USER_INPUT");
        assert_eq!(message, format!("input.externalId: {why}"));
    }
    assert_eq!(account.app.stored().await.identities, []);
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_in_the_input_is_named_and_nothing_is_stored(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    let before = account.app.stored().await;
    for (more, field) in [
        (json!({ "data": [] }), "input.data"),
        (json!({ "data": { "a": "\0" } }), "input.data"),
        (json!({ "data": { "a": "x".repeat(65_536) } }), "input.data"),
        (json!({ "scopes": [""] }), "input.scopes"),
        (json!({ "scopes": vec!["x"; 101] }), "input.scopes"),
        (
            json!({ "profile": { "email": "jane" } }),
            "input.profile.email",
        ),
        (
            json!({ "profile": { "email": "a@b\0" } }),
            "input.profile.email",
        ),
        (
            json!({ "profile": { "username": " " } }),
            "input.profile.username",
        ),
        (
            json!({ "profile": { "displayName": "x".repeat(201) } }),
            "input.profile.displayName",
        ),
        (
            json!({ "profile": { "attributes": { "n": 1 } } }),
            "input.profile.attributes.n",
        ),
        (
            json!({ "profile": { "attributes": { "n": "x".repeat(4097) } } }),
            "input.profile.attributes.n",
        ),
        (
            json!({ "credential": { "accessToken": "" } }),
            "input.credential.accessToken",
        ),
        (
            json!({ "credential": { "accessToken": "canary-token-a", "refreshToken": "" } }),
            "input.credential.refreshToken",
        ),
        (
            json!({ "credential": { "accessToken": "canary-token-a", "tokenType": "" } }),
            "input.credential.tokenType",
        ),
        (
            json!({ "credential": { "accessToken": "canary-token-a", "scopes": ["\0"] } }),
            "input.credential.scopes",
        ),
        (json!({ "idempotencyKey": "" }), "input.idempotencyKey"),
        (
            json!({ "idempotencyKey": "x".repeat(256) }),
            "input.idempotencyKey",
        ),
        (
            json!({ "credential": { "accessToken": "canary-token-a", "expiresAt": "+12000-01-01T00:00:00Z" } }),
            "input.credential.expiresAt",
        ),
        (
            json!({ "credential": { "accessToken": "canary-token-a", "refreshTokenExpiresAt": "-0001-01-01T00:00:00Z" } }),
            "input.credential.refreshTokenExpiresAt",
        ),
    ] {
        let (code, message) = account.wrong(more.clone()).await;
        assert_eq!(code, "BAD_USER_INPUT", "{more} {message}");
        assert!(
            message.starts_with(&format!("{field}: ")),
            "{more}: {message}"
        );
    }
    for (more, field) in [
        (
            json!({ "data": { "a": [{ "access_token": "x" }] } }),
            json!(["input", "data"]),
        ),
        (
            json!({ "profile": { "attributes": { "refreshToken": "canary-token-x" } } }),
            json!(["input", "profile", "attributes"]),
        ),
    ] {
        let payload = account.app.link(account.input(more)).await.data();
        let error = &payload["linkIdentity"]["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("SECRET_IN_DATA"), &field)
        );
    }
    assert_eq!(account.app.stored().await, before);
}
