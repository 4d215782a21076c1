//! Sealed values: what is in them, that they open in their own place alone, and when they are
//! replaced or go.

use lanyard::clock::Clock;
use lanyard::database::{Sealed, credential, identity_provider, secret};
use lanyard::id::{IdentityId, ProviderId};
use lanyard::vault::{KeyRing, MasterKey, OpenError, Place, ServerSecret, Vault};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// The vault of the test servers.
fn vault() -> Vault {
    Vault::new(
        KeyRing::new(MasterKey::new([1; 32]), Vec::new()),
        Clock::default(),
    )
}

fn open(table: &str, row: uuid::Uuid, column: &str, sealed: &Sealed) -> Result<String, OpenError> {
    let opened = vault().open(
        &Place {
            table,
            row: row.as_bytes(),
            column,
        },
        sealed,
    )?;
    Ok(String::from_utf8(opened.to_vec()).unwrap())
}

/// What is kept of an identity's tokens, opened.
#[derive(Debug, PartialEq)]
struct Tokens {
    access: String,
    refresh: Option<String>,
}

async fn tokens(app: &App, identity: &str) -> Option<Tokens> {
    let id: IdentityId = identity.parse().unwrap();
    let row = credential::Entity::find_by_id(id)
        .one(app.database.reader())
        .await
        .unwrap()?;
    let open = |column, sealed: &Sealed| open("credential", id.0, column, sealed).unwrap();
    Some(Tokens {
        access: open("access_token_sealed", &row.access_token_sealed),
        refresh: row
            .refresh_token_sealed
            .as_ref()
            .map(|sealed| open("refresh_token_sealed", sealed)),
    })
}

fn kept(access: &str, refresh: Option<&str>) -> Option<Tokens> {
    Some(Tokens {
        access: access.to_owned(),
        refresh: refresh.map(ToOwned::to_owned),
    })
}

async fn link(app: &App, provider: &str, user: &str, external_id: &str, more: Value) -> String {
    let mut input = json!({ "providerId": provider, "userId": user, "externalId": external_id });
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    text(&app.link(input).await.data(), "/linkIdentity/identity/id")
}

#[rstest]
#[tokio::test]
async fn tokens_are_replaced_by_the_next_link(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let again = async |credential: Value| {
        link(
            &app,
            &provider,
            &user,
            "1",
            json!({ "credential": credential }),
        )
        .await
    };
    let known = async || {
        let query = "{ identities { nodes { version credential { tokenType scopes expiresAt refreshTokenExpiresAt } } } }";
        app.ask(query).data().await["identities"]["nodes"][0]["credential"].clone()
    };

    let identity = again(json!({
        "accessToken": "canary-token-a1", "refreshToken": "canary-token-r1", "tokenType": "Bearer", "scopes": ["read"],
        "expiresAt": "2030-01-01T00:00:00.123456Z", "refreshTokenExpiresAt": "2031-01-01T00:00:00Z",
    }))
    .await;
    assert_eq!(
        tokens(&app, &identity).await,
        kept("canary-token-a1", Some("canary-token-r1"))
    );
    let first = json!({
        "tokenType": "Bearer", "scopes": ["read"],
        "expiresAt": "2030-01-01T00:00:00.123456+00:00", "refreshTokenExpiresAt": "2031-01-01T00:00:00+00:00",
    });
    assert_eq!(known().await, first);

    // A refresh token that is left out stays, since providers give one at the first sign-in only.
    assert_eq!(
        again(json!({ "accessToken": "canary-token-a2" })).await,
        identity
    );
    assert_eq!(
        tokens(&app, &identity).await,
        kept("canary-token-a2", Some("canary-token-r1"))
    );
    // So does what is known of it; when the old access token ended says nothing of the new one.
    let mut second = first;
    second["expiresAt"] = Value::Null;
    assert_eq!(known().await, second);
    again(json!({ "accessToken": "canary-token-a3", "refreshToken": null })).await;
    assert_eq!(tokens(&app, &identity).await, kept("canary-token-a3", None));
    assert_eq!(known().await["refreshTokenExpiresAt"], Value::Null);
    again(json!({ "accessToken": "canary-token-a4", "refreshToken": "canary-token-r4" })).await;
    assert_eq!(
        tokens(&app, &identity).await,
        kept("canary-token-a4", Some("canary-token-r4"))
    );
    // A link that brings no tokens leaves them.
    link(&app, &provider, &user, "1", json!({ "data": { "a": 1 } })).await;
    link(&app, &provider, &user, "1", json!({ "credential": null })).await;
    assert_eq!(
        tokens(&app, &identity).await,
        kept("canary-token-a4", Some("canary-token-r4"))
    );
    // Nor does a refused one touch them.
    let refused = json!({ "providerId": provider, "userId": user, "externalId": "2", "credential": { "accessToken": "canary-token-no" } });
    assert_eq!(
        app.link(refused).await.data()["linkIdentity"]["identity"],
        Value::Null
    );
    assert_eq!(
        tokens(&app, &identity).await,
        kept("canary-token-a4", Some("canary-token-r4"))
    );
}

