//! Members of organizations: added, listed, removed, and what ends with a membership.

use futures_util::future::{join, join_all};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::sign_on;
use crate::support::tenancy::codes;

const ADD: &str = "addOrganizationMember";
const REMOVE: &str = "removeOrganizationMember";

/// The members by their ids, and how many there are.
async fn members(app: &App, organization: &str) -> (Vec<String>, Value) {
    let data = app
        .ask("query($id: ID!) { organization(id: $id) { members(first: 100) { totalCount nodes { id } } } }")
        .variables(json!({ "id": organization }))
        .data()
        .await;
    let list = &data["organization"]["members"];
    let nodes = list["nodes"].as_array().unwrap().iter();
    (
        nodes.map(|node| text(node, "/id")).collect(),
        list["totalCount"].clone(),
    )
}

#[rstest]
#[tokio::test]
async fn a_member_is_added_and_removed_once(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (acme, jane) = (app.organization("acme").await, app.user("jane").await);
    let before = app.stored().await;
    for what in [REMOVE, ADD, ADD, REMOVE, REMOVE] {
        let payload = app.membership(what, &acme, &jane).await.data()[what].clone();
        assert_eq!(payload["organization"]["id"], acme.as_str(), "{payload:#}");
        assert_eq!(codes(&payload), [""; 0]);
        let expected = if what == ADD {
            vec![jane.clone()]
        } else {
            vec![]
        };
        let count = json!(expected.len());
        assert_eq!(members(&app, &acme).await, (expected, count));
    }
    let events = app.stored().await.events_since(&before);
    let expected = ["organization.member_added", "organization.member_removed"];
    assert_eq!(
        events,
        expected.map(|action| (action.to_owned(), acme.clone()))
    );
    let rows = app.stored().await.events;
    for row in &rows[rows.len() - 2..] {
        assert_eq!(row.user_id.as_deref(), Some(jane.as_str()));
        assert_eq!(row.organization_id.as_deref(), Some(acme.as_str()));
    }
}

#[rstest]
#[tokio::test]
async fn nobody_unknown_or_inactive_becomes_a_member(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (acme, jane) = (app.organization("acme").await, app.user("jane").await);
    app.add_member(&acme, &jane).await;
    let disabled = app.user("disabled").await;
    for name in ["jane", "disabled"] {
        app.ask(&format!("mutation {{ upsertUser(input: {{ entityRef: \"user:default/{name}\", status: DISABLED }}) {{ userErrors {{ code }} }} }}"))
            .data()
            .await;
    }
    app.all_sealed().await;
    let before = app.dump().await;
    let refused = app.membership(ADD, &acme, &disabled).await.data()[ADD].clone();
    assert_eq!(refused["organization"], Value::Null);
    assert_eq!(codes(&refused), ["USER_NOT_ACTIVE"]);
    assert_eq!(refused["userErrors"][0]["field"], json!(["userId"]));
    // Whoever is in already is not added.
    assert_eq!(
        codes(&app.membership(ADD, &acme, &jane).await.data()[ADD]),
        [""; 0]
    );
    let (no_organization, nobody) = (
        "organization_01h455vb4pex5vsknk084sn02q",
        "user_01h455vb4pex5vsknk084sn02q",
    );
    for what in [ADD, REMOVE] {
        for (organization, user) in [(no_organization, jane.as_str()), (&acme, nobody)] {
            let answer = app.membership(what, organization, user).await;
            assert_eq!(answer.code(), "NOT_FOUND", "{what} {organization} {user}");
        }
        let answer = app.membership(what, &jane, &acme).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{what}");
    }
    app.all_sealed().await;
    assert_eq!(app.dump().await, before);
    // A person who can't act can leave.
    app.remove_member(&acme, &jane).await;
    assert_eq!(members(&app, &acme).await, (vec![], json!(0)));
}

