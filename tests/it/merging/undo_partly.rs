//! What an undo does with each thing that has changed since the merge.

use rstest::rstest;
use serde_json::{Value, json};

use super::outdated::{delete_identity, delete_link};
use super::{Pair, merged, outcomes, pairs, reason_of, undone};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::sign_on::{auth_identity, sign_on};

async fn link(app: &App, provider: &str, user: &str, account: &str, policy: &str) -> String {
    let input = json!({ "providerId": provider, "userId": user, "externalId": account,
                        "onConflict": policy });
    text(&app.link(input).await.data(), "/linkIdentity/identity/id")
}

async fn provider_of(app: &App, identity: &str) -> String {
    let stored = app.stored().await;
    stored.identity(identity).provider_id.to_string()
}

#[rstest]
#[tokio::test]
async fn an_identity_that_was_unlinked_does_not_come_back(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    delete_identity(&app, &pair.alone).await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&pair.alone, "REMOVED")]));
    assert!(reason_of(&back, &pair.alone).contains("removed after the merge"));
    assert_eq!(back["items"][0]["node"], Value::Null);
    assert_eq!(app.owner(&pair.second).await, pair.from, "the rest does");
}

#[rstest]
#[tokio::test]
async fn an_identity_of_another_account_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let provider = provider_of(&app, &pair.alone).await;
    let changed = link(&app, &provider, &pair.into, "other", "UPDATE_IN_PLACE").await;
    assert_eq!(changed, pair.alone);
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&pair.alone, "STAYS")]));
    assert!(reason_of(&back, &pair.alone).contains("another account"));
    assert_eq!(app.owner(&pair.alone).await, pair.into);
}

#[rstest]
#[tokio::test]
async fn a_taken_place_is_not_taken_again(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    // Nothing is linked to a merged user by the API: only past it.
    let stored = app.stored().await;
    let provider = stored.identity(&pair.alone).provider_id.to_string();
    let joe = app.user("joe").await;
    let other = app.linked(&provider, &joe, "joe").await;
    give(&app, &other, &pair.from).await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&pair.alone, "STAYS")]));
    assert!(reason_of(&back, &pair.alone).contains("has its place"));
    assert_eq!(app.owner(&pair.alone).await, pair.into);
    assert_eq!(app.owner(&other).await, pair.from);
}

async fn give(app: &App, identity: &str, user: &str) {
    use lanyard::database::identity::{Column, Entity};
    use lanyard::id::{IdentityId, UserId};
    use sea_orm::sea_query::Expr;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

    let identity: IdentityId = identity.parse().unwrap();
    let user: UserId = user.parse().unwrap();
    app.database
        .write(|tx| async move {
            Entity::update_many()
                .col_expr(Column::UserId, Expr::value(user))
                .filter(Column::Id.eq(identity))
                .exec(&*tx)
                .await?;
            Ok(())
        })
        .await
        .unwrap();
}

#[rstest]
#[tokio::test]
async fn a_membership_that_ended_stays_ended_with_the_link_to_the_sign_on(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    // Whoever joined again has another membership.
    #[values(false, true)] joined_again: bool,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let acme = app.organization("acme").await;
    app.add_member(&acme, &from).await;
    let sso = app.own_provider(&acme, "acme-sso").await;
    let sign_on = sign_on(&app, &acme, &sso, true).await;
    let identity = app.linked(&sso, &from, "1").await;
    let auth = auth_identity(&app, &sign_on, &from, "1").await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    app.remove_member(&acme, &into).await;
    if joined_again {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        app.add_member(&acme, &into).await;
    }
    let back = undone(&app, &merge).await;
    let expected = pairs(&[(&auth, "REMOVED"), (&acme, "STAYS")]);
    assert_eq!(outcomes(&back), expected);
    assert!(reason_of(&back, &acme).contains("left the organization"));
    assert!(reason_of(&back, &auth).contains("removed after the merge"));
    assert_eq!(app.memberships(&from).await, []);
    assert_eq!(
        app.memberships(&into).await.len(),
        usize::from(joined_again)
    );
    assert_eq!(
        app.owner(&identity).await,
        from,
        "the account is this user's"
    );
}

