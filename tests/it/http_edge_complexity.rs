//! The limits on what an operation asks for: what is at a limit passes, one more does not.

use rstest::rstest;
use serde_json::json;

use crate::support::app::{App, Db};
use crate::support::http::body;

/// What graphiql 4 asks when it opens: `getIntrospectionQuery` of graphql 16, with all its options.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description
    queryType { name kind } mutationType { name kind } subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations
      args(includeDeprecated: true) { ...InputValue } } } }
  fragment FullType on __Type { kind name description specifiedByURL isOneOf
    fields(includeDeprecated: true) { name description
      args(includeDeprecated: true) { ...InputValue }
      type { ...TypeRef } isDeprecated deprecationReason }
    inputFields(includeDeprecated: true) { ...InputValue }
    interfaces { ...TypeRef }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
    possibleTypes { ...TypeRef } }
  fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue
    isDeprecated deprecationReason }
  fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name } } } } } } } } } }";

#[rstest]
#[tokio::test]
async fn fields_nest_20_deep(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    // users, edges, node, and four times the same four fields: 19.
    let deep = |inside: &str| {
        let around = "identities(first:1){edges{node{user{";
        format!(
            "{{users(first:1){{edges{{node{{{}{inside}{}}}}}}}}}",
            around.repeat(4),
            "}}}}".repeat(4)
        )
    };
    let (at, over) = (deep("id"), deep("identities(first:1){totalCount}"));
    app.post_at_and_over("too deep", at, over).await;
    let in_fragments = format!(
        "{}fragment f on User{{...g}}fragment g on User{{identities(first:1){{totalCount}}}}",
        deep("...f")
    );
    app.post(body(&in_fragments)).await.is_over("too deep");
}

#[rstest]
#[tokio::test]
async fn complexity_is_10_000_with_the_size_of_pages_as_a_factor(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    // A page costs 1, and edges, node and the ids for each row; the key costs 1, and its ids.
    let document = |page: &str, ids: usize, more: usize| {
        format!(
            "query($first:Int=100){{users{page}{{edges{{node{{{}}}}}}}viewer{{...on ApiKey{{{}}}}} \
             unused:users(first:$first){{pageInfo{{hasNextPage}}}}}}",
            "id ".repeat(ids),
            "id ".repeat(more)
        )
    };
    // The last page costs 201: 9,799 are left.
    for (page, ids, more) in [
        ("(first:100)", 95, 97),
        ("(last:100)", 95, 97),
        ("(first:$first)", 95, 97),
        ("(first:10)", 900, 777),
        ("", 400, 1_757),
        ("(first:1)", 4_000, 5_795),
    ] {
        app.post_at_and_over(
            "too complex",
            document(page, ids, more),
            document(page, ids, more + 1),
        )
        .await;
    }
    // A page in a page multiplies.
    let pages = |first: usize| {
        format!(
            "{{users(first:{first}){{edges{{node{{identities(first:100){{edges{{node{{id}}}}}}}}}}}}}}"
        )
    };
    app.post_at_and_over("too complex", pages(33), pages(34))
        .await;
}

