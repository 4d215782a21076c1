//! A plan's token: good exactly as long as the plan is true.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Pair, ask_merge, codes, outcomes, plan};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::sign_on::{auth_identity, sign_on};

async fn with_token(app: &App, pair: &Pair, token: &str, policy: &str) -> Value {
    let input = json!({
        "fromUserId": pair.from, "intoUserId": pair.into,
        "planToken": token, "onConflict": policy,
    });
    ask_merge(app, input).await.data()["mergeUsers"].clone()
}

async fn token(app: &App, pair: &Pair) -> String {
    text(&plan(app, &pair.from, &pair.into, "SKIP").await, "/token")
}

async fn upsert(app: &App, input: Value) {
    app.ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { id } userErrors { code } } }")
        .variables(json!({ "input": input }))
        .data()
        .await;
}

async fn update_data(app: &App, identity: &str) {
    app.ask("mutation($id: ID!) { updateIdentityData(input: { id: $id, data: { a: 1 } }) { identity { id } } }")
        .variables(json!({ "id": identity }))
        .data()
        .await;
}

#[rstest]
#[tokio::test]
async fn a_true_plan_is_carried_out(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let plan = plan(&app, &pair.from, &pair.into, "SKIP").await;
    assert_eq!(
        token(&app, &pair).await,
        text(&plan, "/token"),
        "the same plan"
    );
    // What the plan doesn't rest on may change.
    upsert(
        &app,
        json!({ "entityRef": "user:default/from", "displayName": "F" }),
    )
    .await;
    upsert(
        &app,
        json!({ "entityRef": "user:default/into", "hasOtherSignIn": true }),
    )
    .await;
    let elsewhere = app.provider("elsewhere").await;
    app.linked(&elsewhere, &pair.into, "into").await;
    update_data(&app, &pair.primary_of_into).await;
    let payload = with_token(&app, &pair, &text(&plan, "/token"), "SKIP").await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(outcomes(&payload["merge"]), outcomes(&plan));
}

#[rstest]
#[tokio::test]
async fn a_token_of_something_else_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let good = token(&app, &pair).await;
    let under_fail = text(&plan(&app, &pair.from, &pair.into, "FAIL").await, "/token");
    let back = text(&plan(&app, &pair.into, &pair.from, "SKIP").await, "/token");
    app.all_sealed().await;
    let before = app.dump().await;
    let mut forged = good.clone().into_bytes();
    forged[0] = if forged[0] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for token in [
        &under_fail,
        &back,
        &forged,
        "",
        "A",
        "é",
        &format!("{good}A"),
    ] {
        let payload = with_token(&app, &pair, token, "SKIP").await;
        assert_eq!(
            codes(&payload),
            json!([["PLAN_OUTDATED", ["input", "planToken"]]]),
            "{token}"
        );
    }
    // The plan comes before what it would be refused for.
    let payload = with_token(&app, &pair, &good, "FAIL").await;
    assert_eq!(
        codes(&payload),
        json!([["PLAN_OUTDATED", ["input", "planToken"]]])
    );
    assert_eq!(app.dump().await, before);
}

/// A change behind the plan's back.
#[derive(Debug, Clone, Copy)]
enum Change {
    Linked,
    Unlinked,
    DataReplaced,
    AccountChanged,
    MetAtAnotherProvider,
    MetNoMore,
    Joined,
    Left,
    IntoJoined,
    IntoLeft,
    SignOnLinked,
    SignOnUnlinked,
    FromDisabled,
}

#[rstest]
#[tokio::test]
async fn every_change_that_it_rests_on_outdates_a_plan(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(
        Change::Linked,
        Change::Unlinked,
        Change::DataReplaced,
        Change::AccountChanged,
        Change::MetAtAnotherProvider,
        Change::MetNoMore,
        Change::Joined,
        Change::Left,
        Change::IntoJoined,
        Change::IntoLeft,
        Change::SignOnLinked,
        Change::SignOnUnlinked,
        Change::FromDisabled
    )]
    change: Change,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let other = app.provider("other").await;
    let third = app.organization("third").await;
    let unlinked = app.organization("unlinked").await;
    app.add_member(&unlinked, &pair.from).await;
    let sso = app.own_provider(&unlinked, "unlinked-sso").await;
    let sign_on = sign_on(&app, &unlinked, &sso, true).await;
    let token = token(&app, &pair).await;
    match change {
        Change::Linked => {
            app.linked(&other, &pair.from, "new").await;
        }
        Change::Unlinked => delete_identity(&app, &pair.alone).await,
        Change::DataReplaced => update_data(&app, &pair.alone).await,
        Change::AccountChanged => {
            let stored = app.stored().await;
            let provider = stored.identity(&pair.alone).provider_id.to_string();
            let input = json!({ "providerId": provider, "userId": pair.from, "externalId": "new",
                                "onConflict": "UPDATE_IN_PLACE" });
            app.link(input).await.data();
        }
        Change::MetAtAnotherProvider => {
            let stored = app.stored().await;
            let provider = stored.identity(&pair.alone).provider_id.to_string();
            app.linked(&provider, &pair.into, "into").await;
        }
        Change::MetNoMore => delete_identity(&app, &pair.primary_of_into).await,
        Change::Joined => app.add_member(&third, &pair.from).await,
        Change::Left => {
            app.remove_member(&pair.shared_organization, &pair.from)
                .await
        }
        Change::IntoJoined => app.add_member(&pair.own_organization, &pair.into).await,
        Change::IntoLeft => {
            app.remove_member(&pair.shared_organization, &pair.into)
                .await
        }
        Change::SignOnLinked => {
            auth_identity(&app, &sign_on, &pair.from, "from").await;
        }
        Change::SignOnUnlinked => delete_link(&app, &pair.own_link).await,
        Change::FromDisabled => {
            let input = json!({ "entityRef": "user:default/from", "status": "DISABLED" });
            upsert(&app, input).await;
        }
    }
    app.all_sealed().await;
    let before = app.dump().await;
    let payload = with_token(&app, &pair, &token, "SKIP").await;
    assert_eq!(
        codes(&payload),
        json!([["PLAN_OUTDATED", ["input", "planToken"]]])
    );
    assert_eq!(app.dump().await, before);
    // A new plan is true.
    let token = self::token(&app, &pair).await;
    let payload = with_token(&app, &pair, &token, "SKIP").await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
}

/// Past the API, as unlinking does it.
pub async fn delete_identity(app: &App, id: &str) {
    use lanyard::database::identity::Entity;
    use sea_orm::EntityTrait;

    let id: lanyard::id::IdentityId = id.parse().unwrap();
    app.database
        .write(|tx| async move {
            Entity::delete_by_id(id).exec(&*tx).await?;
            Ok(())
        })
        .await
        .unwrap();
}

/// The same for a link to a sign-on.
pub async fn delete_link(app: &App, id: &str) {
    use lanyard::database::auth_identity::Entity;
    use sea_orm::EntityTrait;

    let id: lanyard::id::AuthIdentityId = id.parse().unwrap();
    app.database
        .write(|tx| async move {
            Entity::delete_by_id(id).exec(&*tx).await?;
            Ok(())
        })
        .await
        .unwrap();
}
