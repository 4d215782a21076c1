//! Rows of a provider type that this server no longer knows.

use lanyard::database::identity_provider;
use lanyard::id::ProviderId;
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::Answer;

/// Puts a provider of a type that is in no catalogue beside the one with this id.
async fn add_provider_of_unknown_type(app: &App, like: &str) -> String {
    let like: ProviderId = like.parse().unwrap();
    let row = identity_provider::Entity::find_by_id(like)
        .one(app.database.reader())
        .await;
    let id = ProviderId::new(&app.clock);
    let row = identity_provider::Model {
        id,
        slug: "old".to_owned(),
        provider_type: "Legacy SSO".to_owned(),
        external_id: "instance".to_owned(),
        client_id: Some("client".to_owned()),
        ..row.unwrap().unwrap()
    };
    app.database
        .write(|tx| {
            let row = row.clone().into_active_model();
            async move {
                identity_provider::Entity::insert(row)
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            }
        })
        .await
        .unwrap();
    id.to_string()
}

#[rstest]
#[tokio::test]
async fn a_row_of_an_unknown_type_shows_its_raw_name_and_fails_no_list(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let crm = app.provider("crm").await;
    let old = add_provider_of_unknown_type(&app, &crm).await;
    let user = app.user("jane").await;
    let identity = app.linked(&old, &user, "1").await;
    let data = app
        .ask("query($user: ID!, $old: ID!) {
            identityProviders { nodes { id type { key name known protocol configFields { name } } } }
            identities { nodes { id provider { slug type { key known } } } }
            userIdentities(userId: $user, providerType: \"Legacy SSO\") { id }
            identityProvider(type: \"Legacy SSO\", externalId: \"instance\") { id slug }
            byFilter: identities(filter: {providerType: \"Legacy SSO\"}) { nodes { id } }
            node(id: $old) { ... on IdentityProvider { name type { key } } }
            providerTypes { key known }
        }")
        .variables(json!({ "user": user, "old": old }))
        .data()
        .await;
    let providers = data["identityProviders"]["nodes"].as_array().unwrap();
    assert_eq!(providers.len(), 2);
    let expected = json!({ "id": old, "type": {
        "key": "Legacy SSO", "name": "Legacy SSO", "known": false, "protocol": "NONE",
        "configFields": [],
    } });
    assert!(providers.contains(&expected), "{providers:#?}");
    assert_eq!(
        data["identities"]["nodes"],
        json!([{ "id": identity, "provider": {
            "slug": "old", "type": { "key": "Legacy SSO", "known": false } } }])
    );
    assert_eq!(data["userIdentities"], json!([{ "id": identity }]));
    assert_eq!(data["byFilter"]["nodes"], json!([{ "id": identity }]));
    assert_eq!(
        data["identityProvider"],
        json!({ "id": old, "slug": "old" })
    );
    assert_eq!(data["node"]["type"]["key"], "Legacy SSO");
    let types = data["providerTypes"].as_array().unwrap();
    assert!(
        types
            .iter()
            .all(|t| t["known"] == true && t["key"] != "Legacy SSO")
    );
}

#[rstest]
#[tokio::test]
async fn a_row_of_an_unknown_type_can_be_renamed_and_disabled_and_deleted(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let crm = app.provider("crm").await;
    let old = add_provider_of_unknown_type(&app, &crm).await;
    let update = async |more: Value| -> Answer {
        let mut input = json!({ "id": old });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        app.ask("mutation($input: UpdateIdentityProviderInput!) { updateIdentityProvider(input: $input) {
            identityProvider { name enabled type { known } } userErrors { code } } }")
            .variables(json!({ "input": input }))
            .send()
            .await
    };
    let changed = update(json!({ "name": "Old", "enabled": false }))
        .await
        .data();
    assert_eq!(
        changed["updateIdentityProvider"]["identityProvider"],
        json!({ "name": "Old", "enabled": false, "type": { "known": false } })
    );
    // What the type would have to check can't be changed.
    let refused = update(json!({ "config": { "a": 1 } })).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    let gone = app
        .ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId userErrors { code } } }")
        .variables(json!({ "id": old }))
        .data()
        .await;
    assert_eq!(gone["deleteIdentityProvider"]["deletedId"], old);
    let create = json!({ "slug": "new", "type": "Legacy SSO", "config": {} });
    let refused = app
        .ask("mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) { userErrors { code } } }")
        .variables(json!({ "input": create }))
        .send()
        .await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    assert!(
        refused
            .message()
            .starts_with("input.type: \"Legacy SSO\" is no provider type; there are ")
    );
}
