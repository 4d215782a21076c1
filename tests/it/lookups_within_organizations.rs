//! Lookups within an organization: its own providers beside the shared ones, and the identities of
//! its members.

use rstest::rstest;
use serde_json::{Value, json};

use crate::lookups_sentry::{Accounts, found, provider};
use crate::support::app::{App, Db};

async fn organization(app: &App, slug: &str, member: &str) -> String {
    let id = app.organization(slug).await;
    app.add_member(&id, member).await;
    id
}

#[rstest]
#[tokio::test]
async fn an_instance_may_be_shared_and_an_organizations_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let Accounts {
        app, jane, chat, ..
    } = Accounts::new(on).await;
    let acme = organization(&app, "acme", &jane).await;
    let shop = organization(&app, "shop", &jane).await;
    let own = json!({ "externalId": "T1", "organizationId": acme });
    let own = app.provider_with("own", own).await;
    for (arguments, expected) in [
        (
            "type: \"custom\", externalId: \"T1\"".to_owned(),
            json!(chat[0]),
        ),
        (
            format!("type: \"custom\", externalId: \"T1\", organizationId: \"{acme}\""),
            json!(own),
        ),
        (
            format!("type: \"custom\", externalId: \"T2\", organizationId: \"{acme}\""),
            Value::Null,
        ),
        (
            format!("type: \"custom\", externalId: \"T1\", organizationId: \"{shop}\""),
            Value::Null,
        ),
        (format!("id: {own:?}"), json!(own)),
        ("slug: \"own\"".to_owned(), json!(own)),
    ] {
        assert_eq!(provider(&app, &arguments).await, expected, "{arguments}");
    }
}

#[rstest]
#[tokio::test]
async fn only_what_is_an_organizations_own_or_shared_is_found(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let accounts = Accounts::new(on).await;
    let app = &accounts.app;
    let acme = organization(app, "acme", &accounts.jane).await;
    let shop = organization(app, "shop", &accounts.jane).await;
    let empty = organization(app, "empty", &accounts.john).await;
    let own = async |slug: &str, organization: &str| {
        let input = json!({ "organizationId": organization });
        let provider = app.provider_with(slug, input).await;
        app.linked(&provider, &accounts.jane, slug).await
    };
    let (at_acme, at_shop) = (own("own-1", &acme).await, own("own-2", &shop).await);
    let (janes, workspaces) = (&accounts.janes, &accounts.workspaces);
    let jane = |organization: &str| {
        json!({ "userId": accounts.jane, "providerType": "custom",
                "organizationId": organization })
    };
    for (organization, mut expected) in [
        (acme.as_str(), vec![janes, workspaces, &at_acme]),
        (shop.as_str(), vec![janes, workspaces, &at_shop]),
        // She is no member.
        (empty.as_str(), vec![]),
        ("organization_01h455vb4pex5vsknk084sn02q", vec![]),
    ] {
        expected.sort();
        let found = found(app, &jane(organization)).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
    // With every other key: what is found is what both find.
    let all = json!({ "organizationId": acme });
    let within = found(app, &all).await;
    assert_eq!(within.len(), 4, "three of custom, one at the forge");
    for (key, value) in [
        ("id", json!(at_acme)),
        ("id", json!(at_shop)),
        ("ids", json!([at_shop, janes, accounts.johns])),
        ("userIds", json!([accounts.jane, accounts.john])),
        ("externalId", json!("U1")),
        ("externalIds", json!(["own-1", "own-2", "583231"])),
        ("providerId", json!(accounts.forge)),
        ("providerExternalId", json!("T1")),
        ("providerExternalId", Value::Null),
        ("providerType", json!("github")),
        ("status", json!("VALID")),
        ("email", json!("jane@example.org")),
        ("isPrimary", json!(false)),
    ] {
        let alone = found(app, &json!({ key: value })).await;
        let mut filter = all.clone();
        filter[key] = value;
        let expected: Vec<_> = alone.into_iter().filter(|id| within.contains(id)).collect();
        assert_eq!(found(app, &filter).await, expected, "{filter}");
    }
}
