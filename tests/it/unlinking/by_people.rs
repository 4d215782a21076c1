//! People who disconnect their own accounts by GraphQL.

use chrono::TimeDelta;
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{UNLINK, door, is_gone, is_refused};
use crate::support::app::{App, Db};
use crate::support::client::Answer;

async fn ask(app: &App, token: &str, id: &str) -> Answer {
    app.ask(UNLINK)
        .by_person(token)
        .variables(json!({ "input": { "id": id } }))
        .send()
        .await
}

#[rstest]
#[tokio::test]
async fn the_session_that_asks_stays_and_the_others_end(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let (github, google) = (door(&app, "github").await, door(&app, "google").await);
    let first = app.linked(&github, &jane, "1").await;
    app.linked(&google, &jane, "2").await;
    // The very account that signed this session in.
    let new = lanyard::sign_in::session::NewSession {
        identity: Some(first.parse().unwrap()),
        ..app.new_session(&jane, &github)
    };
    let here = app.opened(new).await;
    let elsewhere = app.session(&jane, &google).await;
    let before = app.stored().await;
    let token = here.token.expose_secret();
    is_gone(ask(&app, token, &first).await, &first);
    let open = app.sessions().await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((open[0].id, open[0].identity_id), (here.row.id, None));
    let viewer = "{ viewer { ... on User { id } } }";
    let data = app.ask(viewer).by_person(token).data().await;
    assert_eq!(data["viewer"]["id"], json!(jane));
    assert_eq!(
        app.ask(viewer).by_person(&elsewhere).code().await,
        "UNAUTHENTICATED"
    );
    let stored = app.stored().await;
    let told: Vec<_> = stored.events[before.events.len()..]
        .iter()
        .map(|event| (event.action.as_str(), event.actor_kind.as_str()))
        .collect();
    assert_eq!(
        told,
        [("session.ended", "USER"), ("identity.unlinked", "USER")]
    );
}

#[rstest]
#[tokio::test]
async fn a_session_that_is_not_fresh_has_to_sign_in_again(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let (github, slack) = (door(&app, "github").await, app.provider("slack").await);
    let chat = app.linked(&slack, &jane, "1").await;
    let old = app.session(&jane, &github).await;
    app.clock.advance(TimeDelta::minutes(14));
    let fresh = app.session(&jane, &github).await;
    app.clock.advance(TimeDelta::minutes(1));
    app.all_sealed().await;
    let answer = ask(&app, &old, &chat).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    let message = answer.message();
    assert!(message.contains("sign in again"), "{message}");
    assert_eq!(app.stored().await.identities.len(), 1);
    assert_eq!(app.sessions().await.len(), 2);
    is_gone(ask(&app, &fresh, &chat).await, &chat);
}

#[rstest]
#[tokio::test]
async fn enforces_ownership(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, joe) = (app.user("jane").await, app.user("joe").await);
    let (github, slack) = (door(&app, "github").await, app.provider("slack").await);
    let of_joe = app.linked(&slack, &joe, "1").await;
    let token = app.session(&jane, &github).await;
    assert_eq!(ask(&app, &token, &of_joe).await.code(), "NOT_FOUND");
    let unknown = "identity_01h455vb4pex5vsknk084sn02q";
    assert_eq!(ask(&app, &token, unknown).await.code(), "NOT_FOUND");
    assert_eq!(app.stored().await.identities.len(), 1);
}

#[rstest]
#[tokio::test]
async fn the_last_way_in_is_refused_and_force_is_not_for_people(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let github = door(&app, "github").await;
    let lone = app.linked(&github, &jane, "1").await;
    let token = app.session(&jane, &github).await;
    let refused = ask(&app, &token, &lone).await.data();
    is_refused(&refused["unlinkIdentity"], "NEEDED_FOR_GLOBAL_AUTH");
    let forced = app
        .ask(UNLINK)
        .by_person(&token)
        .variables(json!({ "input": { "id": lone, "force": true } }));
    assert_eq!(forced.code().await, "FORBIDDEN");
    let seen = app
        .ask("query($id: ID!) { identity(filter: { id: $id }) { disconnect } }")
        .variables(json!({ "id": lone }))
        .by_person(&token)
        .data()
        .await;
    assert_eq!(seen["identity"]["disconnect"], "NEEDED_FOR_GLOBAL_AUTH");
    assert_eq!(app.sessions().await.len(), 1, "nothing has ended");
}
