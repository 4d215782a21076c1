//! Secrets that are easy to recognize go through a real process, at its most talkative; then
//! they are looked for wherever they must not be.

use std::path::Path;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use lanyard::database::Database;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::Db;
use crate::support::dump::dump;
use crate::support::postgres;
use crate::support::process::{Process, command, contents};

const MASTER: &[u8; 32] = b"canary-master-key-0123456789abcd";
const BOOTSTRAP: &str = "lyd_canary-bootstrap-0123456789abcdef";
const PASSWORD: &str = "canary-database-password";
const CLIENT_SECRETS: [&str; 2] = ["canary-client-secret-1", "canary-client-secret-2"];
const TOKENS: [&str; 5] = [
    "canary-token-access-1",
    "canary-token-refresh-1",
    "canary-token-access-2",
    "canary-token-access-refused",
    "canary-token-access-failed",
];
/// As after an upgrade of ICU: PostgreSQL warns at every connection.
const OUTDATED_COLLATION: &str =
    "UPDATE pg_database SET datcollversion = '0' WHERE datname = current_database()";
/// Sent where a token does not belong, by mistake.
const MISPLACED: [&str; 3] = [
    "canary-in-the-document",
    "canary-in-the-header",
    "canary-in-the-url",
];

/// A process and all that it has answered.
struct Talk {
    process: Process,
    http: reqwest::Client,
    answers: String,
}

impl Talk {
    async fn start(on: Db) -> (Self, String) {
        let folder = TempDir::new().unwrap();
        let url = match on {
            Db::Sqlite => format!(
                "sqlite:{}",
                folder.path().join("lanyard-data/lanyard.db").display()
            ),
            // Any password will do there, and this one must not be seen.
            Db::Postgres => postgres::new_database()
                .await
                .replace("lanyard@", &format!("lanyard:{PASSWORD}@")),
        };
        if on == Db::Postgres {
            execute(&url, on, OUTDATED_COLLATION).await;
        }
        let mut command = command(folder.path(), &["serve"]);
        command
            .env("LANYARD_LOG", "trace")
            .env("LANYARD_DATABASE_URL", &url)
            .env("LANYARD_MASTER_KEY", BASE64.encode(MASTER))
            .env("LANYARD_BOOTSTRAP_API_KEY", BOOTSTRAP);
        let process = Process::spawn(command, folder).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        (
            Self {
                process,
                http,
                answers: String::new(),
            },
            url,
        )
    }

    /// What came back, data or not.
    async fn send(&mut self, key: &str, body: Value) -> Value {
        let request = self
            .http
            .post(format!("{}/graphql", self.process.url))
            .bearer_auth(key)
            .json(&body);
        let text = request.send().await.unwrap().text().await.unwrap();
        self.answers += &text;
        self.answers += "\n";
        serde_json::from_str(&text).unwrap()
    }

    async fn ask(&mut self, query: &str, variables: Value) -> Value {
        self.send(BOOTSTRAP, json!({ "query": query, "variables": variables }))
            .await
    }

    /// Ends the process as an operator would; the log to its end, and what it printed.
    async fn end(&mut self) -> (String, String) {
        let log = self.process.last_log().await;
        let mut printed = String::new();
        let mut stdout = self.process.child.stdout.take().unwrap();
        tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut printed)
            .await
            .unwrap();
        (log, printed)
    }
}

