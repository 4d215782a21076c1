//! Text and times are compared, ordered and given back alike by both databases.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

/// Texts whose order differs between a linguistic collation and bytes.
const TEXTS: [&str; 24] = [
    "a",
    "b",
    "B",
    "A",
    "Z",
    "z",
    "ä",
    "Ä",
    "é",
    "e\u{301}",
    "ß",
    "ss",
    "10",
    "9",
    "1",
    "-1",
    "_",
    " x",
    "x ",
    "\u{1f980}",
    "\u{ff21}",
    "İ",
    "ı",
    "ﬁ",
];

#[rstest]
#[tokio::test]
async fn external_ids_are_ordered_by_their_bytes(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    for external_id in TEXTS {
        app.linked(&provider, &user, external_id).await;
    }
    let mut expected = TEXTS;
    expected.sort_unstable_by_key(|text| text.as_bytes());
    for direction in ["ASC", "DESC"] {
        let query = format!(
            "{{ identities(first: 100, orderBy: {{field: EXTERNAL_ID, direction: {direction}}}) {{
                edges {{ cursor node {{ externalId }} }} }} }}"
        );
        let data = app.ask(&query).data().await;
        let edges = data["identities"]["edges"].as_array().unwrap();
        let found: Vec<_> = edges
            .iter()
            .map(|edge| text(edge, "/node/externalId"))
            .collect();
        assert_eq!(found, expected, "{direction}");
        for (index, edge) in edges.iter().enumerate() {
            let after = query.replace(
                "first: 100",
                &format!("first: 100, after: {}", edge["cursor"]),
            );
            let data = app.ask(&after).data().await;
            let rest = data["identities"]["edges"].as_array().unwrap().len();
            assert_eq!(rest, TEXTS.len() - index - 1, "cursors compare bytes too");
        }
        expected.reverse();
    }
}

/// Written so, and folded.
const FOLDED: [(&str, &str); 9] = [
    ("JANE", "jane"),
    ("İ", "i\u{307}"),
    ("ı", "ı"),
    ("ẞ", "ß"),
    ("STRASSE", "strasse"),
    ("ΣΑΣ", "σας"),
    ("σασ", "σασ"),
    ("ÉLÈVE", "élève"),
    ("E\u{301}", "e\u{301}"),
];

#[rstest]
#[tokio::test]
async fn case_is_folded_alike_in_references(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for (written, folded) in FOLDED {
        let data = app
            .ask("mutation($r: EntityRef!) { upsertUser(input: {entityRef: $r}) { user { id entityRef } } }")
            .variables(json!({ "r": format!("user:{written}") }))
            .data()
            .await;
        let user = &data["upsertUser"]["user"];
        assert_eq!(user["entityRef"], format!("user:default/{folded}"));
        for form in [written, folded] {
            let found = app
                .ask("query($r: EntityRef!) { user(entityRef: $r) { id } }")
                .variables(json!({ "r": format!("User:{form}") }))
                .data()
                .await;
            assert_eq!(found["user"]["id"], user["id"], "{form}");
        }
    }
    let count = app.ask("{ users { totalCount } }").data().await;
    assert_eq!(count["users"]["totalCount"], FOLDED.len(), "each its own");
}

#[rstest]
#[tokio::test]
async fn case_is_folded_alike_in_addresses(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let provider = app.provider("crm").await;
    for (number, (written, folded)) in FOLDED.into_iter().enumerate() {
        let user = app.user(&format!("user-{number}")).await;
        let input = json!({
            "providerId": provider, "userId": user, "externalId": number.to_string(),
            "profile": { "email": format!("{written}@Example.org") },
        });
        let linked = text(&app.link(input).await.data(), "/linkIdentity/identity/id");
        app.ask(
            "mutation($id: ID!, $r: EntityRef!, $email: String) {
            upsertUser(input: {id: $id, entityRef: $r, email: $email}) { user { id } } }",
        )
        .variables(json!({
            "id": user, "r": format!("user:user-{number}"),
            "email": format!("{written}@Example.org"),
        }))
        .data()
        .await;
        for form in [written, folded] {
            let found = app
                .ask(
                    "query($email: String!) {
                    user(email: $email) { id email }
                    identity(filter: {email: $email}) { id email }
                    identities(filter: {email: $email}) { totalCount }
                }",
                )
                .variables(json!({ "email": format!("{form}@EXAMPLE.org") }))
                .data()
                .await;
            let email = format!("{written}@Example.org");
            assert_eq!(
                found["user"],
                json!({ "id": user, "email": email }),
                "{form}"
            );
            assert_eq!(
                found["identity"],
                json!({ "id": linked, "email": email }),
                "{form}"
            );
            assert_eq!(found["identities"]["totalCount"], 1, "{form}");
        }
    }
}

