//! The same moment: one integration, no fault, and no default that nobody knows was lost.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use super::setting::{
    Setting, actions_since, codes, events, install, set_default, shares, uninstall,
};
use crate::support::app::Db;
use crate::support::client::text;

const CALLERS: usize = 16;

fn count(actions: &[String], action: &str) -> usize {
    actions.iter().filter(|found| *found == action).count()
}

#[rstest]
#[tokio::test]
async fn many_organizations_install_the_same(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let mut organizations = Vec::new();
    for number in 0..CALLERS {
        let organization = it.app.organization(&format!("org-{number}")).await;
        it.app.add_member(&organization, &it.jane).await;
        organizations.push(organization);
    }
    for round in 0..5 {
        let before = events(&it.app).await;
        let calls = organizations.iter().map(|organization| {
            let input = it.input(json!({
                "organizationId": organization,
                "externalId": format!("round-{round}"),
                "defaultIdentityId": it.account,
            }));
            install(&it.app, input)
        });
        let payloads: Vec<Value> = join_all(calls)
            .await
            .into_iter()
            .map(|answer| answer.data()["installIntegration"].clone())
            .collect();
        let first = text(&payloads[0], "/integration/id");
        for payload in &payloads {
            assert_eq!(codes(payload), [""; 0]);
            assert_eq!(text(payload, "/integration/id"), first);
        }
        let actions = actions_since(&it.app, before).await;
        assert_eq!(count(&actions, "integration.created"), 1);
        assert_eq!(count(&actions, "org_integration.installed"), CALLERS);
        assert_eq!(actions.len(), CALLERS + 1);
        assert_eq!(shares(&it.app).await.len(), CALLERS * (round + 1));
    }
}

#[rstest]
#[tokio::test]
async fn one_organization_installs_the_same_many_times(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    for round in 0..5 {
        let before = events(&it.app).await;
        let external_id = format!("round-{round}");
        let calls = (0..CALLERS).map(|_| it.send(json!({ "externalId": external_id })));
        for answer in join_all(calls).await {
            assert_eq!(codes(&answer.data()["installIntegration"]), [""; 0]);
        }
        assert_eq!(
            actions_since(&it.app, before).await,
            ["integration.created", "org_integration.installed"]
        );
        assert_eq!(shares(&it.app).await.len(), round + 1);
    }
}

#[rstest]
#[tokio::test]
async fn an_account_goes_while_it_becomes_a_default(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Setting::start(on).await;
    let share = it.installed(json!({})).await;
    let joe = it.other_member("joe").await;
    for round in 0..10 {
        let external_id = format!("round-{round}");
        let owner = it.other_member(&format!("owner-{round}")).await;
        let account = it.app.linked(&it.crm, &owner, &external_id).await;
        let input = json!({
            "providerId": it.crm, "userId": joe, "externalId": external_id,
            "onConflict": "REATTACH",
        });
        let (set, link) = tokio::join!(
            set_default(&it.app, &share, json!(account)),
            it.app.link(input)
        );
        assert_eq!(link.data()["linkIdentity"]["outcome"], "REATTACHED");
        let row = shares(&it.app).await.remove(0);
        assert_eq!(row.default_identity_id, None);
        if set.body.get("errors").is_some() {
            assert_eq!(set.code(), "NOT_FOUND");
        } else {
            assert!(row.default_lost_at.is_some(), "it was lost, and says so");
        }
        // Nobody misses it: the next round begins anew.
        set_default(&it.app, &share, Value::Null).await.data();
    }
}

#[rstest]
#[tokio::test]
async fn an_account_becomes_a_default_while_the_last_share_goes(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Setting::start(on).await;
    let globex = it.app.organization("globex").await;
    it.app.add_member(&globex, &it.jane).await;
    let other = it
        .installed(json!({ "organizationId": globex, "externalId": "other" }))
        .await;
    for round in 0..10 {
        let account = it.app.linked(&it.crm, &it.jane, "4711").await;
        let share = it
            .installed(json!({
                "externalId": format!("round-{round}"), "defaultIdentityId": account,
            }))
            .await;
        let (gone, set) = tokio::join!(
            uninstall(&it.app, &share),
            set_default(&it.app, &other, json!(account))
        );
        assert_eq!(
            gone.data()["uninstallIntegration"]["deletedId"],
            json!(share)
        );
        let stored = it.app.stored().await;
        let is_there = stored
            .identities
            .iter()
            .any(|row| row.id.to_string() == account);
        let acting = shares(&it.app).await.remove(0).default_identity_id;
        if set.body.get("errors").is_some() {
            assert_eq!(set.code(), "NOT_FOUND");
            assert!(!is_there);
        } else {
            assert!(is_there, "it is a default");
            assert_eq!(acting.map(|id| id.to_string()), Some(account));
        }
        set_default(&it.app, &other, Value::Null).await.data();
    }
}
