//! Cursors and the other arguments of a page: which are taken, and which are refused.

use rstest::rstest;
use serde_json::json;

use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

async fn refused(answer: Answer, argument: &str) {
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    let message = answer.message();
    assert!(message.starts_with(&format!("{argument}: ")), "{message}");
}

#[rstest]
#[tokio::test]
async fn a_cursor_that_is_forged_or_of_another_list_is_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    app.linked(&provider, &user, "1").await;
    let lists = [
        "identities",
        "identities(orderBy: {field: DATE_ADDED}",
        "identities(orderBy: {field: DATE_VERIFIED}",
        "identities(orderBy: {field: EXTERNAL_ID}",
        "users",
        "identityProviders",
        "apiKeys",
        "auditEvents",
    ];
    let with = |list: &str, argument: &str| {
        let open = if list.contains('(') { ", " } else { "(" };
        format!("{{ list: {list}{open}{argument}) {{ edges {{ cursor }} }} }}")
    };
    app.all_sealed().await;
    let mut cursors = Vec::new();
    for list in lists {
        let data = app.ask(&with(list, "first: 1")).data().await;
        cursors.push(text(&data, "/list/edges/0/cursor"));
    }
    for (list, own) in lists.iter().zip(&cursors) {
        for argument in ["after", "before"] {
            app.ask(&with(list, &format!("{argument}: {own:?}")))
                .data()
                .await;
            for other in cursors.iter().filter(|other| *other != own) {
                let query = with(list, &format!("{argument}: {other:?}"));
                refused(app.ask(&query).send().await, argument).await;
            }
            let mut forged = own.clone().into_bytes();
            let last = forged.len() - 2;
            forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            let cut = &own[..own.len() - 4];
            for wrong in ["", "x", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA", "é", &forged, cut] {
                let query = with(list, &format!("{argument}: {wrong:?}"));
                refused(app.ask(&query).send().await, argument).await;
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_at_every_server_of_the_database() {
    let app = App::start(Db::Postgres).await;
    let beside = app.start_beside().await;
    let mut users = [app.user("one").await, app.user("two").await];
    users.sort();
    let first = app
        .ask("{ users(first: 1) { pageInfo { endCursor } } }")
        .data()
        .await;
    let next = beside
        .ask("query($after: String!) { users(first: 1, after: $after) { nodes { id } } }")
        .variables(json!({ "after": text(&first, "/users/pageInfo/endCursor") }))
        .data()
        .await;
    assert_eq!(next["users"]["nodes"], json!([{ "id": users[1] }]));
}

#[rstest]
#[tokio::test]
async fn arguments_of_a_page_that_say_nothing_sensible_are_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    app.linked(&provider, &user, "1").await;
    for list in [
        "{ identities(PAGE) { totalCount } }",
        "{ users(PAGE) { totalCount } }",
        "{ identityProviders(PAGE) { totalCount } }",
        "{ users { nodes { identities(PAGE) { totalCount } } } }",
        "{ identityProviders { nodes { identities(PAGE) { totalCount } } } }",
    ] {
        for (page, argument) in [
            ("first: 0", "first"),
            ("first: -1", "first"),
            ("first: 101", "first"),
            ("first: 2147483647", "first"),
            ("last: 0", "last"),
            ("last: 101", "last"),
            ("first: 1, last: 1", "last"),
            ("first: 1, before: \"x\"", "before"),
            ("last: 1, after: \"x\"", "after"),
            ("after: \"x\", before: \"x\"", "before"),
        ] {
            let answer = app.ask(&list.replace("PAGE", page)).send().await;
            refused(answer, argument).await;
        }
    }
}
