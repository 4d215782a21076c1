//! Links at the same moment: one owner, no errors, whoever comes first.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::stored::Stored;

const CALLERS: usize = 16;
const ROUNDS: usize = 25;

async fn users(app: &App) -> Vec<String> {
    let mut users = Vec::new();
    for number in 0..CALLERS {
        users.push(app.user(&format!("user-{number}")).await);
    }
    users
}

async fn link(app: &App, provider: &str, user: &str, account: &str, policy: &str) -> Value {
    let input = json!({
        "providerId": provider, "userId": user, "externalId": account, "onConflict": policy,
    });
    app.link(input).await.data()["linkIdentity"].clone()
}

fn outcomes(answers: &[Value], outcome: &str) -> usize {
    answers.iter().filter(|a| a["outcome"] == outcome).count()
}

/// Who has the account, by external id, in the order of external ids.
fn owners(stored: &Stored, provider: &str) -> Vec<(String, String)> {
    let here = stored
        .identities
        .iter()
        .filter(|row| row.provider_id.to_string() == provider);
    let mut owners: Vec<_> = here
        .map(|row| (row.external_id.clone(), row.user_id.to_string()))
        .collect();
    owners.sort();
    owners
}

/// What events tell agrees with the rows: each identity that was linked and not unlinked is
/// there, and none is unlinked twice.
fn assert_events_tell_the_rows(stored: &Stored) {
    let targets = |action: &str| {
        let mut targets: Vec<_> = stored
            .events
            .iter()
            .filter(|event| event.action == action)
            .map(|event| event.target_id.clone().unwrap())
            .collect();
        targets.sort();
        targets
    };
    let (linked, unlinked) = (targets("identity.linked"), targets("identity.unlinked"));
    let mut once = unlinked.clone();
    once.dedup();
    assert_eq!(unlinked, once, "an identity is unlinked once");
    let expected: Vec<_> = linked
        .into_iter()
        .filter(|id| !unlinked.contains(id))
        .collect();
    let mut rows: Vec<_> = stored
        .identities
        .iter()
        .map(|row| row.id.to_string())
        .collect();
    rows.sort();
    assert_eq!(rows, expected);
}

async fn one_of_many_users_gets_the_account(servers: &[&App]) {
    let app = servers[0];
    let users = users(app).await;
    for round in 0..ROUNDS {
        let provider = app.provider(&format!("round-{round}")).await;
        let calls = users.iter().enumerate().map(|(number, user)| {
            link(
                servers[number % servers.len()],
                &provider,
                user,
                "account",
                "FAIL",
            )
        });
        let answers = join_all(calls).await;
        assert_eq!(outcomes(&answers, "CREATED"), 1, "{answers:#?}");
        let winner = answers
            .iter()
            .position(|a| a["outcome"] == "CREATED")
            .unwrap();
        for (number, answer) in answers
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != winner)
        {
            assert_eq!(
                answer["userErrors"][0]["code"], "ACCOUNT_OWNED_BY_ANOTHER_USER",
                "{number}: {answer:#}"
            );
            assert_eq!(answer["userErrors"].as_array().unwrap().len(), 1);
        }
        let stored = app.stored().await;
        let expected = [("account".to_owned(), users[winner].clone())];
        assert_eq!(owners(&stored, &provider), expected);
        assert_events_tell_the_rows(&stored);
    }
}

#[rstest]
#[tokio::test]
async fn one_account_and_many_users_have_one_winner(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    one_of_many_users_gets_the_account(&[&app]).await;
}

#[tokio::test]
async fn one_account_and_many_users_have_one_winner_across_servers() {
    let app = App::start(Db::Postgres).await;
    let beside = app.start_beside().await;
    one_of_many_users_gets_the_account(&[&app, &beside]).await;
}

#[rstest]
#[tokio::test]
async fn one_account_and_one_user_are_linked_once_and_then_updated(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("FAIL", "UPDATE_IN_PLACE", "REATTACH")] policy: &str,
) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    for round in 0..ROUNDS {
        let provider = app.provider(&format!("round-{round}")).await;
        let calls = (0..CALLERS).map(|_| link(&app, &provider, &user, "account", policy));
        let answers = join_all(calls).await;
        assert_eq!(outcomes(&answers, "CREATED"), 1, "{answers:#?}");
        assert_eq!(outcomes(&answers, "UPDATED"), CALLERS - 1, "{answers:#?}");
        let stored = app.stored().await;
        let here = stored
            .identities
            .iter()
            .filter(|row| row.provider_id.to_string() == provider);
        let versions: Vec<_> = here.map(|row| row.version).collect();
        assert_eq!(versions, [CALLERS as i64], "no update is lost");
        assert_events_tell_the_rows(&stored);
    }
}

#[rstest]
#[tokio::test]
async fn one_user_and_many_accounts_have_one_winner(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    for round in 0..ROUNDS {
        let provider = app.provider(&format!("round-{round}")).await;
        let accounts: Vec<_> = (0..CALLERS)
            .map(|number| format!("account {number}"))
            .collect();
        let calls = accounts
            .iter()
            .map(|account| link(&app, &provider, &user, account, "FAIL"));
        let answers = join_all(calls).await;
        assert_eq!(outcomes(&answers, "CREATED"), 1, "{answers:#?}");
        for answer in answers.iter().filter(|a| a["outcome"].is_null()) {
            assert_eq!(answer["userErrors"][0]["code"], "USER_HAS_ANOTHER_ACCOUNT");
        }
        assert_eq!(owners(&app.stored().await, &provider).len(), 1);
    }
}

