//! Merges that are refused, and change nothing.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Pair, ask_merge, ask_plan, codes, merge, merged, outcomes, plan};
use crate::support::app::{App, Db};
use crate::support::client::text;

#[rstest]
#[tokio::test]
async fn what_can_not_move_refuses_the_merge_under_fail(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    app.all_sealed().await;
    let before = app.dump().await;
    // The plan says the same under either policy.
    let plan = plan(&app, &pair.from, &pair.into, "FAIL").await;
    assert_eq!(outcomes(&plan), pair.expected());
    let payload = merge(&app, &pair.from, &pair.into, "FAIL").await;
    assert_eq!(
        codes(&payload),
        json!([["USER_HAS_ANOTHER_ACCOUNT", ["input", "onConflict"]]])
    );
    let message = text(&payload, "/userErrors/0/message");
    assert!(message.starts_with("1 account can't move"), "{message}");
    assert!(message.ends_with("(single)"), "{message}");
    assert_eq!(payload["userErrors"][0]["retryable"], false);
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn each_kind_of_conflict_is_a_refusal_that_counts_and_names(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    for number in 0..12 {
        let provider = app.provider(&format!("single-{number:02}")).await;
        app.linked(&provider, &from, "from").await;
        app.linked(&provider, &into, "into").await;
    }
    let acme = app.organization("acme").await;
    let sso = app.own_provider(&acme, "acme-sso").await;
    app.add_member(&acme, &from).await;
    app.linked(&sso, &from, "from").await;
    app.remove_member(&acme, &from).await;
    let payload = merge(&app, &from, &into, "FAIL").await;
    assert_eq!(
        codes(&payload),
        json!([
            ["USER_HAS_ANOTHER_ACCOUNT", ["input", "onConflict"]],
            ["USER_NOT_IN_ORGANIZATION", ["input", "onConflict"]],
        ])
    );
    let message = text(&payload, "/userErrors/0/message");
    assert!(message.starts_with("12 accounts can't move"), "{message}");
    assert!(message.contains("single-00, single-01"), "{message}");
    assert!(message.ends_with("single-09 and 2 more)"), "{message}");
    assert!(text(&payload, "/userErrors/1/message").contains("(acme-sso)"));
}

#[rstest]
#[tokio::test]
async fn only_users_as_they_should_be_are_merged(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let (gone, disabled) = (app.user("gone").await, app.user("disabled").await);
    merged(&app, &gone, &into, "FAIL").await;
    app.ask("mutation { upsertUser(input: { entityRef: \"user:default/disabled\", status: DISABLED }) { user { id } } }")
        .data()
        .await;
    let unknown = "user_01h455vb4pex5vsknk084sn02q".to_owned();
    app.all_sealed().await;
    let before = app.dump().await;
    for (a, b, field) in [
        (&gone, &into, "fromUserId"),
        (&gone, &from, "fromUserId"),
        (&from, &gone, "intoUserId"),
        (&from, &disabled, "intoUserId"),
    ] {
        let payload = merge(&app, a, b, "SKIP").await;
        assert_eq!(
            codes(&payload),
            json!([["USER_NOT_ACTIVE", ["input", field]]])
        );
        let plan = ask_plan(&app, a, b, "SKIP").await;
        assert_eq!(plan.code(), "BAD_USER_INPUT");
        assert!(plan.message().starts_with(field), "{}", plan.message());
    }
    let input = |a: &str, b: &str| json!({ "fromUserId": a, "intoUserId": b });
    for (a, b, code, message) in [
        (
            &from,
            &from,
            "BAD_USER_INPUT",
            "input.intoUserId: is the same user",
        ),
        (&unknown, &into, "NOT_FOUND", "user"),
        (&from, &unknown, "NOT_FOUND", "user"),
    ] {
        let answer = ask_merge(&app, input(a, b)).await;
        assert_eq!(answer.code(), code);
        assert!(
            answer.message().starts_with(message),
            "{}",
            answer.message()
        );
    }
    let same = ask_plan(&app, &from, &from, "FAIL").await;
    assert_eq!(same.code(), "BAD_USER_INPUT");
    assert!(
        same.message().starts_with("intoUserId: "),
        "{}",
        same.message()
    );
    for (a, b) in [(&unknown, &into), (&from, &unknown)] {
        let data = ask_plan(&app, a, b, "FAIL").await.data();
        assert_eq!(data["mergePlan"], Value::Null);
    }
    for wrong in ["", "from", "provider_01h455vb4pex5vsknk084sn02q"] {
        assert_eq!(
            ask_merge(&app, input(wrong, &into)).await.code(),
            "BAD_USER_INPUT"
        );
        assert_eq!(
            ask_plan(&app, &from, wrong, "FAIL").await.code(),
            "BAD_USER_INPUT"
        );
    }
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn more_than_a_thousand_things_are_too_many_at_once(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let many = json!({ "allowsMultiplePerUser": true });
    let many = app.provider_with("many", many).await;
    let first = app.linked(&many, &from, "0").await;
    let acme = app.organization("acme").await;
    app.add_member(&acme, &from).await;
    let template = app.stored().await.identity(&first).clone();
    copies(&app, &template, 998).await;
    // A thousand with the membership: they go.
    let whole = plan(&app, &from, &into, "FAIL").await;
    assert_eq!(whole["items"].as_array().unwrap().len(), 1000);
    copies(&app, &template, 1).await;
    app.all_sealed().await;
    let before = app.dump().await;
    assert_eq!(
        ask_plan(&app, &from, &into, "FAIL").await.code(),
        "LIMIT_EXCEEDED"
    );
    let payload = merge(&app, &from, &into, "FAIL").await;
    assert_eq!(
        codes(&payload),
        json!([["TOO_LARGE", ["input", "fromUserId"]]])
    );
    let message = text(&payload, "/userErrors/0/message");
    assert!(message.contains("more than 1000 things"), "{message}");
    assert!(message.contains("unlink accounts"), "{message}");
    assert_eq!(app.dump().await, before);
    app.remove_member(&acme, &from).await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    assert_eq!(merge["items"].as_array().unwrap().len(), 1000);
    let stored = app.stored().await;
    assert!(
        stored
            .identities
            .iter()
            .all(|row| row.user_id.to_string() == into)
    );
    let primary = stored.identities.iter().filter(|row| row.is_primary);
    assert_eq!(primary.count(), 1);
    let back = super::undone(&app, &merge).await;
    assert_eq!(back["items"], json!([]));
}

/// Further identities of the same user at the same provider, stored past the API.
async fn copies(app: &App, template: &lanyard::database::identity::Model, count: usize) {
    use lanyard::database::identity::{Entity, Model};
    use lanyard::id::IdentityId;
    use sea_orm::{EntityTrait, IntoActiveModel};

    let rows: Vec<Model> = (0..count)
        .map(|_| {
            let id = IdentityId::new(&app.clock);
            Model {
                id,
                external_id: id.to_string(),
                account_slot: id.to_string(),
                is_primary: false,
                ..template.clone()
            }
        })
        .collect();
    let rows = &rows;
    app.database
        .write(|tx| async move {
            for rows in rows.chunks(500) {
                let rows = rows.iter().cloned().map(Model::into_active_model);
                Entity::insert_many(rows)
                    .exec_without_returning(&*tx)
                    .await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}
