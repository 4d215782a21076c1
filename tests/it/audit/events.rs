//! Which mutations leave which events, and that the two come and go together.

use rstest::rstest;
use serde_json::{Value, json};

use super::mutations::{By, NEVER_IDLE, Refused, Rows, cases, idle, refused};
use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

#[rstest]
#[tokio::test]
async fn every_mutation_leaves_its_events(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    rows.another_session(&app).await;
    let key = app.application("writer", &["admin"]).await;
    let key_id = app.key_id(&key).await;
    let cases = cases(&rows);
    let fields = cases.iter().map(|case| case.field);
    // Whether it leaves any is a provider's to say: `tokens` has it.
    let fields: Vec<&str> = fields.chain(["refreshIdentity"]).collect();
    assert_names_every_mutation(&app, &fields, "say which events it leaves").await;
    for case in cases {
        app.all_sealed().await;
        let before = events(&app).await.len();
        let began = app.clock.now();
        let answer = case.ask(&app, &rows, &key).send().await;
        let request_id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        let payload = answer.data()[case.field].clone();
        app.all_sealed().await;
        let events = events(&app).await.split_off(before);
        let actions: Vec<String> = events.iter().map(|event| text(event, "/action")).collect();
        assert_eq!(actions, case.actions, "{}: {events:#?}", case.field);
        let actor = match case.by {
            By::Key => json!({ "kind": "API_KEY", "id": key_id, "name": "writer" }),
            By::Person => json!({ "kind": "USER", "id": rows.user, "name": "jane" }),
        };
        for event in &events {
            assert_eq!(event["actor"], actor, "{}", case.field);
            assert_eq!(event["requestId"], request_id.as_str(), "{}", case.field);
            let at: chrono::DateTime<chrono::Utc> = text(event, "/at").parse().unwrap();
            assert!(began <= at && at <= app.clock.now(), "{at}");
            // It says what it is about, and how that was or is.
            let told = [&event["before"], &event["after"]];
            assert!(told.iter().any(|side| side.is_object()), "{event:#}");
            assert!(!text(event, "/targetId").is_empty());
            assert!(!event.to_string().contains("canary"), "{event:#}");
        }
        let event = events.last().unwrap();
        let target = match case.target.starts_with('/') {
            true => text(&payload, &case.target),
            false => case.target.clone(),
        };
        assert_eq!(text(event, "/targetId"), target, "{}", case.field);
        let gone = ENDS.iter().any(|end| text(event, "/action").ends_with(end));
        assert_eq!(event["target"].is_null(), gone, "{}: {event:#}", case.field);
        assert_includes(&event["before"], &case.before, case.field);
        assert_includes(&event["after"], &case.after, case.field);
    }
}

/// Actions that leave nothing of their target.
const ENDS: [&str; 5] = [
    ".deleted",
    ".ended",
    ".revoked",
    ".uninstalled",
    ".unlinked",
];

/// A mutation that is in no row of a table would be in no test.
async fn assert_names_every_mutation(app: &App, named: &[&str], what: &str) {
    let schema = app
        .ask("{ __type(name: \"Mutation\") { fields { name } } }")
        .data()
        .await;
    let fields = schema["__type"]["fields"].as_array().unwrap();
    let missing: Vec<_> = fields
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .filter(|field| !named.contains(field))
        .collect();
    assert!(
        missing.is_empty(),
        "{what}, in audit/mutations/: {missing:?}"
    );
}

#[rstest]
#[tokio::test]
async fn taking_over_an_account_tells_of_both_identities(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (jane, joe, provider) = (
        app.user("jane").await,
        app.user("joe").await,
        app.provider("crm").await,
    );
    let (old, other) = (
        app.linked(&provider, &jane, "1").await,
        app.linked(&provider, &joe, "2").await,
    );
    app.all_sealed().await;
    let before = events(&app).await.len();
    let input = json!({ "providerId": provider, "userId": joe, "externalId": "1", "onConflict": "REATTACH" });
    let new = text(&app.link(input).await.data(), "/linkIdentity/identity/id");
    app.all_sealed().await;
    let mut seen: Vec<(String, String, bool, bool)> = events(&app)
        .await
        .split_off(before)
        .iter()
        .map(|event| {
            (
                text(event, "/action"),
                text(event, "/targetId"),
                event["before"].is_null(),
                event["after"].is_null(),
            )
        })
        .collect();
    assert_eq!(
        seen.pop(),
        Some(("identity.linked".to_owned(), new, true, false))
    );
    seen.sort_unstable();
    let mut gone = vec![
        ("identity.unlinked".to_owned(), old, false, true),
        ("identity.unlinked".to_owned(), other, false, true),
    ];
    gone.sort_unstable();
    assert_eq!(seen, gone);
}

