//! Tokens among the free data are refused, wherever and however.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};

/// The same names, as people spell them.
const SPELLINGS: &[&str] = &[
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "private_key",
    "accessToken",
    "AccessToken",
    "ACCESS_TOKEN",
    "Refresh-Token",
    "id token",
    "clientSecret",
    "private.key",
    "privatekey",
    "__access__token__",
];

/// A place that takes free data, with a mutation that puts `$data` there.
struct Place {
    mutation: &'static str,
    input: Value,
    path: &'static [&'static str],
    /// It takes objects within objects; the others take texts alone.
    nests: bool,
}

#[rstest]
#[tokio::test]
async fn no_place_takes_a_token(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let identity = app.linked(&provider, &user, "4711").await;
    let link = json!({ "providerId": provider, "userId": user, "externalId": "4711" });
    let places = [
        Place {
            mutation: "linkIdentity",
            input: link.clone(),
            path: &["data"],
            nests: true,
        },
        Place {
            mutation: "linkIdentity",
            input: link,
            path: &["profile", "attributes"],
            nests: false,
        },
        Place {
            mutation: "updateIdentityData",
            input: json!({ "id": identity }),
            path: &["data"],
            nests: true,
        },
        Place {
            mutation: "upsertUser",
            input: json!({ "entityRef": "user:default/jane" }),
            path: &["annotations"],
            nests: false,
        },
        Place {
            mutation: "upsertUser",
            input: json!({ "entityRef": "user:default/new" }),
            path: &["annotations"],
            nests: false,
        },
        Place {
            mutation: "createIdentityProvider",
            input: json!({ "slug": "new", "type": "oauth2", "clientId": "c" }),
            path: &["config"],
            nests: true,
        },
        Place {
            mutation: "updateIdentityProvider",
            input: json!({ "id": provider }),
            path: &["config"],
            nests: true,
        },
    ];
    app.all_sealed().await;
    let before = app.dump().await;
    for place in places {
        for spelling in SPELLINGS {
            let mut data = vec![
                json!({ *spelling: "canary" }),
                json!({ "harmless": "x", *spelling: "" }),
            ];
            if place.nests {
                data.extend([
                    json!({ "a": { "b": [{ "c": 1 }, { *spelling: "canary" }] } }),
                    json!({ "list": [[[[{ *spelling: null }]]]] }),
                    json!({ *spelling: { "nested": ["canary"] } }),
                    (0..60).fold(json!({ *spelling: 1 }), |inner, _| json!({ "a": inner })),
                ]);
            }
            for data in data {
                let errors = refusals(&app, &place, data.clone()).await;
                assert_eq!(
                    errors[0]["code"], "SECRET_IN_DATA",
                    "{}: {data}: {errors:#}",
                    place.mutation
                );
                let field: Vec<&str> = ["input"].iter().chain(place.path).copied().collect();
                assert_eq!(
                    errors[0]["field"],
                    json!(field),
                    "{}: {data}",
                    place.mutation
                );
                let message = errors[0]["message"].as_str().unwrap();
                assert!(
                    message.contains(&format!("{spelling:?}")) && !message.contains("canary"),
                    "{message}"
                );
            }
        }
        assert_eq!(app.dump().await, before, "{}", place.mutation);
    }
}

async fn refusals(app: &App, place: &Place, data: Value) -> Value {
    let mut input = place.input.clone();
    let mut entry = &mut input;
    for name in place.path {
        entry = &mut entry[*name];
    }
    *entry = data;
    let name = place.mutation;
    let of_type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let document = format!(
        "mutation($input: {of_type}!) {{ {name}(input: $input) {{ userErrors {{ code field message }} }} }}"
    );
    let data = app
        .ask(&document)
        .variables(json!({ "input": input }))
        .data()
        .await;
    data[name]["userErrors"].clone()
}

#[rstest]
#[tokio::test]
async fn a_preview_says_what_the_link_would(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let data = app
        .ask("query($input: LinkIdentityInput!) { linkPreview(input: $input) { outcome conflict explanation } }")
        .variables(json!({ "input": {
            "providerId": provider, "userId": user, "externalId": "1", "data": { "a": { "idToken": "canary" } },
        } }))
        .data()
        .await;
    assert_eq!(data["linkPreview"]["outcome"], Value::Null);
    let explanation = data["linkPreview"]["explanation"].as_str().unwrap();
    assert!(
        explanation.contains("\"idToken\"") && !explanation.contains("canary"),
        "{explanation}"
    );
}

#[rstest]
#[tokio::test]
async fn names_that_only_look_alike_are_free(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let data = json!({ "token": 1, "tokens": ["access_token"], "access": { "key": "client_secret" }, "idtokens": 2 });
    let input = json!({ "providerId": provider, "userId": user, "externalId": "1", "data": data });
    let identity = app.link(input).await.data()["linkIdentity"]["identity"]["id"].clone();
    let found = app
        .ask("query($id: ID!) { identity(filter: { id: $id }) { data } }")
        .variables(json!({ "id": identity }))
        .data()
        .await;
    assert_eq!(found["identity"]["data"], data);
}
