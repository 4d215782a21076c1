//! Signing in and linking at `oidc-provider`, which is certified and wasn't written here: each
//! client of the peer shows itself, or is answered, in another way.

use lanyard::database::{Sealed, credential, identity};
use lanyard::vault::{KeyRing, MasterKey, Place, Vault};
use rstest::rstest;
use serde_json::{Value, json};

use super::{node, printed_by};
use crate::support::app::{ADMIN, App, Db};
use crate::support::peer::{Issuer, Peer};
use crate::support::walker::{Page, Walker};

const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// A server at which people sign in by every issuer of the peer.
struct World {
    app: App,
    peer: Peer,
    issuers: Vec<Issuer>,
}

impl World {
    /// In which Ada is known.
    async fn start(on: Db) -> Self {
        let mut peer = Peer::start(node("peer.mjs")).await;
        let allowed = peer.allow();
        let app = App::start_with(on, &[("LANYARD_EGRESS_ALLOW", &allowed)]).await;
        let issuers = peer.serve(&app.url("")).await;
        for issuer in &issuers {
            configure(&app, issuer).await;
        }
        let ada = json!({
            "entityRef": "user:default/ada",
            "email": "ada@peer.example",
            "displayName": "Ada Marlow",
        });
        app.ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { userErrors { code } } }")
            .variables(json!({ "input": ada }))
            .data()
            .await;
        Self { app, peer, issuers }
    }

    fn issuer(&self, name: &str) -> &Issuer {
        self.issuers
            .iter()
            .find(|issuer| issuer.name == name)
            .unwrap()
    }

    /// Up to the peer's question who it is.
    async fn begin(&self, walker: &mut Walker, name: &str) -> Page {
        let start = self.app.url(&format!("/auth/{name}/start?intent=sign_in"));
        let page = walker.open(&start).await;
        page.shows(&format!("Sign in at {}", self.issuer(name).title));
        page
    }

    /// From that question to where everything ends.
    async fn agree(&self, walker: &mut Walker, page: &Page, username: &str) -> Page {
        let fields = [("username", username)];
        let asked = walker.press(page, "Sign in", &fields).await;
        asked.shows(&SCOPES.join(" "));
        walker.press(&asked, "Allow", &[]).await
    }

    async fn sign_in(&self, name: &str, username: &str) -> (Walker, Page) {
        let mut walker = Walker::new(&self.app);
        let page = self.begin(&mut walker, name).await;
        let end = self.agree(&mut walker, &page, username).await;
        (walker, end)
    }
}

async fn configure(app: &App, issuer: &Issuer) {
    let client = &issuer.client;
    let mut config = json!({
        "issuer": issuer.issuer,
        "scopes": SCOPES,
        // OpenID Connect Core 1.0 §11: without it there is no refresh token.
        "prompt": "consent",
    });
    // This one is what is found out from the provider's configuration.
    if client.token_endpoint_auth_method != "client_secret_basic" {
        config["token_endpoint_auth_method"] = json!(client.token_endpoint_auth_method);
    }
    let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
    let input = json!({
        "type": "oidc", "name": issuer.title, "config": config,
        "clientId": client.client_id, "clientSecret": client.client_secret,
        "allowsSignIn": true, "signIn": { "resolvers": by_email, "first_link": "allow" },
    });
    app.provider_with(&issuer.name, input).await;
}

fn open(row: &credential::Model, column: &str, sealed: &Sealed) -> String {
    let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
    let vault = Vault::new(keys, lanyard::clock::Clock::default());
    let place = Place {
        table: "credential",
        row: row.identity_id.0.as_bytes(),
        column,
    };
    String::from_utf8(vault.open(&place, sealed).unwrap().to_vec()).unwrap()
}

fn parameter(url: &url::Url, name: &str) -> Option<String> {
    let mut found = url.query_pairs().filter(|(found, _)| found == name);
    found.next().map(|(_, value)| value.into_owned())
}

