//! Mutations come by POST, as JSON, one at a time. Whatever else asks for one changes nothing.

use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::json;

use crate::support::app::{App, Db};
use crate::support::http::{QUESTION, body, reply};

const MUTATION: &str =
    r#"mutation{upsertUser(input:{entityRef:"user:default/eve"}){user{entityRef}}}"#;

/// Sends the request, and checks that it is refused with the status and changes nothing.
async fn changes_nothing(app: &App, what: &str, request: RequestBuilder, status: u16) {
    app.all_sealed().await;
    let before = app.dump().await;
    let answer = reply(request).await;
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    app.all_sealed().await;
    assert_eq!(app.dump().await, before, "{what}");
}

/// A form of several parts, as a browser would send it.
fn multipart(parts: &[(&str, &str)]) -> (String, String) {
    let parts = parts.iter().map(|(name, value)| {
        format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let body = parts.collect::<String>() + "--frontier--\r\n";
    ("multipart/form-data; boundary=frontier".to_owned(), body)
}

fn form(parameters: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    form.finish()
}

#[rstest]
#[tokio::test]
async fn other_content_types_change_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (json, form) = (body(MUTATION), form(&[("query", MUTATION)]));
    let (multipart_type, fields) = multipart(&[("query", MUTATION)]);
    // https://github.com/jaydenseric/graphql-multipart-request-spec
    let (_, files) = multipart(&[
        ("operations", &json),
        ("map", r#"{"0":["variables.a"]}"#),
        ("0", "x"),
    ]);
    let (_, batch) = multipart(&[("operations", &format!("[{json}]")), ("map", "{}")]);
    for (content_type, body) in [
        (Some("text/plain"), &json),
        (Some("text/plain;charset=UTF-8"), &json),
        (Some("text/plain; application/json"), &json),
        (None, &json),
        (Some(""), &json),
        (Some("application/x-www-form-urlencoded"), &form),
        (Some("application/x-www-form-urlencoded"), &json),
        (Some(multipart_type.as_str()), &fields),
        (Some(multipart_type.as_str()), &files),
        (Some(multipart_type.as_str()), &batch),
        (Some("application/graphql"), &MUTATION.to_owned()),
        (Some("application/graphql+json"), &json),
        (Some("application/graphql-response+json"), &json),
        (Some("application/jsonp"), &json),
        (Some("application/json, text/plain"), &json),
        (Some("application/json;charset=utf-16"), &json),
    ] {
        let mut request = app.request(Method::POST).body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        changes_nothing(&app, &format!("{content_type:?} {body}"), request, 415).await;
    }
}

#[rstest]
#[tokio::test]
async fn other_methods_change_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"] {
        let by = || app.request(Method::from_bytes(method.as_bytes()).unwrap());
        let request = by().query(&[("query", MUTATION)]);
        changes_nothing(&app, method, request, 405).await;
        let request = by().query(&[("query", MUTATION)]).body(body(MUTATION));
        let request = request.header("content-type", "application/json");
        changes_nothing(&app, &format!("{method} with a body"), request, 405).await;
    }
    // What a proxy may take for another method, this server does not.
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let request = app.request(Method::GET).query(&[("query", MUTATION)]);
        changes_nothing(&app, header, request.header(header, "POST"), 405).await;
    }
    // The query string is for GET.
    let request = app.request(Method::POST).query(&[("query", MUTATION)]);
    let request = request.header("content-type", "application/json");
    changes_nothing(&app, "an empty body", request.body("{}"), 400).await;
}

#[rstest]
#[tokio::test]
async fn get_runs_the_query_of_a_document_and_never_its_mutation(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let document =
        MUTATION.replace("mutation", "mutation change") + "query ask{viewer{__typename}}";
    for (name, status) in [
        (Some("change"), 405),
        (Some("ask"), 200),
        (Some("neither"), 400),
        (Some(""), 405),
        (None, 405),
    ] {
        let mut request = app.request(Method::GET).query(&[("query", &document)]);
        if let Some(name) = name {
            request = request.query(&[("operationName", name)]);
        }
        changes_nothing(&app, &format!("{name:?}"), request, status).await;
    }
    // An operation without a name is not meant by any name.
    for name in ["change", "query", "mutation"] {
        let parameters = [("query", MUTATION), ("operationName", name)];
        let request = app.request(Method::GET).query(&parameters);
        changes_nothing(&app, name, request, 400).await;
    }
    let answer = app.get(&[("query", MUTATION)]).await;
    assert_eq!(answer.header("allow"), "POST");
}

