//! linkPreview: it says what linkIdentity then does, and writes nothing.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::stored::Stored;

const POLICIES: [&str; 3] = ["FAIL", "UPDATE_IN_PLACE", "REATTACH"];

/// Who has the account before, and how many other accounts I have.
#[derive(Debug, Clone, Copy)]
struct State {
    holder: Option<&'static str>,
    others: usize,
    allows_multiple: bool,
}

/// Every state that the database can hold.
fn states() -> Vec<State> {
    let mut states = Vec::new();
    for allows_multiple in [false, true] {
        for holder in [None, Some("me"), Some("other")] {
            let most = match (allows_multiple, holder) {
                (true, _) => 2,
                (false, Some("me")) => 0,
                (false, _) => 1,
            };
            states.extend((0..=most).map(|others| State {
                holder,
                others,
                allows_multiple,
            }));
        }
    }
    states
}

async fn preview(app: &App, input: &Value) -> Value {
    let data = app
        .ask(
            "query($input: LinkIdentityInput!) { linkPreview(input: $input) {
            outcome conflict explanation displaces { id externalId user { entityRef } } } }",
        )
        .variables(json!({ "input": input }))
        .data()
        .await;
    data["linkPreview"].clone()
}

fn ids(stored: &Stored) -> BTreeSet<String> {
    stored
        .identities
        .iter()
        .map(|row| row.id.to_string())
        .collect()
}

#[rstest]
#[tokio::test]
async fn the_preview_says_what_the_link_then_does(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (me, other) = (app.user("me").await, app.user("other").await);
    for (number, state) in states().into_iter().enumerate() {
        for policy in POLICIES {
            let case = format!("{state:?} {policy}");
            let slug = format!("p{number}-{}", policy.to_lowercase().replace('_', "-"));
            let several = json!({ "allowsMultiplePerUser": state.allows_multiple });
            let provider = app.provider_with(&slug, several).await;
            if let Some(holder) = state.holder {
                let holder = if holder == "me" { &me } else { &other };
                app.linked(&provider, holder, "account").await;
            }
            for index in 0..state.others {
                app.linked(&provider, &me, &format!("other account {index}"))
                    .await;
            }
            let input = json!({
                "providerId": provider, "userId": me, "externalId": "account", "onConflict": policy,
            });
            let before = app.stored().await;
            let shown = preview(&app, &input).await;
            assert_eq!(
                app.stored().await,
                before,
                "a preview writes nothing: {case}"
            );

            let done = app.link(input).await.data()["linkIdentity"].clone();
            let after = app.stored().await;
            assert_eq!(shown["outcome"], done["outcome"], "{case}");
            let codes: Vec<_> = done["userErrors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| error["code"].as_str().unwrap())
                .collect();
            let codes_of_conflict: &[&str] = match shown["conflict"].as_str() {
                None => &[],
                Some("BOTH") => &["ACCOUNT_OWNED_BY_ANOTHER_USER", "USER_HAS_ANOTHER_ACCOUNT"],
                Some(conflict) => &[conflict],
            };
            assert_eq!(codes, codes_of_conflict, "{case}");
            assert_eq!(shown["outcome"].is_null(), !codes.is_empty(), "{case}");
            let displaced: BTreeSet<String> = shown["displaces"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned())
                .collect();
            let gone = &ids(&before) - &ids(&after);
            assert_eq!(displaced, gone, "{case}");
            assert!(!shown["explanation"].as_str().unwrap().is_empty());
        }
    }
}

#[rstest]
#[tokio::test]
async fn the_preview_refuses_what_the_link_refuses(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    let input = |more: Value| {
        let mut input = json!({ "providerId": provider, "userId": user, "externalId": "4711" });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    };
    let unknown_user = "user_01h455vb4pex5vsknk084sn02q";
    let unknown_provider = "provider_01h455vb4pex5vsknk084sn02q";
    for more in [
        json!({ "externalId": "" }),
        json!({ "userId": provider }),
        json!({ "providerId": "x" }),
        json!({ "userId": unknown_user }),
        json!({ "providerId": unknown_provider }),
        json!({ "providerId": unknown_provider, "userId": unknown_user }),
        json!({ "data": 1 }),
    ] {
        let previewed = app
            .ask("query($input: LinkIdentityInput!) { linkPreview(input: $input) { outcome } }")
            .variables(json!({ "input": input(more.clone()) }))
            .send()
            .await;
        let linked = app.link(input(more.clone())).await;
        if linked.code() == "NOT_FOUND" {
            // Queries have nothing to say of what is not there.
            assert_eq!(previewed.data(), json!({ "linkPreview": null }), "{more}");
        } else {
            assert_eq!(previewed.code(), linked.code(), "{more}");
            assert_eq!(previewed.message(), linked.message(), "{more}");
        }
    }
    let secret = input(json!({ "data": { "access_token": "x" } }));
    let shown = preview(&app, &secret).await;
    assert_eq!(
        (&shown["outcome"], &shown["conflict"]),
        (&Value::Null, &Value::Null)
    );
    let done = app.link(secret).await.data()["linkIdentity"].clone();
    assert_eq!(shown["explanation"], done["userErrors"][0]["message"]);

    app.execute("UPDATE \"user\" SET status = 'DISABLED'").await;
    let shown = preview(&app, &input(json!({}))).await;
    assert_eq!(shown["outcome"], Value::Null);
    assert_eq!(shown["explanation"], "the user is not active");
}
