//! Linking: the three policies, what they leave, and who may.

use rstest::rstest;
use serde_json::json;

use crate::support::app::{App, Db};

#[rstest]
#[tokio::test]
async fn a_link_is_made_and_looked_up_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let link = app
        .link(json!({
            "providerId": provider, "userId": user, "externalId": "4711",
            "profile": { "email": "Jane@Example.org", "emailVerified": true, "username": "jane",
                         "displayName": "Jane", "attributes": { "company": "Acme" } },
            "scopes": ["read"], "data": { "team": 7 },
        }))
        .await
        .data();
    assert_eq!(link["linkIdentity"]["outcome"], "CREATED", "{link:#}");
    let found = app
        .ask("query($provider: ID!) { identity(filter: {providerId: $provider, externalId: \"4711\"}) {
            email emailVerified username displayName scopes data version isPrimary status
            attributes { name value } attribute(name: \"company\")
            provider { slug } user { entityRef }
        } }")
        .variables(json!({ "provider": provider }))
        .data()
        .await;
    assert_eq!(
        found["identity"],
        json!({
            "email": "Jane@Example.org", "emailVerified": true, "username": "jane",
            "displayName": "Jane", "scopes": ["read"], "data": { "team": 7 }, "version": 1,
            "isPrimary": true, "status": "VALID",
            "attributes": [{ "name": "company", "value": "Acme" }], "attribute": "Acme",
            "provider": { "slug": "crm" }, "user": { "entityRef": "user:default/jane" },
        })
    );
}
