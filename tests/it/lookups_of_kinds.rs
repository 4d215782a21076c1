//! userIdentities, node and nodes, user, identityProvider.

use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

const UNKNOWN_USER: &str = "user_01h455vb4pex5vsknk084sn02q";

async fn user_identities(app: &App, user: &str, provider_type: &str, exclude: bool) -> Vec<String> {
    let data = app
        .ask(
            "query($u: ID!, $t: String!, $e: Boolean!) {
            userIdentities(userId: $u, providerType: $t, excludeMatchingExternalIds: $e) { id } }",
        )
        .variables(json!({ "u": user, "t": provider_type, "e": exclude }))
        .data()
        .await;
    let found = data["userIdentities"].as_array().unwrap();
    found.iter().map(|row| text(row, "/id")).collect()
}

#[rstest]
#[tokio::test]
async fn a_users_identities_of_a_type_leave_out_those_that_name_the_instance(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, john) = (app.user("jane").await, app.user("john").await);
    let team = async |slug: &str| {
        let input = json!({ "externalId": slug.to_uppercase(), "allowsMultiplePerUser": true });
        app.provider_with(slug, input).await
    };
    let (one, two) = (team("t1").await, team("t2").await);
    let github = json!({ "type": "github", "clientId": "id", "clientSecret": "s" });
    let github = app.provider_with("github", github).await;
    let account = app.linked(&one, &jane, "u1").await;
    let of_team = app.linked(&one, &jane, "T1").await;
    let of_other_team = app.linked(&one, &jane, "T2").await;
    let in_second = app.linked(&two, &jane, "T1").await;
    let lower_case = app.linked(&two, &jane, "t2").await;
    app.linked(&two, &john, "T2").await;
    let no_external_id = app.linked(&github, &jane, "1").await;

    let all = [
        account.clone(),
        of_team,
        of_other_team.clone(),
        in_second.clone(),
        lower_case.clone(),
    ];
    assert_eq!(
        user_identities(&app, &jane, "custom", false).await,
        sorted(&all)
    );
    let expected = sorted(&[account, of_other_team, in_second, lower_case]);
    assert_eq!(user_identities(&app, &jane, "custom", true).await, expected);
    for exclude in [false, true] {
        let found = user_identities(&app, &jane, "github", exclude).await;
        assert_eq!(
            found,
            [no_external_id.clone()],
            "no external id excludes nothing"
        );
        let none: [String; 0] = [];
        assert_eq!(user_identities(&app, &jane, "gitlab", exclude).await, none);
        assert_eq!(
            user_identities(&app, UNKNOWN_USER, "custom", exclude).await,
            none
        );
    }
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

#[rstest]
#[tokio::test]
async fn more_identities_than_a_list_holds_are_refused_not_cut(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    app.linked(&provider, &user, "0").await;
    let first = app.stored().await.identities[0].clone();
    let rows = (1..1000).map(|number| {
        lanyard::database::identity::Model {
            id: lanyard::id::IdentityId::new(&app.clock),
            external_id: number.to_string(),
            account_slot: number.to_string(),
            is_primary: false,
            ..first.clone()
        }
        .into_active_model()
    });
    let rows: Vec<_> = rows.collect();
    app.database
        .write(|tx| {
            let rows = rows.clone();
            async move {
                lanyard::database::identity::Entity::insert_many(rows)
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            }
        })
        .await
        .unwrap();
    assert_eq!(
        user_identities(&app, &user, "custom", false).await.len(),
        1000
    );
    app.linked(&provider, &user, "1000").await;
    let code = app
        .ask("query($u: ID!) { userIdentities(userId: $u, providerType: \"custom\") { id } }")
        .variables(json!({ "u": user }))
        .code()
        .await;
    assert_eq!(code, "LIMIT_EXCEEDED");
}

const NODES: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id
    ... on Identity { externalId } ... on IdentityProvider { slug } ... on User { entityRef }
    ... on ApiKey { name } ... on AuditEvent { action } ... on Session { userAgent } } }";

