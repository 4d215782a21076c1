//! Who is signed in, after a merge and after its undo.

use lanyard::demo::provider::Issuer;
use rstest::rstest;
use serde_json::json;

use super::{merged, undone};
use crate::support::app::{App, Db};
use crate::support::world::World;

async fn is_signed_in(app: &App, token: &str) -> bool {
    let answer = app.ask("{ viewer { __typename } }").by_person(token).send();
    answer.await.status == 200
}

#[rstest]
#[tokio::test]
async fn the_merged_person_is_signed_out_everywhere_and_nobody_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let door = app.provider("door").await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(app.session(&from, &door).await);
    }
    let other = app.session(&into, &door).await;
    let before = app.stored().await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    for token in &tokens {
        assert!(!is_signed_in(&app, token).await);
    }
    assert!(is_signed_in(&app, &other).await);
    let ended = app.stored().await.events_since(&before);
    let ended = ended.iter().filter(|(action, _)| action == "session.ended");
    assert_eq!(ended.count(), 3);
    assert_eq!(app.sessions().await.len(), 1);
    undone(&app, &merge).await;
    for token in &tokens {
        assert!(!is_signed_in(&app, token).await, "sessions don't come back");
    }
    assert!(is_signed_in(&app, &other).await);
}

#[rstest]
#[tokio::test]
async fn whoever_came_in_by_an_account_that_goes_back_is_out(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let door = app.provider("door").await;
    let moved = app.linked(&door, &from, "1").await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    let mut new = app.new_session(&into, &door);
    new.identity = Some(moved.parse().unwrap());
    let by_it = app.opened(new).await.row.id;
    let other = app.opened(app.new_session(&into, &door)).await.row.id;
    undone(&app, &merge).await;
    let left: Vec<_> = app.sessions().await.iter().map(|row| row.id).collect();
    assert_eq!(left, [other]);
    let stored = app.stored().await;
    let ended = stored
        .events
        .iter()
        .rev()
        .find(|event| event.action == "session.ended");
    assert_eq!(ended.unwrap().target_id, Some(by_it.to_string()));
}

#[rstest]
#[tokio::test]
async fn an_account_signs_in_whom_it_went_to_and_one_that_stayed_nobody(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let app = &world.app;
    let ada = world.person("ada", "ada@acme.example").await.to_string();
    let other = app.user("other").await;
    world
        .browser()
        .sign_in(Issuer::Acme, "ada")
        .await
        .leads_to("/account");
    let merge = merged(app, &ada, &other, "FAIL").await;
    let browser = world.browser();
    browser
        .sign_in(Issuer::Acme, "ada")
        .await
        .leads_to("/account");
    assert_eq!(browser.viewer().await, "user:default/other");
    undone(app, &merge).await;
    assert_eq!(browser.viewer().await, json!(null));
    let browser = world.browser();
    browser
        .sign_in(Issuer::Acme, "ada")
        .await
        .leads_to("/account");
    assert_eq!(browser.viewer().await, "user:default/ada");
    // With an account in its way it stays, and leads to nobody.
    let acme = app.stored().await.identities[0].provider_id.to_string();
    app.linked(&acme, &other, "another").await;
    merged(app, &ada, &other, "SKIP").await;
    let seen = world.browser().sign_in(Issuer::Acme, "ada").await;
    seen.is_refused(403, "USER_NOT_ACTIVE");
}

#[rstest]
#[tokio::test]
async fn a_link_that_the_merged_person_has_begun_does_not_end(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    use lanyard::database::flow::Entity;
    use sea_orm::{EntityTrait, PaginatorTrait};

    let world = World::start(on).await;
    let app = &world.app;
    let ada = world.person("ada", "ada@acme.example").await.to_string();
    let other = app.user("other").await;
    let browser = world.browser();
    browser
        .sign_in(Issuer::Acme, "ada")
        .await
        .leads_to("/account");
    let authorization = browser.begin_link(Issuer::Hub).await;
    let callback = world.provider.decide(&authorization, "amarlow").unwrap();
    let flows = || Entity::find().count(app.database.reader());
    assert_eq!(flows().await.unwrap(), 1);
    merged(app, &ada, &other, "FAIL").await;
    assert_eq!(flows().await.unwrap(), 0);
    browser
        .come_back(&callback)
        .await
        .is_refused(400, "FLOW_UNKNOWN");
    assert_eq!(app.stored().await.identities.len(), 1);
}
