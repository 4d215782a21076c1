//! Integrations that act as an identity which passes to another user: an organization's act as
//! its members alone.

use rstest::rstest;
use serde_json::json;

use super::{merged, outcomes, pairs, undone};
use crate::support::app::{App, Db};

fn lost(integrations: &[&String]) -> Vec<(String, String)> {
    let lost = "org_integration.default_lost".to_owned();
    let mut all: Vec<_> = integrations
        .iter()
        .map(|id| (lost.clone(), (*id).clone()))
        .collect();
    all.sort();
    all
}

/// The defaults that were lost since, with their integrations.
async fn lost_since(app: &App, before: &crate::support::stored::Stored) -> Vec<(String, String)> {
    let mut events = app.stored().await.events_since(before);
    events.retain(|(action, _)| action == "org_integration.default_lost");
    events.sort();
    events
}

#[rstest]
#[tokio::test]
async fn they_act_as_a_moved_identity_where_its_new_user_is_a_member(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    // A membership that moves, and one that both have.
    let (own, shared) = (
        app.organization("own").await,
        app.organization("shared").await,
    );
    app.add_member(&own, &from).await;
    app.add_member(&shared, &from).await;
    app.add_member(&shared, &into).await;
    let identity = app.linked(&app.provider("crm").await, &from, "1").await;
    let at_own = app.own_provider(&own, "own-crm").await;
    let at_own = app.linked(&at_own, &from, "1").await;
    let acting = [
        (app.acting_as(&own, &identity).await, identity.clone()),
        (app.acting_as(&own, &at_own).await, at_own.clone()),
        (app.acting_as(&shared, &identity).await, identity.clone()),
    ];
    let before = app.stored().await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    assert_eq!(app.owner(&identity).await, into);
    for (id, identity) in &acting {
        let kept = (Some(identity.clone()), false);
        assert_eq!(app.default_of(id).await, kept, "{id}");
    }
    // And they act as it when it is back.
    undone(&app, &merge).await;
    assert_eq!(app.owner(&identity).await, from);
    for (id, identity) in &acting {
        let kept = (Some(identity.clone()), false);
        assert_eq!(app.default_of(id).await, kept, "{id}");
    }
    assert_eq!(lost_since(&app, &before).await, []);
}

#[rstest]
#[tokio::test]
async fn an_undo_ends_what_began_where_only_the_other_user_is_a_member(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let (acme, shared) = (
        app.organization("acme").await,
        app.organization("shared").await,
    );
    app.add_member(&acme, &into).await;
    app.add_member(&shared, &from).await;
    app.add_member(&shared, &into).await;
    let identity = app.linked(&app.provider("crm").await, &from, "1").await;
    // An account of a time when the user was a member.
    let sso = app.own_provider(&acme, "acme-crm").await;
    app.add_member(&acme, &from).await;
    let at_acme = app.linked(&sso, &from, "1").await;
    app.remove_member(&acme, &from).await;
    let of_into = app.linked(&app.provider("chat").await, &into, "1").await;
    let merge = merged(&app, &from, &into, "FAIL").await;
    let (ends, ends_too) = (
        app.acting_as(&acme, &identity).await,
        app.acting_as(&acme, &at_acme).await,
    );
    let kept = [
        (app.acting_as(&shared, &identity).await, identity.clone()),
        (app.acting_as(&acme, &of_into).await, of_into.clone()),
    ];

    let before = app.stored().await;
    let back = undone(&app, &merge).await;
    assert_eq!(back["items"], json!([]));
    assert_eq!(app.owner(&at_acme).await, from);
    for id in [&ends, &ends_too] {
        assert_eq!(app.default_of(id).await, (None, true), "{id}");
    }
    for (id, identity) in kept {
        assert_eq!(app.default_of(&id).await, (Some(identity), false), "{id}");
    }
    assert_eq!(lost_since(&app, &before).await, lost(&[&ends, &ends_too]));
    let stored = app.stored().await;
    let mut events = stored.events.iter();
    let event = events.find(|event| event.action == "org_integration.default_lost");
    let organization = event.unwrap().organization_id.as_deref();
    assert_eq!(organization, Some(acme.as_str()));
}

#[rstest]
#[tokio::test]
async fn an_undo_ends_what_acts_as_an_identity_that_had_stayed_where_its_user_is_no_member_any_more(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let (acme, kept_in) = (
        app.organization("acme").await,
        app.organization("kept").await,
    );
    app.add_member(&acme, &from).await;
    app.add_member(&kept_in, &from).await;
    let single = app.provider("single").await;
    app.linked(&single, &into, "into").await;
    let stays = app.linked(&single, &from, "from").await;
    let (ends, kept) = (
        app.acting_as(&acme, &stays).await,
        app.acting_as(&kept_in, &stays).await,
    );
    let merge = merged(&app, &from, &into, "SKIP").await;
    app.remove_member(&acme, &into).await;
    // The identity is the merged user's as long as there is a way back.
    let still = (Some(stays.clone()), false);
    assert_eq!(app.default_of(&ends).await, still);

    let before = app.stored().await;
    let back = undone(&app, &merge).await;
    assert_eq!(outcomes(&back), pairs(&[(&acme, "STAYS")]));
    assert_eq!(app.default_of(&ends).await, (None, true));
    assert_eq!(app.default_of(&kept).await, still);
    assert_eq!(lost_since(&app, &before).await, lost(&[&ends]));
}

#[rstest]
#[tokio::test]
async fn a_merge_ends_what_neither_user_is_a_member_for(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (from, into) = (app.user("from").await, app.user("into").await);
    let (acme, kept_in) = (
        app.organization("acme").await,
        app.organization("kept").await,
    );
    app.add_member(&acme, &from).await;
    app.add_member(&kept_in, &from).await;
    let identity = app.linked(&app.provider("crm").await, &from, "1").await;
    let (ends, kept) = (
        app.acting_as(&acme, &identity).await,
        app.acting_as(&kept_in, &identity).await,
    );
    app.forget_member(&acme, &from).await;
    let before = app.stored().await;
    merged(&app, &from, &into, "FAIL").await;
    assert_eq!(app.default_of(&ends).await, (None, true));
    assert_eq!(app.default_of(&kept).await, (Some(identity), false));
    assert_eq!(lost_since(&app, &before).await, lost(&[&ends]));
}
