//! The identity that an organization's integration acts as, and every reason why there is none.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{
    Setting, actions_since, acts_as, codes, default_identity, events, reason, set_default,
    set_status, shares, update_integration, update_share,
};
use crate::support::app::{ADMIN, App, Db};
use crate::support::client::text;

/// The same question by the service.
fn service(organization: &str) -> Value {
    json!({
        "organization": organization, "provider": "github", "externalId": "installation-1",
    })
}

/// The extensions of the answer, which is the same by id and by service.
async fn extensions(it: &Setting, share: &str) -> Value {
    let by_id = default_identity(&it.app, json!({ "share": share })).await;
    let by_service = default_identity(&it.app, service(&it.acme)).await;
    assert_eq!(by_id.body, by_service.body);
    assert_eq!(by_id.body["data"]["defaultIdentity"], Value::Null);
    by_id.body["errors"][0]["extensions"].clone()
}

fn because(reason: &str, share: &str, default: Option<&str>) -> Value {
    let mut why = json!({
        "code": "IDENTITY_NOT_FOUND", "reason": reason,
        "integrationProvider": "github", "organizationIntegrationId": share,
    });
    if let Some(default) = default {
        why["defaultIdentityId"] = json!(default);
    }
    why
}

#[rstest]
#[tokio::test]
async fn it_is_found_by_id_and_by_service(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    assert_eq!(acts_as(&it.app, &share).await, it.account);
    let by_service = default_identity(&it.app, service(&it.acme)).await.data();
    assert_eq!(text(&by_service, "/defaultIdentity/id"), it.account);
    // The id wins.
    let mut both = service(&it.jane);
    both["share"] = json!(share);
    let by_both = default_identity(&it.app, both).await.data();
    assert_eq!(text(&by_both, "/defaultIdentity/id"), it.account);
}

#[rstest]
#[tokio::test]
async fn no_organization_integration(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let globex = it.app.organization("globex").await;
    let mut other = service(&it.acme);
    other["externalId"] = json!("installation-2");
    let mut of_another_kind = service(&it.acme);
    of_another_kind["provider"] = json!("gitlab");
    for (unknown, provider) in [
        (service(&globex), "github"),
        (other, "github"),
        (of_another_kind, "gitlab"),
    ] {
        let answer = default_identity(&it.app, unknown).await;
        assert_eq!(
            answer.body["errors"][0]["extensions"],
            json!({
                "code": "IDENTITY_NOT_FOUND", "reason": "NO_ORGANIZATION_INTEGRATION",
                "integrationProvider": provider,
            })
        );
    }
    it.app.execute("DELETE FROM organization_integration").await;
    let answer = default_identity(&it.app, json!({ "share": share })).await;
    assert_eq!(
        answer.body["errors"][0]["extensions"],
        json!({ "code": "IDENTITY_NOT_FOUND", "reason": "NO_ORGANIZATION_INTEGRATION" })
    );
}

#[rstest]
#[tokio::test]
async fn no_default(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.installed(json!({})).await;
    let never = because("NO_DEFAULT", &share, None);
    assert_eq!(extensions(&it, &share).await, never);
    // One that is cleared on purpose was not lost.
    it.acting().await;
    set_default(&it.app, &share, Value::Null).await.data();
    assert_eq!(extensions(&it, &share).await, never);
}

#[rstest]
#[tokio::test]
async fn dangling(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let joe = it.other_member("joe").await;
    let input = json!({
        "providerId": it.crm, "userId": joe, "externalId": "4711", "onConflict": "REATTACH",
    });
    it.app.link(input).await.data();
    let why = because("DANGLING", &share, None);
    assert_eq!(extensions(&it, &share).await, why);
    // Clearing it says that nobody is missed.
    set_default(&it.app, &share, Value::Null).await.data();
    let why = because("NO_DEFAULT", &share, None);
    assert_eq!(extensions(&it, &share).await, why);
}