#[rstest]
#[tokio::test]
async fn tokens_of_an_old_account_do_not_outlive_it(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, joe, provider) = (
        app.user("jane").await,
        app.user("joe").await,
        app.provider("crm").await,
    );
    let credential = |name: &str| json!({ "accessToken": format!("canary-token-access-{name}"), "refreshToken": format!("canary-token-refresh-{name}") });
    let identity = link(
        &app,
        &provider,
        &jane,
        "1",
        json!({ "credential": credential("1") }),
    )
    .await;

    let moved = link(
        &app,
        &provider,
        &jane,
        "2",
        json!({ "onConflict": "UPDATE_IN_PLACE" }),
    )
    .await;
    assert_eq!(moved, identity);
    assert_eq!(tokens(&app, &identity).await, None);

    // With tokens of its own, the new account has those; the refresh token is not the old one's.
    link(
        &app,
        &provider,
        &jane,
        "2",
        json!({ "credential": credential("2") }),
    )
    .await;
    let only_access = json!({ "onConflict": "UPDATE_IN_PLACE", "credential": { "accessToken": "canary-token-access-3" } });
    assert_eq!(
        link(&app, &provider, &jane, "3", only_access).await,
        identity
    );
    assert_eq!(
        tokens(&app, &identity).await,
        kept("canary-token-access-3", None)
    );

    // Taken over, they are gone with their identity.
    let taken = link(
        &app,
        &provider,
        &joe,
        "3",
        json!({ "onConflict": "REATTACH" }),
    )
    .await;
    assert_eq!(tokens(&app, &identity).await, None);
    assert_eq!(tokens(&app, &taken).await, None);
    assert!(app.stored().await.credentials.is_empty());
}

