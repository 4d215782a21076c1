//! Changing an organization's share, and the integration itself.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{
    Setting, actions_since, codes, events, shares, update_integration, update_share,
};
use crate::support::app::{ADMIN, Db};
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn a_share_keeps_what_is_left_out(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it
        .installed(json!({ "config": { "a": 1 }, "defaultIdentityId": it.account }))
        .await;
    let end = "2030-01-01T00:00:00.000001+00:00";
    let mut expected = json!({
        "id": share, "config": { "a": 1 }, "status": "ACTIVE", "gracePeriodEnd": null,
        "defaultIdentity": { "id": it.account },
    });
    for (change, field, value) in [
        (json!({ "config": { "b": 2 } }), "config", json!({ "b": 2 })),
        (json!({ "status": "DISABLED" }), "status", json!("DISABLED")),
        (
            json!({ "status": "PENDING_DELETION" }),
            "status",
            json!("PENDING_DELETION"),
        ),
        (
            json!({ "gracePeriodEnd": end }),
            "gracePeriodEnd",
            json!(end),
        ),
        (json!({ "status": "ACTIVE" }), "status", json!("ACTIVE")),
        (
            json!({ "gracePeriodEnd": null }),
            "gracePeriodEnd",
            Value::Null,
        ),
        (json!({ "config": null }), "config", json!({})),
    ] {
        expected[field] = value;
        let mut input = change.clone();
        input["id"] = json!(share);
        let before = events(&it.app).await;
        let updated = update_share(&it.app, input.clone()).await.data();
        let updated = &updated["updateOrganizationIntegration"];
        assert_eq!(updated["organizationIntegration"], expected, "{change}");
        assert_eq!(
            actions_since(&it.app, before).await,
            ["org_integration.updated"]
        );
        // The same again changes nothing.
        let before = (events(&it.app).await, shares(&it.app).await);
        update_share(&it.app, input).await.data();
        assert_eq!((events(&it.app).await, shares(&it.app).await), before);
    }
}

#[rstest]
#[tokio::test]
async fn an_integration_keeps_what_is_left_out(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let payload = it.install(json!({ "metadata": { "a": 1 } })).await;
    let id = text(&payload, "/integration/id");
    let mut expected = json!({
        "id": id, "name": "GitHub", "metadata": { "a": 1 }, "status": "ACTIVE",
    });
    for (change, field, value) in [
        (json!({ "name": "Renamed" }), "name", json!("Renamed")),
        (
            json!({ "metadata": { "b": 2 } }),
            "metadata",
            json!({ "b": 2 }),
        ),
        (json!({ "metadata": null }), "metadata", json!({})),
        (json!({ "status": "DISABLED" }), "status", json!("DISABLED")),
    ] {
        expected[field] = value;
        let mut input = change.clone();
        input["id"] = json!(id);
        for expected_events in [&["integration.updated"][..], &[]] {
            let before = events(&it.app).await;
            let updated = update_integration(&it.app, ADMIN, input.clone())
                .await
                .data();
            let updated = &updated["updateIntegration"];
            assert_eq!(updated["integration"], expected, "{change}");
            assert_eq!(actions_since(&it.app, before).await, expected_events);
        }
    }
    let told = it.app.stored().await.events.pop().unwrap();
    let (before, after) = (told.before_json.unwrap().0, told.after_json.unwrap().0);
    assert_eq!(
        (&before["status"], &after["status"]),
        (&json!("ACTIVE"), &json!("DISABLED"))
    );
    assert_eq!(told.organization_id, Some(it.acme));
}

#[rstest]
#[tokio::test]
async fn a_status_that_is_the_servers_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let payload = it.install(json!({})).await;
    let share = text(&payload, "/organizationIntegration/id");
    let id = text(&payload, "/integration/id");
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    for (name, status) in [
        ("status", json!("DELETION_IN_PROGRESS")),
        ("status", Value::Null),
    ] {
        let answer = update_share(&it.app, json!({ "id": share, name: status })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        let input = json!({ "id": id, name: status });
        let answer = update_integration(&it.app, ADMIN, input).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
    for wrong in [
        json!({ "name": null }),
        json!({ "name": "" }),
        json!({ "metadata": [1] }),
    ] {
        let mut input = wrong.clone();
        input["id"] = json!(id);
        let answer = update_integration(&it.app, ADMIN, input).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
    for wrong in [json!({ "config": "text" }), json!({ "id": id })] {
        let mut input = json!({ "id": share });
        input
            .as_object_mut()
            .unwrap()
            .extend(wrong.as_object().unwrap().clone());
        let answer = update_share(&it.app, input).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
    assert_eq!(it.app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn secrets_are_refused_and_what_is_gone_is_not_found(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let payload = it.install(json!({})).await;
    let share = text(&payload, "/organizationIntegration/id");
    let id = text(&payload, "/integration/id");
    let secret = json!({ "client_secret": "x" });
    let input = json!({ "id": share, "config": secret });
    let refused = update_share(&it.app, input).await.data();
    let refused = &refused["updateOrganizationIntegration"];
    assert_eq!(codes(refused), ["SECRET_IN_DATA"]);
    assert_eq!(refused["organizationIntegration"], Value::Null);
    let input = json!({ "id": id, "metadata": secret });
    let refused = update_integration(&it.app, ADMIN, input).await.data();
    assert_eq!(codes(&refused["updateIntegration"]), ["SECRET_IN_DATA"]);
    it.app.execute("DELETE FROM integration").await;
    let answer = update_share(&it.app, json!({ "id": share, "status": "ACTIVE" })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    let input = json!({ "id": id, "name": "gone" });
    let answer = update_integration(&it.app, ADMIN, input).await;
    assert_eq!(answer.code(), "NOT_FOUND");
}
