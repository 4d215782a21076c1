//! The way back: within 30 days, once, and to what was before.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::json;

use super::{Pair, ask_undo, codes, merged, undone};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::dump::Dump;

/// All that is stored of users and what they have, but for what counts and dates changes.
async fn things(app: &App) -> Dump {
    let mut dump = Dump::new();
    let stored = app.stored().await;
    let identities = stored.identities.iter().map(|row| {
        let unchanged = lanyard::database::identity::Model {
            version: 0,
            date_updated: row.date_added,
            ..row.clone()
        };
        format!("{unchanged:?}")
    });
    dump.insert("identity".to_owned(), identities.collect());
    let links = app.sign_on_links().await;
    let links = links.iter().map(|row| format!("{row:?}"));
    dump.insert("auth_identity".to_owned(), links.collect());
    let all = app.dump().await;
    dump.insert(
        "organization_member".to_owned(),
        all["organization_member"].clone(),
    );
    dump.insert("credential".to_owned(), all["credential"].clone());
    let users = app
        .ask("{ users(first: 100) { nodes { id entityRef displayName email status mergedInto { id } hasOtherSignIn } } }")
        .data()
        .await;
    dump.insert("user".to_owned(), vec![users.to_string()]);
    dump
}

#[rstest]
#[tokio::test]
async fn an_undo_leads_back_to_what_was_before(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let before = things(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    assert_ne!(things(&app).await, before);
    let back = undone(&app, &merge).await;
    assert_eq!(back["items"], json!([]), "nothing is lost");
    assert_eq!(
        back["from"],
        json!({ "id": pair.from, "status": "ACTIVE", "mergedInto": null })
    );
    assert!(back["dateUndone"].is_string());
    assert_eq!(things(&app).await, before);
    // What moved there and back has changed twice.
    let stored = app.stored().await;
    assert_eq!(stored.identity(&pair.alone).version, 3);
    assert_eq!(stored.identity(&pair.conflict).version, 1);
    // And it can be done anew.
    let again = merged(&app, &pair.from, &pair.into, "SKIP").await;
    assert_ne!(again["id"], merge["id"]);
    undone(&app, &again).await;
    assert_eq!(things(&app).await, before);
}

#[rstest]
#[tokio::test]
async fn a_merge_is_undone_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    undone(&app, &merge).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let id = text(&merge, "/id");
    let payload = ask_undo(&app, &id).await.data()["undoMerge"].clone();
    assert_eq!(codes(&payload), json!([["NOT_UNDOABLE", ["id"]]]));
    let message = text(&payload, "/userErrors/0/message");
    assert!(message.contains("undone already"), "{message}");
    // Nor is the first one undone where the users were merged again.
    let again = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let payload = ask_undo(&app, &id).await.data()["undoMerge"].clone();
    assert_eq!(codes(&payload), json!([["NOT_UNDOABLE", ["id"]]]));
    undone(&app, &again).await;
    for (id, code) in [
        ("merge_01h455vb4pex5vsknk084sn02q", "NOT_FOUND"),
        (pair.from.as_str(), "BAD_USER_INPUT"),
        ("merge", "BAD_USER_INPUT"),
    ] {
        assert_eq!(ask_undo(&app, id).await.code(), code);
    }
    assert_ne!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn after_thirty_days_there_is_no_way_back(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let (joe, jim) = (app.user("joe").await, app.user("jim").await);
    app.clock.advance(TimeDelta::days(29));
    let later = merged(&app, &joe, &jim, "FAIL").await;
    app.clock.advance(TimeDelta::days(1));
    app.all_sealed().await;
    let before = app.dump().await;
    let payload = ask_undo(&app, &text(&merge, "/id")).await.data()["undoMerge"].clone();
    assert_eq!(codes(&payload), json!([["NOT_UNDOABLE", ["id"]]]));
    let message = text(&payload, "/userErrors/0/message");
    assert!(message.contains("could be undone until"), "{message}");
    assert_eq!(app.dump().await, before);
    undone(&app, &later).await;
}

#[rstest]
#[tokio::test]
async fn the_merged_user_can_do_nothing_and_the_one_that_is_back_everything(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let free = app.provider("free").await;
    let link = || async {
        let input = json!({ "providerId": free, "userId": pair.from, "externalId": "new" });
        app.link(input).await.data()["linkIdentity"].clone()
    };
    let upsert = || async {
        app.ask("mutation { upsertUser(input: { entityRef: \"user:default/from\", displayName: \"Back\" }) { user { displayName } userErrors { code } } }")
            .data()
            .await["upsertUser"]
            .clone()
    };
    assert_eq!(link().await["userErrors"][0]["code"], "USER_NOT_ACTIVE");
    assert_eq!(upsert().await["userErrors"][0]["code"], "USER_NOT_ACTIVE");
    undone(&app, &merge).await;
    assert_eq!(link().await["outcome"], "CREATED");
    assert_eq!(upsert().await["user"]["displayName"], "Back");
}
