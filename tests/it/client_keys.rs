//! `private_key_jwt`: the key that is made for a provider, what of it is published, and when it goes.

use lanyard::database::Sealed;
use lanyard::database::identity_provider::{Entity, Model};
use lanyard::vault::{KeyRing, MasterKey, Place, Vault};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::app::{App, Db};

const ISSUER: &str = "https://id.example.org";

fn config(method: &str) -> Value {
    json!({ "issuer": ISSUER, "token_endpoint_auth_method": method })
}

/// A provider that we show ourselves at by a key.
async fn by_key(app: &App) -> String {
    let input = json!({ "type": "oidc", "clientId": "us", "config": config("private_key_jwt") });
    app.provider_with("acme", input).await
}

async fn published(app: &App, slug: &str) -> reqwest::Response {
    let url = app.url(&format!("/auth/{slug}/jwks.json"));
    app.http().get(url).send().await.unwrap()
}

/// The one key of the set.
async fn key(app: &App) -> Value {
    let set: Value = published(app, "acme").await.json().await.unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1, "{set}");
    keys[0].clone()
}

async fn update(app: &App, input: Value) -> Value {
    let data = app
        .ask(
            "mutation($input: UpdateIdentityProviderInput!) {
                updateIdentityProvider(input: $input) {
                    identityProvider { config hasClientSecret version }
                    userErrors { code field }
                }
            }",
        )
        .variables(json!({ "input": input }))
        .data()
        .await;
    data["updateIdentityProvider"].clone()
}

async fn row(app: &App) -> Model {
    let rows = Entity::find().all(app.database.reader()).await.unwrap();
    rows.into_iter().find(|row| row.slug == "acme").unwrap()
}

/// The stored key, opened as that of this row.
fn opened(row: &Model, sealed: &Sealed) -> Option<Vec<u8>> {
    let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
    let vault = Vault::new(keys, lanyard::clock::Clock::default());
    let place = Place {
        table: "identity_provider",
        row: row.id.0.as_bytes(),
        column: "client_key_sealed",
    };
    vault.open(&place, sealed).ok().map(|key| key.to_vec())
}

#[rstest]
#[tokio::test]
async fn the_public_half_is_there_for_anybody(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    by_key(&app).await;
    let answer = published(&app, "acme").await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/jwk-set+json");
    assert_eq!(header("cache-control"), "public, max-age=60");
    assert!(answer.headers().get("set-cookie").is_none());
    let key = key(&app).await;
    let members: Vec<&String> = key.as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    for (name, value) in [
        ("alg", "ES256"),
        ("crv", "P-256"),
        ("kty", "EC"),
        ("use", "sig"),
    ] {
        assert_eq!(key[name], value, "{name}");
    }
    for name in ["kid", "x", "y"] {
        assert_eq!(key[name].as_str().unwrap().len(), 43, "{name}");
    }
    let beside = app.start_beside().await;
    let set: Value = published(&beside, "acme").await.json().await.unwrap();
    assert_eq!(set["keys"][0], key, "it is the same in all processes");

    let url = app.url("/auth/acme/jwks.json");
    let head = app.http().head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let post = app.http().post(&url).send().await.unwrap();
    assert_eq!(post.status(), 405);
}

#[rstest]
#[tokio::test]
async fn where_there_is_no_key_there_is_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let input = json!({
        "type": "oidc", "clientId": "us", "clientSecret": "s", "config": { "issuer": ISSUER },
    });
    app.provider_with("by-secret", input).await;
    app.provider("custom").await;
    for slug in ["by-secret", "custom", "nobodys", "%00", "a%2Fb"] {
        let answer = published(&app, slug).await;
        assert_eq!(answer.status(), 404, "{slug}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{slug}");
    }
}

#[rstest]
#[tokio::test]
async fn the_private_half_is_sealed_for_its_row_and_shows_nowhere(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    by_key(&app).await;
    let stored = row(&app).await;
    let sealed = stored.client_key_sealed.clone().unwrap();
    let private = opened(&stored, &sealed).unwrap();
    let other = Model {
        id: lanyard::id::ProviderId::new(&app.clock),
        ..stored
    };
    assert_eq!(opened(&other, &sealed), None);

    let shown = app
        .ask("{ identityProvider(slug: \"acme\") { config clientId hasClientSecret redirectUri } }")
        .data()
        .await;
    assert_eq!(
        shown["identityProvider"]["config"],
        config("private_key_jwt")
    );
    assert_eq!(shown["identityProvider"]["hasClientSecret"], false);
    // In PKCS #8 the scalar is what follows on the octet string's head.
    let scalar = &private[36..68];
    let said = format!(
        "{shown} {:?} {}",
        app.stored().await.events,
        key(&app).await
    );
    for form in [
        data_encoding::BASE64URL_NOPAD.encode(scalar),
        data_encoding::BASE64.encode(scalar),
        data_encoding::HEXLOWER.encode(scalar),
        format!("{scalar:?}"),
    ] {
        assert!(!said.contains(&form));
    }
}

#[rstest]
#[tokio::test]
async fn a_key_comes_and_goes_with_the_config_that_asks_for_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let id = by_key(&app).await;
    let first = key(&app).await;

    let renamed = update(&app, json!({ "id": id, "name": "Acme 2" })).await;
    assert_eq!(renamed["userErrors"], json!([]));
    let mut more = config("private_key_jwt");
    more["scopes"] = json!(["openid"]);
    let changed = update(&app, json!({ "id": id, "config": more })).await;
    assert_eq!(changed["userErrors"], json!([]));
    assert_eq!(key(&app).await, first, "it stays as long as it is used");

    let before = row(&app).await;
    let refused = update(
        &app,
        json!({ "id": id, "config": config("client_secret_basic") }),
    )
    .await;
    let no_secret =
        json!([{ "code": "INVALID_CONFIGURATION", "field": ["input", "clientSecret"] }]);
    assert_eq!(refused["userErrors"], no_secret);
    assert_eq!(row(&app).await, before);

    let by_secret =
        json!({ "id": id, "config": config("client_secret_basic"), "clientSecret": "s" });
    let changed = update(&app, by_secret).await;
    assert_eq!(changed["userErrors"], json!([]));
    assert_eq!(changed["identityProvider"]["hasClientSecret"], true);
    assert_eq!(row(&app).await.client_key_sealed, None);
    assert_eq!(published(&app, "acme").await.status(), 404);

    let by_key = json!({ "id": id, "config": config("private_key_jwt"), "clientSecret": null });
    let changed = update(&app, by_key).await;
    assert_eq!(changed["userErrors"], json!([]));
    assert_eq!(changed["identityProvider"]["hasClientSecret"], false);
    let second = key(&app).await;
    assert_ne!(second["kid"], first["kid"]);
    assert_ne!(second["x"], first["x"]);
}

#[rstest]
#[tokio::test]
async fn the_catalogue_says_how_a_client_can_show_itself(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let types = "{ providerTypes { key configFields { name required secret description } } }";
    let types = app.ask(types).data().await;
    let types = types["providerTypes"].as_array().unwrap();
    let oidc = types.iter().find(|known| known["key"] == "oidc").unwrap();
    let fields = oidc["configFields"].as_array().unwrap();
    let field = fields
        .iter()
        .find(|field| field["name"] == "token_endpoint_auth_method");
    let field = field.unwrap();
    assert_eq!(
        (&field["required"], &field["secret"]),
        (&json!(false), &json!(false))
    );
    let description = field["description"].as_str().unwrap();
    for method in [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ] {
        assert!(description.contains(method), "{method}");
    }
}
