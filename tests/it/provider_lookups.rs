//! identityProviders: every key of the filter.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn providers_are_filtered_by_every_key(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let crm = app
        .provider_with("crm", json!({ "externalId": "acme", "allowsSignIn": true }))
        .await;
    let shop = app.provider_with("shop", json!({ "enabled": false })).await;
    let github = json!({ "type": "github", "clientId": "x", "clientSecret": "s" });
    let hub = app.provider_with("hub", github).await;
    let find = async |filter: Value| {
        app.ask(
            "query($filter: IdentityProviderFilter) { identityProviders(filter: $filter) {
            nodes { id } totalCount } }",
        )
        .variables(json!({ "filter": filter }))
        .send()
        .await
    };
    for (filter, mut expected) in [
        (Value::Null, vec![&crm, &shop, &hub]),
        (json!({ "ids": [crm, hub] }), vec![&crm, &hub]),
        (json!({ "slugs": ["shop", "none", "CRM"] }), vec![&shop]),
        (json!({ "type": "custom" }), vec![&crm, &shop]),
        (json!({ "externalId": "acme" }), vec![&crm]),
        (json!({ "externalId": "ACME" }), vec![]),
        (json!({ "externalId": null }), vec![&hub]),
        (json!({ "allowsSignIn": true }), vec![&crm]),
        (json!({ "allowsSignIn": false }), vec![&shop, &hub]),
        (json!({ "enabled": false }), vec![&shop]),
        (json!({ "type": "custom", "enabled": true }), vec![&crm]),
        (json!({ "type": "github", "externalId": "acme" }), vec![]),
    ] {
        let data = find(filter.clone()).await.data();
        expected.sort();
        let found: Vec<_> = data["identityProviders"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| text(node, "/id"))
            .collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(data["identityProviders"]["totalCount"], expected.len());
    }
    for wrong in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": null }),
        json!({ "slugs": [] }),
        json!({ "slugs": null }),
        json!({ "slugs": vec!["x"; 1001] }),
        json!({ "type": null }),
        json!({ "externalId": "" }),
        json!({ "allowsSignIn": null }),
        json!({ "enabled": null }),
        json!({ "ids": ["user_01h455vb4pex5vsknk084sn02q"] }),
    ] {
        assert_eq!(
            find(wrong.clone()).await.code(),
            "BAD_USER_INPUT",
            "{wrong}"
        );
    }
}
