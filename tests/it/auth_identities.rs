//! Members' links to their organizations' sign-on: made, read and taken away by the API.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use lanyard::database::{auth_identity, auth_provider, identity_provider, organization};
use lanyard::id::{AuthIdentityId, AuthProviderId, OrganizationId, ProviderId};
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Ask, text};
use crate::support::sign_on::{
    LINK_AUTH_IDENTITY, auth_identity, link_auth_identity, own_provider, sign_on,
};

/// An organization, its sign-on, and a member.
async fn acme(app: &App) -> (String, String, String) {
    let acme = app.organization("acme").await;
    let okta = own_provider(app, &acme, "acme-okta").await;
    let sign_on = sign_on(app, &acme, &okta, true).await;
    let jane = app.user("jane").await;
    app.add_member(&acme, &jane).await;
    (acme, sign_on, jane)
}

fn delete_all<'a>(app: &'a App, user: &str, organization: &str) -> Ask<'a> {
    app.ask(
        "mutation($user: ID!, $organization: ID!) {
            deleteAuthIdentities(userId: $user, organizationId: $organization) {
                deletedIds userErrors { code } } }",
    )
    .variables(json!({ "user": user, "organization": organization }))
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[track_caller]
fn is_refused(payload: &Value, code: &str, field: &str) {
    assert_eq!(payload["authIdentity"], Value::Null, "{payload:#}");
    let error = &payload["userErrors"][0];
    assert_eq!(error["code"], code, "{payload:#}");
    assert_eq!(error["field"], json!(["input", field]));
}

#[rstest]
#[tokio::test]
async fn a_member_is_linked_and_the_same_again_is_verified_now(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, sign_on, jane) = acme(&app).await;
    let before = app.stored().await;
    let first = link_auth_identity(&app, &sign_on, &jane, "j").await["authIdentity"].clone();
    let id = text(&first, "/id");
    assert_eq!(first["ident"], "j");
    assert_eq!(first["user"]["id"], json!(jane));
    assert_eq!(first["authProvider"]["id"], json!(sign_on));
    app.clock.advance(TimeDelta::hours(1));
    let again = link_auth_identity(&app, &sign_on, &jane, "j").await["authIdentity"].clone();
    assert_eq!(again["id"], json!(id));
    assert_eq!(again["dateAdded"], first["dateAdded"]);
    for field in ["lastVerified", "lastSynced"] {
        let passed = time(&again[field]) - time(&first[field]);
        assert!(passed >= TimeDelta::hours(1), "{field}: {passed}");
    }
    let stored = app.stored().await;
    let of = |action: &str| (action.to_owned(), id.clone());
    assert_eq!(
        stored.events_since(&before),
        [of("auth_identity.linked"), of("auth_identity.updated")]
    );
    for event in &stored.events[before.events.len()..] {
        assert_eq!(event.organization_id.as_ref(), Some(&acme));
        assert_eq!(event.user_id.as_ref(), Some(&jane));
    }
}

#[rstest]
#[tokio::test]
async fn nobody_takes_somebody_elses_account_nor_a_second_one(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, sign_on, jane) = acme(&app).await;
    let joe = app.user("joe").await;
    app.add_member(&acme, &joe).await;
    auth_identity(&app, &sign_on, &jane, "j").await;
    app.all_sealed().await;
    let before = app.dump().await;
    let owned = link_auth_identity(&app, &sign_on, &joe, "j").await;
    is_refused(&owned, "ACCOUNT_OWNED_BY_ANOTHER_USER", "ident");
    let another = link_auth_identity(&app, &sign_on, &jane, "k").await;
    is_refused(&another, "USER_HAS_ANOTHER_ACCOUNT", "userId");
    assert_eq!(app.dump().await, before);
    auth_identity(&app, &sign_on, &joe, "k").await;
    let both = link_auth_identity(&app, &sign_on, &joe, "j").await;
    is_refused(&both, "ACCOUNT_OWNED_BY_ANOTHER_USER", "ident");
}

#[rstest]
#[tokio::test]
async fn only_active_members_are_linked(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (acme, sign_on, _) = acme(&app).await;
    let joe = app.user("joe").await;
    let refused = link_auth_identity(&app, &sign_on, &joe, "joe").await;
    is_refused(&refused, "USER_NOT_IN_ORGANIZATION", "userId");
    app.add_member(&acme, &joe).await;
    let disabled = "mutation { upsertUser(input: { entityRef: \"user:default/joe\", status: DISABLED }) { userErrors { code } } }";
    app.ask(disabled).data().await;
    let refused = link_auth_identity(&app, &sign_on, &joe, "joe").await;
    is_refused(&refused, "USER_NOT_ACTIVE", "userId");
    for (sign_on, user, ident, code) in [
        (
            "auth_provider_01h455vb4pex5vsknk084sn02q",
            joe.as_str(),
            "x",
            "NOT_FOUND",
        ),
        (
            &sign_on,
            "user_01h455vb4pex5vsknk084sn02q",
            "x",
            "NOT_FOUND",
        ),
        (&sign_on, &joe, "", "BAD_USER_INPUT"),
        (&sign_on, &joe, &"x".repeat(1025), "BAD_USER_INPUT"),
    ] {
        let input = json!({ "authProviderId": sign_on, "userId": user, "ident": ident });
        let ask = app
            .ask(LINK_AUTH_IDENTITY)
            .variables(json!({ "input": input }));
        assert_eq!(ask.code().await, code, "{ident}");
    }
}

