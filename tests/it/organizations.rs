//! Organizations: made, found, renamed, given their mail domains.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};
use crate::support::tenancy::codes;

async fn create(app: &App, input: Value) -> Answer {
    app.ask(
        "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
            organization { id slug name domains } userErrors { code field }
        } }",
    )
    .variables(json!({ "input": input }))
    .send()
    .await
}

async fn update(app: &App, input: Value) -> Answer {
    app.ask(
        "mutation($input: UpdateOrganizationInput!) { updateOrganization(input: $input) {
            organization { id slug name domains } userErrors { code field }
        } }",
    )
    .variables(json!({ "input": input }))
    .send()
    .await
}

#[rstest]
#[tokio::test]
async fn an_organization_is_found_by_id_and_by_slug(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let made = create(&app, json!({ "slug": "acme", "name": "Acme GmbH" })).await;
    let made = made.data()["createOrganization"]["organization"].clone();
    let id = text(&made, "/id");
    assert!(id.starts_with("organization_"), "{id}");
    let expected = json!({ "id": id, "slug": "acme", "name": "Acme GmbH", "domains": [] });
    assert_eq!(made, expected);
    let query = "query($id: ID, $slug: String) { organization(id: $id, slug: $slug) { id slug name domains } }";
    let find = |variables: Value| app.ask(query).variables(variables).send();
    for variables in [json!({ "id": id }), json!({ "slug": "acme" })] {
        assert_eq!(find(variables).await.data()["organization"], expected);
    }
    let unknown = "organization_01h455vb4pex5vsknk084sn02q";
    for variables in [json!({ "id": unknown }), json!({ "slug": "none" })] {
        assert_eq!(find(variables).await.data()["organization"], Value::Null);
    }
    let another_kind = "user_01h455vb4pex5vsknk084sn02q";
    for variables in [
        json!({}),
        json!({ "id": id, "slug": "acme" }),
        json!({ "id": another_kind }),
        json!({ "slug": "" }),
        json!({ "slug": "a".repeat(64) }),
        json!({ "slug": "a\u{0}" }),
    ] {
        let answer = find(variables.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{variables}");
    }
    let node = app
        .ask("query($id: ID!) { node(id: $id) { ... on Organization { slug } } }")
        .variables(json!({ "id": id }))
        .data()
        .await;
    assert_eq!(node["node"]["slug"], "acme");
}

#[rstest]
#[tokio::test]
async fn a_slug_is_one_organizations(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    app.organization("acme").await;
    let before = app.dump().await;
    let again = create(&app, json!({ "slug": "acme", "name": "Another" })).await;
    let again = &again.data()["createOrganization"];
    assert_eq!(again["organization"], Value::Null);
    let refusal = json!([{ "code": "ALREADY_EXISTS", "field": ["input", "slug"] }]);
    assert_eq!(again["userErrors"], refusal);
    for (slug, name) in [
        ("Acme", "x"),
        ("-acme", "x"),
        ("acme-", "x"),
        ("ac me", "x"),
        ("", "x"),
        (&"a".repeat(64), "x"),
        ("new", ""),
        ("new", " "),
        ("new", &"n".repeat(201)),
    ] {
        let answer = create(&app, json!({ "slug": slug, "name": name })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{slug:?} {name:?}");
    }
    app.all_sealed().await;
    assert_eq!(app.dump().await["organization"], before["organization"]);
}

#[tokio::test]
async fn organizations_of_one_slug_made_at_once_are_one() {
    for on in [Db::Sqlite, Db::Postgres] {
        let app = App::start(on).await;
        for round in 0..5 {
            let input = json!({ "slug": format!("round-{round}"), "name": "Acme" });
            let calls = (0..8).map(|_| create(&app, input.clone()));
            let answers = futures_util::future::join_all(calls).await;
            let payloads: Vec<_> = answers
                .into_iter()
                .map(|answer| answer.data()["createOrganization"].clone())
                .collect();
            let made = payloads.iter().filter(|payload| codes(payload).is_empty());
            assert_eq!(made.count(), 1, "{payloads:#?}");
            let refused = payloads
                .iter()
                .filter(|payload| codes(payload) == ["ALREADY_EXISTS"]);
            assert_eq!(refused.count(), 7, "{payloads:#?}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn what_is_left_out_of_a_change_stays(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let id = app.organization("acme").await;
    let expect = async |input: Value, name: &str, domains: Value| {
        let payload = update(&app, input).await.data()["updateOrganization"].clone();
        let expected = json!({ "id": id, "slug": "acme", "name": name, "domains": domains });
        assert_eq!(payload["organization"], expected, "{payload:#}");
    };
    let domains = json!(["Mail.Acme.example", "acme.example", "ACME.example"]);
    let kept = json!(["acme.example", "mail.acme.example"]);
    expect(json!({ "id": id, "name": "Acme" }), "Acme", json!([])).await;
    expect(
        json!({ "id": id, "domains": domains }),
        "Acme",
        kept.clone(),
    )
    .await;
    expect(
        json!({ "id": id, "name": "Acme GmbH" }),
        "Acme GmbH",
        kept.clone(),
    )
    .await;
    // The same again is no change, and leaves no event.
    let before = app.stored().await.events.len();
    expect(json!({ "id": id, "domains": kept }), "Acme GmbH", kept).await;
    expect(
        json!({ "id": id }),
        "Acme GmbH",
        json!(["acme.example", "mail.acme.example"]),
    )
    .await;
    assert_eq!(app.stored().await.events.len(), before);
    let other = json!(["acme.test"]);
    expect(
        json!({ "id": id, "domains": other }),
        "Acme GmbH",
        other.clone(),
    )
    .await;
    expect(json!({ "id": id, "domains": null }), "Acme GmbH", json!([])).await;
    for wrong in [
        json!({ "id": id, "name": null }),
        json!({ "id": id, "name": "" }),
        json!({ "id": id, "domains": ["localhost"] }),
        json!({ "id": id, "domains": ["@acme.example"] }),
        json!({ "id": id, "domains": ["jane@acme.example"] }),
        json!({ "id": id, "domains": ["ok.example", ""] }),
        json!({ "id": id, "domains": (0..101).map(|n| format!("{n}.example")).collect::<Vec<_>>() }),
        json!({ "id": "user_01h455vb4pex5vsknk084sn02q" }),
    ] {
        let answer = update(&app, wrong.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
    let unknown = json!({ "id": "organization_01h455vb4pex5vsknk084sn02q", "name": "x" });
    assert_eq!(update(&app, unknown).await.code(), "NOT_FOUND");
}

#[rstest]
#[tokio::test]
async fn a_domain_is_one_organizations(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (acme, other) = (
        app.organization("acme").await,
        app.organization("other").await,
    );
    let set = async |id: &str, domains: &[&str]| {
        let answer = update(&app, json!({ "id": id, "domains": domains })).await;
        answer.data()["updateOrganization"].clone()
    };
    assert!(codes(&set(&acme, &["acme.example", "a.example"]).await).is_empty());
    let refused = set(&other, &["other.example", "ACME.example"]).await;
    let refusal = json!([{ "code": "ALREADY_EXISTS", "field": ["input", "domains"] }]);
    assert_eq!(refused["userErrors"], refusal);
    let found = app
        .ask("{ organizations { nodes { slug domains } } }")
        .data()
        .await;
    let expected = json!([
        { "slug": "acme", "domains": ["a.example", "acme.example"] },
        { "slug": "other", "domains": [] },
    ]);
    assert_eq!(found["organizations"]["nodes"], expected);
    // Whoever gives one up lets it go.
    assert!(codes(&set(&acme, &["a.example"]).await).is_empty());
    assert!(codes(&set(&other, &["acme.example"]).await).is_empty());
    // Who comes first has it.
    let both = [&acme, &other].map(|id| set(id, &["new.example"]));
    let answers = futures_util::future::join_all(both).await;
    let refused = answers
        .iter()
        .filter(|payload| codes(payload) == ["ALREADY_EXISTS"]);
    assert_eq!(refused.count(), 1, "{answers:#?}");
}

#[rstest]
#[tokio::test]
async fn organizations_are_paged_and_people_see_their_own(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(app.organization(&format!("org-{number}")).await);
    }
    let (jane, door) = (app.user("jane").await, app.provider("door").await);
    for id in [&ids[1], &ids[3]] {
        app.add_member(id, &jane).await;
    }
    let query = "query($first: Int, $after: String, $last: Int, $before: String) {
        organizations(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { id slug name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";
    let page = async |variables: Value| app.ask(query).variables(variables).data().await;
    let slugs = |data: &Value| -> Vec<String> {
        let nodes = data["organizations"]["nodes"].as_array().unwrap().iter();
        nodes.map(|node| text(node, "/slug")).collect()
    };
    let first = page(json!({ "first": 2 })).await;
    assert_eq!(slugs(&first), ["org-0", "org-1"]);
    assert_eq!(first["organizations"]["totalCount"], 5);
    let end = &first["organizations"]["pageInfo"]["endCursor"];
    let next = page(json!({ "first": 2, "after": end })).await;
    assert_eq!(slugs(&next), ["org-2", "org-3"]);
    let start = &next["organizations"]["pageInfo"]["startCursor"];
    assert_eq!(
        slugs(&page(json!({ "last": 5, "before": start })).await),
        ["org-0", "org-1"]
    );
    let session = app.session(&jane, &door).await;
    let own = app.ask(query).by_person(&session).data().await;
    assert_eq!(slugs(&own), ["org-1", "org-3"]);
    assert_eq!(own["organizations"]["totalCount"], 2);
    let last = app
        .ask(query)
        .variables(json!({ "last": 1 }))
        .by_person(&session);
    assert_eq!(slugs(&last.data().await), ["org-3"]);
    // What is not their own looks absent, and what people may not ask is refused.
    let found = app
        .ask("{ yes: organization(slug: \"org-1\") { id } no: organization(slug: \"org-0\") { id } }")
        .by_person(&session)
        .data()
        .await;
    assert_eq!(found, json!({ "yes": { "id": ids[1] }, "no": null }));
    for field in ["dateAdded", "domains", "members { totalCount }"] {
        let asked = app.ask(&format!("{{ organizations {{ nodes {{ {field} }} }} }}"));
        assert_eq!(
            asked.by_person(&session).code().await,
            "FORBIDDEN",
            "{field}"
        );
    }
    let bound = app.bound_key(&ids[2], &["integration:read"]).await;
    assert_eq!(slugs(&app.ask(query).by(&bound).data().await), ["org-2"]);
}