#[rstest]
#[tokio::test]
async fn invalid(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    it.app
        .execute("UPDATE identity SET status = 'INVALID'")
        .await;
    let why = because("INVALID", &share, Some(&it.account));
    assert_eq!(extensions(&it, &share).await, why);
    // Linking the account again makes it good.
    it.app.linked(&it.crm, &it.jane, "4711").await;
    assert_eq!(acts_as(&it.app, &share).await, it.account);
}

#[rstest]
#[tokio::test]
async fn user_not_active(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    it.app
        .execute("UPDATE identity SET status = 'INVALID'")
        .await;
    for status in ["DISABLED", "MERGED"] {
        it.app
            .execute(&format!("UPDATE \"user\" SET status = '{status}'"))
            .await;
        let why = because("USER_NOT_ACTIVE", &share, Some(&it.account));
        assert_eq!(extensions(&it, &share).await, why);
    }
}

#[rstest]
#[tokio::test]
async fn integration_disabled(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let integration = text(&it.install(json!({})).await, "/integration/id");
    let why = because("INTEGRATION_DISABLED", &share, Some(&it.account));
    // Whatever else is wrong, this is told.
    set_status(&it.app, "jane", "DISABLED").await;
    for status in ["DISABLED", "PENDING_DELETION"] {
        let input = json!({ "id": share, "status": status });
        update_share(&it.app, input).await.data();
        assert_eq!(extensions(&it, &share).await, why);
    }
    update_share(&it.app, json!({ "id": share, "status": "ACTIVE" }))
        .await
        .data();
    for status in ["DISABLED", "PENDING_DELETION"] {
        let input = json!({ "id": integration, "status": status });
        update_integration(&it.app, ADMIN, input).await.data();
        assert_eq!(extensions(&it, &share).await, why);
    }
    let input = json!({ "id": integration, "status": "ACTIVE" });
    update_integration(&it.app, ADMIN, input).await.data();
    set_status(&it.app, "jane", "ACTIVE").await;
    assert_eq!(acts_as(&it.app, &share).await, it.account);
}

#[rstest]
#[tokio::test]
async fn a_grace_period_ends(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let end = it.app.clock.now() + TimeDelta::days(1);
    update_share(&it.app, json!({ "id": share, "gracePeriodEnd": end }))
        .await
        .data();
    assert_eq!(acts_as(&it.app, &share).await, it.account);
    it.app.clock.advance(TimeDelta::days(1));
    assert_eq!(reason(&it.app, &share).await, "INTEGRATION_DISABLED");
    update_share(&it.app, json!({ "id": share, "gracePeriodEnd": null }))
        .await
        .data();
    assert_eq!(acts_as(&it.app, &share).await, it.account);
}

