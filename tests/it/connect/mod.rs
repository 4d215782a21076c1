//! Links that applications start: the two pages, the code, and everything that can be wrong with
//! them; and the second page of people's own links.

mod codes;
mod keys;
mod origins;
mod own;
mod pages;
mod secrets;
mod start;
mod steps;
mod way;

use lanyard::demo::provider::Issuer;
use serde_json::{Value, json};
use url::Url;

use crate::support::app::Db;
use crate::support::client::text;
use crate::support::connecting::told;
use crate::support::world::{Browser, Seen, World};

const ACME: Issuer = Issuer::Acme;
const HUB: Issuer = Issuer::Hub;

/// Ada's account at Hub: its username, and its id.
const ADAS: (&str, &str) = ("amarlow", "4471");
/// Somebody else's.
const STRANGERS: (&str, &str) = ("drifter", "9001");

/// An application whose users link accounts at Hub, where nobody signs in.
struct Portal {
    world: World,
    /// The application's key.
    key: String,
    hub: String,
    /// Users of the directory, whom the application knows.
    ada: String,
    bo: String,
}

impl Portal {
    async fn new(on: Db) -> Self {
        let world = World::start(on).await;
        world
            .reconfigure("hub", json!({ "allowsSignIn": false }))
            .await;
        let found = world
            .app
            .ask("{ identityProvider(slug: \"hub\") { id } }")
            .data()
            .await;
        Self {
            key: world
                .app
                .application("portal", &["identity:write", "identity:read"])
                .await,
            hub: text(&found, "/identityProvider/id"),
            ada: world.person("ada", "ada@acme.example").await.to_string(),
            bo: world.person("bo", "bo@acme.example").await.to_string(),
            world,
        }
    }

    /// A link for Ada.
    async fn start(&self) -> Url {
        self.start_with(json!({})).await
    }

    async fn start_with(&self, more: Value) -> Url {
        let app = &self.world.app;
        app.started(&self.key, &self.hub, &self.ada, more).await
    }

    /// From the connect link to what the way back from the provider leads to.
    async fn way_back(&self, browser: &Browser<'_>, connect: &Url, username: &str) -> Seen {
        let authorization = browser.set_out(connect).await;
        let callback = self
            .world
            .provider
            .decide(&authorization, username)
            .unwrap();
        browser.come_back(&callback).await
    }

    /// The whole way by both pages, with Ada's account: the code.
    async fn code(&self, browser: &Browser<'_>, connect: &Url) -> String {
        self.code_of(browser, connect, ADAS.0).await
    }

    async fn code_of(&self, browser: &Browser<'_>, connect: &Url, username: &str) -> String {
        let back = self.way_back(browser, connect, username).await;
        let address = browser.agree(back).await.goes_on_to();
        told(&address, "link_code").unwrap_or_else(|| panic!("no code: {address}"))
    }

    /// What completeLink answers to the portal.
    async fn complete(&self, code: &str, user: &str) -> Value {
        let answer = self.world.app.complete_link(&self.key, code, user).await;
        answer.data()["completeLink"].clone()
    }

    /// The code is good for nothing, and nothing more is said.
    async fn is_no_code(&self, key: &str, code: &str, user: &str) {
        let answer = self.world.app.complete_link(key, code, user).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{:#}", answer.body);
        assert_eq!(
            answer.message(),
            "link with this code, of this application and user, was not found"
        );
    }

    /// No account was linked, and none waits.
    async fn linked_nothing(&self) {
        let stored = self.world.app.stored().await;
        assert!(stored.identities.is_empty(), "{:?}", stored.identities);
        assert!(stored.credentials.is_empty());
    }

    async fn nothing_waits(&self) {
        let links = self.world.app.pending_links().await;
        assert!(links.is_empty(), "{links:?}");
    }

    async fn disable(&self, name: &str) {
        let reference = format!("user:default/{name}");
        self.world
            .app
            .ask("mutation($ref: EntityRef!) { upsertUser(input: { entityRef: $ref, status: DISABLED }) { userErrors { code } } }")
            .variables(json!({ "ref": reference }))
            .data()
            .await;
    }
}

/// The page's address that a browser was sent to.
#[track_caller]
fn second_page(back: &Seen) -> String {
    let page = crate::support::connecting::found(back);
    page.unwrap_or_else(|| panic!("no account was found: {back:?}"))
}
