//! API keys: made, used, over, revoked; and the first one of a database.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use lanyard::access::api_key::{NewApiKey, create};
use lanyard::access::{Caller, Scope, Viewer};
use lanyard::database::api_key;
use lanyard::error::{Error, RefusalCode};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::app::{ADMIN, App, Db};
use crate::support::client::{Answer, text};
use crate::support::postgres;
use crate::support::until::until_some;

const WHO: &str = "{ viewer { ... on ApiKey { id name scopes application hint expiresAt lastUsedAt
    createdBy { kind id name } } } }";

const CREATE: &str = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) {
    secret apiKey { id name scopes application hint expiresAt createdBy { kind id name } }
    userErrors { code field message }
} }";

const REVOKE: &str =
    "mutation($id: ID!) { revokeApiKey(id: $id) { deletedId userErrors { code } } }";

async fn create_key(app: &App, input: Value) -> Answer {
    app.ask(CREATE)
        .variables(json!({ "input": input }))
        .send()
        .await
}

async fn status_of(app: &App, key: &str) -> StatusCode {
    app.ask(WHO).by(key).send().await.status
}

#[rstest]
#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_a_hash(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let input = json!({ "name": "crm sync", "scopes": ["identity:write", "identity:read", "identity:read"] });
    let made = create_key(&app, input).await.data();
    let secret = text(&made, "/createApiKey/secret");
    assert!(secret.starts_with("lyd_") && secret.len() == 47, "{secret}");
    let admin = app.key_id(ADMIN).await;
    let mut expected = json!({
        "id": made["createApiKey"]["apiKey"]["id"],
        "name": "crm sync", "application": "crm sync", "expiresAt": null,
        "scopes": ["identity:read", "identity:write"],
        "hint": secret[..8],
        "createdBy": { "kind": "API_KEY", "id": admin, "name": "first admin key" },
    });
    assert_eq!(made["createApiKey"]["apiKey"], expected);
    expected["lastUsedAt"] = Value::Null;
    let who = app.ask(WHO).by(&secret).data().await;
    assert_eq!(who["viewer"], expected);

    let stored = app.dump().await;
    let (hash, rest) = (HEXLOWER.encode(&Sha256::digest(&secret)), &secret[8..]);
    assert!(
        format!("{stored:?}").to_lowercase().contains(&hash),
        "{:#?}",
        stored["api_key"]
    );
    assert!(!format!("{stored:?}").contains(rest));
    // Nor does any answer say it again.
    let listed = app.ask(
        "{ apiKeys { nodes { id hint name } } auditEvents(last: 100) { nodes { before after } } }",
    );
    assert!(!listed.data().await.to_string().contains(rest));
    // Two keys of one input are two keys.
    let input = json!({ "name": "crm sync", "scopes": ["identity:read"], "application": "crm" });
    let other = create_key(&app, input).await.data();
    assert_ne!(text(&other, "/createApiKey/secret"), secret);
    assert_eq!(other["createApiKey"]["apiKey"]["application"], "crm");
}

#[rstest]
#[tokio::test]
async fn what_is_no_key_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let all = Scope::ALL.map(Scope::name).join(", ");
    for (input, says) in [
        (
            json!({ "name": "x", "scopes": ["identity:read", "identity:raed"] }),
            format!("\"identity:raed\"; the scopes are {all}"),
        ),
        (json!({ "name": "x", "scopes": ["ADMIN"] }), all.clone()),
        (json!({ "name": "x", "scopes": [""] }), all.clone()),
        (
            json!({ "name": "x", "scopes": [] }),
            "scopes: is empty".to_owned(),
        ),
        (
            json!({ "name": " ", "scopes": ["admin"] }),
            "name: is empty".to_owned(),
        ),
        (
            json!({ "name": "x".repeat(201), "scopes": ["admin"] }),
            "name: has 201 bytes".to_owned(),
        ),
        (
            json!({ "name": "x\0", "scopes": ["admin"] }),
            "U+0000".to_owned(),
        ),
        (
            json!({ "name": "x", "application": "", "scopes": ["admin"] }),
            "application: is empty".to_owned(),
        ),
        (
            json!({ "name": "x", "scopes": ["admin"], "expiresAt": "2020-01-01T00:00:00Z" }),
            "expiresAt".to_owned(),
        ),
        (
            json!({ "name": "x", "scopes": ["admin"], "expiresAt": app.clock.now() }),
            "is over already".to_owned(),
        ),
    ] {
        let answer = create_key(&app, input.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{input}");
        assert!(
            answer.message().contains(&says),
            "{input}: {}",
            answer.message()
        );
    }
    let keys = app.ask("{ apiKeys { totalCount } }").data().await;
    assert_eq!(keys["apiKeys"]["totalCount"], 1);
}

