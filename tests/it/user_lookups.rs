//! users: every key of the filter.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn users_are_filtered_by_every_key(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, john, jim) = (
        app.user("jane").await,
        app.user("john").await,
        app.user("jim").await,
    );
    app.ask("mutation { upsertUser(input: {entityRef: \"user:jim\", email: \"JANE@example.org\", status: DISABLED}) { user { id } } }")
        .data()
        .await;
    let find = async |filter: Value| {
        app.ask("query($filter: UserFilter) { users(filter: $filter) { nodes { id } totalCount } }")
            .variables(json!({ "filter": filter }))
            .send()
            .await
    };
    let acme = app.organization("acme").await;
    app.add_member(&acme, &john).await;
    app.add_member(&acme, &jane).await;
    for (filter, mut expected) in [
        (json!({ "organizationId": acme }), vec![&jane, &john]),
        (
            json!({ "organizationId": acme, "email": "john@example.org" }),
            vec![&john],
        ),
        (
            json!({ "organizationId": acme, "ids": [jane, jim] }),
            vec![&jane],
        ),
        (
            json!({ "organizationId": acme, "status": "ACTIVE" }),
            vec![&jane, &john],
        ),
        (
            json!({ "organizationId": acme, "status": "DISABLED" }),
            vec![],
        ),
        (
            json!({ "organizationId": "organization_01h455vb4pex5vsknk084sn02q" }),
            vec![],
        ),
        (Value::Null, vec![&jane, &john, &jim]),
        (
            json!({ "ids": [jane, jim, "user_01h455vb4pex5vsknk084sn02q"] }),
            vec![&jane, &jim],
        ),
        (
            json!({ "entityRefs": ["User:Jane", "user:none", "user:default/john"] }),
            vec![&jane, &john],
        ),
        (json!({ "email": "Jane@Example.org" }), vec![&jane, &jim]),
        (json!({ "email": "jim@example.org" }), vec![]),
        (json!({ "status": "ACTIVE" }), vec![&jane, &john]),
        (json!({ "status": "MERGED" }), vec![]),
        (
            json!({ "status": "DISABLED", "email": "jane@example.org" }),
            vec![&jim],
        ),
        (
            json!({ "ids": [john], "entityRefs": ["user:jane"] }),
            vec![],
        ),
    ] {
        expected.sort();
        let data = find(filter.clone()).await.data();
        let nodes = data["users"]["nodes"].as_array().unwrap();
        let found: Vec<_> = nodes.iter().map(|node| text(node, "/id")).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(data["users"]["totalCount"], expected.len());
    }
    for wrong in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": null }),
        json!({ "organizationId": null }),
        json!({ "organizationId": jane }),
        json!({ "ids": vec![jane.clone(); 101] }),
        json!({ "ids": ["jane"] }),
        json!({ "entityRefs": [] }),
        json!({ "entityRefs": null }),
        json!({ "entityRefs": ["jane"] }),
        json!({ "email": null }),
        json!({ "email": "" }),
        json!({ "status": null }),
    ] {
        assert_eq!(
            find(wrong.clone()).await.code(),
            "BAD_USER_INPUT",
            "{wrong}"
        );
    }
}
