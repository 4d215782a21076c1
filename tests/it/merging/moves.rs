//! What becomes of each kind of thing.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Pair, merge, merged, outcomes, plan, reason_of};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::sign_on::{auth_identity, sign_on};

#[rstest]
#[tokio::test]
async fn every_kind_of_thing_has_its_outcome(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let before = app.stored().await;
    let joined = app.memberships(&pair.from).await;
    let plan = plan(&app, &pair.from, &pair.into, "SKIP").await;
    assert_eq!(outcomes(&plan), pair.expected());
    for (node, reason) in [
        (&pair.conflict, "an account at this provider"),
        (&pair.second, "stays the primary one"),
        (&pair.shared_link, "a link to this sign-on"),
        (&pair.shared_organization, "a member already"),
    ] {
        let said = reason_of(&plan, node);
        assert!(said.contains(reason), "{said}");
    }
    for item in plan["items"].as_array().unwrap() {
        assert_eq!(item["node"]["id"], item["nodeId"], "{item:#}");
        if item["nodeId"] == json!(pair.alone) {
            assert_eq!(item["reason"], Value::Null);
        }
    }

    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    assert_eq!(outcomes(&merge), pair.expected());
    assert_eq!(merge["from"]["status"], "MERGED");
    assert_eq!(merge["from"]["mergedInto"]["id"], pair.into);
    assert_eq!(
        merge["into"],
        json!({ "id": pair.into, "status": "ACTIVE" })
    );
    let time = |path| text(&merge, path).parse::<chrono::DateTime<chrono::Utc>>();
    let (done, until) = (
        time("/dateMerged").unwrap(),
        time("/undoableUntil").unwrap(),
    );
    assert_eq!(until - done, TimeDelta::days(30));
    assert_eq!(merge["dateUndone"], Value::Null);
    for item in merge["items"].as_array().unwrap() {
        let gone = item["nodeId"] == json!(pair.shared_link);
        assert_eq!(item["node"].is_null(), gone, "{item:#}");
    }

    let stored = app.stored().await;
    for (id, owner) in [
        (&pair.alone, &pair.into),
        (&pair.conflict, &pair.from),
        (&pair.second, &pair.into),
    ] {
        let (old, new) = (before.identity(id), stored.identity(id));
        assert_eq!(new.user_id.to_string(), *owner, "{id}");
        let moved = i64::from(owner == &pair.into);
        assert_eq!(new.version, old.version + moved);
        assert_eq!(new.is_primary, *id != pair.second);
        assert_eq!(new.external_id, old.external_id);
        assert_eq!(new.date_added, old.date_added);
    }
    assert!(stored.identity(&pair.primary_of_into).is_primary);
    assert_eq!(
        stored.identity(&pair.primary_of_into),
        before.identity(&pair.primary_of_into)
    );
    assert_eq!(app.memberships(&pair.from).await, []);
    let now = app.memberships(&pair.into).await;
    assert_eq!(now.len(), 2);
    let moved = |rows: &[lanyard::database::organization_member::Model]| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.organization_id.to_string() == pair.own_organization);
        row.unwrap().date_added
    };
    assert_eq!(moved(&now), moved(&joined), "since when it was");
    let links = app.sign_on_links().await;
    let owners: Vec<String> = links.iter().map(|row| row.user_id.to_string()).collect();
    assert_eq!(owners, [pair.into.clone(), pair.into.clone()]);
    assert!(links.iter().any(|row| row.id.to_string() == pair.own_link));
}

#[rstest]
#[tokio::test]
async fn node_and_lookups_show_a_merge_and_a_merged_user(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let data = app
        .ask(
            "query($merge: ID!, $from: ID!, $into: ID!) {
            node(id: $merge) { ... on UserMerge { id from { id } into { id } items { nodeId } } }
            from: user(id: $from) { status mergedInto { id } identities { nodes { id } } }
            into: user(id: $into) { status mergedInto { id } identities { totalCount } }
            byRef: user(entityRef: \"user:default/from\") { id }
            merged: users(filter: { status: MERGED }) { nodes { id } }
        }",
        )
        .variables(json!({ "merge": merge["id"], "from": pair.from, "into": pair.into }))
        .data()
        .await;
    assert_eq!(data["node"]["id"], merge["id"]);
    assert_eq!(data["node"]["from"]["id"], pair.from);
    assert_eq!(data["node"]["into"]["id"], pair.into);
    assert_eq!(data["node"]["items"].as_array().unwrap().len(), 7);
    assert_eq!(
        data["from"],
        json!({ "status": "MERGED", "mergedInto": { "id": pair.into },
                "identities": { "nodes": [{ "id": pair.conflict }] } })
    );
    assert_eq!(
        data["into"],
        json!({ "status": "ACTIVE", "mergedInto": null, "identities": { "totalCount": 4 } })
    );
    assert_eq!(data["byRef"]["id"], pair.from);
    assert_eq!(data["merged"]["nodes"], json!([{ "id": pair.from }]));
}