#[rstest]
#[tokio::test]
async fn no_key_gives_what_it_does_not_hold(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let all_but_admin: Vec<&str> = Scope::ALL
        .map(Scope::name)
        .into_iter()
        .filter(|scope| *scope != "admin")
        .collect();
    let key = app.key("much", &all_but_admin).await;
    let own = json!({ "input": { "name": "mine", "scopes": ["identity:read"] } });
    assert_eq!(
        app.ask(CREATE).variables(own).by(&key).code().await,
        "FORBIDDEN"
    );
    // The rule itself, which holds whoever is let in some day: by the row of that key.
    let row = api_key::Entity::find().filter(api_key::Column::Name.eq("much"));
    let row = row.one(app.database.reader()).await.unwrap().unwrap();
    let caller = Caller {
        viewer: Viewer::ApiKey(Arc::new(row)),
        request_id: "test".to_owned(),
    };
    let make = |scopes: &[Scope]| {
        let new = NewApiKey {
            name: "made".to_owned(),
            scopes: scopes.to_vec(),
            application: None,
            expires_at: None,
            organization_id: None,
            return_origins: Vec::new(),
        };
        let (app, caller) = (&app, &caller);
        async move { create(&app.database, &app.clock, caller, new).await }
    };
    for scopes in [&[Scope::Admin][..], &[Scope::IdentityRead, Scope::Admin]] {
        match make(scopes).await {
            Err(Error::Refused(refusals)) => {
                assert_eq!(refusals[0].code, RefusalCode::ScopeNotHeld)
            }
            other => panic!("{other:?}"),
        }
    }
    make(&[Scope::IdentityRead]).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_key_ends_at_its_time(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let end = app.clock.now() + TimeDelta::hours(1);
    let input = json!({ "name": "hour", "scopes": ["directory:read"], "expiresAt": end });
    let made = create_key(&app, input).await.data();
    assert_eq!(
        text(&made, "/createApiKey/apiKey/expiresAt")
            .parse::<DateTime<Utc>>()
            .unwrap(),
        end
    );
    let key = text(&made, "/createApiKey/secret");
    app.clock.advance(TimeDelta::minutes(55));
    assert_eq!(status_of(&app, &key).await, StatusCode::OK);
    app.clock.advance(TimeDelta::minutes(5));
    let answer = app.ask(WHO).by(&key).send().await;
    assert_unauthorized("an expired key", &answer);
    assert_eq!(status_of(&app, ADMIN).await, StatusCode::OK);
}

#[rstest]
#[tokio::test]
async fn a_revoked_key_is_refused_from_its_next_request_on(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let beside = app.start_beside().await;
    let (key, other) = (
        app.key("one", &["directory:read"]).await,
        app.key("two", &["directory:read"]).await,
    );
    let (id, other_id) = (app.key_id(&key).await, app.key_id(&other).await);
    let revoke = |id: &str, by: &str| app.ask(REVOKE).variables(json!({ "id": id })).by(by).send();

    let refused = revoke(&other_id, &key).await;
    assert_eq!(
        refused.code(),
        "FORBIDDEN",
        "another key is an admin's to revoke"
    );
    assert!(refused.message().contains("admin"), "{}", refused.message());
    assert_eq!(
        revoke(&id, "lyd_nobody-knows-this-key-0123456789")
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(status_of(&app, &other).await, StatusCode::OK);

    // A key revokes itself.
    assert_eq!(
        revoke(&id, &key).await.data()["revokeApiKey"]["deletedId"],
        id.as_str()
    );
    for server in [&app, &beside] {
        assert_unauthorized("revoked", &server.ask(WHO).by(&key).send().await);
    }
    // An admin revokes another.
    assert_eq!(status_of(&beside, &other).await, StatusCode::OK);
    revoke(&other_id, ADMIN).await.data();
    for server in [&app, &beside] {
        assert_unauthorized("revoked", &server.ask(WHO).by(&other).send().await);
    }
    for (id, code) in [
        (other_id.as_str(), "NOT_FOUND"),
        ("user_01h455vb4pex5vsknk084sn02q", "BAD_USER_INPUT"),
        ("api_key_", "BAD_USER_INPUT"),
    ] {
        assert_eq!(revoke(id, ADMIN).await.code(), code, "{id}");
    }
}

#[rstest]
#[tokio::test]
async fn the_last_use_is_known_to_the_minute(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let key = app.key("used", &["directory:read"]).await;
    let minute = || {
        app.clock
            .now()
            .duration_trunc(TimeDelta::minutes(1))
            .unwrap()
    };
    let mut noted = None;
    for _ in 0..3 {
        let earliest = minute();
        let id = app.key_id(&key).await;
        let latest = minute();
        let used = noted_after(&app, &id, noted).await;
        assert!(
            earliest <= used && used <= latest,
            "{earliest} <= {used} <= {latest}"
        );
        noted = Some(used);
        app.clock.advance(TimeDelta::minutes(2));
    }
}

/// When the key was last used, as soon as that is later than `before`.
async fn noted_after(app: &App, id: &str, before: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let query = "query($id: ID!) { node(id: $id) { ... on ApiKey { lastUsedAt } } }";
    until_some("the use is noted", Duration::from_secs(30), async || {
        let data = app.ask(query).variables(json!({ "id": id })).data().await;
        let noted = data["node"]["lastUsedAt"]
            .as_str()
            .map(|time| time.parse().unwrap());
        noted.filter(|_| noted > before)
    })
    .await
}

#[rstest]
#[tokio::test]
async fn a_header_that_names_no_key_is_refused(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let send = |values: Vec<Vec<u8>>, accept: &'static str| {
        let mut request = app
            .http()
            .post(app.url("/graphql"))
            .header("accept", accept)
            .json(&json!({ "query": "{ __typename }" }));
        for value in values {
            request = request.header("authorization", HeaderValue::from_bytes(&value).unwrap());
        }
        async move { request.send().await.unwrap() }
    };
    let long = format!("Bearer {ADMIN}{}", "x".repeat(10_000));
    let inside = format!("Bearer {} {}", &ADMIN[..20], &ADMIN[20..]);
    let cut = format!("Bearer {}", &ADMIN[..ADMIN.len() - 1]);
    let behind = format!("Bearer {ADMIN}x");
    let upper = format!("Bearer {}", ADMIN.to_uppercase());
    let basic = format!("Basic {ADMIN}");
    let glued = format!("Bearer{ADMIN}");
    let listed = format!("Bearer {ADMIN}, Bearer {ADMIN}");
    let unicode = format!("Bearer {ADMIN}é");
    let no_break = format!("Bearer {ADMIN}\u{a0}");
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer lyd_",
        "lyd_",
        ADMIN,
        &long,
        &inside,
        &cut,
        &behind,
        &upper,
        &basic,
        &glued,
        &listed,
        &unicode,
        &no_break,
        "Bearer null",
        "Bearer undefined",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
    ] {
        for accept in ["application/json", "application/graphql-response+json"] {
            let answer = send(vec![header.as_bytes().to_vec()], accept).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{header:?}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{header:?}");
            let body: Value = answer.json().await.unwrap();
            assert_eq!(
                body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
                "{header:?}"
            );
            assert!(
                body.get("data").is_none() && !body.to_string().contains("lyd_admin"),
                "{body}"
            );
        }
    }
    let good = format!("Bearer {ADMIN}").into_bytes();
    // Bytes that are no text; and two headers, whichever of them is good.
    for values in [
        vec![[&good[..], &[0xff]].concat()],
        vec![good.clone(), good.clone()],
        vec![good.clone(), b"Bearer lyd_other".to_vec()],
        vec![b"Basic abc".to_vec(), good.clone()],
    ] {
        let answer = send(values.clone(), "application/json").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{values:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{values:?}");
    }
    // RFC 9110 §11.1: the scheme's case does not count; §5.5: space around a value is not part of it.
    for value in [
        format!("bearer {ADMIN}"),
        format!("BEARER {ADMIN}"),
        format!("Bearer {ADMIN}  "),
    ] {
        let answer = send(vec![value.clone().into_bytes()], "application/json").await;
        assert_eq!(answer.status(), StatusCode::OK, "{value:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_control_character_in_the_header_ends_the_request(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("\0", "\u{1}", "\u{7f}")] control: &str,
) {
    let app = App::start(on).await;
    let address = app.address;
    let request = format!(
        "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {ADMIN}{control}\r\n\r\n"
    );
    // Clients refuse to send this, so it goes out as it stands.
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let refused = answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 401 ");
    assert!(refused, "{answer}");
}

#[rstest]
#[tokio::test]
async fn what_needs_a_key_says_so_to_nobody(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let answer = app.ask("{ users { totalCount } }").by_nobody().send().await;
    assert_unauthorized("nobody", &answer);
}

#[rstest]
#[tokio::test]
async fn the_operators_key_is_taken_on_only_while_there_is_none(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    const OTHER: &str = "lyd_another-key-of-the-operator-0123456789";
    let app = App::start(on).await;
    let other = [("LANYARD_BOOTSTRAP_API_KEY", OTHER)];
    let second = App::start_at(&app.database_url, &other).await;
    assert_unauthorized("too late", &second.ask(WHO).by(OTHER).send().await);
    assert_eq!(status_of(&second, ADMIN).await, StatusCode::OK);
    // A key that can do little is a key, too.
    let little = app.key("little", &["directory:read"]).await;
    let id = app.key_id(ADMIN).await;
    app.ask(REVOKE).variables(json!({ "id": id })).data().await;
    let third = App::start_at(&app.database_url, &other).await;
    assert_unauthorized("there is one", &third.ask(WHO).by(OTHER).send().await);
    let id = app
        .ask("{ viewer { ... on ApiKey { id } } }")
        .by(&little)
        .data()
        .await["viewer"]["id"]
        .clone();
    app.ask(REVOKE)
        .variables(json!({ "id": id }))
        .by(&little)
        .data()
        .await;
    let fourth = App::start_at(&app.database_url, &other).await;
    let who = fourth.ask(WHO).by(OTHER).data().await;
    assert_eq!(who["viewer"]["scopes"], json!(["admin"]));
    assert_eq!(who["viewer"]["createdBy"]["kind"], "COMMAND_LINE");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_together_make_one_first_key(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let folder = TempDir::new().unwrap();
    let url = match on {
        Db::Sqlite => format!("sqlite:{}", folder.path().join("shared.db").display()),
        Db::Postgres => postgres::new_empty_database().await,
    };
    let keys: Vec<String> = (0..4)
        .map(|n| format!("lyd_key-of-the-server-{n}-0123456789abcdef"))
        .collect();
    let starts = keys.iter().map(|key| {
        let (url, key) = (url.clone(), key.clone());
        tokio::spawn(
            async move { App::start_at(&url, &[("LANYARD_BOOTSTRAP_API_KEY", &key)]).await },
        )
    });
    let mut servers = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        servers.push(start.await.unwrap());
    }
    let stored = api_key::Entity::find()
        .all(servers[0].database.reader())
        .await
        .unwrap();
    assert_eq!(stored.len(), 1, "{stored:#?}");
    let mut known = Vec::new();
    for key in &keys {
        let mut statuses = Vec::new();
        for server in &servers {
            statuses.push(status_of(server, key).await);
        }
        assert!(
            statuses.windows(2).all(|pair| pair[0] == pair[1]),
            "{statuses:?}"
        );
        known.push(statuses[0] == StatusCode::OK);
    }
    assert_eq!(known.iter().filter(|known| **known).count(), 1, "{known:?}");
}

#[rstest]
#[tokio::test]
async fn keys_are_paged_both_ways(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    for n in 0..6 {
        // Ids sort by the time at which they were made.
        app.clock.advance(TimeDelta::seconds(1));
        app.key(&format!("key {n}"), &["directory:read"]).await;
    }
    let all: Vec<String> = std::iter::once("first admin key".to_owned())
        .chain((0..6).map(|n| format!("key {n}")))
        .collect();
    for (size, arguments, cursor, more) in [
        (3, "first: 3, after: $cursor", "endCursor", "hasNextPage"),
        (
            3,
            "last: 3, before: $cursor",
            "startCursor",
            "hasPreviousPage",
        ),
    ] {
        let query = format!(
            "query($cursor: String) {{ apiKeys({arguments}) {{ totalCount nodes {{ name }} pageInfo {{ {cursor} {more} }} }} }}"
        );
        let (mut found, mut from) = (Vec::new(), Value::Null);
        loop {
            let data = app
                .ask(&query)
                .variables(json!({ "cursor": from }))
                .data()
                .await;
            let page = &data["apiKeys"];
            assert_eq!(page["totalCount"], 7);
            let names: Vec<String> = page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| text(node, "/name"))
                .collect();
            assert!(names.len() <= size);
            found = if cursor == "endCursor" {
                [found, names].concat()
            } else {
                [names, found].concat()
            };
            if page["pageInfo"][more] == false {
                break;
            }
            from = page["pageInfo"][cursor].clone();
        }
        assert_eq!(found, all, "{arguments}");
    }
}

#[track_caller]
fn assert_unauthorized(what: &str, answer: &Answer) {
    assert_eq!(
        answer.status,
        StatusCode::UNAUTHORIZED,
        "{what}: {:#}",
        answer.body
    );
    assert_eq!(answer.code(), "UNAUTHENTICATED", "{what}");
    let challenge = answer
        .headers
        .get("www-authenticate")
        .map(HeaderValue::as_bytes);
    assert_eq!(
        challenge,
        Some(&b"Bearer"[..]),
        "{what}: {:?}",
        answer.headers
    );
    assert!(
        answer.body.get("data").is_none(),
        "{what}: {:#}",
        answer.body
    );
}