#[rstest]
#[tokio::test]
async fn a_token_opens_in_its_own_row_and_column_alone(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app.provider("crm").await;
    let mut ids = Vec::new();
    for name in ["jane", "joe"] {
        let user = app.user(name).await;
        let credential = json!({ "credential": { "accessToken": format!("canary-token-a-{name}"), "refreshToken": format!("canary-token-r-{name}") } });
        ids.push(link(&app, &provider, &user, name, credential).await);
    }
    let rows = async || app.stored().await.credentials;
    let open_all = |rows: &[credential::Model]| -> Vec<Result<String, OpenError>> {
        rows.iter()
            .flat_map(|row| {
                let refresh = row.refresh_token_sealed.as_ref().unwrap();
                [
                    ("access_token_sealed", &row.access_token_sealed),
                    ("refresh_token_sealed", refresh),
                ]
                .map(|(column, sealed)| open("credential", row.identity_id.0, column, sealed))
            })
            .collect()
    };
    let mut opened: Vec<String> = open_all(&rows().await)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    opened.sort_unstable();
    assert_eq!(
        opened,
        ["a-jane", "a-joe", "r-jane", "r-joe"].map(|token| format!("canary-token-{token}"))
    );

    let not_authentic = vec![Err(OpenError::NotAuthentic); 4];
    // The rows' tokens in each other's places.
    app.execute("CREATE TABLE kept AS SELECT * FROM credential")
        .await;
    app.execute(
        "UPDATE credential SET
           access_token_sealed = (SELECT access_token_sealed FROM kept WHERE kept.identity_id <> credential.identity_id),
           refresh_token_sealed = (SELECT refresh_token_sealed FROM kept WHERE kept.identity_id <> credential.identity_id)",
    )
    .await;
    assert_eq!(open_all(&rows().await), not_authentic);
    // Each row's own, in the other column.
    app.execute(
        "UPDATE credential SET
           access_token_sealed = (SELECT refresh_token_sealed FROM kept WHERE kept.identity_id = credential.identity_id),
           refresh_token_sealed = (SELECT access_token_sealed FROM kept WHERE kept.identity_id = credential.identity_id)",
    )
    .await;
    assert_eq!(open_all(&rows().await), not_authentic);
    // Put back, they open.
    app.execute(
        "UPDATE credential SET
           access_token_sealed = (SELECT access_token_sealed FROM kept WHERE kept.identity_id = credential.identity_id),
           refresh_token_sealed = (SELECT refresh_token_sealed FROM kept WHERE kept.identity_id = credential.identity_id)",
    )
    .await;
    assert!(open_all(&rows().await).iter().all(Result::is_ok));
}

#[rstest]
#[tokio::test]
async fn a_client_secret_opens_at_its_own_provider_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    for (slug, secret) in [("one", "secret-one"), ("two", "secret-two")] {
        let more = json!({
            "type": "oidc", "config": { "issuer": format!("https://{slug}.example") },
            "clientId": "id", "clientSecret": secret,
        });
        app.provider_with(slug, more).await;
    }
    let stored = async || {
        let rows = identity_provider::Entity::find()
            .all(app.database.reader())
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| (row.slug, row.id, row.client_secret_sealed.unwrap()))
            .collect::<Vec<_>>()
    };
    let opened = |id: ProviderId, sealed: &Sealed| {
        open("identity_provider", id.0, "client_secret_sealed", sealed)
    };
    let rows = stored().await;
    for (slug, id, sealed) in &rows {
        assert_eq!(opened(*id, sealed), Ok(format!("secret-{slug}")));
        for (_, other, _) in rows.iter().filter(|(_, other, _)| other != id) {
            assert_eq!(opened(*other, sealed), Err(OpenError::NotAuthentic));
        }
        // Nor as anything else of the same row.
        assert_eq!(
            open("credential", id.0, "client_secret_sealed", sealed),
            Err(OpenError::NotAuthentic)
        );
    }
}

#[rstest]
#[tokio::test]
async fn the_servers_own_secrets_do_not_stand_in_for_each_other(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let vault = vault();
    let ask = async |which| vault.server_secret(&app.database, which).await;
    let (chain, cursor) = (
        ask(ServerSecret::EventChain).await.unwrap(),
        ask(ServerSecret::Cursor).await.unwrap(),
    );
    assert_eq!((chain.len(), cursor.len()), (32, 32));
    assert_ne!(chain, cursor);
    assert_eq!(
        ask(ServerSecret::EventChain).await.unwrap(),
        chain,
        "made once"
    );
    app.execute(
        "UPDATE secret SET value_sealed = (SELECT value_sealed FROM secret WHERE name = 'cursor') WHERE name = 'event_chain'",
    )
    .await;
    assert_eq!(
        ask(ServerSecret::EventChain).await.unwrap_err().code(),
        lanyard::error::Code::Internal
    );
    assert_eq!(ask(ServerSecret::Cursor).await.unwrap(), cursor);
    assert_eq!(
        secret::Entity::find()
            .all(app.database.reader())
            .await
            .unwrap()
            .len(),
        ServerSecret::ALL.len()
    );
}