#[rstest]
#[tokio::test]
async fn no_secret_shows_up_anywhere(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let (mut talk, url) = Talk::start(on).await;
    let key = go_through_everything(&mut talk, &url, on).await;
    let (log, printed) = talk.end().await;
    // At this level the log has much to say, and errors have their causes.
    for said in ["\"DEBUG\"", "/graphql", "a request failed"] {
        assert!(log.contains(said), "the log lacks {said}:\n{log}");
    }
    if on == Db::Postgres {
        // Said while the connection was made, with the password at hand.
        assert!(log.contains("collation version mismatch"), "{log}");
    }
    let mut secrets = forms_of(&[BOOTSTRAP, &key, &key[8..], &BOOTSTRAP[8..]]);
    secrets.extend(forms_of(&CLIENT_SECRETS));
    secrets.extend(forms_of(&[PASSWORD]));
    secrets.extend(forms_of(&TOKENS));
    secrets.extend(forms_of(&[std::str::from_utf8(MASTER).unwrap()]));
    let mut logged = secrets.clone();
    logged.extend(forms_of(&MISPLACED));
    assert_without("the log", log.as_bytes(), &logged);
    assert_without("the output", printed.as_bytes(), &logged);
    // The answer that shows the new key, this once, is the only one.
    let shown = format!("\"secret\":{}", json!(key));
    assert_eq!(talk.answers.matches(&shown).count(), 1);
    let answers = talk.answers.replace(&shown, "");
    assert_without("the answers", answers.as_bytes(), &secrets);
    assert_without(
        "the data folder",
        &contents(talk.process.folder.path()),
        &logged,
    );
    if on == Db::Postgres {
        let database = Database::connect_postgres(&url, "test", 1).await.unwrap();
        let stored = format!("{:?}", dump(&database).await);
        assert!(
            stored.contains("canary@example.org"),
            "it does look into the rows"
        );
        assert_without("the database", stored.as_bytes(), &logged);
    } else {
        let stored = contents(talk.process.folder.path());
        assert!(
            holds(&stored, b"canary@example.org"),
            "it does look into the files"
        );
    }
}

