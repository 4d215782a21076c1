//! An account that very many integrations act as: they lose it, or follow, all in one change.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{Setting, actions_since, codes, events, install, set_default, shares};
use crate::support::app::Db;
use crate::support::client::text;

const MOST: usize = 1_000;
const UNLINK: &str = "mutation($id: ID!) { unlinkIdentity(input: { id: $id }) {
    deletedId userErrors { code message field } } }";

async fn reattach(it: &Setting, external_id: &str) -> Value {
    let input = json!({
        "providerId": it.crm, "userId": it.jane, "externalId": external_id,
        "onConflict": "REATTACH",
    });
    it.app.link(input).await.data()["linkIdentity"].clone()
}

async fn unlink(it: &Setting, id: &str) -> Value {
    let ask = it.app.ask(UNLINK).variables(json!({ "id": id }));
    ask.data().await["unlinkIdentity"].clone()
}

#[rstest]
#[tokio::test]
async fn no_more_act_as_one_account(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    it.very_many(MOST).await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    let input = json!({
        "organizationId": it.acme, "provider": "tracker", "externalId": "one more",
        "name": "One more", "defaultIdentityId": it.account,
    });
    let answer = install(&it.app, input).await.data();
    let payload = &answer["installIntegration"];
    assert_eq!(codes(payload), ["TOO_LARGE"], "{payload:#}");
    assert_eq!(
        payload["userErrors"][0]["field"],
        json!(["input", "defaultIdentityId"])
    );
    it.app.all_sealed().await;
    assert_eq!(it.app.dump().await, before);
    // One of those that do may say so again.
    let share = shares(&it.app).await[0].id.to_string();
    let again = set_default(&it.app, &share, json!(it.account)).await.data();
    assert_eq!(codes(&again["setDefaultIdentity"]), [""; 0]);
}

#[rstest]
#[tokio::test]
async fn what_acts_as_an_account_never_keeps_it_from_going(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    // More than the API lets there be.
    it.very_many(MOST * 2 + 1).await;
    assert_eq!(
        unlink(&it, &it.account).await["deletedId"],
        json!(it.account)
    );
    let rows = shares(&it.app).await;
    assert_eq!(rows.len(), MOST * 2 + 1);
    assert!(rows.iter().all(|row| row.default_identity_id.is_none()));
    assert!(rows.iter().all(|row| row.default_lost_at.is_some()));
}

#[rstest]
#[tokio::test]
async fn the_most_that_change_at_once_follow_and_then_lose_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    it.very_many(MOST).await;
    let since = events(&it.app).await;
    let linked = reattach(&it, "4712").await;
    assert_eq!(linked["outcome"], "REATTACHED", "{linked:#}");
    let new = text(&linked, "/identity/id");
    let follow = |row: &lanyard::database::organization_integration::Model| {
        let acts_as = row.default_identity_id.map(|id| id.to_string());
        acts_as.as_ref() == Some(&new) && row.default_lost_at.is_none()
    };
    let rows = shares(&it.app).await;
    assert_eq!((rows.len(), rows.iter().all(follow)), (MOST, true));
    let told = actions_since(&it.app, since).await;
    let updated = told
        .iter()
        .filter(|told| *told == "org_integration.updated");
    assert_eq!(updated.count(), MOST);

    let since = events(&it.app).await;
    assert_eq!(unlink(&it, &new).await["deletedId"], json!(new));
    let rows = shares(&it.app).await;
    let now = it.app.clock.now();
    for row in &rows {
        assert_eq!(row.default_identity_id, None);
        assert!(row.default_lost_at.is_some_and(|at| at <= now));
    }
    let told = actions_since(&it.app, since).await;
    let lost = told
        .iter()
        .filter(|told| *told == "org_integration.default_lost");
    assert_eq!(lost.count(), MOST);
}

#[rstest]
#[tokio::test]
async fn a_member_who_leaves_takes_the_most_along(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    it.very_many(MOST).await;
    let since = events(&it.app).await;
    it.app.remove_member(&it.acme, &it.jane).await;
    let rows = shares(&it.app).await;
    assert!(rows.iter().all(|row| row.default_identity_id.is_none()));
    assert!(rows.iter().all(|row| row.default_lost_at.is_some()));
    assert_eq!(actions_since(&it.app, since).await.len(), MOST + 1);
}
