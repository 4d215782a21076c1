//! Tokens that wait to be revoked are sealed for their own place.

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, Endpoint, Times};
use lanyard::vault::OpenError;
use rstest::rstest;
use serde_json::json;

use super::{HUB, Linked, failed, link, open, revoked, told, unlink, until};
use crate::support::app::Db;

/// Two accounts that were unlinked while the provider was down: the second one's identity.
async fn two(on: Db) -> (Linked, String) {
    let it = Linked::start(on).await;
    it.world.person("bo", "bo@acme.example").await;
    let (other, _) = link(&it.world, "bo", "drifter").await;
    let hub = &it.world.provider;
    hub.fault(HUB, (Endpoint::Revoke, Broken::Down), Times::Always);
    assert!(!it.unlink(json!({})).await);
    assert!(!unlink(it.app(), &other, json!({})).await);
    assert_eq!(it.queued().await.len(), 2);
    (it, other)
}

#[rstest]
#[tokio::test]
async fn they_open_in_their_own_row_and_column_alone(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (it, _) = two(on).await;
    let rows = it.queued().await;
    for row in &rows {
        let refresh = row.refresh_token_sealed.as_ref().unwrap();
        let columns = [
            ("access_token_sealed", &row.access_token_sealed),
            ("refresh_token_sealed", refresh),
        ];
        for (column, sealed) in columns {
            let here = open("revocation", row.id.as_bytes(), column, sealed);
            let token = here.unwrap();
            if row.identity_id.to_string() == it.identity {
                let tokens = [&it.tokens.access, &it.tokens.refresh];
                assert!(tokens.contains(&&token));
            }
            for other in rows.iter().filter(|other| other.id != row.id) {
                let there = open("revocation", other.id.as_bytes(), column, sealed);
                assert_eq!(there, Err(OpenError::NotAuthentic));
            }
            // Nor as what they were before.
            let before = row.identity_id.0;
            let before = open("credential", before.as_bytes(), column, sealed);
            assert_eq!(before, Err(OpenError::NotAuthentic));
        }
        let swapped = open(
            "revocation",
            row.id.as_bytes(),
            "access_token_sealed",
            refresh,
        );
        assert_eq!(swapped, Err(OpenError::NotAuthentic));
    }
}

#[rstest]
#[tokio::test]
async fn tokens_that_were_swapped_reach_no_provider(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (it, other) = two(on).await;
    it.app()
        .execute("CREATE TABLE kept AS SELECT * FROM revocation")
        .await;
    it.app()
        .execute(
            "UPDATE revocation SET refresh_token_sealed =
               (SELECT refresh_token_sealed FROM kept WHERE kept.id <> revocation.id)",
        )
        .await;
    it.world.provider.clear_faults(HUB);
    it.world.pass(TimeDelta::minutes(2));
    it.until_done().await;
    assert_eq!(it.told().await, failed("tokens_unreadable"));
    assert_eq!(told(it.app(), &other).await, failed("tokens_unreadable"));
    assert_eq!(it.calls().len(), 2, "those of before");
    assert!(it.is_alive().await);
}

#[rstest]
#[tokio::test]
async fn several_are_done_in_one_run(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (it, other) = two(on).await;
    it.world.provider.clear_faults(HUB);
    it.world.pass(TimeDelta::minutes(2));
    until("both are told", async || {
        it.told().await == revoked() && told(it.app(), &other).await == revoked()
    })
    .await;
    assert!(it.queued().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn tokens_that_do_not_open_keep_nobody_from_unlinking(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = Linked::start(on).await;
    it.app()
        .execute("UPDATE credential SET access_token_sealed = refresh_token_sealed")
        .await;
    assert!(!it.unlink(json!({})).await);
    assert_eq!(it.told().await, failed("tokens_unreadable"));
    assert!(it.queued().await.is_empty());
    assert!(it.calls().is_empty());
}
