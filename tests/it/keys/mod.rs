//! Master keys that take turns.

mod command;
mod folder;
mod load;
mod older_ring;
mod start;
mod swapped;

use std::collections::BTreeSet;
use std::time::Duration;

use lanyard::access::{Caller, Viewer};
use lanyard::clock::Clock;
use lanyard::database::rewrap::SEALED;
use lanyard::vault::{KeyRing, KeyStatus, MasterKey, Vault, key_of};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::{Answer, text};
use crate::support::until::until;

/// Rewrapping begins within two seconds.
const SOON: Duration = Duration::from_secs(60);

/// 32 times this byte, as settings have it. The tests' usual key is that of 1.
fn key(byte: u8) -> String {
    data_encoding::BASE64.encode(&[byte; 32])
}

fn keys(bytes: &[u8]) -> String {
    let keys: Vec<String> = bytes.iter().map(|byte| key(*byte)).collect();
    keys.join(",")
}

fn id(byte: u8) -> String {
    MasterKey::new([byte; 32]).id().to_owned()
}

/// What a process with these keys can do.
fn vault(bytes: &[u8]) -> Vault {
    let keys = bytes.iter().map(|byte| MasterKey::new([*byte; 32]));
    Vault::new(KeyRing::of(keys).unwrap(), Clock::default())
}

/// As the command line does it.
async fn rotate(app: &App, bytes: &[u8], to: u8) {
    let caller = Caller {
        viewer: Viewer::CommandLine,
        request_id: "test".to_owned(),
    };
    let vault = vault(bytes);
    let rotated = vault.rotate(&app.database, &caller.origin(), &id(to)).await;
    assert_eq!(rotated.unwrap().to, id(to));
}

async fn status(app: &App) -> KeyStatus {
    vault(&[1]).status(&app.database).await.unwrap()
}

/// Waits until nothing is sealed with another key.
async fn until_rotated(app: &App) {
    until("the rotation is through", SOON, async || {
        !status(app).await.is_rotating()
    })
    .await;
}

/// The ids of the keys that anything stored is sealed with.
async fn sealed_with(app: &App) -> BTreeSet<String> {
    let found = app.database.write(|tx| async move {
        let mut found = BTreeSet::new();
        for table in &SEALED {
            for row in table.rows(&tx, None, 100_000).await? {
                for sealed in row.sealed.iter().flatten() {
                    found.insert(key_of(sealed).unwrap().to_owned());
                }
            }
        }
        Ok(found)
    });
    found.await.unwrap()
}

/// Links an account with these tokens.
async fn link(app: &App, provider: &str, user: &str, account: &str, token: &str) -> Answer {
    app.link(json!({
        "providerId": provider, "userId": user, "externalId": account,
        "credential": { "accessToken": token, "refreshToken": format!("{token}-refresh") },
    }))
    .await
}

/// Reads the access token of an identity.
async fn read(app: &App, identity: &str) -> Answer {
    app.ask("query($id: ID!) { node(id: $id) { ... on Identity { credential { accessToken } } } }")
        .variables(json!({ "id": identity }))
        .send()
        .await
}

fn token(answer: Answer) -> String {
    text(&answer.data(), "/node/credential/accessToken")
}

fn identity(answer: Answer) -> String {
    text(&answer.data(), "/linkIdentity/identity/id")
}

/// Status and text of `/readyz`.
async fn ready(app: &App) -> (u16, String) {
    let answer = app.http().get(app.url("/readyz")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// A value that a metric has, by its name with its labels.
async fn metric(app: &App, name: &str) -> Option<Value> {
    let answer = app.http().get(app.url("/metrics"));
    let answer = answer.bearer_auth(crate::support::app::ADMIN).send().await;
    let text = answer.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    serde_json::from_str(line.trim()).ok()
}
