//! What the audit log tells of a merge and of its undo.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Pair, merged, undone};
use crate::support::app::{App, Db};
use crate::support::client::text;

/// The events from the one of that place on, as the audit log shows them.
async fn events(app: &App, filter: Value) -> Vec<Value> {
    app.all_sealed().await;
    let data = app
        .ask(
            "query($filter: AuditFilter) { auditEvents(filter: $filter, last: 100) { nodes {
            action actor { kind name } targetId target { __typename } before after requestId } } }",
        )
        .variables(json!({ "filter": filter }))
        .data()
        .await;
    data["auditEvents"]["nodes"].as_array().unwrap().clone()
}

fn told(events: &[Value]) -> Vec<(String, String)> {
    let mut told: Vec<_> = events
        .iter()
        .map(|event| (text(event, "/action"), text(event, "/targetId")))
        .collect();
    told.sort();
    told
}

#[rstest]
#[tokio::test]
async fn every_thing_that_changes_has_its_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let before = events(&app, Value::Null).await.len();
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let merge_id = text(&merge, "/id");
    let after = events(&app, Value::Null).await;
    let of_merge = &after[before..];
    let event = |action: &str, target: &String| (action.to_owned(), target.clone());
    let mut expected = vec![
        event("auth_identity.deleted", &pair.shared_link),
        event("auth_identity.updated", &pair.own_link),
        event("identity.updated", &pair.alone),
        event("identity.updated", &pair.second),
        event("organization.member_added", &pair.own_organization),
        event("organization.member_removed", &pair.own_organization),
        event("organization.member_removed", &pair.shared_organization),
        event("user.merged", &merge_id),
        event("user.updated", &pair.from),
    ];
    expected.sort();
    assert_eq!(told(of_merge), expected);
    let one = |action: &str, target: &str| {
        let mut found = of_merge.iter();
        let found = found.find(|event| event["action"] == action && event["targetId"] == target);
        found.unwrap().clone()
    };
    let moved = one("identity.updated", &pair.second);
    assert_eq!(moved["before"]["userId"], pair.from);
    assert_eq!(moved["after"]["userId"], pair.into);
    assert_eq!(moved["before"]["isPrimary"], true);
    assert_eq!(moved["after"]["isPrimary"], false);
    let link = one("auth_identity.updated", &pair.own_link);
    assert_eq!(link["before"]["userId"], pair.from);
    assert_eq!(link["after"]["userId"], pair.into);
    // As linking and unlinking tell of it.
    let removed = one("auth_identity.deleted", &pair.shared_link);
    for told in [&link["before"], &link["after"], &removed["before"]] {
        let mut names: Vec<_> = told.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(
            names,
            [
                "authProviderId",
                "ident",
                "lastSynced",
                "lastVerified",
                "userId"
            ]
        );
    }
    let user = one("user.updated", &pair.from);
    assert_eq!(user["before"]["status"], "ACTIVE");
    assert_eq!(user["after"]["status"], "MERGED");
    assert_eq!(user["after"]["mergedInto"], pair.into);
    let whole = one("user.merged", &merge_id);
    assert_eq!(whole["target"]["__typename"], "UserMerge");
    assert_eq!(whole["before"], Value::Null);
    for (name, value) in [
        ("fromUserId", json!(pair.from)),
        ("intoUserId", json!(pair.into)),
        ("fromStatus", json!("ACTIVE")),
        ("moved", json!(4)),
        ("stayed", json!(1)),
        ("removed", json!(2)),
    ] {
        assert_eq!(whole["after"][name], value, "{name}");
    }
    let request = &of_merge[0]["requestId"];
    assert!(of_merge.iter().all(|event| event["requestId"] == *request));

    let before = after.len();
    undone(&app, &merge).await;
    let after = events(&app, Value::Null).await;
    let mut expected = vec![
        event("auth_identity.linked", &pair.shared_link),
        event("auth_identity.updated", &pair.own_link),
        event("identity.updated", &pair.alone),
        event("identity.updated", &pair.second),
        event("organization.member_added", &pair.own_organization),
        event("organization.member_added", &pair.shared_organization),
        event("organization.member_removed", &pair.own_organization),
        event("user.merge_undone", &merge_id),
        event("user.updated", &pair.from),
    ];
    expected.sort();
    assert_eq!(told(&after[before..]), expected);
    let mut of_undo = after[before..].iter();
    let linked = of_undo.find(|event| event["action"] == "auth_identity.linked");
    assert_eq!(linked.unwrap()["after"], removed["before"], "as it was");
}

#[rstest]
#[tokio::test]
async fn whoever_reads_of_either_user_reads_of_the_merge(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    merged(&app, &from, &into, "FAIL").await;
    let last = async |user: &str| {
        let events = events(&app, json!({ "userId": user })).await;
        events.last().unwrap().clone()
    };
    let of_from = last(&from).await;
    assert_eq!(of_from["action"], "user.updated");
    assert_eq!(of_from["after"]["mergedInto"], into);
    let of_into = last(&into).await;
    assert_eq!(of_into["action"], "user.merged");
    assert_eq!(of_into["after"]["fromUserId"], from);
}

#[rstest]
#[tokio::test]
async fn an_organization_reads_of_what_is_within_it_alone(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    merged(&app, &pair.from, &pair.into, "SKIP").await;
    let of_own = events(&app, json!({ "organizationId": pair.own_organization })).await;
    let actions: Vec<String> = of_own.iter().map(|event| text(event, "/action")).collect();
    for action in [
        "organization.member_removed",
        "organization.member_added",
        "auth_identity.updated",
    ] {
        assert!(actions.contains(&action.to_owned()), "{actions:?}");
    }
    for action in ["user.merged", "user.updated", "identity.updated"] {
        assert!(!actions.contains(&action.to_owned()), "{actions:?}");
    }
}
