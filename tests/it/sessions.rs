//! Sessions: how long they last, who ends them, and what is left of them.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use lanyard::error::{Error, RefusalCode};
use lanyard::sign_in::session::{MOST_OF_A_USER, NewSession, Sessions};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::until::until;

const WHO: &str = "{ viewer { __typename ... on User { id } } }";

/// Jane, and a provider that she has signed in at.
async fn jane(app: &App) -> (String, String) {
    (app.user("jane").await, app.provider("acme").await)
}

/// Whether the token still says who asks.
async fn is_signed_in(app: &App, token: &str, user: &str) -> bool {
    let answer = app.ask(WHO).by_person(token).send().await;
    if answer.status == 401 {
        assert_eq!(answer.code(), "UNAUTHENTICATED");
        assert!(answer.message().contains("sign in"), "{}", answer.message());
        return false;
    }
    let expected = json!({ "__typename": "User", "id": user });
    assert_eq!(answer.data()["viewer"], expected);
    true
}

/// Waits until the only session's last use is noted.
async fn seen_now(app: &App) {
    until("a use is noted", Duration::from_secs(10), async || {
        app.clock.now() - app.sessions().await[0].last_seen_at <= TimeDelta::minutes(1)
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_session_is_found_by_its_token_which_is_kept_nowhere(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let token = app.session(&jane, &acme).await;
    assert!(is_signed_in(&app, &token, &jane).await);
    let row = app.sessions().await.remove(0);
    let hash = data_encoding::BASE64URL_NOPAD.encode(&row.token_hash);
    let other_case: String = token
        .chars()
        .map(|letter| match letter {
            'a'..='z' => letter.to_ascii_uppercase(),
            other => other.to_ascii_lowercase(),
        })
        .collect();
    for wrong in [
        &token[1..],
        &format!("{token}A"),
        &hash,
        &other_case,
        &row.id.to_string(),
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "no token",
    ] {
        assert!(!is_signed_in(&app, wrong, &jane).await, "{wrong}");
    }
    app.all_sealed().await;
    let stored = format!("{:?}", app.dump().await);
    let hex = data_encoding::HEXUPPER.encode(token.as_bytes());
    assert!(!stored.contains(&token) && !stored.to_uppercase().contains(&hex));
    assert!(!format!("{row:?}").contains(&token));
}

#[rstest]
#[tokio::test]
async fn a_session_is_over_when_it_was_not_used_for_twelve_hours(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let token = app.session(&jane, &acme).await;
    let nearly = TimeDelta::hours(12) - TimeDelta::minutes(1);
    app.clock.advance(nearly);
    assert!(is_signed_in(&app, &token, &jane).await);
    seen_now(&app).await;
    app.clock.advance(nearly);
    assert!(is_signed_in(&app, &token, &jane).await, "its use counted");
    seen_now(&app).await;
    app.clock.advance(TimeDelta::hours(12));
    assert!(!is_signed_in(&app, &token, &jane).await);
    app.clock.advance(TimeDelta::hours(1));
    assert!(!is_signed_in(&app, &token, &jane).await, "asking is no use");
}

#[rstest]
#[tokio::test]
async fn a_session_is_over_after_thirty_days_however_much_it_is_used(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let token = app.session(&jane, &acme).await;
    let began = app.clock.now();
    let half_a_day = TimeDelta::hours(11);
    while app.clock.now() + half_a_day < began + TimeDelta::days(30) {
        app.clock.advance(half_a_day);
        assert!(is_signed_in(&app, &token, &jane).await);
        seen_now(&app).await;
    }
    app.clock
        .advance(began + TimeDelta::days(30) - app.clock.now());
    assert!(!is_signed_in(&app, &token, &jane).await);
}

#[rstest]
#[tokio::test]
async fn its_use_is_noted_once_a_minute(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let token = app.session(&jane, &acme).await;
    let opened = app.sessions().await[0].last_seen_at;
    assert!(is_signed_in(&app, &token, &jane).await);
    app.clock.advance(TimeDelta::minutes(2));
    assert!(is_signed_in(&app, &token, &jane).await);
    seen_now(&app).await;
    let noted = app.sessions().await[0].last_seen_at;
    assert!(noted - opened >= TimeDelta::minutes(2), "{opened} {noted}");
    // The statements of reading are counted, writes are not: what is stored tells.
    for _ in 0..10 {
        assert!(is_signed_in(&app, &token, &jane).await);
    }
    assert_eq!(app.sessions().await[0].last_seen_at, noted);
}

#[rstest]
#[tokio::test]
async fn a_sign_in_ends_the_session_that_the_browser_had(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let joe = app.user("joe").await;
    let old = app.opened(app.new_session(&joe, &acme)).await;
    let elsewhere = app.session(&joe, &acme).await;
    let new = app
        .opened(NewSession {
            replaces: Some(old.row.id),
            ..app.new_session(&jane, &acme)
        })
        .await;
    assert!(!is_signed_in(&app, old.token.expose_secret(), &joe).await);
    assert!(is_signed_in(&app, new.token.expose_secret(), &jane).await);
    assert!(is_signed_in(&app, &elsewhere, &joe).await);
    // One that is gone already is no fault.
    app.opened(NewSession {
        replaces: Some(old.row.id),
        ..app.new_session(&jane, &acme)
    })
    .await;
    app.all_sealed().await;
    let told = events(&app, &["session.started", "session.ended"]).await;
    let ended: Vec<&Value> = told
        .iter()
        .filter(|event| event["action"] == "session.ended")
        .collect();
    assert_eq!((told.len(), ended.len()), (5, 1), "{told:#?}");
    assert_eq!(ended[0]["targetId"], old.row.id.to_string().as_str());
    let jane = json!({ "kind": "USER", "id": jane, "name": "jane" });
    assert_eq!(ended[0]["actor"], jane);
    assert_eq!(ended[0]["before"]["userAgent"], "Browser/1.0");
    let of_joe = "{ auditEvents(filter: { userId: ID }) { nodes { action } } }";
    let data = app.ask(&of_joe.replace("ID", &format!("{joe:?}"))).data();
    let of_joe = data.await["auditEvents"]["nodes"].clone();
    assert!(of_joe.to_string().contains("session.ended"), "{of_joe}");
}

#[rstest]
#[tokio::test]
async fn the_oldest_session_goes_where_there_would_be_too_many(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let joe = app.user("joe").await;
    let of_joe = app.session(&joe, &acme).await;
    let first = app.session(&jane, &acme).await;
    let second = app.session(&jane, &acme).await;
    for _ in 2..MOST_OF_A_USER {
        app.session(&jane, &acme).await;
    }
    assert!(is_signed_in(&app, &first, &jane).await);
    let last = app.session(&jane, &acme).await;
    assert!(!is_signed_in(&app, &first, &jane).await);
    for (token, user) in [(&second, &jane), (&last, &jane), (&of_joe, &joe)] {
        assert!(is_signed_in(&app, token, user).await);
    }
    assert_eq!(app.sessions().await.len(), MOST_OF_A_USER + 1);
}

#[rstest]
#[tokio::test]
async fn sign_ins_at_the_same_time_keep_to_the_limit(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    for _ in 0..MOST_OF_A_USER {
        app.session(&jane, &acme).await;
    }
    let opening = (0..8).map(|_| app.session(&jane, &acme));
    futures_util::future::join_all(opening).await;
    assert_eq!(app.sessions().await.len(), MOST_OF_A_USER);
}

#[rstest]
#[tokio::test]
async fn only_an_active_person_is_signed_in(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let token = app.session(&jane, &acme).await;
    app.ask("mutation { upsertUser(input: { entityRef: \"user:default/jane\", status: DISABLED }) { userErrors { code } } }")
        .data()
        .await;
    assert!(!is_signed_in(&app, &token, &jane).await);
    let sessions = &Sessions::new(app.database.clone(), app.clock.clone());
    let new = app.new_session(&jane, &acme);
    let refused = app
        .database
        .write(|tx| async move { sessions.open(&tx, new).await })
        .await;
    let Err(Error::Refused(refusals)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusals[0].code, RefusalCode::UserNotActive);
    assert!(app.sessions().await.is_empty(), "they don't come back");
}

#[rstest]
#[tokio::test]
async fn a_sign_in_clears_dead_sessions_away(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let joe = app.user("joe").await;
    for _ in 0..3 {
        app.session(&joe, &acme).await;
    }
    app.clock.advance(TimeDelta::hours(6));
    let live = app.session(&joe, &acme).await;
    app.clock.advance(TimeDelta::hours(6));
    app.session(&jane, &acme).await;
    let left = app.sessions().await;
    assert_eq!(left.len(), 2, "{left:#?}");
    assert!(is_signed_in(&app, &live, &joe).await);
    app.all_sealed().await;
    assert!(events(&app, &["session.ended"]).await.is_empty());
}

#[rstest]
#[tokio::test]
async fn people_end_their_own_sessions_and_no_others(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let joe = app.user("joe").await;
    let of_joe = app.opened(app.new_session(&joe, &acme)).await;
    let own = app.opened(app.new_session(&jane, &acme)).await;
    let other = app.opened(app.new_session(&jane, &acme)).await;
    let token = own.token.expose_secret();
    let end = |id: String| {
        app.ask("mutation($id: ID!) { endSession(id: $id) { deletedId userErrors { code } } }")
            .variables(json!({ "id": id }))
    };
    let ended = |id: &str| json!({ "endSession": { "deletedId": id, "userErrors": [] } });

    let foreign = of_joe.row.id.to_string();
    assert_eq!(
        end(foreign.clone()).by_person(token).code().await,
        "NOT_FOUND"
    );
    assert!(is_signed_in(&app, of_joe.token.expose_secret(), &joe).await);

    let id = other.row.id.to_string();
    let data = end(id.clone()).by_person(token).data().await;
    assert_eq!(data, ended(&id));
    assert!(!is_signed_in(&app, other.token.expose_secret(), &jane).await);
    assert_eq!(end(id).by_person(token).code().await, "NOT_FOUND");

    assert_eq!(end(foreign.clone()).data().await, ended(&foreign));
    assert!(!is_signed_in(&app, of_joe.token.expose_secret(), &joe).await);

    let id = own.row.id.to_string();
    let data = end(id.clone()).by_person(token).data().await;
    assert_eq!(data, ended(&id), "also the one that asks");
    assert!(!is_signed_in(&app, token, &jane).await);
    app.all_sealed().await;
    let told = events(&app, &["session.ended"]).await;
    let by: Vec<&str> = told
        .iter()
        .map(|event| event["actor"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(by, ["USER", "API_KEY", "USER"]);
}

#[rstest]
#[tokio::test]
async fn a_person_ends_all_sessions_but_this_one(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let joe = app.user("joe").await;
    let of_joe = app.session(&joe, &acme).await;
    let others = [
        app.opened(app.new_session(&jane, &acme)).await.row.id,
        app.opened(app.new_session(&jane, &acme)).await.row.id,
    ];
    let token = app.session(&jane, &acme).await;
    let end = || {
        app.ask("mutation { endOtherSessions { deletedIds userErrors { code } } }")
            .by_person(&token)
    };
    let others = others.map(|id| id.to_string());
    let data = end().data().await;
    assert_eq!(
        data["endOtherSessions"],
        json!({ "deletedIds": others, "userErrors": [] })
    );
    assert!(is_signed_in(&app, &token, &jane).await);
    assert!(is_signed_in(&app, &of_joe, &joe).await);
    assert_eq!(app.sessions().await.len(), 2);
    assert_eq!(
        end().data().await["endOtherSessions"]["deletedIds"],
        json!([])
    );
    app.all_sealed().await;
    let told = events(&app, &["session.ended"]).await;
    let ended: Vec<String> = told.iter().map(|event| text(event, "/targetId")).collect();
    assert_eq!(ended, others);
}

#[rstest]
#[tokio::test]
async fn sessions_go_with_their_provider_and_outlive_their_identity(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let hub = app.provider("hub").await;
    let identity = app.linked(&acme, &jane, "4711").await;
    let by_acme = app
        .opened(NewSession {
            identity: Some(identity.parse().unwrap()),
            ..app.new_session(&jane, &acme)
        })
        .await;
    let by_acme = by_acme.token.expose_secret();
    let by_hub = app.session(&jane, &hub).await;
    let asked =
        "{ viewer { ... on User { sessions { current identity { id } provider { slug } } } } }";
    let seen = |token: &str| app.ask(asked).by_person(token).data();
    let sessions = |hub_asks: bool, identity: Option<&str>| {
        let identity = identity.map(|id| json!({ "id": id }));
        json!({ "viewer": { "sessions": [
            { "current": hub_asks, "identity": null, "provider": { "slug": "hub" } },
            { "current": !hub_asks, "identity": identity, "provider": { "slug": "acme" } },
        ] } })
    };
    assert_eq!(seen(by_acme).await, sessions(false, Some(&identity)));
    assert_eq!(seen(&by_hub).await, sessions(true, Some(&identity)));
    app.execute("DELETE FROM identity").await;
    assert_eq!(seen(by_acme).await, sessions(false, None));
    app.ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId } }")
        .variables(json!({ "id": acme }))
        .data()
        .await;
    assert!(!is_signed_in(&app, by_acme, &jane).await);
    assert!(is_signed_in(&app, &by_hub, &jane).await);
}

#[rstest]
#[tokio::test]
async fn a_session_over_is_shown_to_nobody(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, acme) = jane(&app).await;
    let old = app.opened(app.new_session(&jane, &acme)).await.row.id;
    app.clock.advance(TimeDelta::hours(7));
    let live = app
        .opened(NewSession {
            user_agent: Some("  Bro\u{0}wser\n/1.0 "),
            ..app.new_session(&jane, &acme)
        })
        .await;
    app.clock.advance(TimeDelta::hours(6));
    let query = "query($id: ID!, $old: ID!) {
        user(id: $id) { sessions { id current userAgent dateAdded lastSeenAt expiresAt } }
        node(id: $old) { id }
    }";
    let ask = || {
        app.ask(query)
            .variables(json!({ "id": jane, "old": old.to_string() }))
    };
    let by_admin = ask().data().await;
    let by_jane = ask().by_person(live.token.expose_secret()).data().await;
    for (data, current) in [(by_admin, false), (by_jane, true)] {
        assert_eq!(data["node"], Value::Null);
        let sessions = data["user"]["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 1, "{sessions:#?}");
        assert_eq!(sessions[0]["id"], live.row.id.to_string().as_str());
        assert_eq!(sessions[0]["current"], current);
        assert_eq!(sessions[0]["userAgent"], "Browser/1.0");
        let time = |name: &str| -> chrono::DateTime<Utc> {
            text(&sessions[0], &format!("/{name}")).parse().unwrap()
        };
        assert_eq!(time("dateAdded"), live.row.date_added);
        assert_eq!(time("expiresAt"), time("dateAdded") + TimeDelta::days(30));
        assert!(time("lastSeenAt") >= time("dateAdded"));
    }
}

/// The events of these actions, in their order.
async fn events(app: &App, actions: &[&str]) -> Vec<Value> {
    let query =
        "query($actions: [String!]!) { auditEvents(filter: { actions: $actions }, first: 100) {
        nodes { action actor { kind id name } targetId before after }
    } }";
    let data = app
        .ask(query)
        .variables(json!({ "actions": actions }))
        .data()
        .await;
    data["auditEvents"]["nodes"].as_array().unwrap().clone()
}
