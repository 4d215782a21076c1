//! Forbidden fields in disguise: no form of a document gets one past the check, and nothing of
//! such a document runs.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::support::app::{App, Db};
use crate::support::client::Answer;

/// Each asks for an identity, which a key with `directory:read` may not.
const IN_DISGUISE: &[(&str, &str)] = &[
    ("plainly", "{ users { nodes { id } } IDENTITY }"),
    ("in a fragment", "{ ...F } fragment F on Query { IDENTITY }"),
    (
        "in a fragment of a fragment",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { IDENTITY }",
    ),
    (
        "in a fragment that is spread again",
        "{ ...F users { nodes { id } } ...F } fragment F on Query { IDENTITY }",
    ),
    ("in an inline fragment", "{ ... on Query { IDENTITY } }"),
    (
        "in inline fragments without a type",
        "{ ... { ... { IDENTITY } } }",
    ),
    (
        "under the alias of a field that may be asked for",
        "{ users: IDENTITY }",
    ),
    (
        "under the alias of a field that is open",
        "{ viewer: IDENTITY }",
    ),
    ("twice", "{ a: IDENTITY b: IDENTITY }"),
    (
        "included by a literal",
        "{ ... @include(if: true) { IDENTITY } }",
    ),
    (
        "included by a variable",
        "query($yes: Boolean!) { ... @include(if: $yes) { IDENTITY } }",
    ),
    (
        "included by a default",
        "query($on: Boolean! = true) { ... @include(if: $on) { IDENTITY } }",
    ),
    (
        "not skipped by a variable",
        "query($no: Boolean!) { ...F @skip(if: $no) } fragment F on Query { IDENTITY }",
    ),
    (
        "not skipped by a default",
        "query($off: Boolean! = false) { ... @skip(if: $off) { IDENTITY } }",
    ),
    (
        "through the union of viewers",
        "{ viewer { ... on User { identities { nodes { id } } } } }",
    ),
    (
        "through the interface",
        "{ node(id: USER) { ... on Node { ... on Identity { externalId } } } }",
    ),
    (
        "below an edge",
        "{ users { edges { node { ...U } } } } fragment U on User { id identities { edges { cursor } } }",
    ),
    (
        "below two edges, in one fragment",
        "{ a: users { nodes { ...U } } b: users { nodes { ...U } } }
         fragment U on User { ... { identities { totalCount } } }",
    ),
];

#[rstest]
#[tokio::test]
async fn no_form_of_a_document_hides_a_field(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let identity = app.linked(&provider, &user, "4711").await;
    let key = app.key("directory", &["directory:read"]).await;
    let full = app.key("both", &["directory:read", "identity:read"]).await;
    let asked = format!("identity(filter: {{ id: {identity:?} }}) {{ externalId }}");
    for (how, document) in IN_DISGUISE {
        let document = document
            .replace("IDENTITY", &asked)
            .replace("USER", &format!("{user:?}"));
        let mut variables = json!({ "yes": true, "no": false });
        variables
            .as_object_mut()
            .unwrap()
            .retain(|name, _| document.contains(&format!("${name}")));
        let ask = || app.ask(&document).variables(variables.clone());
        assert_refused(how, &ask().by(&key).send().await, &["identity:read"]);
        // The document is a good one: it is the scope that it lacks.
        ask().by(&full).data().await;
        let nobody = ask().by_nobody().send().await;
        assert_eq!(nobody.code(), "UNAUTHENTICATED", "{how}");
        assert!(nobody.body.get("data").is_none(), "{how}");
    }
}

#[rstest]
#[tokio::test]
async fn only_the_operation_that_is_meant_counts(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let key = app.key("directory", &["directory:read"]).await;
    let document =
        "query Allowed { users { nodes { id } } } query Forbidden { identities { nodes { id } } }
        mutation Worse { createApiKey(input: { name: \"mine\", scopes: [\"admin\"] }) { secret } }";
    let ask = || app.ask(document).by(&key);
    ask().operation("Allowed").data().await;
    assert_refused(
        "named",
        &ask().operation("Forbidden").send().await,
        &["Query.identities", "identity:read"],
    );
    assert_refused(
        "named",
        &ask().operation("Worse").send().await,
        &["Mutation.createApiKey", "admin"],
    );
    for answer in [
        ask().send().await,
        ask().operation("").send().await,
        ask().operation("None").send().await,
        // Names are compared as they stand.
        ask().operation("worse").send().await,
    ] {
        assert_eq!(
            answer.code(),
            "GRAPHQL_VALIDATION_FAILED",
            "{:#}",
            answer.body
        );
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
    let keys = app.ask("{ apiKeys { totalCount } }").data().await;
    assert_eq!(keys["apiKeys"]["totalCount"], 2);
}

#[rstest]
#[tokio::test]
async fn a_fragment_that_nothing_spreads_is_a_mistake_and_asks_for_nothing(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let key = app.key("directory", &["directory:read"]).await;
    let document = "{ users { nodes { id } } } fragment F on Query { identities { nodes { id } } }";
    let answer = app.ask(document).by(&key).send().await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
}

#[rstest]
#[tokio::test]
async fn get_asks_for_no_more_than_post(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let key = app.key("directory", &["directory:read"]).await;
    let get = |query: &str| {
        let mut url = url::Url::parse(&app.url("/graphql")).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        app.http()
            .get(url)
            .bearer_auth(&key)
            .header("accept", "application/graphql-response+json")
            .send()
    };
    assert_eq!(
        get("{ users { totalCount } }").await.unwrap().status(),
        StatusCode::OK
    );
    let refused = get("{ identities { totalCount } }").await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let body: serde_json::Value = refused.json().await.unwrap();
    assert!(body.get("data").is_none(), "{body:#}");
}

#[track_caller]
pub fn assert_refused(how: &str, answer: &Answer, named: &[&str]) {
    assert_eq!(
        answer.status,
        StatusCode::FORBIDDEN,
        "{how}: {:#}",
        answer.body
    );
    assert_eq!(answer.code(), "FORBIDDEN", "{how}");
    assert!(
        answer.body.get("data").is_none(),
        "{how}: {:#}",
        answer.body
    );
    for name in named {
        assert!(
            answer.message().contains(name),
            "{how}: {}",
            answer.message()
        );
    }
}
