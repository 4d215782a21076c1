//! What a link takes, and keeps: profile, data, scopes, tokens; and the version that counts it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// A user and a provider, and the user's account there.
pub struct Account {
    pub app: App,
    provider: String,
    user: String,
}

impl Account {
    pub async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        Self {
            provider: app.provider("crm").await,
            user: app.user("jane").await,
            app,
        }
    }

    pub fn input(&self, more: Value) -> Value {
        let mut input = json!({
            "providerId": self.provider, "userId": self.user, "externalId": "4711",
        });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    }

    /// Links with more input, and shows what the identity is then.
    pub async fn link(&self, more: Value) -> Value {
        let payload = self.app.link(self.input(more)).await.data();
        let id = text(&payload, "/linkIdentity/identity/id");
        let found = self
            .app
            .ask(
                "query($id: ID!) { identity(filter: {id: $id}) {
                email emailVerified username displayName attributes { name value }
                scopes data version status dateAdded dateVerified dateUpdated
                credential { tokenType scopes expiresAt refreshTokenExpiresAt }
            } }",
            )
            .variables(json!({ "id": id }))
            .data()
            .await;
        found["identity"].clone()
    }

    /// Code and message of a link that is wrong in itself.
    pub async fn wrong(&self, more: Value) -> (String, String) {
        let answer = self.app.link(self.input(more)).await;
        (answer.code(), answer.message())
    }
}

fn profile_of(identity: &Value) -> Value {
    json!([
        identity["email"],
        identity["emailVerified"],
        identity["username"],
        identity["displayName"],
        identity["attributes"],
    ])
}

#[rstest]
#[tokio::test]
async fn a_profile_field_left_out_stays_null_clears_it_and_a_value_replaces_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    let full = json!({
        "email": "Jane@Example.org", "emailVerified": true, "username": "jane",
        "displayName": "Jane", "attributes": { "company": "Acme", "avatar_url": "https://x/" },
    });
    let stored = json!([
        "Jane@Example.org", true, "jane", "Jane",
        [{ "name": "avatar_url", "value": "https://x/" }, { "name": "company", "value": "Acme" }],
    ]);
    let fields = [
        "email",
        "emailVerified",
        "username",
        "displayName",
        "attributes",
    ];
    let others = [
        json!("new@example.org"),
        json!(false),
        json!("new"),
        json!("New"),
        json!({ "team": "7" }),
    ];
    let shown = [
        json!("new@example.org"),
        json!(false),
        json!("new"),
        json!("New"),
        json!([{ "name": "team", "value": "7" }]),
    ];
    for (index, field) in fields.into_iter().enumerate() {
        let whole = account.link(json!({ "profile": full })).await;
        assert_eq!(profile_of(&whole), stored);
        for nothing in [
            json!({}),
            json!({ "profile": null }),
            json!({ "profile": {} }),
        ] {
            assert_eq!(profile_of(&account.link(nothing).await), stored);
        }
        let mut expected = stored.clone();
        expected[index] = if field == "attributes" {
            json!([])
        } else {
            Value::Null
        };
        if field == "email" {
            // The proof was of the address that is gone.
            expected[1] = Value::Null;
        }
        let cleared = account.link(json!({ "profile": { field: null } })).await;
        assert_eq!(profile_of(&cleared), expected, "{field} cleared");
        expected[index] = shown[index].clone();
        let set = account
            .link(json!({ "profile": { field: others[index] } }))
            .await;
        assert_eq!(profile_of(&set), expected, "{field} set");
    }
}

#[rstest]
#[tokio::test]
async fn a_proof_belongs_to_the_address_that_it_came_with(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    for (profile, proven) in [
        (
            json!({ "email": "jane@example.org", "emailVerified": true }),
            json!(true),
        ),
        (json!({ "email": "jane@example.org" }), json!(true)),
        (json!({ "username": "jane" }), json!(true)),
        (json!({ "email": "mallory@example.org" }), Value::Null),
        (json!({ "emailVerified": true }), json!(true)),
        (json!({ "email": "Mallory@example.org" }), Value::Null),
        (
            json!({ "email": "jane@example.org", "emailVerified": false }),
            json!(false),
        ),
        (json!({ "email": null, "emailVerified": true }), json!(true)),
        (json!({ "email": "jane@example.org" }), Value::Null),
    ] {
        let linked = account.link(json!({ "profile": profile })).await;
        assert_eq!(linked["emailVerified"], proven, "{profile}");
    }
}

