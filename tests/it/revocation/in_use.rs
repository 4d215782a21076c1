//! Nothing is revoked while somebody else has the same account by the same client.

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, Endpoint, Times};
use rstest::rstest;
use serde_json::json;

use super::{ACME, ADAS, HUB, Linked, is_alive, link, revoked, skipped};
use crate::support::app::Db;
use crate::support::connecting::found;

/// How a link is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The person's own.
    Own,
    /// An application's.
    Applications,
}

#[rstest]
#[tokio::test]
async fn an_account_that_was_linked_again_meanwhile_keeps_its_grant(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, Broken::Down), Times::Once);
    assert!(!it.unlink(json!({})).await);
    assert_eq!(it.queued().await.len(), 1);
    let (_, again) = link(&it.world, "ada", ADAS.0).await;
    it.world.pass(TimeDelta::minutes(2));
    it.until_done().await;
    assert_eq!(it.told().await, skipped("in_use"));
    assert_eq!(it.calls().len(), 1, "no second try was made");
    assert!(is_alive(&it.world, &again).await);
}

#[rstest]
#[tokio::test]
async fn an_account_at_another_provider_of_ours_counts_if_its_client_is_the_same(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(true, false)] same_client: bool,
) {
    let it = Linked::start(on).await;
    let acme = it.app().organization("acme-inc").await;
    it.app().add_member(&acme, &it.ada).await;
    let own = it.world.own_provider(&acme, "acme-hub", HUB).await;
    if !same_client {
        let change = json!({ "clientId": "another", "clientSecret": "another" });
        it.world.reconfigure("acme-hub", change).await;
    }
    it.app().linked(&own, &it.ada, ADAS.1).await;
    let is_revoked = it.unlink(json!({})).await;
    assert_eq!(is_revoked, !same_client);
    assert_eq!(it.is_alive().await, same_client);
    assert_eq!(it.calls().len(), usize::from(!same_client));
    assert!(it.queued().await.is_empty());
    let expected = if same_client {
        skipped("in_use")
    } else {
        revoked()
    };
    assert_eq!(it.told().await, expected);
}

#[rstest]
#[tokio::test]
async fn another_account_at_the_same_provider_is_none_of_its_business(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    let bo = it.world.person("bo", "bo@acme.example").await.to_string();
    let hub = it.app().stored().await.identity(&it.identity).provider_id;
    it.app().linked(&hub.to_string(), &bo, "9001").await;
    assert!(it.unlink(json!({})).await);
    assert_eq!(it.told().await, revoked());
}

#[rstest]
#[tokio::test]
async fn an_account_that_waits_in_a_link_keeps_its_grant(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(Way::Own, Way::Applications)] way: Way,
) {
    let it = Linked::start(on).await;
    waits(&it, way).await;
    let waiting = it.app().pending_links().await;
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].account_hash.is_some());
    assert!(!it.unlink(json!({})).await);
    assert_eq!(it.told().await, skipped("in_use"));
    assert!(it.calls().is_empty());
    assert!(it.is_alive().await);
}

#[rstest]
#[tokio::test]
async fn a_link_that_has_run_out_holds_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(Way::Own, Way::Applications)] way: Way,
) {
    let it = Linked::start(on).await;
    waits(&it, way).await;
    it.world.pass(TimeDelta::minutes(11));
    assert!(it.unlink(json!({})).await);
    assert_eq!(it.told().await, revoked());
}

/// Ada's account at Hub was found, and nobody has agreed to it yet.
async fn waits(it: &Linked, way: Way) {
    let browser = it.world.browser();
    let authorization = match way {
        Way::Own => {
            browser.sign_in(ACME, "ada").await.leads_to("/account");
            browser.begin_link(HUB).await
        }
        Way::Applications => {
            let key = it.app().application("portal", &["identity:write"]).await;
            let hub = it.app().stored().await.identity(&it.identity).provider_id;
            let change = json!({ "allowsSignIn": false });
            it.world.reconfigure("hub", change).await;
            let more = json!({ "onConflict": "UPDATE_IN_PLACE" });
            let connect = it
                .app()
                .started(&key, &hub.to_string(), &it.ada, more)
                .await;
            browser.set_out(&connect).await
        }
    };
    let provider = &it.world.provider;
    let callback = provider.decide(&authorization, ADAS.0).unwrap();
    let back = browser.come_back(&callback).await;
    assert!(found(&back).is_some(), "{back:?}");
}