#[rstest]
#[tokio::test]
async fn half_a_question_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    for wrong in [
        json!({}),
        json!({ "organization": it.acme }),
        json!({ "organization": it.acme, "provider": "github" }),
        json!({ "provider": "github", "externalId": "installation-1" }),
        json!({ "share": it.acme }),
        json!({ "share": "nonsense" }),
        json!({ "organization": it.jane, "provider": "github", "externalId": "1" }),
        json!({ "organization": it.acme, "provider": "", "externalId": "1" }),
        json!({ "organization": it.acme, "provider": "github", "externalId": "x".repeat(1025) }),
    ] {
        let answer = default_identity(&it.app, wrong.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
}

#[rstest]
#[tokio::test]
async fn it_is_set_and_cleared_with_an_event_each(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.installed(json!({})).await;
    for (default, stored) in [
        (json!(it.account), Some(it.account.clone())),
        (Value::Null, None),
    ] {
        let before = events(&it.app).await;
        let payload = set_default(&it.app, &share, default.clone()).await.data();
        let payload = &payload["setDefaultIdentity"];
        assert_eq!(codes(payload), [""; 0]);
        let shown = payload["organizationIntegration"]["defaultIdentity"]["id"].as_str();
        assert_eq!(shown.map(str::to_owned), stored);
        assert_eq!(
            actions_since(&it.app, before).await,
            ["org_integration.updated"]
        );
        // The same again changes nothing.
        let before = events(&it.app).await;
        set_default(&it.app, &share, default).await.data();
        assert_eq!(actions_since(&it.app, before).await, [""; 0]);
        let row = shares(&it.app).await.remove(0);
        assert_eq!(row.default_identity_id.map(|id| id.to_string()), stored);
        assert!(row.default_lost_at.is_none());
    }
}

#[rstest]
#[tokio::test]
async fn only_an_active_members_identity_can_be_set(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let stranger = it.app.user("stranger").await;
    let theirs = it.app.linked(&it.crm, &stranger, "stranger").await;
    let joe = it.other_member("joe").await;
    let joes = it.app.linked(&it.crm, &joe, "joe").await;
    set_status(&it.app, "joe", "DISABLED").await;
    it.app.all_sealed().await;
    let before = it.app.dump().await;
    for (identity, code) in [
        (&theirs, "USER_NOT_IN_ORGANIZATION"),
        (&joes, "USER_NOT_ACTIVE"),
    ] {
        let payload = set_default(&it.app, &share, json!(identity)).await.data();
        let payload = &payload["setDefaultIdentity"];
        assert_eq!(codes(payload), [code]);
        assert_eq!(payload["userErrors"][0]["field"], json!(["identityId"]));
        assert_eq!(payload["organizationIntegration"], Value::Null);
    }
    assert_eq!(it.app.dump().await, before);
    for (share, identity, code) in [
        (&share, &it.jane, "BAD_USER_INPUT"),
        (&it.acme, &it.account, "BAD_USER_INPUT"),
    ] {
        let answer = set_default(&it.app, share, json!(identity)).await;
        assert_eq!(answer.code(), code);
    }
    it.app.execute("DELETE FROM organization_integration").await;
    let answer = set_default(&it.app, &share, json!(it.account)).await;
    assert_eq!(answer.code(), "NOT_FOUND");
}

/// A mutation by a key that may write integrations only.
async fn by_writer(app: &App, query: &str, variables: Value) -> String {
    let key = app.key("writer", &["integration:write"]).await;
    let answer = app.ask(query).variables(variables).by(&key).send().await;
    if answer.body.get("errors").is_none() {
        return "done".to_owned();
    }
    assert!(
        answer.message().contains("identity:write"),
        "{:#}",
        answer.body
    );
    answer.code()
}

#[rstest]
#[tokio::test]
async fn naming_a_default_needs_identity_write(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.installed(json!({})).await;
    let set = "mutation($share: ID!, $identity: ID) {
        setDefaultIdentity(organizationIntegrationId: $share, identityId: $identity) {
            organizationIntegration { id } userErrors { code }
        }
    }";
    let install = "mutation($input: InstallIntegrationInput!) {
        installIntegration(input: $input) {
            integration { id } organizationIntegration { id } userErrors { code }
        }
    }";
    for (default, outcome) in [(json!(it.account), "FORBIDDEN"), (Value::Null, "done")] {
        let variables = json!({ "share": share, "identity": default });
        assert_eq!(by_writer(&it.app, set, variables).await, outcome);
        let input = it.input(json!({ "defaultIdentityId": default }));
        let variables = json!({ "input": input });
        assert_eq!(by_writer(&it.app, install, variables).await, outcome);
    }
    let variables = json!({ "input": it.input(json!({})) });
    assert_eq!(by_writer(&it.app, install, variables).await, "done");
}

#[rstest]
#[tokio::test]
async fn it_needs_both_scopes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.acting().await;
    let query = "query($id: ID!) { defaultIdentity(organizationIntegrationId: $id) { id } }";
    for (scopes, allowed) in [
        (&["integration:read"][..], false),
        (&["identity:read"], false),
        (&["integration:read", "identity:read"], true),
    ] {
        let key = it.app.key("reader", scopes).await;
        let variables = json!({ "id": share });
        let ask = it.app.ask(query).variables(variables).by(&key);
        if allowed {
            assert_eq!(text(&ask.data().await, "/defaultIdentity/id"), it.account);
        } else {
            assert_eq!(ask.code().await, "FORBIDDEN");
        }
    }
}