#[rstest]
#[tokio::test]
async fn graphiqls_introspection_passes_and_not_many_times_as_much(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let answer = app.ask(INTROSPECTION).by_nobody().data().await;
    let types = answer["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|of| of["name"] == "Identity"), "{types:?}");
    let names = |count: usize| {
        format!(
            "{{__schema{{types{{fields{{type{{{}}}}}}}}}}}",
            "name ".repeat(count)
        )
    };
    app.post_at_and_over("introspection", names(400), names(9_000))
        .await;
    let three = format!(
        "{{a:__schema{{...s}}b:__schema{{...s}}c:__schema{{...s}}}}fragment s on __Schema{{types{{fields{{type{{{}}}}}}}}}",
        "name ".repeat(400)
    );
    app.post(body(&three)).await.is_over("introspection");
}

#[rstest]
#[tokio::test]
async fn a_query_has_20_root_fields_and_a_mutation_10(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let queries = |count: usize| {
        format!(
            "{{{}}}",
            (0..count)
                .map(|i| format!("a{i}:viewer{{__typename}}"))
                .collect::<String>()
        )
    };
    app.post_at_and_over("20 at most", queries(20), queries(21))
        .await;
    let in_fragments = format!(
        "{{...f ...on Query{{...f}}{}}}fragment f on Query{{viewer{{__typename}}}}",
        "viewer{__typename}".repeat(19)
    );
    app.post(body(&in_fragments)).await.is_over("20 at most");

    let mutations = |name: &str, count: usize| {
        let fields = (0..count).map(|i| {
            format!("a{i}:upsertUser(input:{{entityRef:\"user:default/{name}{i}\"}}){{user{{id}}}}")
        });
        format!("mutation{{{}}}", fields.collect::<String>())
    };
    app.post(body(&mutations("jane", 10))).await.is_ok();
    let before = app.dump().await;
    app.post(body(&mutations("eve", 11)))
        .await
        .is_over("10 at most");
    assert_eq!(before["user"].len(), 10);
    assert_eq!(app.dump().await["user"], before["user"]);
}

#[rstest]
#[tokio::test]
async fn pages_have_20_rows_by_default_and_100_at_most(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for chunk in 0..11 {
        let fields = (0..10).map(|i| {
            format!(
                "a{i}:upsertUser(input:{{entityRef:\"user:default/u{chunk}-{i}\"}}){{user{{id}}}}"
            )
        });
        app.post(body(&format!("mutation{{{}}}", fields.collect::<String>())))
            .await
            .is_ok();
    }
    for (page, expected) in [
        ("", 20),
        ("(first:1)", 1),
        ("(first:100)", 100),
        ("(last:100)", 100),
    ] {
        let answer = app
            .ask(&format!("{{users{page}{{edges{{cursor}}}}}}"))
            .data()
            .await;
        let rows = answer["users"]["edges"].as_array().unwrap().len();
        assert_eq!(rows, expected, "{page}");
    }
    let lists = [
        "users",
        "identities",
        "identityProviders",
        "apiKeys",
        "auditEvents",
    ];
    for list in lists {
        for (page, code) in [
            ("first:100", None),
            ("first:101", Some(())),
            ("last:101", Some(())),
            ("first:0", Some(())),
            ("first:-1", Some(())),
            ("last:0", Some(())),
        ] {
            let answer = app
                .ask(&format!("{{{list}({page}){{pageInfo{{hasNextPage}}}}}}"))
                .send()
                .await;
            match code {
                None => drop(answer.data()),
                Some(()) => assert_eq!(answer.code(), "BAD_USER_INPUT", "{list} {page}"),
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn lists_of_ids_and_texts_are_bounded(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let identity = app.linked(&provider, &user, "1").await;
    let texts = |count: usize| json!((0..count).map(|i| i.to_string()).collect::<Vec<_>>());
    let references = |count: usize| {
        json!(
            (0..count)
                .map(|i| format!("user:default/u{i}"))
                .collect::<Vec<_>>()
        )
    };
    let identities = "query($list:[ID!]){identities(filter:{ids:$list}){totalCount}}";
    let of_users = "query($list:[ID!]){identities(filter:{userIds:$list}){totalCount}}";
    let by_external_ids =
        "query($list:[String!]){identities(filter:{externalIds:$list}){totalCount}}";
    let users = "query($list:[ID!]){users(filter:{ids:$list}){totalCount}}";
    let by_references = "query($list:[EntityRef!]){users(filter:{entityRefs:$list}){totalCount}}";
    let nodes = "query($list:[ID!]!){nodes(ids:$list){id}}";
    for (query, at, over) in [
        (
            identities,
            json!(vec![&identity; 100]),
            json!(vec![&identity; 101]),
        ),
        (of_users, json!(vec![&user; 100]), json!(vec![&user; 101])),
        (by_external_ids, texts(1_000), texts(1_001)),
        (users, json!(vec![&user; 100]), json!(vec![&user; 101])),
        (by_references, references(1_000), references(1_001)),
        (nodes, json!(vec![&user; 100]), json!(vec![&user; 101])),
    ] {
        app.ask(query).variables(json!({ "list": at })).data().await;
        let answer = app
            .ask(query)
            .variables(json!({ "list": over }))
            .send()
            .await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{query}");
        assert!(answer.message().contains("at most"), "{}", answer.message());
    }
}