#[rstest]
#[tokio::test]
async fn nodes_of_every_kind_come_in_the_order_of_the_ids_with_null_for_missing_ones(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    let identity = app.linked(&provider, &user, "1").await;
    let viewer = app.ask("{ viewer { ... on ApiKey { id } } }").data().await;
    let key = text(&viewer, "/viewer/id");
    let event = app.stored().await.events[0].id.to_string();
    let opened = app.opened(app.new_session(&user, &provider)).await;
    let session = opened.row.id.to_string();
    let missing = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    let known = [
        json!({ "__typename": "User", "id": user, "entityRef": "user:default/jane" }),
        json!({ "__typename": "Identity", "id": identity, "externalId": "1" }),
        json!({ "__typename": "IdentityProvider", "id": provider, "slug": "crm" }),
        json!({ "__typename": "ApiKey", "id": key, "name": "first admin key" }),
        json!({ "__typename": "AuditEvent", "id": event, "action": "api_key.created" }),
        json!({ "__typename": "Session", "id": session, "userAgent": "Browser/1.0" }),
    ];
    let mut ids = Vec::new();
    let mut expected = Vec::new();
    for (node, prefix) in known.iter().zip([
        "event", "api_key", "user", "session", "provider", "identity",
    ]) {
        ids.extend([text(node, "/id"), missing(prefix), text(node, "/id")]);
        expected.extend([node.clone(), Value::Null, node.clone()]);
    }
    let found = app.ask(NODES).variables(json!({ "ids": ids })).data().await;
    assert_eq!(found["nodes"], json!(expected));
    ids.reverse();
    expected.reverse();
    let found = app.ask(NODES).variables(json!({ "ids": ids })).data().await;
    assert_eq!(found["nodes"], json!(expected));
    for (node, id) in expected.iter().zip(&ids) {
        let one = app
            .ask("query($id: ID!) { node(id: $id) { id } }")
            .variables(json!({ "id": id }))
            .data()
            .await;
        assert_eq!(one["node"]["id"], node["id"]);
    }
}

#[rstest]
#[tokio::test]
async fn nodes_takes_a_hundred_ids_and_only_ids(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let user = app.user("jane").await;
    let ask = async |ids: Value| {
        app.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }")
            .variables(json!({ "ids": ids }))
            .send()
            .await
    };
    assert_eq!(ask(json!([])).await.data()["nodes"], json!([]));
    let hundred = ask(json!(vec![user.clone(); 100])).await.data();
    assert_eq!(hundred["nodes"], json!(vec![json!({ "id": user }); 100]));
    for wrong in [
        json!(vec![user.clone(); 101]),
        json!([user, "x"]),
        json!(["thing_01h455vb4pex5vsknk084sn02q"]),
        json!([""]),
        json!(["user_\0"]),
    ] {
        assert_eq!(ask(wrong.clone()).await.code(), "BAD_USER_INPUT", "{wrong}");
    }
}

async fn user(app: &App, arguments: &str) -> Answer {
    app.ask(&format!("{{ user({arguments}) {{ id }} }}"))
        .send()
        .await
}

#[rstest]
#[tokio::test]
async fn a_user_is_found_by_id_by_reference_or_by_address(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let jane = app.user("jane").await;
    app.user("john").await;
    for arguments in [
        &format!("id: {jane:?}"),
        "entityRef: \"user:default/jane\"",
        "entityRef: \"User:jane\"",
        "entityRef: \"USER:DEFAULT/JANE\"",
        "email: \"jane@example.org\"",
        "email: \"JANE@Example.ORG\"",
        &format!("id: {jane:?}, email: null"),
    ] {
        assert_eq!(
            user(&app, arguments).await.data(),
            json!({ "user": { "id": jane } }),
            "{arguments}"
        );
    }
    for arguments in [
        &format!("id: {UNKNOWN_USER:?}"),
        "entityRef: \"user:default/nobody\"",
        "entityRef: \"group:default/jane\"",
        "entityRef: \"user:other/jane\"",
        "email: \"nobody@example.org\"",
        "email: \"jane@example.or\"",
    ] {
        assert_eq!(
            user(&app, arguments).await.data(),
            json!({ "user": null }),
            "{arguments}"
        );
    }
    for arguments in [
        &format!("id: {jane:?}, email: \"jane@example.org\""),
        &format!("id: {jane:?}, entityRef: \"user:jane\""),
        "email: \"jane@example.org\", entityRef: \"user:jane\"",
        "id: null",
        "id: \"provider_01h455vb4pex5vsknk084sn02q\"",
        "id: \"jane\"",
        "entityRef: \"jane\"",
        "entityRef: \"\"",
        "email: \"\"",
        "email: \"a\\u0000\"",
    ] {
        assert_eq!(
            user(&app, arguments).await.code(),
            "BAD_USER_INPUT",
            "{arguments}"
        );
    }
    let none = app.ask("{ user { id } }").code().await;
    assert_eq!(none, "BAD_USER_INPUT");
}