#[rstest]
#[tokio::test]
async fn the_other_user_leaves_an_organization_with_what_it_got_there_since(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let acme = app.organization("acme").await;
    app.add_member(&acme, &from).await;
    let many = json!({ "allowsMultiplePerUser": true, "organizationId": acme });
    let sso = app.provider_with("acme-sso", many).await;
    let sign_on = sign_on(&app, &acme, &sso, true).await;
    let moved = app.linked(&sso, &from, "from").await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    let own = app.linked(&sso, &into, "into").await;
    auth_identity(&app, &sign_on, &into, "into").await;
    let session = app.session(&into, &sso).await;
    let elsewhere = app.provider("elsewhere").await;
    let other_session = app.session(&into, &elsewhere).await;
    let back = undone(&app, &merge).await;
    assert_eq!(back["items"], json!([]));
    assert_eq!(app.memberships(&from).await.len(), 1);
    assert_eq!(app.memberships(&into).await, []);
    assert_eq!(app.sign_on_links().await, []);
    let stored = app.stored().await;
    assert_eq!(
        stored.identity(&own).user_id.to_string(),
        into,
        "accounts stay"
    );
    assert!(stored.identity(&own).is_primary, "it is the only one again");
    assert!(stored.identity(&moved).is_primary);
    let who = |token: &str| app.ask("{ viewer { __typename } }").by_person(token).send();
    assert_eq!(who(&session).await.status, 401);
    assert_eq!(who(&other_session).await.status, 200);
    let ended = stored
        .events
        .iter()
        .filter(|event| event.action == "session.ended");
    assert_eq!(ended.count(), 1);
}

#[rstest]
#[tokio::test]
async fn a_removed_link_to_a_sign_on_comes_back_where_its_account_is_free(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let before = app.sign_on_links().await;
    let old = before
        .iter()
        .find(|row| row.id.to_string() == pair.shared_link);
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    undone(&app, &merge).await;
    let links = app.sign_on_links().await;
    let new = links
        .iter()
        .find(|row| row.id.to_string() == pair.shared_link);
    assert_eq!(new, old, "with its old id and dates");
    // Somebody else has the account by now.
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    let joe = app.user("joe").await;
    let sign_on = old.unwrap().auth_provider_id.to_string();
    app.add_member(&pair.shared_organization, &joe).await;
    auth_identity(&app, &sign_on, &joe, "from").await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&pair.shared_link, "STAYS")]));
    assert!(reason_of(&back, &pair.shared_link).contains("another user's"));
}

#[rstest]
#[tokio::test]
async fn links_to_a_sign_on_that_is_gone_are_lost(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    app.execute("DELETE FROM auth_provider").await;
    let back = undone(&app, &merge).await;
    let mut expected = [(&pair.own_link, "REMOVED"), (&pair.shared_link, "REMOVED")];
    expected.sort();
    assert_eq!(outcomes(&back), pairs(&expected));
    assert_eq!(app.sign_on_links().await, []);
}

#[rstest]
#[tokio::test]
async fn a_link_to_a_sign_on_that_was_removed_stays_removed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let pair = Pair::new(&app).await;
    let merge = merged(&app, &pair.from, &pair.into, "SKIP").await;
    delete_link(&app, &pair.own_link).await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&pair.own_link, "REMOVED")]));
}

#[rstest]
#[tokio::test]
async fn primary_accounts_are_settled_on_both_sides(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let many = json!({ "allowsMultiplePerUser": true });
    let many = app.provider_with("many", many).await;
    let first = app.linked(&many, &from, "1").await;
    let second = app.linked(&many, &from, "2").await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    let third = app.linked(&many, &into, "3").await;
    // The one that was primary goes, and the moved ones go back without it.
    delete_identity(&app, &first).await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&first, "REMOVED")]));
    let stored = app.stored().await;
    assert!(
        stored.identity(&second).is_primary,
        "the first linked of the rest"
    );
    assert!(
        !stored.identity(&third).is_primary,
        "nothing primary was taken from it"
    );
}

#[rstest]
#[tokio::test]
async fn merges_one_after_the_other_are_undone_the_last_one_first(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (one, two, three) = (
        app.user("one").await,
        app.user("two").await,
        app.user("three").await,
    );
    let provider = app.provider("crm").await;
    let identity = app.linked(&provider, &one, "1").await;
    let first = merged(&app, &one, &two, "FAIL").await;
    let second = merged(&app, &two, &three, "FAIL").await;
    let before = app.owner(&identity).await;
    assert_eq!(before, three);
    let undo =
        "mutation($id: ID!) { undoMerge(id: $id) { user { id } userErrors { code message } } }";
    let refused = app
        .ask(undo)
        .variables(json!({ "id": first["id"] }))
        .data()
        .await;
    let error = &refused["undoMerge"]["userErrors"][0];
    assert_eq!(error["code"], "NOT_UNDOABLE", "{refused:#}");
    assert!(
        error["message"].as_str().unwrap().contains(&three),
        "{error}"
    );
    assert_eq!(app.owner(&identity).await, before);
    assert_eq!(undone(&app, &second).await["items"], json!([]));
    assert_eq!(app.owner(&identity).await, two);
    assert_eq!(undone(&app, &first).await["items"], json!([]));
    assert_eq!(app.owner(&identity).await, one);
}

#[rstest]
#[tokio::test]
async fn who_was_removed_from_an_organization_is_not_brought_back_by_an_undo(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let acme = app.organization("acme").await;
    app.add_member(&acme, &from).await;
    app.add_member(&acme, &into).await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    app.remove_member(&acme, &into).await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&acme, "STAYS")]));
    assert!(reason_of(&back, &acme).contains("left the organization"));
    assert_eq!(app.memberships(&from).await, []);
}