#[rstest]
#[tokio::test]
async fn when_a_refresh_token_ends_is_said_with_the_token(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    for more in [json!({}), json!({ "refreshToken": null })] {
        let mut credential = json!({ "accessToken": "canary-token-a", "refreshTokenExpiresAt": "2032-01-01T00:00:00Z" });
        credential
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let (code, message) = account.wrong(json!({ "credential": credential })).await;
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(
            message.contains("input.credential.refreshTokenExpiresAt"),
            "{message}"
        );
        assert!(message.contains("refreshToken"), "{message}");
    }
    assert!(account.app.stored().await.identities.is_empty());
}

#[rstest]
#[tokio::test]
async fn data_and_scopes_are_replaced_wholesale_when_given_and_stay_when_not(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    let shown = |identity: &Value| (identity["data"].clone(), identity["scopes"].clone());
    let first = account
        .link(json!({ "data": { "a": { "b": 1 }, "c": 2 }, "scopes": ["read", "write"] }))
        .await;
    let stored = (json!({ "a": { "b": 1 }, "c": 2 }), json!(["read", "write"]));
    assert_eq!(shown(&first), stored);
    assert_eq!(shown(&account.link(json!({})).await), stored);
    let other = account
        .link(json!({ "data": { "a": { "x": 1 } }, "scopes": ["admin"] }))
        .await;
    assert_eq!(
        shown(&other),
        (json!({ "a": { "x": 1 } }), json!(["admin"]))
    );
    for empty in [
        json!({ "data": {}, "scopes": [] }),
        json!({ "data": null, "scopes": null }),
    ] {
        account
            .link(json!({ "data": { "a": 1 }, "scopes": ["a"] }))
            .await;
        assert_eq!(shown(&account.link(empty).await), (json!({}), json!([])));
    }
}

#[rstest]
#[tokio::test]
async fn data_comes_back_as_it_was_given(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let account = Account::new(on).await;
    let data = json!({
        "text": "é \u{1f980} \\ \" ' \n \u{7f} \u{2028}", "": "no name", "null": null,
        "integers": [0, -1, i64::MIN, u64::MAX], "floats": [1.0, 0.1, -2.5e-7, 1e21],
        "nested": { "list": [[], {}, [true, false]] },
    });
    let linked = account.link(json!({ "data": data })).await;
    assert_eq!(linked["data"], data);
}

#[rstest]
#[tokio::test]
async fn tokens_are_kept_sealed(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let account = Account::new(on).await;
    let none = account.link(json!({})).await;
    assert_eq!(none["credential"], Value::Null);
    let linked = account
        .link(json!({ "credential": {
            "accessToken": "canary-token-plain-access", "refreshToken": "canary-token-plain-refresh", "tokenType": "Bearer",
            "scopes": ["read"], "expiresAt": "2031-02-03T04:05:06.1234567Z",
            "refreshTokenExpiresAt": "2032-02-03T04:05:06+02:00",
        } }))
        .await;
    assert_eq!(
        linked["credential"],
        json!({
            "tokenType": "Bearer", "scopes": ["read"],
            "expiresAt": "2031-02-03T04:05:06.123456+00:00",
            "refreshTokenExpiresAt": "2032-02-03T02:05:06+00:00",
        })
    );
    let stored = account.app.stored().await;
    let tokens = &stored.credentials[0];
    for token in [
        Some(&tokens.access_token_sealed),
        tokens.refresh_token_sealed.as_ref(),
    ] {
        let mut parts = token.unwrap().as_bytes().windows(6);
        assert!(
            !parts.any(|part| part == b"plain-"),
            "tokens are stored sealed"
        );
    }
    let told = format!("{:?}", stored.events);
    assert!(!told.contains("plain-"), "no event tells of a token");
    let kept = account.link(json!({})).await;
    assert_eq!(kept["credential"], linked["credential"]);
    assert_eq!(account.app.stored().await.credentials, stored.credentials);
}