#[rstest]
#[tokio::test]
async fn the_moved_primary_stays_primary_where_the_other_user_has_none(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let many = json!({ "allowsMultiplePerUser": true });
    let many = app.provider_with("many", many).await;
    let (first, second) = (
        app.linked(&many, &from, "1").await,
        app.linked(&many, &from, "2").await,
    );
    merged(&app, &from, &into, "FAIL").await;
    let stored = app.stored().await;
    assert!(stored.identity(&first).is_primary);
    assert!(!stored.identity(&second).is_primary);
    // And what is linked later finds it there.
    let third = app.linked(&many, &into, "3").await;
    assert!(!app.stored().await.identity(&third).is_primary);
}

#[rstest]
#[tokio::test]
async fn at_an_organizations_provider_only_a_member_gets_the_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let acme = app.organization("acme").await;
    app.add_member(&acme, &from).await;
    let sso = app.own_provider(&acme, "acme-sso").await;
    let sign_on = sign_on(&app, &acme, &sso, true).await;
    let identity = app.linked(&sso, &from, "1").await;
    let link = auth_identity(&app, &sign_on, &from, "1").await;
    // The membership would move, and the account with it.
    let moves = plan(&app, &from, &into, "FAIL").await;
    assert_eq!(
        outcomes(&moves),
        super::pairs(&[(&identity, "MOVES"), (&link, "MOVES"), (&acme, "MOVES")])
    );
    // Without one, nobody brings the account into the organization.
    app.forget_member(&acme, &from).await;
    let stays = plan(&app, &from, &into, "SKIP").await;
    assert_eq!(
        outcomes(&stays),
        super::pairs(&[(&identity, "STAYS"), (&link, "STAYS")])
    );
    assert!(reason_of(&stays, &identity).contains("neither user is a member"));
    let refused = merge(&app, &from, &into, "FAIL").await;
    assert_eq!(
        super::codes(&refused),
        json!([["USER_NOT_IN_ORGANIZATION", ["input", "onConflict"]]])
    );
    let message = text(&refused, "/userErrors/0/message");
    assert!(message.starts_with("2 accounts can't move"), "{message}");
    assert!(message.contains("acme-sso"), "{message}");
    // A member among the two is enough.
    app.add_member(&acme, &into).await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    assert_eq!(
        outcomes(&merge),
        super::pairs(&[(&identity, "MOVES"), (&link, "MOVES")])
    );
    assert_eq!(app.owner(&identity).await, into);
    // The account goes back to whose it was, the link only to a member.
    let back = super::undone(&app, &merge).await;
    assert_eq!(outcomes(&back), super::pairs(&[(&link, "STAYS")]));
    assert!(reason_of(&back, &link).contains("for members of an organization"));
    assert_eq!(app.owner(&identity).await, from);
}

#[rstest]
#[tokio::test]
async fn a_disabled_user_is_merged_away_and_nothing_is_a_merge_too(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    app.ask("mutation { upsertUser(input: { entityRef: \"user:default/from\", status: DISABLED }) { user { id } } }")
        .data()
        .await;
    let empty = plan(&app, &from, &into, "FAIL").await;
    assert_eq!(empty["items"], json!([]));
    let merge = merged(&app, &from, &into, "FAIL").await;
    assert_eq!(merge["items"], json!([]));
    assert_eq!(merge["from"]["status"], "MERGED");
    let back = super::undone(&app, &merge).await;
    assert_eq!(back["from"]["status"], "DISABLED", "what it was before");
}

#[rstest]
#[tokio::test]
async fn an_address_reaches_the_user_that_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    app.ask("mutation { upsertUser(input: { entityRef: \"user:default/from\", email: \"into@example.org\" }) { user { id } } }")
        .data()
        .await;
    let by_email = || app.ask("{ user(email: \"Into@example.org\") { id } }");
    assert_eq!(by_email().code().await, "AMBIGUOUS");
    merged(&app, &from, &into, "FAIL").await;
    assert_eq!(by_email().data().await["user"]["id"], into);
}
