//! Defaults when an account goes over to another identity.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{Setting, acts_as, reason, shares};
use crate::support::app::Db;
use crate::support::client::text;

async fn reattach(it: &Setting, user: &str, external_id: &str) -> String {
    let input = json!({
        "providerId": it.crm, "userId": user, "externalId": external_id,
        "onConflict": "REATTACH",
    });
    let link = it.app.link(input).await.data()["linkIdentity"].clone();
    assert_eq!(link["outcome"], "REATTACHED", "{link:#}");
    text(&link, "/identity/id")
}

#[rstest]
#[tokio::test]
async fn the_same_users_default_follows(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let before = it.app.stored().await;
    let other = reattach(&it, &it.jane, "4712").await;
    assert_ne!(other, it.account);
    assert_eq!(acts_as(&it.app, &share).await, other);
    assert!(shares(&it.app).await[0].default_lost_at.is_none());
    let events = it.app.stored().await.events_since(&before);
    assert!(
        events.contains(&("org_integration.updated".to_owned(), share)),
        "{events:?}"
    );
}

#[rstest]
#[tokio::test]
async fn another_users_default_is_lost(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let joe = it.other_member("joe").await;
    let before = it.app.stored().await;
    reattach(&it, &joe, "4711").await;
    assert_eq!(reason(&it.app, &share).await, "DANGLING");
    let row = shares(&it.app).await.remove(0);
    assert!(row.default_identity_id.is_none() && row.default_lost_at.is_some());
    let after = it.app.stored().await;
    let lost: Vec<_> = after.events[before.events.len()..]
        .iter()
        .filter(|event| event.action == "org_integration.default_lost")
        .collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].target_id, Some(share.clone()));
    assert_eq!(lost[0].organization_id.as_ref(), Some(&it.acme));
    let told = lost[0].before_json.clone().unwrap().0;
    assert_eq!(told["defaultIdentityId"], json!(it.account));
    let shown = it
        .app
        .ask("query($id: ID!) { organizationIntegration(id: $id) { defaultIdentity { id } status } }")
        .variables(json!({ "id": share }))
        .data()
        .await;
    assert_eq!(
        shown["organizationIntegration"],
        json!({ "defaultIdentity": Value::Null, "status": "ACTIVE" })
    );
}