#[rstest]
#[tokio::test]
async fn what_is_refused_or_fails_leaves_no_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    let reader = app.key("reader", &["identity:read"]).await;
    let refused = refused(&rows);
    let fields: Vec<&str> = refused.iter().map(|(field, ..)| *field).collect();
    assert_names_every_mutation(&app, &fields, "say how it is refused").await;
    app.all_sealed().await;
    let before = app.dump().await;
    for (field, call, how) in refused {
        let answer = app.ask(&format!("mutation {{ {call} }}")).send().await;
        match how {
            Refused::ByRows => assert_ne!(answer.data()[field]["userErrors"], json!([]), "{call}"),
            Refused::Outright => {
                let codes = ["NOT_FOUND", "BAD_USER_INPUT", "FORBIDDEN"];
                assert!(codes.contains(&answer.code().as_str()), "{call}");
            }
        }
        app.all_sealed().await;
        assert_eq!(app.dump().await, before, "{call}");
        let denied = app
            .ask(&format!("mutation {{ {call} }}"))
            .by(&reader)
            .send()
            .await;
        assert_eq!(denied.code(), "FORBIDDEN", "{call}");
        assert_eq!(app.dump().await, before, "{call}");
    }
}

#[rstest]
#[tokio::test]
async fn what_changes_nothing_leaves_no_event(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    // Of the user's sessions the person's alone is left.
    let end = format!(
        "mutation {{ endSession(id: {:?}) {{ deletedId }} }}",
        rows.session
    );
    app.ask(&end).data().await;
    let idle = idle(&rows);
    let mut fields: Vec<&str> = idle.iter().map(|(field, ..)| *field).collect();
    fields.extend(NEVER_IDLE);
    assert_names_every_mutation(&app, &fields, "say how it changes nothing").await;
    app.all_sealed().await;
    let before = app.dump().await;
    for (field, by, call) in idle {
        let asked = app.ask(&format!("mutation {{ {call} }}"));
        let asked = match by {
            By::Key => asked,
            By::Person => asked.by_person(&rows.person),
        };
        assert_eq!(asked.data().await[field]["userErrors"], json!([]), "{call}");
        app.all_sealed().await;
        assert_eq!(app.dump().await, before, "{call}");
    }
}

#[rstest]
#[tokio::test]
async fn a_change_whose_event_can_not_be_written_is_not_made(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    // With the log itself gone, and with the note that it is to be sealed.
    #[values("event", "event_unsealed")] table: &str,
) {
    let app = App::start(on).await;
    let rows = Rows::new(&app).await;
    rows.another_session(&app).await;
    let key = app.application("writer", &["admin"]).await;
    let cases = cases(&rows);
    app.all_sealed().await;
    let before = app.dump().await;
    app.execute(&format!("ALTER TABLE {table} RENAME TO away"))
        .await;
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    for case in cases {
        answers.push((case.field, case.ask(&app, &rows, &key).send().await));
    }
    app.execute(&format!("ALTER TABLE away RENAME TO {table}"))
        .await;
    for (field, answer) in answers {
        assert_eq!(answer.code(), "INTERNAL", "{field}: {:#}", answer.body);
        let message = answer.message();
        assert!(
            !message.contains("event") && message.contains("request's id"),
            "{message}"
        );
        let request_id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(
            answer.body["errors"][0]["extensions"]["requestId"],
            request_id
        );
    }
    assert_eq!(app.dump().await, before);
}

async fn events(app: &App) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let query = "query($after: String) { auditEvents(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes {
            action actor { kind id name } targetId target { id __typename } before after requestId at
        } } }";
        let mut data = app
            .ask(query)
            .variables(json!({ "after": cursor }))
            .data()
            .await;
        let page = &mut data["auditEvents"];
        cursor = page["pageInfo"]["endCursor"].clone();
        let more = page["pageInfo"]["hasNextPage"] == true;
        all.append(page["nodes"].as_array_mut().unwrap());
        if !more {
            return all;
        }
    }
}

/// Each entry of `expected` is in `found`.
#[track_caller]
fn assert_includes(found: &Value, expected: &Value, what: &str) {
    match expected {
        Value::Object(entries) => {
            for (name, value) in entries {
                assert_eq!(&found[name], value, "{what}: {name} in {found:#}");
            }
        }
        other => assert_eq!(found, other, "{what}"),
    }
}