/// Every operation that takes a secret, well and badly; the API key that it made on the way.
async fn go_through_everything(talk: &mut Talk, url: &str, on: Db) -> String {
    let made = talk.ask("mutation { createApiKey(input: { name: \"canary\", scopes: [\"admin\"] }) { secret } }", json!({})).await;
    let key = made["data"]["createApiKey"]["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let user = talk.ask("mutation { upsertUser(input: { entityRef: \"user:default/canary\", email: \"canary@example.org\" }) { user { id } } }", json!({})).await;
    let user = user["data"]["upsertUser"]["user"]["id"].clone();
    let provider = talk
        .ask(
            "mutation($secret: String) { createIdentityProvider(input: { slug: \"gh\", type: \"github\", config: {}, clientId: \"id\", clientSecret: $secret }) { identityProvider { id hasClientSecret } userErrors { message } } }",
            json!({ "secret": CLIENT_SECRETS[0] }),
        )
        .await;
    let provider = provider["data"]["createIdentityProvider"]["identityProvider"]["id"].clone();
    assert!(provider.is_string());
    talk.ask(
        "mutation($id: ID!, $secret: String) { updateIdentityProvider(input: { id: $id, clientSecret: $secret }) { identityProvider { version } } }",
        json!({ "id": provider, "secret": CLIENT_SECRETS[1] }),
    )
    .await;
    let link = "mutation($input: LinkIdentityInput!) { linkIdentity(input: $input) { outcome userErrors { code message } } }";
    let input = |external_id: &str, credential: Value| json!({ "input": { "providerId": provider, "userId": user, "externalId": external_id, "credential": credential, "idempotencyKey": credential.to_string().len().to_string() } });
    let linked = talk
        .ask(
            link,
            input(
                "1",
                json!({ "accessToken": TOKENS[0], "refreshToken": TOKENS[1] }),
            ),
        )
        .await;
    assert_eq!(
        linked["data"]["linkIdentity"]["outcome"], "CREATED",
        "{linked:#}"
    );
    let linked = talk
        .ask(
            link,
            input("1", json!({ "accessToken": TOKENS[2], "scopes": [] })),
        )
        .await;
    assert_eq!(
        linked["data"]["linkIdentity"]["outcome"], "UPDATED",
        "{linked:#}"
    );
    // Refused, wrong, and failed in the middle of its transaction.
    let refused = talk
        .ask(link, input("2", json!({ "accessToken": TOKENS[3] })))
        .await;
    assert_eq!(
        refused["data"]["linkIdentity"]["outcome"],
        Value::Null,
        "{refused:#}"
    );
    let failed = json!({ "accessToken": TOKENS[4], "tokenType": "x" });
    let long = format!("{}{}", TOKENS[4], "x".repeat(20_000));
    for credential in [
        json!({ "accessToken": long }),
        json!({ "accessToken": format!("{}\0", TOKENS[4]) }),
        json!({ "accessToken": [TOKENS[4]], "refreshToken": { "token": TOKENS[4] } }),
        json!({ "accessToken": TOKENS[4], "scopes": vec!["x"; 101] }),
    ] {
        let wrong = talk.ask(link, input("3", credential)).await;
        assert!(wrong["errors"].is_array(), "{wrong:#}");
    }
    let (away, back) = (
        "ALTER TABLE credential RENAME TO away",
        "ALTER TABLE away RENAME TO credential",
    );
    execute(url, on, away).await;
    let answer = talk.ask(link, input("1", failed)).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "INTERNAL",
        "{answer:#}"
    );
    execute(url, on, back).await;
    // Tokens where none belong: in a document that is wrong, in headers, in an address.
    let written = format!(
        "mutation {{ linkIdentity(input: {{ credential: {{ accessToken: \"{}\" }} }}) {{ outcome }} }}",
        MISPLACED[0]
    );
    for document in [
        written.clone(),
        written.replace("}) {", "}) ((("),
        written.replace("accessToken", "accessTokn"),
    ] {
        let body = json!({ "query": document, "variables": { "token": MISPLACED[0] }, "operationName": MISPLACED[0] });
        let request = talk
            .http
            .post(format!("{}/graphql", talk.process.url))
            .bearer_auth(BOOTSTRAP)
            .json(&body);
        request.send().await.unwrap();
    }
    for header in [
        format!("Bearer lyd_{}", MISPLACED[1]),
        format!("Basic {}", MISPLACED[1]),
    ] {
        for path in ["graphql", "metrics"] {
            let request = talk
                .http
                .get(format!("{}/{path}?query={{__typename}}", talk.process.url));
            let request = request
                .header("authorization", &header)
                .header("cookie", MISPLACED[1]);
            assert_eq!(request.send().await.unwrap().status(), 401);
        }
    }
    for path in [
        "graphql?query={viewer{__typename}}&access_token=",
        "nowhere?token=",
        "",
    ] {
        let request = talk
            .http
            .get(format!("{}/{path}{}", talk.process.url, MISPLACED[2]));
        request.bearer_auth(&key).send().await.unwrap();
    }
    let reading = "{
        viewer { ... on ApiKey { name hint } } apiKeys { nodes { name hint application createdBy { name } } }
        identities { nodes { email data attributes { name value } credential { tokenType scopes } } }
        identityProviders { nodes { config clientId hasClientSecret } }
        auditEvents(first: 100) { nodes { action before after actor { name } } }
    }";
    let read = talk.send(&key, json!({ "query": reading })).await;
    assert!(read.get("errors").is_none(), "{read:#}");
    key
}

async fn execute(url: &str, on: Db, sql: &str) {
    let database = match on {
        Db::Sqlite => {
            Database::open_sqlite(Path::new(url.strip_prefix("sqlite:").unwrap()), 1).await
        }
        Db::Postgres => Database::connect_postgres(url, "test", 1).await,
    };
    let database = database.unwrap();
    let done = database.write(|tx| async move {
        sea_orm::ConnectionTrait::execute_unprepared(&*tx, sql).await?;
        Ok(())
    });
    done.await.unwrap();
    database.close().await;
}

/// Each text, and what it becomes when it is printed in another way.
fn forms_of(texts: &[&str]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for text in texts {
        let bytes = text.as_bytes();
        let list: Vec<String> = bytes.iter().map(ToString::to_string).collect();
        forms.extend([
            bytes.to_vec(),
            HEXLOWER.encode(bytes).into_bytes(),
            BASE64_NOPAD.encode(bytes).into_bytes(),
            BASE64URL_NOPAD.encode(bytes).into_bytes(),
            list.join(", ").into_bytes(),
            list.join(",").into_bytes(),
        ]);
    }
    forms
}

#[track_caller]
fn assert_without(place: &str, text: &[u8], secrets: &[Vec<u8>]) {
    for secret in secrets {
        if holds(text, secret) {
            let secret = String::from_utf8_lossy(secret);
            let text = String::from_utf8_lossy(text);
            let line = text
                .lines()
                .find(|line| line.contains(&*secret))
                .unwrap_or_default();
            panic!(
                "{place} holds {secret}: {}",
                line.chars().take(2000).collect::<String>()
            );
        }
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