#[rstest]
#[tokio::test]
async fn where_several_are_allowed_many_accounts_at_once_have_one_primary(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let accounts: Vec<_> = (0..CALLERS)
        .map(|number| format!("account {number}"))
        .collect();
    let calls = accounts
        .iter()
        .map(|account| link(&app, &provider, &user, account, "FAIL"));
    let answers = join_all(calls).await;
    assert_eq!(outcomes(&answers, "CREATED"), CALLERS, "{answers:#?}");
    let stored = app.stored().await;
    assert_eq!(
        stored
            .identities
            .iter()
            .filter(|row| row.is_primary)
            .count(),
        1
    );
}

async fn taken_over_in_all_directions(servers: &[&App], users: &[String]) {
    let app = servers[0];
    for round in 0..ROUNDS {
        let several = json!({ "allowsMultiplePerUser": round % 2 == 1 });
        let provider = app.provider_with(&format!("round-{round}"), several).await;
        app.linked(&provider, &users[0], "account 0").await;
        app.linked(&provider, &users[1], "account 1").await;
        // Every user takes both accounts, and relinks them, all at once.
        let calls = (0..CALLERS).map(|number| {
            let user = &users[number % users.len()];
            let account = if number / users.len() % 2 == 0 {
                "account 0"
            } else {
                "account 1"
            };
            link(
                servers[number % servers.len()],
                &provider,
                user,
                account,
                "REATTACH",
            )
        });
        let answers = join_all(calls).await;
        for answer in &answers {
            assert!(!answer["outcome"].is_null(), "{answer:#}");
        }
        let stored = app.stored().await;
        let owners = owners(&stored, &provider);
        let mut accounts: Vec<_> = owners.iter().map(|(account, _)| account).collect();
        let all = accounts.len();
        accounts.dedup();
        assert_eq!(accounts.len(), all, "one owner: {owners:?}");
        assert!(all >= 1);
        for user in users {
            let mine: Vec<_> = stored
                .identities
                .iter()
                .filter(|row| row.provider_id.to_string() == provider)
                .filter(|row| row.user_id.to_string() == *user)
                .collect();
            let primary = mine.iter().filter(|row| row.is_primary).count();
            assert_eq!(
                primary,
                usize::from(!mine.is_empty()),
                "one primary: {mine:?}"
            );
        }
        assert_events_tell_the_rows(&stored);
    }
}

#[rstest]
#[tokio::test]
async fn two_users_take_accounts_from_each_other_without_an_error(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let users = [app.user("one").await, app.user("two").await];
    taken_over_in_all_directions(&[&app], &users).await;
}

#[rstest]
#[tokio::test]
async fn many_users_take_accounts_from_each_other_without_an_error(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let users = users(&app).await;
    taken_over_in_all_directions(&[&app], &users[..8]).await;
}

#[tokio::test]
async fn users_take_accounts_from_each_other_across_servers_without_an_error() {
    let app = App::start(Db::Postgres).await;
    let beside = app.start_beside().await;
    let users = users(&app).await;
    taken_over_in_all_directions(&[&app, &beside], &users[..8]).await;
}

#[rstest]
#[tokio::test]
async fn links_and_changes_of_data_at_once_lose_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    let id = app.linked(&provider, &user, "account").await;
    let change = async |number: usize| {
        app.ask("mutation($input: UpdateIdentityDataInput!) { updateIdentityData(input: $input) { identity { id } } }")
            .variables(json!({ "input": { "id": id, "data": { "number": number } } }))
            .data()
            .await
    };
    let calls = (0..CALLERS).map(async |number| {
        if number % 2 == 0 {
            let answer = link(&app, &provider, &user, "account", "FAIL").await;
            assert_eq!(answer["outcome"], "UPDATED");
        } else {
            change(number).await;
        }
    });
    join_all(calls).await;
    let stored = app.stored().await;
    assert_eq!(stored.identities[0].version, 1 + CALLERS as i64);
    let last = stored.events.iter().rev().find_map(|event| {
        let after = event.after_json.as_ref()?;
        let is_change = after.0.get("externalId").is_none() && event.action == "identity.updated";
        is_change.then(|| after.0["data"].clone())
    });
    assert_eq!(Some(stored.identities[0].data_json.0.clone()), last);
}

#[rstest]
#[tokio::test]
async fn many_users_take_over_one_account_at_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let users = users(&app).await;
    let provider = app.provider("crm").await;
    for _ in 0..10 {
        let calls = users
            .iter()
            .map(|user| link(&app, &provider, user, "account", "REATTACH"));
        for answer in join_all(calls).await {
            assert!(!answer["outcome"].is_null(), "{answer:#}");
        }
        let stored = app.stored().await;
        assert_eq!(owners(&stored, &provider).len(), 1);
        assert_events_tell_the_rows(&stored);
    }
}
