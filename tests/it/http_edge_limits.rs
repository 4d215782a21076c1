//! The limits of the GraphQL endpoint: what is at a limit passes, one more does not.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::http::{QUESTION, Wire, body};

/// The text, made that long by spaces.
fn padded(text: &str, bytes: usize) -> String {
    text.to_owned() + &" ".repeat(bytes - text.len())
}

/// Selections of the key that asks.
fn of_the_key(selections: &str) -> String {
    format!("{{viewer{{...on ApiKey{{{selections}}}}}}}")
}

#[rstest]
#[tokio::test]
async fn a_body_has_a_mebibyte_at_most(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let padded = |bytes| padded(&body(QUESTION), bytes);
    let most = 1024 * 1024;
    app.post(padded(most)).await.is_ok();
    assert_eq!(in_chunks(&app, &padded(most)).await, Some(200));
    for over in [most + 1, 2 * most] {
        let answer = app.post(padded(over)).await;
        assert_eq!(answer.status, 413);
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(in_chunks(&app, &padded(over)).await, Some(413));
    }
}

/// The status of a POST that does not say beforehand how long it is.
async fn in_chunks(app: &App, text: &str) -> Option<u16> {
    let mut wire = Wire::open(app.address).await;
    wire.send_head("transfer-encoding: chunked\r\n").await;
    for chunk in text.as_bytes().chunks(10_000) {
        let head = format!("{:x}\r\n", chunk.len());
        let chunk = [head.as_bytes(), chunk, b"\r\n"].concat();
        if !wire.send(chunk).await {
            break;
        }
    }
    wire.send("0\r\n\r\n").await;
    wire.status(Duration::from_secs(30)).await
}

#[rstest]
#[tokio::test]
async fn a_document_has_64_kibibytes_at_most(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let padded = |bytes| padded(QUESTION, bytes);
    app.post_at_and_over("65536 bytes", padded(65_536), padded(65_537))
        .await;
    // Bytes count, not characters.
    let letters = |bytes: usize| {
        format!(
            "{QUESTION} #{}",
            "é".repeat((bytes - QUESTION.len() - 2) / 2)
        )
    };
    assert_eq!(letters(65_536).len(), 65_536);
    app.post_at_and_over("65536 bytes", letters(65_536), letters(65_538))
        .await;
}

#[rstest]
#[tokio::test]
async fn variables_hold_10_000_values_nested_64(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let send = async |variables: Value| {
        app.post(json!({ "query": QUESTION, "variables": variables }).to_string())
            .await
    };
    // The object of the variables and the list are values, too.
    let values = |count: usize| json!({ "a": vec![0; count - 2] });
    send(values(10_000)).await.is_ok();
    send(values(10_001)).await.is_over("10000 values");
    for wrap in [
        |inner: Value| json!([inner]),
        |inner: Value| json!({ "a": inner }),
    ] {
        let nested =
            |depth: usize| json!({ "a": (1..depth).fold(json!(1), |inner, _| wrap(inner)) });
        send(nested(64)).await.is_ok();
        send(nested(65)).await.is_over("64 deep");
    }
}

#[rstest]
#[tokio::test]
async fn a_variable_counts_for_each_of_its_uses(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    let document = |uses: usize| {
        format!(
            "query($a:JSON!,$u:ID!,$p:ID!){{linkPreview(input:{{providerId:$p userId:$u \
             externalId:\"1\" data:{{a:[{}]}}}}){{outcome}}}}",
            "$a ".repeat(uses)
        )
    };
    let send = async |uses: usize, value: &Value| {
        let variables = json!({ "a": value, "u": user, "p": provider });
        let body = json!({ "query": document(uses), "variables": variables });
        app.post(body.to_string()).await
    };
    // 64 bytes for the value, and its text.
    let text = json!("x".repeat(8 * 1024 - 64));
    send(7, &text).await.is_ok();
    // More than data may have, and less than a document may.
    assert_eq!(send(1_000, &text).await.code(), "BAD_USER_INPUT");
    send(1_024, &text).await.is_over("8388608 bytes");
    send(4_000, &json!("x".repeat(1_000_000)))
        .await
        .is_over("8388608 bytes");
    send(4_000, &json!(vec![0; 9_000]))
        .await
        .is_over("8388608 bytes");
}