#[track_caller]
fn is_adas(row: &identity::Model) {
    assert_eq!(row.external_id, "account-of-ada");
    assert_eq!(row.username.as_deref(), Some("ada"));
    assert_eq!(row.email.as_deref(), Some("ada@peer.example"));
    assert_eq!(row.email_verified, Some(true));
    assert_eq!(row.display_name.as_deref(), Some("Ada of the peer"));
}

/// The account is told as it is, and its tokens are those that the peer takes.
#[rstest]
#[tokio::test]
async fn a_person_signs_in(
    #[values("basic", "post", "key", "signed-rs256", "signed-es256")] name: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let (walker, end) = world.sign_in(name, "ada").await;
    assert_eq!(end.url.path(), "/account", "{end:?}");
    assert_eq!(walker.viewer(&world.app).await, "user:default/ada");

    let issuer = world.issuer(name);
    let callback = format!("/auth/{name}/callback");
    let been = |path: &str| {
        let found = walker.been.iter().find(|url| url.path() == path);
        found.unwrap_or_else(|| panic!("{path} in {:?}", walker.been))
    };
    assert_eq!(
        parameter(been(&callback), "iss").as_deref(),
        Some(issuer.issuer.as_str())
    );
    let asked = been(&format!("/{name}/auth"));
    assert_eq!(
        parameter(asked, "code_challenge_method").as_deref(),
        Some("S256")
    );

    let stored = world.app.stored().await;
    let ([row], [tokens]) = (&stored.identities[..], &stored.credentials[..]) else {
        panic!("{stored:?}");
    };
    is_adas(row);
    let mut scopes = tokens.scopes_json.0.clone();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "offline_access", "openid", "profile"]);
    assert!(tokens.refresh_token_sealed.is_some());
    let life = tokens.expires_at.unwrap() - tokens.date_updated;
    assert!((1..=3_600).contains(&life.num_seconds()), "{life}");
    let access = open(tokens, "access_token_sealed", &tokens.access_token_sealed);
    let userinfo = format!("{}/me", issuer.issuer);
    let request = world.app.http().get(&userinfo).bearer_auth(access);
    assert_eq!(request.send().await.unwrap().status(), 200);

    // Once more: the same account, the same person, other tokens.
    let (walker, _) = world.sign_in(name, "ada").await;
    assert_eq!(walker.viewer(&world.app).await, "user:default/ada");
    let again = world.app.stored().await;
    assert_eq!(again.identities.len(), 1);
    assert_ne!(again.credentials, stored.credentials);
}

#[rstest]
#[tokio::test]
async fn a_person_links_an_account_and_signs_in_with_it(
    #[values("basic", "key", "signed-es256")] name: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let (mut walker, end) = world.sign_in("post", "ada").await;
    assert_eq!(end.url.path(), "/account", "{end:?}");
    let title = &world.issuer(name).title;
    let start = world.app.url(&format!("/auth/{name}/start?intent=link"));
    let question = walker.open(&start).await;
    let page = walker
        .press(&question, &format!("Continue to {title}"), &[])
        .await;
    page.shows(&format!("Sign in at {title}"));
    let found = world.agree(&mut walker, &page, "ada-at-work").await;
    found.shows("Is this your account?");
    assert_eq!(world.app.stored().await.identities.len(), 1);
    let end = walker.press(&found, "Connect", &[]).await;
    assert_eq!(end.url.path(), "/account", "{end:?}");
    end.shows("ada-at-work");

    let stored = world.app.stored().await;
    assert_eq!((stored.identities.len(), stored.credentials.len()), (2, 2));
    let [first, second] = &stored.identities[..] else {
        unreachable!()
    };
    assert_eq!(first.user_id, second.user_id);
    assert_eq!(second.external_id, "account-of-ada-at-work");
    let (walker, _) = world.sign_in(name, "ada-at-work").await;
    assert_eq!(walker.viewer(&world.app).await, "user:default/ada");
}

