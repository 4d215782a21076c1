//! What rests on an identity that gives way to a link: the defaults of integrations follow or are
//! lost, the sessions that it opened end, and each leaves its event.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// A member with an account, and another one with another.
struct Ground {
    app: App,
    organization: String,
    provider: String,
    me: String,
    other: String,
    mine: String,
    others: String,
}

impl Ground {
    async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let organization = app.organization("acme").await;
        let (me, other) = (
            app.member(&organization, "me").await,
            app.member(&organization, "other").await,
        );
        let provider = app.provider("crm").await;
        Self {
            mine: app.linked(&provider, &me, "mine").await,
            others: app.linked(&provider, &other, "others").await,
            app,
            organization,
            provider,
            me,
            other,
        }
    }

    /// Links the account to me; answers with the identity.
    async fn link(&self, account: &str, policy: &str) -> String {
        let input = json!({
            "providerId": self.provider, "userId": self.me, "externalId": account,
            "onConflict": policy,
        });
        let data = self.app.link(input).await.data();
        text(&data, "/linkIdentity/identity/id")
    }

    async fn acting_as(&self, identity: &str) -> String {
        self.app.acting_as(&self.organization, identity).await
    }
}

fn told(action: &str, target: &str) -> (String, String) {
    (action.to_owned(), target.to_owned())
}

#[rstest]
#[tokio::test]
async fn under_reattach_my_default_follows_and_anothers_is_lost(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on).await;
    let app = &ground.app;
    let (follows, lost) = (
        ground.acting_as(&ground.mine).await,
        ground.acting_as(&ground.others).await,
    );
    let elsewhere = app.organization("elsewhere").await;
    app.add_member(&elsewhere, &ground.me).await;
    let follows_too = app.acting_as(&elsewhere, &ground.mine).await;
    let before = app.stored().await;
    let new = ground.link("others", "REATTACH").await;
    for id in [&follows, &follows_too] {
        assert_eq!(app.default_of(id).await, (Some(new.clone()), false));
    }
    assert_eq!(app.default_of(&lost).await, (None, true));
    let after = app.stored().await;
    let mut events = after.events_since(&before);
    let mut expected = vec![
        told("identity.unlinked", &ground.mine),
        told("identity.unlinked", &ground.others),
        told("identity.linked", &new),
        told("org_integration.default_lost", &lost),
        told("org_integration.updated", &follows),
        told("org_integration.updated", &follows_too),
    ];
    events.sort();
    expected.sort();
    assert_eq!(events, expected);
    let of = |id: &str| {
        // The last one: before it, it was installed.
        let mut events = after.events.iter().rev();
        let event = events.find(|event| event.target_id.as_deref() == Some(id));
        let event = event.unwrap();
        let acts_as = |side: &Option<lanyard::database::json::Json>| {
            let told = side.clone().unwrap().0;
            // As every event of an organization integration tells of it, but for its config.
            for name in ["integrationId", "provider", "externalId", "status"] {
                assert!(!told[name].is_null(), "{name}: {told:#}");
            }
            told["defaultIdentityId"].clone()
        };
        (
            event.organization_id.clone().unwrap(),
            event.user_id.clone().unwrap(),
            acts_as(&event.before_json),
            acts_as(&event.after_json),
        )
    };
    let expected = (
        ground.organization.clone(),
        ground.other.clone(),
        json!(ground.others),
        Value::Null,
    );
    assert_eq!(of(&lost), expected);
    let expected = (elsewhere, ground.me.clone(), json!(ground.mine), json!(new));
    assert_eq!(of(&follows_too), expected);
}

#[rstest]
#[tokio::test]
async fn an_identity_that_moves_in_place_stays_the_default(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on).await;
    let acting = ground.acting_as(&ground.mine).await;
    let before = ground.app.stored().await;
    let moved = ground.link("new", "UPDATE_IN_PLACE").await;
    assert_eq!(moved, ground.mine);
    let found = ground.app.default_of(&acting).await;
    assert_eq!(found, (Some(ground.mine.clone()), false));
    let events = ground.app.stored().await.events_since(&before);
    assert_eq!(events, [told("identity.updated", &ground.mine)]);
}

#[rstest]
#[tokio::test]
async fn a_refused_link_loses_no_default(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let ground = Ground::new(on).await;
    let app = &ground.app;
    ground.acting_as(&ground.mine).await;
    ground.acting_as(&ground.others).await;
    app.all_sealed().await;
    let before = app.dump().await;
    for policy in ["FAIL", "UPDATE_IN_PLACE"] {
        let input = json!({
            "providerId": ground.provider, "userId": ground.me, "externalId": "others",
            "onConflict": policy,
        });
        let payload = app.link(input).await.data()["linkIdentity"].clone();
        assert_eq!(payload["identity"], Value::Null, "{policy}");
        assert_eq!(app.dump().await, before, "{policy}");
    }
}

#[rstest]
#[case::moved("new", "UPDATE_IN_PLACE")]
#[case::displaced("others", "REATTACH")]
#[tokio::test]
async fn sessions_that_end_with_an_identity_leave_their_events(
    #[case] account: &str,
    #[case] policy: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let ground = Ground::new(on).await;
    let app = &ground.app;
    let opened_by = async |user: &str, identity: &str| {
        let new = lanyard::sign_in::session::NewSession {
            identity: Some(identity.parse().unwrap()),
            ..app.new_session(user, &ground.provider)
        };
        app.opened(new).await.row.id.to_string()
    };
    let mut ended = vec![
        opened_by(&ground.me, &ground.mine).await,
        opened_by(&ground.me, &ground.mine).await,
    ];
    let by_other = opened_by(&ground.other, &ground.others).await;
    if policy == "REATTACH" {
        ended.push(by_other);
    }
    let apart = app
        .opened(app.new_session(&ground.me, &ground.provider))
        .await;
    let before = app.stored().await;
    ground.link(account, policy).await;
    let events = app.stored().await.events_since(&before);
    let mut found: Vec<_> = events
        .into_iter()
        .filter(|(action, _)| action == "session.ended")
        .map(|(_, target)| target)
        .collect();
    found.sort();
    ended.sort();
    assert_eq!(found, ended);
    let left: Vec<_> = app.sessions().await.into_iter().map(|row| row.id).collect();
    assert!(left.contains(&apart.row.id));
    assert_eq!(left.len(), if policy == "REATTACH" { 1 } else { 2 });
}

#[rstest]
#[tokio::test]
async fn the_sessions_of_a_user_who_is_disabled_leave_their_events(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, door) = (app.user("jane").await, app.provider("door").await);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(app.opened(app.new_session(&jane, &door)).await.row);
    }
    // One that has run out leaves no event, whoever clears it away.
    let dead = &open.remove(0);
    let ended_at = dead.date_added;
    app.database
        .write(|tx| async move {
            use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
            let mut row = dead.clone().into_active_model();
            row.expires_at = Set(ended_at);
            row.update(&*tx).await?;
            Ok(())
        })
        .await
        .unwrap();
    let before = app.stored().await;
    app.ask("mutation { upsertUser(input: { entityRef: \"user:default/jane\", status: DISABLED }) { userErrors { code } } }")
        .data()
        .await;
    assert_eq!(app.sessions().await, []);
    let events = app.stored().await.events_since(&before);
    let ended: Vec<_> = events
        .iter()
        .filter(|(action, _)| action == "session.ended")
        .map(|(_, target)| target.clone())
        .collect();
    let open: Vec<_> = open.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(ended, open);
}
