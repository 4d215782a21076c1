//! The tokens of an account that is unlinked are given back to its provider: at once, or later,
//! or not at all.

mod at_once;
mod during;
mod in_use;
mod later;
mod processes;
mod sealed;

use std::time::Duration;

use lanyard::clock::Clock;
use lanyard::database::{Sealed, credential, event, revocation};
use lanyard::demo::provider::{Endpoint, Issuer, Record};
use lanyard::vault::{KeyRing, MasterKey, OpenError, Place, Vault};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::world::World;

const ACME: Issuer = Issuer::Acme;
const HUB: Issuer = Issuer::Hub;
/// Ada's account at Hub: its username, and its id.
const ADAS: (&str, &str) = ("amarlow", "4471");

/// The tokens of an account, in clear.
#[derive(Debug, Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

/// A world in which Ada signs in at Acme, and has linked her account at Hub.
struct Linked {
    world: World,
    ada: String,
    identity: String,
    tokens: Tokens,
}

impl Linked {
    async fn start(on: Db) -> Self {
        Self::within(World::start(on).await).await
    }

    async fn within(world: World) -> Self {
        let ada = world.person("ada", "ada@acme.example").await.to_string();
        let (identity, tokens) = link(&world, "ada", ADAS.0).await;
        Self {
            world,
            ada,
            identity,
            tokens,
        }
    }

    fn app(&self) -> &App {
        &self.world.app
    }

    /// unlinkIdentity, as an admin, of an account that must go.
    async fn unlink(&self, more: Value) -> bool {
        unlink(self.app(), &self.identity, more).await
    }

    /// Whether the provider still takes the access token.
    async fn is_alive(&self) -> bool {
        is_alive(&self.world, &self.tokens).await
    }

    /// What came to Hub's revocation endpoint.
    fn calls(&self) -> Vec<Record> {
        self.world.provider.records_of(HUB, Endpoint::Revoke)
    }

    async fn queued(&self) -> Vec<revocation::Model> {
        queued(self.app()).await
    }

    /// What has become of the tokens, as the audit log has it: action and reason.
    async fn told(&self) -> Vec<(String, Option<String>)> {
        told(self.app(), &self.identity).await
    }

    /// Time passes, and what is due is done: until nothing is queued.
    async fn until_done(&self) {
        until("nothing is queued", async || self.queued().await.is_empty()).await;
    }
}

/// The person of that name signs in at Acme and links the account at Hub: the identity, and its
/// tokens.
async fn link(world: &World, name: &str, username: &str) -> (String, Tokens) {
    let before = identities_at_hub(world).await;
    let browser = world.browser();
    browser.sign_in(ACME, name).await.leads_to("/account");
    let linked = browser.link(HUB, username).await;
    linked.leads_to("/account?connected=hub");
    let mut new = identities_at_hub(world).await;
    new.retain(|identity| !before.contains(identity));
    let [identity] = &new[..] else {
        panic!("not one account is new: {new:?}");
    };
    (identity.clone(), tokens(&world.app, identity).await)
}

async fn identities_at_hub(world: &World) -> Vec<String> {
    let query = "{ identityProvider(slug: \"hub\") { identities { nodes { id } } } }";
    let data = world.app.ask(query).data().await;
    let nodes = data["identityProvider"]["identities"]["nodes"].as_array();
    let nodes = nodes.unwrap().iter();
    nodes.map(|node| text(node, "/id")).collect()
}

async fn unlink(app: &App, identity: &str, more: Value) -> bool {
    let mut input = json!({ "id": identity, "force": true });
    let fields = input.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let data = app
        .ask(
            "mutation($input: UnlinkIdentityInput!) { unlinkIdentity(input: $input) {
            deletedId revoked userErrors { code message }
        } }",
        )
        .variables(json!({ "input": input }))
        .data()
        .await;
    let payload = &data["unlinkIdentity"];
    assert_eq!(payload["deletedId"], json!(identity), "{payload}");
    payload["revoked"].as_bool().unwrap()
}

async fn is_alive(world: &World, tokens: &Tokens) -> bool {
    let userinfo = format!("{}/userinfo", world.provider.issuer(HUB));
    let asked = world.app.http().get(userinfo).bearer_auth(&tokens.access);
    match asked.send().await.unwrap().status().as_u16() {
        200 => true,
        401 => false,
        other => panic!("the provider answers with {other}"),
    }
}

async fn queued(app: &App) -> Vec<revocation::Model> {
    let rows = revocation::Entity::find().all(app.database.reader());
    rows.await.unwrap()
}

async fn told(app: &App, identity: &str) -> Vec<(String, Option<String>)> {
    let found = events(app, identity).await.into_iter().map(|event| {
        let told = event.after_json.unwrap().0;
        let reason = told["reason"].as_str().map(str::to_owned);
        (event.action, reason)
    });
    found.collect()
}

/// Those of the identity's tokens.
async fn events(app: &App, identity: &str) -> Vec<event::Model> {
    let mut events = app.stored().await.events;
    events.retain(|event| {
        event.target_id.as_deref() == Some(identity) && event.action.starts_with("credential.")
    });
    events
}

fn revoked() -> Vec<(String, Option<String>)> {
    vec![("credential.revoked".to_owned(), None)]
}

fn skipped(reason: &str) -> Vec<(String, Option<String>)> {
    let action = "credential.revocation_skipped".to_owned();
    vec![(action, Some(reason.to_owned()))]
}

fn failed(reason: &str) -> Vec<(String, Option<String>)> {
    let action = "credential.revocation_failed".to_owned();
    vec![(action, Some(reason.to_owned()))]
}

/// What is stored of an identity's tokens, opened.
async fn tokens(app: &App, identity: &str) -> Tokens {
    let mut stored = app.stored().await.credentials.into_iter();
    let found = stored.find(|row| row.identity_id.to_string() == identity);
    let row: credential::Model = found.unwrap_or_else(|| panic!("{identity} has no tokens"));
    let open_of = |column, sealed: &Sealed| {
        open("credential", row.identity_id.0.as_bytes(), column, sealed).unwrap()
    };
    Tokens {
        access: open_of("access_token_sealed", &row.access_token_sealed),
        refresh: open_of(
            "refresh_token_sealed",
            row.refresh_token_sealed.as_ref().unwrap(),
        ),
    }
}

/// With the master key of the test servers.
fn open(table: &str, row: &[u8], column: &str, sealed: &Sealed) -> Result<String, OpenError> {
    let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
    let vault = Vault::new(keys, Clock::default());
    let opened = vault.open(&Place { table, row, column }, sealed)?;
    Ok(String::from_utf8(opened.to_vec()).unwrap())
}

/// Waits for what a server does of its own accord.
async fn until(what: &str, fact: impl AsyncFnMut() -> bool) {
    crate::support::until::until(what, Duration::from_secs(30), fact).await;
}