#[rstest]
#[tokio::test]
async fn lists_of_operations_change_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let operation = json!({ "query": MUTATION });
    for body in [
        json!([operation]),
        json!([operation, { "query": QUESTION }]),
        json!([[operation]]),
    ] {
        let request = app.request(Method::POST).json(&body);
        changes_nothing(&app, &body.to_string(), request, 400).await;
    }
    let list = json!([operation]).to_string();
    for parameters in [[("query", list.as_str())], [("", list.as_str())]] {
        let request = app.request(Method::GET).query(&parameters);
        changes_nothing(&app, "a list by GET", request, 400).await;
    }
}

#[rstest]
#[tokio::test]
async fn a_mutation_by_post_as_json_is_carried_out_and_logged(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let before = app.stored().await;
    let answer = app.post(body(MUTATION)).await;
    answer.is_ok();
    assert_eq!(
        answer.json()["data"]["upsertUser"]["user"]["entityRef"],
        "user:default/eve"
    );
    assert_eq!(app.stored().await.events_since(&before).len(), 1);
}

#[rstest]
#[tokio::test]
async fn where_one_mutation_is_forbidden_none_runs(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let key = app
        .key("narrow", &["directory:write", "identity:write"])
        .await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let allowed = r#"a:upsertUser(input:{entityRef:"user:default/eve"}){userErrors{code}}"#;
    let link = json!({ "providerId": provider, "userId": user, "externalId": "1", "onConflict": "REATTACH" });
    app.all_sealed().await;
    let before = app.dump().await;
    for (second, variables, needs) in [
        (
            r#"b:createIdentityProvider(input:{slug:"x",type:"custom",config:{}}){userErrors{code}}"#,
            json!({}),
            "provider:write",
        ),
        (
            r#"b:createApiKey(input:{name:"x",scopes:[]}){secret}"#,
            json!({}),
            "admin",
        ),
        (
            "b:linkIdentity(input:$link){outcome}",
            json!({ "link": link }),
            "identity:reattach",
        ),
        (
            "b:linkIdentity(input:{providerId:$provider userId:$user externalId:\"1\" onConflict:$policy}){outcome}",
            json!({ "provider": provider, "user": user, "policy": "REATTACH" }),
            "identity:reattach",
        ),
        (
            "b:linkIdentity(input:{providerId:$provider userId:$user externalId:\"1\" onConflict:$default}){outcome}",
            json!({ "provider": provider, "user": user }),
            "identity:reattach",
        ),
        (
            "b:linkIdentity(input:{providerId:$provider userId:$user externalId:\"1\" onConflict:REATTACH data:$data}){outcome}",
            json!({ "provider": provider, "user": user }),
            "identity:reattach",
        ),
        ("...change", json!({}), "provider:write"),
        (
            "...on Mutation{...change @skip(if:false)}",
            json!({}),
            "provider:write",
        ),
    ] {
        let declared: String = [
            ("link", "LinkIdentityInput!"),
            ("provider", "ID!"),
            ("user", "ID!"),
            ("policy", "LinkConflictPolicy!"),
            ("default", "LinkConflictPolicy!=REATTACH"),
            ("data", "JSON"),
        ]
        .iter()
        .filter(|(name, _)| second.contains(&format!("${name}")))
        .map(|(name, of)| format!("${name}:{of} "))
        .collect();
        let declared = if declared.is_empty() {
            declared
        } else {
            format!("({declared})")
        };
        let mut document = format!("mutation m{declared}{{{allowed} {second}}}");
        if second.contains("...change") {
            document += "fragment change on Mutation{deleteIdentityProvider(id:\"x\"){deletedId}}";
        }
        let answer = app
            .ask(&document)
            .variables(variables)
            .by(&key)
            .send()
            .await;
        assert_eq!(answer.code(), "FORBIDDEN", "{document}");
        assert_eq!(answer.status, 403);
        assert!(answer.message().contains(needs), "{}", answer.message());
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
    app.all_sealed().await;
    assert_eq!(app.dump().await, before);
}

#[rstest]
#[tokio::test]
async fn a_mistake_is_told_before_a_missing_scope(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let key = app.key("narrow", &["audit:read"]).await;
    let before = app.dump().await;
    for document in [
        "mutation{upsertUser(input:{nope:1}){user{id}}}",
        "mutation{upsertUser(input:{entityRef:\"user:default/eve\"}){nope}}",
        "mutation($a:Int){upsertUser(input:{entityRef:\"user:default/eve\"}){user{id}}}",
        "mutation{upsertUser{user{id}}}",
        "{users{edges}}",
    ] {
        for ask in [app.ask(document).by_nobody(), app.ask(document).by(&key)] {
            let answer = ask.send().await;
            assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{document}");
            assert_eq!(answer.status, 400);
        }
    }
    assert_eq!(app.dump().await, before);
}