#[rstest]
#[tokio::test]
async fn of_new_tokens_what_is_left_out_stays_except_when_they_end(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let account = Account::new(on).await;
    let first = json!({
        "accessToken": "canary-token-a", "refreshToken": "canary-token-r", "tokenType": "Bearer", "scopes": ["read"],
        "expiresAt": "2031-01-01T00:00:00Z", "refreshTokenExpiresAt": "2032-01-01T00:00:00Z",
    });
    let tokens = async |credential: Value| {
        let shown = account.link(json!({ "credential": credential })).await;
        let stored = account.app.stored().await.credentials.remove(0);
        (shown["credential"].clone(), stored)
    };
    let (_, before) = tokens(first).await;
    let (shown, after) = tokens(json!({ "accessToken": "canary-token-b" })).await;
    assert_eq!(
        shown,
        json!({ "tokenType": "Bearer", "scopes": ["read"], "expiresAt": null,
                "refreshTokenExpiresAt": "2032-01-01T00:00:00+00:00" })
    );
    assert_ne!(after.access_token_sealed, before.access_token_sealed);
    assert_eq!(after.refresh_token_sealed, before.refresh_token_sealed);
    assert_eq!(after.date_added, before.date_added);

    let other = json!({ "accessToken": "canary-token-c", "refreshToken": "canary-token-s", "tokenType": "mac", "scopes": [] });
    let (shown, renewed) = tokens(other).await;
    assert_eq!(
        shown,
        json!({ "tokenType": "mac", "scopes": [], "expiresAt": null, "refreshTokenExpiresAt": null })
    );
    assert_ne!(renewed.refresh_token_sealed, after.refresh_token_sealed);
    let (_, cleared) =
        tokens(json!({ "accessToken": "canary-token-d", "refreshToken": null })).await;
    assert_eq!(cleared.refresh_token_sealed, None);
}

#[rstest]
#[tokio::test]
async fn the_version_counts_links_and_changes_of_data(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let account = Account::new(on).await;
    let first = account.link(json!({ "data": { "a": 1 } })).await;
    assert_eq!(
        (&first["version"], &first["status"]),
        (&json!(1), &json!("VALID"))
    );
    assert_eq!(first["dateAdded"], first["dateUpdated"]);
    assert_eq!(first["dateAdded"], first["dateVerified"]);
    let second = account.link(json!({})).await;
    assert_eq!(second["version"], 2);
    assert_eq!(second["dateAdded"], first["dateAdded"]);
    assert!(text(&second, "/dateVerified") > text(&first, "/dateVerified"));
    assert_eq!(second["dateUpdated"], second["dateVerified"]);

    let id = account.app.stored().await.identities[0].id.to_string();
    let update =
        async |data: Value, expected: Option<i32>| {
            let mut input = json!({ "id": id, "data": data });
            if let Some(expected) = expected {
                input["expectedVersion"] = json!(expected);
            }
            let data = account
            .app
            .ask("mutation($input: UpdateIdentityDataInput!) { updateIdentityData(input: $input) {
                identity { version data dateVerified } userErrors { code field } } }")
            .variables(json!({ "input": input }))
            .data()
            .await;
            data["updateIdentityData"].clone()
        };
    let third = update(json!({ "b": 2 }), Some(2)).await;
    assert_eq!(
        third["identity"],
        json!({ "version": 3, "data": { "b": 2 }, "dateVerified": second["dateVerified"] })
    );
    let before = account.app.stored().await;
    let same = update(json!({ "b": 2 }), Some(3)).await;
    assert_eq!(
        same["identity"]["version"], 3,
        "nothing new changes nothing"
    );
    let stale = update(json!({ "c": 3 }), Some(2)).await;
    assert_eq!(
        stale,
        json!({ "identity": null, "userErrors": [
            { "code": "VERSION_CONFLICT", "field": ["input", "expectedVersion"] }
        ] })
    );
    assert_eq!(account.app.stored().await, before);
    assert_eq!(update(json!({}), None).await["identity"]["version"], 4);
}

#[rstest]
#[tokio::test]
async fn a_link_makes_an_invalid_identity_valid_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let account = Account::new(on).await;
    account.link(json!({})).await;
    account
        .app
        .execute("UPDATE identity SET status = 'INVALID'")
        .await;
    assert_eq!(account.link(json!({})).await["status"], "VALID");
}