#[rstest]
#[tokio::test]
async fn brackets_nest_64_deep(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    // Four brackets are around the lists.
    let document = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 4), "]".repeat(depth - 4));
        format!(
            "{{linkPreview(input:{{providerId:\"{provider}\" userId:\"{user}\" externalId:\"1\" \
             data:{{a:{open}{close}}}}}){{outcome}}}}"
        )
    };
    app.post_at_and_over("64 deep", document(64), document(65))
        .await;
}

#[rstest]
#[tokio::test]
async fn tokens_aliases_and_directives_are_counted(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    // Ten tokens are around the names.
    let tokens = |count: usize| of_the_key(&"id ".repeat(count - 10));
    app.post_at_and_over("10000 tokens", tokens(10_000), tokens(10_001))
        .await;

    let aliases = |count: usize| (0..count).map(|i| format!("a{i}:id ")).collect::<String>();
    let over = "100 aliases";
    app.post_at_and_over(over, of_the_key(&aliases(100)), of_the_key(&aliases(101)))
        .await;
    let typenames = |count: usize| "__typename ".repeat(count);
    app.post_at_and_over(
        over,
        of_the_key(&typenames(100)),
        of_the_key(&typenames(101)),
    )
    .await;
    let both = |count: usize| format!("{}{}", aliases(50), typenames(count));
    app.post_at_and_over(over, of_the_key(&both(50)), of_the_key(&both(51)))
        .await;
    let aliased = |count: usize| {
        of_the_key(
            &(0..count)
                .map(|i| format!("a{i}:__typename "))
                .collect::<String>(),
        )
    };
    app.post_at_and_over(over, aliased(50), aliased(51)).await;

    let directives = |count: usize| of_the_key(&"id@skip(if:false)".repeat(count));
    app.post_at_and_over("100 directives", directives(100), directives(101))
        .await;
}

#[rstest]
#[tokio::test]
async fn operations_and_arguments_are_counted(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let operations = |count: usize| {
        let document: String = (0..count)
            .map(|i| format!("query q{i}{{viewer{{...on ApiKey{{id}}}}}}"))
            .collect();
        json!({ "query": document, "operationName": "q7" }).to_string()
    };
    app.post(operations(50)).await.is_ok();
    app.post(operations(51)).await.is_over("50 operations");
    // No field takes as many: one that doesn't know them says so.
    let arguments = |count: usize| {
        format!(
            "{{viewer({}){{__typename}}}}",
            (0..count).map(|i| format!("a{i}:1 ")).collect::<String>()
        )
    };
    assert_eq!(
        app.post(body(&arguments(50))).await.code(),
        "GRAPHQL_VALIDATION_FAILED"
    );
    app.post(body(&arguments(51))).await.is_over("50 arguments");
}

#[rstest]
#[tokio::test]
async fn a_query_string_holds_what_a_body_may(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let variables = json!({ "a": vec![0; 9_999] }).to_string();
    app.get(&[("query", QUESTION), ("variables", &variables)])
        .await
        .is_over("10000 values");
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    let answer = app
        .get(&[("query", QUESTION), ("variables", &nested)])
        .await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    // Longer than any document: that is no request to this server at all.
    let mut wire = Wire::open(app.address).await;
    let long = "x".repeat(100_000);
    wire.send(format!(
        "GET /graphql?query={long} HTTP/1.1\r\nhost: lanyard\r\n\r\n"
    ))
    .await;
    assert_eq!(wire.status(Duration::from_secs(30)).await, Some(414));
}

#[rstest]
#[tokio::test]
async fn an_answer_has_16_mebibytes_at_most(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    for number in 0..50 {
        let input = json!({
            "providerId": provider, "userId": user, "externalId": number.to_string(),
            "data": { "text": "x".repeat(60_000) },
        });
        app.link(input).await.data();
    }
    let times = |times: usize| {
        let list = |number| format!("list{number}: identities {{ nodes {{ data }} }}");
        let lists: Vec<String> = (0..times).map(list).collect();
        body(&format!("{{{}}}", lists.join(" ")).replace("identities", "identities(first: 50)"))
    };
    app.post(times(5)).await.is_ok();
    let answer = app.post(times(6)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (200, "LIMIT_EXCEEDED".to_owned())
    );
    assert_eq!(answer.json()["data"], Value::Null);
    assert!(answer.text.contains("smaller pages"), "{}", answer.text);
}