#[rstest]
#[tokio::test]
async fn at_the_same_moment_one_member_gets_the_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, sign_on, _) = acme(&app).await;
    let mut users = Vec::new();
    for number in 0..8 {
        let user = app.user(&format!("user-{number}")).await;
        app.add_member(&acme, &user).await;
        users.push(user);
    }
    for round in 0..5 {
        let ident = format!("account-{round}");
        let calls = users
            .iter()
            .map(|user| link_auth_identity(&app, &sign_on, user, &ident));
        let payloads = join_all(calls).await;
        let won: Vec<_> = payloads
            .iter()
            .filter(|payload| !payload["authIdentity"].is_null())
            .collect();
        assert_eq!(won.len(), 1, "{payloads:#?}");
        for payload in payloads
            .iter()
            .filter(|payload| payload["authIdentity"].is_null())
        {
            is_refused(payload, "ACCOUNT_OWNED_BY_ANOTHER_USER", "ident");
        }
        let winner = text(won[0], "/authIdentity/user/id");
        delete_all(&app, &winner, &acme).data().await;
    }
}

#[rstest]
#[tokio::test]
async fn a_persons_sign_on_in_an_organization_is_taken_away_and_nothing_else(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, at_acme, jane) = acme(&app).await;
    let joe = app.user("joe").await;
    app.add_member(&acme, &joe).await;
    let other = app.organization("other").await;
    app.add_member(&other, &jane).await;
    let okta = own_provider(&app, &other, "other-okta").await;
    // Members may not be without a link there, and it is Jane's only way in: nobody asks.
    let at_other = sign_on(&app, &other, &okta, false).await;
    app.linked(&okta, &jane, "jane").await;
    let gone = auth_identity(&app, &at_other, &jane, "jane").await;
    let kept = [
        auth_identity(&app, &at_acme, &jane, "j").await,
        auth_identity(&app, &at_acme, &joe, "joe").await,
    ];
    let before = app.stored().await;
    let payload = delete_all(&app, &jane, &other).data().await["deleteAuthIdentities"].clone();
    assert_eq!(payload, json!({ "deletedIds": [gone], "userErrors": [] }));
    let stored = app.stored().await;
    assert_eq!(stored.identities, before.identities, "identities stay");
    assert_eq!(
        stored.events_since(&before),
        [("auth_identity.deleted".to_owned(), gone)]
    );
    for id in &kept {
        let node = app
            .ask("query($id: ID!) { node(id: $id) { id } }")
            .variables(json!({ "id": id }));
        assert_eq!(node.data().await["node"]["id"], json!(id));
    }
    let payload = delete_all(&app, &jane, &other).data().await["deleteAuthIdentities"].clone();
    assert_eq!(payload, json!({ "deletedIds": [], "userErrors": [] }));
    let (nobody, nowhere) = (
        "user_01h455vb4pex5vsknk084sn02q",
        "organization_01h455vb4pex5vsknk084sn02q",
    );
    for (user, organization) in [(nobody, acme.as_str()), (&jane, nowhere)] {
        let refused = delete_all(&app, user, organization);
        assert_eq!(refused.code().await, "NOT_FOUND");
    }
}

#[rstest]
#[tokio::test]
async fn a_bound_key_reaches_its_own_organizations_only(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, at_acme, jane) = acme(&app).await;
    let other = app.organization("other").await;
    app.add_member(&other, &jane).await;
    let okta = own_provider(&app, &other, "other-okta").await;
    let at_other = sign_on(&app, &other, &okta, true).await;
    let foreign = auth_identity(&app, &at_other, &jane, "jane").await;
    let own = auth_identity(&app, &at_acme, &jane, "j").await;
    let key = app.bound_key(&acme, &["admin"]).await;
    let stranger = app.user("joe").await;
    app.all_sealed().await;
    let before = app.dump().await;
    for (sign_on, user) in [(&at_other, &jane), (&at_acme, &stranger)] {
        let input = json!({ "authProviderId": sign_on, "userId": user, "ident": "x" });
        let ask = app
            .ask(LINK_AUTH_IDENTITY)
            .by(&key)
            .variables(json!({ "input": input }));
        assert_eq!(ask.code().await, "NOT_FOUND");
    }
    let one = app
        .ask("mutation($id: ID!) { deleteAuthIdentity(id: $id) { deletedId } }")
        .by(&key)
        .variables(json!({ "id": foreign }));
    assert_eq!(one.code().await, "NOT_FOUND");
    let all = delete_all(&app, &jane, &other).by(&key);
    assert_eq!(all.code().await, "NOT_FOUND");
    let stranger = delete_all(&app, &stranger, &acme).by(&key);
    assert_eq!(stranger.code().await, "NOT_FOUND");
    assert_eq!(app.dump().await, before);
    let seen = app
        .ask("query($id: ID!) { user(id: $id) { authIdentities { id } } }")
        .by(&key)
        .variables(json!({ "id": jane }))
        .data()
        .await;
    assert_eq!(seen["user"]["authIdentities"], json!([{ "id": own }]));
}

