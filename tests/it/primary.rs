//! The identity that counts where a user has several at one provider.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::Ask;

fn ask<'a>(app: &'a App, id: &str) -> Ask<'a> {
    app.ask(
        "mutation($id: ID!) { setPrimaryIdentity(id: $id) {
            identity { id isPrimary version } userErrors { code } } }",
    )
    .variables(json!({ "id": id }))
}

async fn several(app: &App, user: &str) -> Vec<String> {
    let more = json!({ "allowsMultiplePerUser": true });
    let provider = app.provider_with("crm", more).await;
    let mut ids = Vec::new();
    for account in ["1", "2", "3"] {
        ids.push(app.linked(&provider, user, account).await);
    }
    ids
}

async fn primary(app: &App) -> Vec<String> {
    let stored = app.stored().await;
    let primary = stored.identities.into_iter().filter(|row| row.is_primary);
    primary.map(|row| row.id.to_string()).collect()
}

#[rstest]
#[tokio::test]
async fn one_is_primary_and_another_takes_its_place(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let ids = several(&app, &jane).await;
    assert_eq!(primary(&app).await, [ids[0].clone()]);
    let before = app.stored().await;
    let payload = ask(&app, &ids[2]).data().await["setPrimaryIdentity"].clone();
    let identity = json!({ "id": ids[2], "isPrimary": true, "version": 2 });
    assert_eq!(payload, json!({ "identity": identity, "userErrors": [] }));
    assert_eq!(primary(&app).await, [ids[2].clone()]);
    let after = app.stored().await;
    let changed = |id: &String| ("identity.updated".to_owned(), id.clone());
    assert_eq!(
        after.events_since(&before),
        [changed(&ids[0]), changed(&ids[2])]
    );
    assert_eq!(after.identity(&ids[0]).version, 2);
    assert_eq!(after.identity(&ids[1]).version, 1);
    let told = &after.events.last().unwrap().after_json.as_ref().unwrap().0;
    assert_eq!(told["isPrimary"], true);
}

#[rstest]
#[tokio::test]
async fn the_same_again_changes_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let ids = several(&app, &jane).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let payload = ask(&app, &ids[0]).data().await["setPrimaryIdentity"].clone();
    assert_eq!(payload["identity"]["version"], 1);
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn each_provider_and_each_user_has_its_own(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let ids = several(&app, &jane).await;
    let other = app.provider("slack").await;
    let elsewhere = app.linked(&other, &jane, "1").await;
    let of_joe = app.linked(&other, &joe, "2").await;
    ask(&app, &ids[1]).data().await;
    let mut expected = [ids[1].clone(), elsewhere, of_joe];
    expected.sort();
    assert_eq!(primary(&app).await, expected);
}

#[rstest]
#[tokio::test]
async fn people_set_their_own_and_keys_need_the_scope(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let ids = several(&app, &jane).await;
    let door = app.provider("door").await;
    let (owner, stranger) = (
        app.session(&jane, &door).await,
        app.session(&joe, &door).await,
    );
    let refused = ask(&app, &ids[1]).by_person(&stranger);
    assert_eq!(refused.code().await, "NOT_FOUND");
    let reader = app.key("reader", &["identity:read"]).await;
    assert_eq!(ask(&app, &ids[1]).by(&reader).code().await, "FORBIDDEN");
    assert_eq!(primary(&app).await, [ids[0].clone()]);
    ask(&app, &ids[1]).by_person(&owner).data().await;
    assert_eq!(primary(&app).await, [ids[1].clone()]);
    let writer = app
        .key("writer", &["identity:write", "identity:read"])
        .await;
    ask(&app, &ids[2]).by(&writer).data().await;
    assert_eq!(primary(&app).await, [ids[2].clone()]);
    let unknown = "identity_01h455vb4pex5vsknk084sn02q";
    assert_eq!(ask(&app, unknown).code().await, "NOT_FOUND");
}

#[rstest]
#[tokio::test]
async fn at_the_same_moment_one_of_them_is_left(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let ids = several(&app, &jane).await;
    for _ in 0..10 {
        let calls = (0..6).map(|number| ask(&app, &ids[number % 3]).send());
        for answer in join_all(calls).await {
            let payload = answer.data()["setPrimaryIdentity"].clone();
            assert_eq!(payload["userErrors"], Value::Array(Vec::new()));
        }
        assert_eq!(primary(&app).await.len(), 1);
    }
}