#[rstest]
#[tokio::test]
async fn members_are_paged_both_ways(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (acme, other) = (
        app.organization("acme").await,
        app.organization("other").await,
    );
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(app.member(&acme, &format!("user-{number}")).await);
    }
    app.add_member(&other, &ids[2]).await;
    app.user("nowhere").await;
    let query = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
        organization(id: $id) { members(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { id entityRef }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } }
    }";
    let page = async |mut variables: Value| {
        variables["id"] = json!(acme);
        let data = app.ask(query).variables(variables).data().await;
        data["organization"]["members"].clone()
    };
    let found = |page: &Value| -> Vec<String> {
        let nodes = page["nodes"].as_array().unwrap().iter();
        nodes.map(|node| text(node, "/id")).collect()
    };
    let first = page(json!({ "first": 2 })).await;
    assert_eq!(
        (found(&first), &first["totalCount"]),
        (ids[..2].to_vec(), &json!(5))
    );
    let next = page(json!({ "first": 2, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(found(&next), ids[2..4]);
    assert_eq!(next["pageInfo"]["hasNextPage"], true);
    let rest = page(json!({ "first": 2, "after": next["pageInfo"]["endCursor"] })).await;
    assert_eq!(found(&rest), ids[4..]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    let back = page(json!({ "last": 3, "before": rest["pageInfo"]["startCursor"] })).await;
    assert_eq!(found(&back), ids[1..4]);
    assert_eq!(back["pageInfo"]["hasPreviousPage"], true);
}

#[rstest]
#[tokio::test]
async fn the_organizations_of_users_are_those_that_the_caller_sees(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (a, b) = (app.organization("a").await, app.organization("b").await);
    let jane = app.member(&a, "jane").await;
    app.add_member(&b, &jane).await;
    app.member(&b, "joe").await;
    app.tick();
    app.user("jim").await;
    let query = "{ users { nodes { entityRef organizations { slug } } } }";
    let seen = |data: Value| -> Vec<(String, Vec<String>)> {
        let nodes = data["users"]["nodes"].as_array().unwrap().iter();
        nodes
            .map(|node| {
                let own = node["organizations"].as_array().unwrap().iter();
                let reference = text(node, "/entityRef").replace("user:default/", "");
                (reference, own.map(|row| text(row, "/slug")).collect())
            })
            .collect()
    };
    let of = |name: &str, slugs: &[&str]| {
        let slugs = slugs.iter().map(|slug| (*slug).to_owned()).collect();
        (name.to_owned(), slugs)
    };
    let all = seen(app.ask(query).data().await);
    assert_eq!(
        all,
        [of("jane", &["a", "b"]), of("joe", &["b"]), of("jim", &[])]
    );
    let bound = app
        .bound_key(&a, &["directory:read", "integration:read"])
        .await;
    let by_bound = seen(app.ask(query).by(&bound).data().await);
    assert_eq!(by_bound, [of("jane", &["a"])]);
    let door = app.provider("door").await;
    let session = app.session(&jane, &door).await;
    let own = seen(app.ask(query).by_person(&session).data().await);
    assert_eq!(own, [of("jane", &["a", "b"])]);
    // Who is where is the organizations' to tell, not the directory's alone.
    let directory = app.key("directory", &["directory:read"]).await;
    assert_eq!(app.ask(query).by(&directory).code().await, "FORBIDDEN");
}

#[rstest]
#[tokio::test]
async fn more_organizations_of_a_user_than_are_answered_at_once_are_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    let mut rows = Vec::new();
    let now = app.clock.now();
    for number in 0..101 {
        rows.push(lanyard::database::organization::Model {
            id: lanyard::id::OrganizationId::new(&app.clock),
            slug: format!("org-{number}"),
            name: "Org".to_owned(),
            date_added: now,
        });
    }
    let user: lanyard::id::UserId = jane.parse().unwrap();
    let in_most = |count: usize| {
        let rows = &rows;
        let app = &app;
        async move {
            app.execute("DELETE FROM organization_member").await;
            app.execute("DELETE FROM organization").await;
            app.database
                .write(|tx| async move {
                    use lanyard::database::{organization, organization_member};
                    for row in &rows[..count] {
                        organization::insert(&tx, row.clone()).await?;
                        let member = organization_member::Model {
                            organization_id: row.id,
                            user_id: user,
                            date_added: now,
                        };
                        organization_member::insert(&tx, member).await?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
            let query = "query($id: ID!) { user(id: $id) { organizations { id } } }";
            app.ask(query)
                .variables(json!({ "id": user.to_string() }))
                .send()
                .await
        }
    };
    let most = in_most(100).await.data();
    assert_eq!(most["user"]["organizations"].as_array().unwrap().len(), 100);
    assert_eq!(in_most(101).await.code(), "LIMIT_EXCEEDED");
}

#[rstest]
#[tokio::test]
async fn what_rests_on_a_membership_ends_with_it(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (a, b) = (app.organization("a").await, app.organization("b").await);
    let jane = app.member(&a, "jane").await;
    app.add_member(&b, &jane).await;
    let joe = app.member(&a, "joe").await;
    let shared = app.provider("shared").await;
    let (own_a, own_b) = (
        app.own_provider(&a, "own-a").await,
        app.own_provider(&b, "own-b").await,
    );
    let at_shared = app.linked(&shared, &jane, "jane").await;
    let at_a = app.linked(&own_a, &jane, "jane").await;
    app.linked(&own_b, &jane, "jane").await;
    let of_joe = app.linked(&own_a, &joe, "joe").await;
    let sign_on_a = sign_on::sign_on(&app, &a, &own_a, true).await;
    let sign_on_b = sign_on::sign_on(&app, &b, &own_b, true).await;
    let auth = sign_on::auth_identity(&app, &sign_on_a, &jane, "jane").await;
    sign_on::auth_identity(&app, &sign_on_a, &joe, "joe").await;
    sign_on::auth_identity(&app, &sign_on_b, &jane, "jane").await;
    let (lost, lost_too) = (
        app.acting_as(&a, &at_shared).await,
        app.acting_as(&a, &at_a).await,
    );
    let kept = [
        (app.acting_as(&b, &at_shared).await, at_shared.clone()),
        (app.acting_as(&a, &of_joe).await, of_joe.clone()),
    ];
    let ended = app.opened(app.new_session(&jane, &own_a)).await;
    let (by_b, by_shared, of_joe) = (
        app.opened(app.new_session(&jane, &own_b)).await.row.id,
        app.opened(app.new_session(&jane, &shared)).await.row.id,
        app.opened(app.new_session(&joe, &own_a)).await.row.id,
    );
    let before = app.stored().await;
    app.remove_member(&a, &jane).await;

    let after = app.stored().await;
    assert_eq!(after.identities, before.identities, "identities stay");
    let sessions: Vec<_> = app.sessions().await.into_iter().map(|row| row.id).collect();
    assert_eq!(sessions, [by_b, by_shared, of_joe]);
    for id in [&lost, &lost_too] {
        assert_eq!(app.default_of(id).await, (None, true), "{id}");
    }
    for (id, identity) in kept {
        assert_eq!(app.default_of(&id).await, (Some(identity), false), "{id}");
    }
    let stored = app.dump().await;
    assert_eq!(stored["auth_identity"].len(), 2, "{stored:#?}");
    let mut lost = [lost, lost_too];
    lost.sort();
    let told = |action: &str, target: &str| (action.to_owned(), target.to_owned());
    assert_eq!(
        after.events_since(&before),
        [
            told("organization.member_removed", &a),
            told("auth_identity.deleted", &auth),
            told("session.ended", &ended.row.id.to_string()),
            told("org_integration.default_lost", &lost[0]),
            told("org_integration.default_lost", &lost[1]),
        ]
    );
    let event = after.events.last().unwrap();
    assert_eq!(event.organization_id.as_deref(), Some(a.as_str()));
    assert_eq!(event.user_id.as_ref(), Some(&jane));
    assert_eq!(event.after_json.clone().unwrap().0["status"], "ACTIVE");
    let request = after.events[before.events.len()].request_id.clone();
    let same = after.events[before.events.len()..].iter();
    assert!(
        same.clone().all(|event| event.request_id == request),
        "one request"
    );
}

#[rstest]
#[tokio::test]
async fn a_session_by_the_provider_of_an_organization_that_was_left_is_over(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let a = app.organization("a").await;
    let jane = app.member(&a, "jane").await;
    let own = app.own_provider(&a, "own").await;
    let session = app.session(&jane, &own).await;
    let viewer = "{ viewer { ... on User { id } } }";
    let seen = app.ask(viewer).by_person(&session).data().await;
    assert_eq!(seen["viewer"]["id"], jane.as_str());
    // However the membership went: the session itself is there still.
    app.execute("DELETE FROM organization_member").await;
    assert_eq!(app.sessions().await.len(), 1);
    let seen = app.ask(viewer).by_person(&session).send().await;
    assert!(seen.body["data"]["viewer"].is_null(), "{:#}", seen.body);
}

#[rstest]
#[tokio::test]
async fn adding_and_removing_at_once_leaves_events_that_tell_the_row(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, jane) = (app.organization("acme").await, app.user("jane").await);
    let before = app.stored().await;
    for _ in 0..5 {
        let calls = (0..16).map(|number| {
            let what = if number % 2 == 0 { ADD } else { REMOVE };
            app.membership(what, &acme, &jane)
        });
        for answer in join_all(calls).await {
            answer.data();
        }
    }
    // One after the other: nobody is added twice, and nobody who is out is removed.
    let events = app.stored().await.events_since(&before);
    for (number, (action, _)) in events.iter().enumerate() {
        let expected = ["organization.member_added", "organization.member_removed"][number % 2];
        assert_eq!(action, expected, "{events:?}");
    }
    let is_member = members(&app, &acme).await.0 == [jane];
    assert_eq!(is_member, events.len() % 2 == 1, "{events:?}");
}

/// Linking asks for the membership under the user's lock, and removing holds it: whoever is
/// linked was a member then.
#[rstest]
#[tokio::test]
async fn nobody_is_linked_at_an_organizations_provider_after_being_removed(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let acme = app.organization("acme").await;
    let own = app.own_provider(&acme, "own").await;
    for round in 0..20 {
        let user = app.member(&acme, &format!("user-{round}")).await;
        let before = app.stored().await;
        let input = json!({ "providerId": own, "userId": user, "externalId": format!("{round}") });
        let (linked, removed) = join(app.link(input), app.membership(REMOVE, &acme, &user)).await;
        assert_eq!(codes(&removed.data()[REMOVE]), [""; 0]);
        let events = app.stored().await.events_since(&before);
        let actions: Vec<&str> = events.iter().map(|(action, _)| action.as_str()).collect();
        let linked = linked.data()["linkIdentity"].clone();
        match linked["outcome"].as_str() {
            Some("CREATED") => assert_eq!(
                actions,
                ["identity.linked", "organization.member_removed"],
                "{linked:#}"
            ),
            _ => {
                assert_eq!(codes(&linked), ["USER_NOT_IN_ORGANIZATION"]);
                assert_eq!(actions, ["organization.member_removed"]);
            }
        }
    }
}