/// The grant ends with the account, however the client shows itself.
#[rstest]
#[tokio::test]
async fn the_peer_revokes_what_is_unlinked(
    #[values("basic", "post", "key")] name: &str,
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let (_, end) = world.sign_in(name, "ada").await;
    assert_eq!(end.url.path(), "/account", "{end:?}");
    let stored = world.app.stored().await;
    let tokens = &stored.credentials[0];
    let access = open(tokens, "access_token_sealed", &tokens.access_token_sealed);
    let userinfo = format!("{}/me", world.issuer(name).issuer);
    let is_taken = async || {
        let request = world.app.http().get(&userinfo).bearer_auth(&access);
        request.send().await.unwrap().status() == 200
    };
    assert!(is_taken().await);
    let data = world
        .app
        .ask("mutation($id: ID!) { unlinkIdentity(input: { id: $id, force: true }) { revoked } }")
        .variables(json!({ "id": tokens.identity_id.to_string() }))
        .data()
        .await;
    assert_eq!(data["unlinkIdentity"]["revoked"], json!(true));
    assert!(!is_taken().await);
    let told = world.app.stored().await.events;
    let told = told
        .iter()
        .filter(|event| event.action.starts_with("credential."));
    let told: Vec<&str> = told.map(|event| event.action.as_str()).collect();
    assert_eq!(told, ["credential.revoked"]);
}

#[rstest]
#[tokio::test]
async fn who_says_no_gets_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let world = World::start(on).await;
    let mut walker = Walker::new(&world.app);
    let page = world.begin(&mut walker, "key").await;
    let asked = walker.press(&page, "Sign in", &[("username", "ada")]).await;
    let end = walker.press(&asked, "Deny", &[]).await;
    end.is_refused(403, "ACCESS_DENIED");
    let (walker, end) = world.sign_in("basic", "unverified").await;
    end.is_refused(403, "EMAIL_UNVERIFIED");
    assert_eq!(walker.viewer(&world.app).await, Value::Null);
    assert!(world.app.stored().await.identities.is_empty());
}

/// A peer that would take anything would prove nothing.
#[rstest]
#[tokio::test]
async fn the_peer_takes_nothing_that_is_not_as_it_should_be(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let world = World::start(on).await;
    let mut walker = Walker::new(&world.app);
    world.begin(&mut walker, "basic").await;
    let asked = walker.been.iter().find(|url| url.path() == "/basic/auth");
    let mut without = asked.unwrap().clone();
    let pairs: Vec<(String, String)> = without
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("code_challenge"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    without.query_pairs_mut().clear().extend_pairs(pairs);
    let end = walker.open(without.as_str()).await;
    end.is_refused(502, "PROVIDER_REFUSED");

    world
        .app
        .reconfigure("post", json!({ "clientSecret": "another secret" }))
        .await;
    let (_, end) = world.sign_in("post", "ada").await;
    end.is_refused(502, "PROVIDER_REFUSED");

    // A secret stands in for no key.
    let data = world
        .app
        .ask("{ identityProvider(slug: \"key\") { config } }")
        .data()
        .await;
    let mut config = data["identityProvider"]["config"].clone();
    config["token_endpoint_auth_method"] = json!("client_secret_post");
    let change = json!({ "config": config, "clientSecret": "a secret" });
    world.app.reconfigure("key", change).await;
    let (_, end) = world.sign_in("key", "ada").await;
    end.is_refused(502, "PROVIDER_REFUSED");
}

/// In Chromium. The script says how to get it.
#[tokio::test]
async fn people_get_to_the_peer_and_back_in_a_browser() {
    let world = World::start(Db::Sqlite).await;
    let mut command = node("peer-browser.mjs");
    command
        .env("LANYARD_URL", world.app.url(""))
        .env("PROVIDER_URL", world.peer.origin.as_str())
        .env("LANYARD_TEST_API_KEY", ADMIN);
    let out = printed_by(command).await;
    assert!(out.contains("everything went as it should"), "{out}");
    let stored = world.app.stored().await;
    assert_eq!(stored.identities.len(), 2, "{stored:?}");
}
