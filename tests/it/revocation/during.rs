//! An account that is unlinked while its tokens are refreshed: what the provider gives meanwhile
//! is given back too.

use std::time::Duration;

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, Endpoint, RefreshFault, Times};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{HUB, Linked, revoked, until};
use crate::support::app::Db;

const READ: &str =
    "query($id: ID!) { identity(filter: { id: $id }) { credential { accessToken } } }";

#[rstest]
#[tokio::test]
async fn tokens_that_come_too_late_are_given_back_too(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let it = Linked::start(on).await;
    let hub = &it.world.provider;
    // All access tokens are over.
    it.app()
        .execute("UPDATE credential SET expires_at = date_added")
        .await;
    let late = RefreshFault::AnswersLate(Duration::from_secs(1));
    hub.fault(HUB, late, Times::Once);
    // This provider would end the whole grant by the old token, which others have forgotten by
    // then: it hears of none before the fresh ones are there.
    hub.fault(HUB, (Endpoint::Revoke, Broken::Down), Times::Always);
    let before = hub.counts(HUB).refreshes;
    let read = it.app().ask(READ).variables(json!({ "id": it.identity }));
    let unlinking = async {
        until("the provider is asked", async || {
            hub.counts(HUB).refreshes > before
        })
        .await;
        assert!(!it.unlink(json!({ "revoke": true })).await);
    };
    // What the reader gets is not the point here: there is no such account any more.
    let _ = tokio::join!(read.send(), unlinking);
    let of_others = |token: &str| token != it.tokens.refresh && token != it.tokens.access;
    let given_back = || {
        let calls = it.calls().into_iter();
        let tokens = calls.filter_map(|call| call.get("token").map(str::to_owned));
        tokens.filter(|token| of_others(token)).collect::<Vec<_>>()
    };
    until("the fresh tokens are to be given back", async || {
        !given_back().is_empty()
    })
    .await;
    // The wait for the next try begins once the failure is written down.
    until("it has failed", async || {
        it.queued()
            .await
            .iter()
            .all(|row| row.failure_reason.is_some())
    })
    .await;
    hub.clear_faults(HUB);
    it.world.pass(TimeDelta::minutes(10));
    it.until_done().await;
    assert!(it.told().await.contains(&revoked().remove(0)));
    assert!(!it.is_alive().await);
    for token in given_back() {
        let answer = refreshed_with(&it, &token).await;
        assert_eq!(answer["error"], "invalid_grant");
    }
}

/// What the provider says to that refresh token.
async fn refreshed_with(it: &Linked, refresh_token: &str) -> Value {
    let client = it.world.provider.client(HUB);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", &client.id),
        ("client_secret", client.secret.expose_secret()),
    ];
    let url = format!("{}/token", it.world.provider.issuer(HUB));
    let asked = it.app().http().post(url).form(&form);
    asked.send().await.unwrap().json().await.unwrap()
}