#[rstest]
#[tokio::test]
async fn an_address_of_several_users_is_ambiguous(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (jane, john) = (app.user("jane").await, app.user("john").await);
    let changed = app
        .ask("mutation { upsertUser(input: {entityRef: \"user:john\", email: \"JANE@example.org\"}) { user { id } } }")
        .data()
        .await;
    assert_eq!(changed["upsertUser"]["user"]["id"], john);
    let answer = user(&app, "email: \"Jane@Example.org\"").await;
    assert_eq!(answer.code(), "AMBIGUOUS");
    let all = app
        .ask("{ users(filter: {email: \"Jane@Example.org\"}) { nodes { id } totalCount } }")
        .data()
        .await;
    let ids = sorted(&[jane, john]);
    assert_eq!(
        all["users"],
        json!({ "nodes": [{ "id": ids[0] }, { "id": ids[1] }], "totalCount": 2 })
    );
    let gone = user(&app, "email: \"john@example.org\"").await;
    assert_eq!(gone.data()["user"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_provider_is_found_by_id_slug_or_instance_and_the_id_wins(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let crm = app
        .provider_with("crm", json!({ "externalId": "Acme" }))
        .await;
    let github = json!({ "type": "github", "clientId": "id", "clientSecret": "s" });
    let github = app.provider_with("hub", github).await;
    let find = async |arguments: &str| {
        app.ask(&format!("{{ identityProvider({arguments}) {{ id }} }}"))
            .send()
            .await
    };
    for (arguments, id) in [
        (format!("id: {crm:?}"), &crm),
        (
            format!("id: {crm:?}, slug: \"hub\", type: \"github\""),
            &crm,
        ),
        ("slug: \"hub\"".to_owned(), &github),
        (
            "slug: \"hub\", type: \"custom\", externalId: \"Acme\"".to_owned(),
            &github,
        ),
        ("type: \"custom\", externalId: \"Acme\"".to_owned(), &crm),
        ("type: \"github\"".to_owned(), &github),
        ("type: \"github\", externalId: null".to_owned(), &github),
    ] {
        let found = find(&arguments).await.data();
        assert_eq!(found["identityProvider"]["id"], *id, "{arguments}");
    }
    for arguments in [
        "id: \"provider_01h455vb4pex5vsknk084sn02q\"",
        "slug: \"CRM\"",
        "type: \"custom\"",
        "type: \"custom\", externalId: \"acme\"",
        "type: \"github\", externalId: \"Acme\"",
        "type: \"none\"",
    ] {
        let found = find(arguments).await.data();
        assert_eq!(found["identityProvider"], Value::Null, "{arguments}");
    }
    for arguments in [
        "externalId: \"Acme\"",
        "id: null",
        "slug: \"\"",
        "slug: \"\\u0000\"",
        "type: \"\"",
        "type: \"custom\", externalId: \"\\u0000\"",
        &format!("id: {UNKNOWN_USER:?}"),
    ] {
        assert_eq!(
            find(arguments).await.code(),
            "BAD_USER_INPUT",
            "{arguments}"
        );
    }
}