/// As it is given, and as it is kept: in microseconds, without leap seconds, in UTC.
const TIMES: [(&str, &str); 12] = [
    ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:00"),
    (
        "1969-12-31T23:59:59.9999999Z",
        "1969-12-31T23:59:59.999999+00:00",
    ),
    ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00+00:00"),
    (
        "2030-01-01T00:00:00.000001Z",
        "2030-01-01T00:00:00.000001+00:00",
    ),
    (
        "2030-01-01T00:00:00.0000029Z",
        "2030-01-01T00:00:00.000002+00:00",
    ),
    ("2030-01-01T00:00:00.1Z", "2030-01-01T00:00:00.100+00:00"),
    (
        "2030-01-01T00:00:00.1000010Z",
        "2030-01-01T00:00:00.100001+00:00",
    ),
    (
        "2030-01-01T01:00:00.5+01:00",
        "2030-01-01T00:00:00.500+00:00",
    ),
    (
        "2030-01-01T00:00:00.999999999Z",
        "2030-01-01T00:00:00.999999+00:00",
    ),
    ("2030-01-01T00:00:01-00:00", "2030-01-01T00:00:01+00:00"),
    ("2030-12-31T23:59:60.25Z", "2031-01-01T00:00:00.250+00:00"),
    (
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999+00:00",
    ),
];

#[rstest]
#[tokio::test]
async fn times_come_back_in_microseconds_and_compare_as_times(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let provider = app
        .provider_with("crm", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    for (number, (given, _)) in TIMES.into_iter().enumerate() {
        let input = json!({
            "providerId": provider, "userId": user, "externalId": format!("{number:02}"),
            "credential": { "accessToken": "canary-token-a", "refreshToken": "canary-token-r", "expiresAt": given, "refreshTokenExpiresAt": given },
        });
        app.link(input).await.data();
    }
    let query = "{ identities(orderBy: {field: EXTERNAL_ID}) { nodes {
        externalId credential { expiresAt refreshTokenExpiresAt } } } }";
    let data = app.ask(query).data().await;
    for (node, (given, kept)) in data["identities"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .zip(TIMES)
    {
        let expected = json!({ "expiresAt": kept, "refreshTokenExpiresAt": kept });
        assert_eq!(node["credential"], expected, "{given}");
    }
    for (number, (given, kept)) in TIMES.into_iter().enumerate() {
        for time in [given, kept] {
            let data = app
                .ask(
                    "query($time: DateTime!) { identities(filter: {expiringBefore: $time},
                    orderBy: {field: EXTERNAL_ID}) { nodes { externalId } } }",
                )
                .variables(json!({ "time": time }))
                .data()
                .await;
            let expected: Vec<Value> = (0..number)
                .map(|number| json!({ "externalId": format!("{number:02}") }))
                .collect();
            assert_eq!(
                data["identities"]["nodes"],
                json!(expected),
                "before {time}"
            );
        }
    }
}

#[rstest]
#[tokio::test]
async fn dates_of_rows_are_those_that_are_stored(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    app.linked(&provider, &user, "1").await;
    let data = app
        .ask("{ identities { nodes { dateAdded dateVerified dateUpdated } } }")
        .data()
        .await;
    let row = app.stored().await.identities[0].clone();
    for (field, stored) in [
        ("dateAdded", row.date_added),
        ("dateVerified", row.date_verified),
        ("dateUpdated", row.date_updated),
    ] {
        let shown = text(&data["identities"]["nodes"][0], &format!("/{field}"));
        assert_eq!(shown, stored.to_rfc3339());
        assert_eq!(stored.timestamp_subsec_nanos() % 1000, 0, "microseconds");
    }
}