#[rstest]
#[tokio::test]
async fn more_links_of_a_user_than_are_answered_at_once_are_refused(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (_, first, jane) = acme(&app).await;
    let link = auth_identity(&app, &first, &jane, "j").await;
    more_sign_ons(&app, &link, 99).await;
    let ask = || {
        app.ask("query($id: ID!) { user(id: $id) { authIdentities { id } } }")
            .variables(json!({ "id": jane }))
    };
    let most = ask().data().await;
    let links = most["user"]["authIdentities"].as_array().unwrap();
    assert_eq!(links.len(), 100);
    more_sign_ons(&app, &link, 1).await;
    assert_eq!(ask().code().await, "LIMIT_EXCEEDED");
}

/// The organization of the link, its sign-on and the link, so many times again.
async fn more_sign_ons(app: &App, link: &str, count: usize) {
    let db = app.database.reader();
    let link = auth_identity::by_ids(db, &[link.parse().unwrap()]).await;
    let link = &link.unwrap()[0];
    let sign_on = auth_provider::by_ids(db, &[link.auth_provider_id]).await;
    let sign_on = &sign_on.unwrap()[0];
    let provider = identity_provider::by_ids(db, &[sign_on.provider_id]).await;
    let provider = &provider.unwrap()[0];
    app.database
        .write(|tx| async move {
            for _ in 0..count {
                let organization = organization::Model {
                    id: OrganizationId::new(&app.clock),
                    slug: OrganizationId::new(&app.clock).to_string(),
                    name: "Another".to_owned(),
                    date_added: link.date_added,
                };
                let provider = identity_provider::Model {
                    id: ProviderId::new(&app.clock),
                    slug: organization.slug.clone(),
                    organization_id: Some(organization.id),
                    ..provider.clone()
                };
                let sign_on = auth_provider::Model {
                    id: AuthProviderId::new(&app.clock),
                    organization_id: organization.id,
                    provider_id: provider.id,
                    ..sign_on.clone()
                };
                let link = auth_identity::Model {
                    id: AuthIdentityId::new(&app.clock),
                    auth_provider_id: sign_on.id,
                    organization_id: organization.id,
                    ..link.clone()
                };
                organization::insert(&tx, organization).await?;
                let provider = provider.into_active_model();
                let insert = identity_provider::Entity::insert(provider);
                insert.exec_without_returning(&*tx).await?;
                let sign_on = sign_on.into_active_model();
                let insert = auth_provider::Entity::insert(sign_on);
                insert.exec_without_returning(&*tx).await?;
                auth_identity::insert(&tx, link).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[rstest]
#[tokio::test]
async fn the_links_of_a_sign_on_are_paged_and_people_see_their_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (acme, sign_on, jane) = acme(&app).await;
    let mut ids = vec![auth_identity(&app, &sign_on, &jane, "j").await];
    for number in 0..4 {
        let user = app.user(&format!("user-{number}")).await;
        app.add_member(&acme, &user).await;
        ids.push(auth_identity(&app, &sign_on, &user, &format!("{number}")).await);
    }
    ids.sort();
    let query = |page: &str| {
        format!(
            "query($id: ID!) {{ authProvider(organizationId: $id) {{ authIdentities({page}) {{
                nodes {{ id }} totalCount pageInfo {{ hasNextPage endCursor }} }} }} }}"
        )
    };
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let data = app
            .ask(&query(&format!("first: 2{after}")))
            .variables(json!({ "id": acme }))
            .data()
            .await;
        let list = &data["authProvider"]["authIdentities"];
        assert_eq!(list["totalCount"], 5);
        let nodes = list["nodes"].as_array().unwrap();
        seen.extend(nodes.iter().map(|node| text(node, "/id")));
        if list["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", list["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, ids);
    let door = app.provider("door").await;
    let token = app.session(&jane, &door).await;
    let data = app
        .ask(&query("first: 2"))
        .by_person(&token)
        .variables(json!({ "id": acme }))
        .data()
        .await;
    let list = &data["authProvider"]["authIdentities"];
    assert_eq!(list["totalCount"], 1);
    assert_eq!(list["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(list["pageInfo"]["hasNextPage"], false);
    let mine =
        "{ viewer { ... on User { authIdentities { ident disconnect authProvider { id } } } } }";
    let data = app.ask(mine).by_person(&token).data().await;
    assert_eq!(
        data["viewer"]["authIdentities"],
        json!([{
            "ident": "j", "disconnect": "NEEDED_FOR_GLOBAL_AUTH", "authProvider": { "id": sign_on },
        }])
    );
}
