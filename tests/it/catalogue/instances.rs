//! One client with many instances: a Slack app and the workspaces that it is used in, an Entra
//! app and its tenants. The answer says which provider an account is of.

use chrono::TimeDelta;
use lanyard::database::session;
use lanyard::demo::provider::Issuer;
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};

use super::builtin_files;
use super::trial::connect;
use crate::support::app::Db;
use crate::support::client::text;
use crate::support::connecting::RETURN_TO;
use crate::support::player::{CLIENT_SECRET, Player, Recording};
use crate::support::process::Process;
use crate::support::world::{Browser, Seen, World};

/// Of the recorded answers: Slack's teams.
const TEAM: &str = "T012AB3C4";
const OTHER_TEAM: &str = "T0OTHER42";
/// And who has answered: the same id in both of them.
const ACCOUNT: &str = "U012A3CDE";
/// Entra's tenant, and somebody in it.
const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const OBJECT: &str = "690222be-ff1a-4d56-abd1-7e4f7d38e474";

/// A server with a provider `app`, whose client others may borrow.
struct Shared {
    world: World,
    player: Player,
    key: &'static str,
    app: String,
    _process: Process,
}

impl Shared {
    /// With the config of the recording.
    async fn start(on: Db, key: &'static str, recording: Recording) -> Self {
        let files = builtin_files();
        let name = format!("{key}.toml");
        let (_, entry) = files.iter().find(|(found, _)| *found == name).unwrap();
        let player = Player::start(entry, recording).await;
        let folder = player.types(&files);
        let settings = [("LANYARD_PROVIDER_TYPES", folder.path().to_str().unwrap())];
        let (world, process) = World::start_process(on, "127.0.0.1", &settings).await;
        let input = json!({
            "type": key, "config": player.recording().config,
            "clientId": player.recording().client_id, "clientSecret": CLIENT_SECRET,
        });
        let app = world.app.provider_with("app", input).await;
        for name in ["ada", "bo"] {
            world.person(name, &format!("{name}@acme.example")).await;
        }
        Self {
            world,
            player,
            key,
            app,
            _process: process,
        }
    }

    /// A provider that borrows the app's client.
    async fn borrower(&self, slug: &str, config: Value) -> String {
        let input = json!({ "type": self.key, "config": config, "clientOf": self.app });
        self.world.app.provider_with(slug, input).await
    }

    async fn signed_in(&self, name: &str) -> Browser<'_> {
        let browser = self.world.browser();
        let signed_in = browser.sign_in(Issuer::Acme, name).await;
        signed_in.leads_to("/account");
        browser
    }

    /// As if everybody had signed in so long ago.
    async fn signed_in_before(&self, age: TimeDelta) {
        let app = &self.world.app;
        let then = app.clock.now() - age;
        let aging = app.database.write(|tx| async move {
            let all = session::Entity::update_many();
            let aged = all.col_expr(session::Column::DateAdded, Expr::value(then));
            assert_eq!(aged.exec(&*tx).await?.rows_affected, 1);
            Ok(())
        });
        aging.await.unwrap();
    }

    /// A link that begins at a provider and is answered as in a case.
    async fn link(&self, browser: &Browser<'_>, slug: &str, case: &str) -> Seen {
        self.player.begin(case);
        let seen = connect(&self.world, &self.player, browser, [slug, "app"]).await;
        let played = self.player.end();
        assert!(played.problems.is_empty(), "{:#?}", played.problems);
        seen
    }

    /// Provider, external id and person of each account but those that people sign in with.
    async fn accounts(&self) -> Vec<[String; 3]> {
        let asked = self
            .world
            .app
            .ask("{ identities { nodes { externalId user { entityRef } provider { slug } } } }");
        let answer = asked.data().await;
        let nodes = answer["identities"]["nodes"].as_array().unwrap();
        let mut found: Vec<_> = nodes
            .iter()
            .map(|node| {
                ["/provider/slug", "/externalId", "/user/entityRef"].map(|path| text(node, path))
            })
            .filter(|[slug, _, _]| slug != "acme")
            .collect();
        found.sort();
        found
    }
}

/// Slack's, for an app that names no team.
fn slack() -> Recording {
    let mut recording = Recording::of("slack");
    recording.config.clear();
    recording
}

/// Entra's, for an app of many tenants: the document names none, and each ID token its own.
fn entra() -> Recording {
    let mut recording = Recording::of("entra_id");
    recording
        .config
        .insert("tenant".to_owned(), json!("organizations"));
    let discovery = recording.discovery.as_mut().unwrap();
    let issuer = format!("\"https://login.microsoftonline.com/{TENANT}/v2.0\"");
    assert!(discovery.body.contains(&issuer));
    discovery.body = discovery
        .body
        .replace(&issuer, &issuer.replace(TENANT, "{tenantid}"));
    recording
}

fn account(slug: &str, id: &str, person: &str) -> [String; 3] {
    [
        slug.to_owned(),
        id.to_owned(),
        format!("user:default/{person}"),
    ]
}

#[rstest]
#[tokio::test]
async fn an_account_is_of_the_team_that_answers(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let shared = Shared::start(on, "slack", slack()).await;
    let (ada, bo) = (shared.signed_in("ada").await, shared.signed_in("bo").await);
    // Nobody has set up that team yet.
    let refused = shared.link(&ada, "app", "success").await;
    refused.is_refused(403, "ACCOUNT_NOT_ALLOWED");
    assert!(shared.accounts().await.is_empty());
    shared.borrower("first", json!({ "team": TEAM })).await;
    let linked = shared.link(&ada, "app", "success").await;
    assert_eq!(linked.status, 303, "{linked:?}");
    assert_eq!(shared.accounts().await, [account("first", ACCOUNT, "ada")]);
    // The same account, from its team's own provider.
    let again = shared.link(&ada, "first", "success").await;
    assert_eq!(again.status, 303, "{again:?}");
    // Another one of the same id.
    shared
        .borrower("second", json!({ "team": OTHER_TEAM }))
        .await;
    let refused = shared.link(&bo, "first", "other_team").await;
    refused.is_refused(403, "ACCOUNT_NOT_ALLOWED");
    assert_eq!(shared.accounts().await, [account("first", ACCOUNT, "ada")]);
    let linked = shared.link(&bo, "second", "other_team").await;
    assert_eq!(linked.status, 303, "{linked:?}");
    let both = [
        account("first", ACCOUNT, "ada"),
        account("second", ACCOUNT, "bo"),
    ];
    assert_eq!(shared.accounts().await, both);
}

#[rstest]
#[tokio::test]
async fn an_account_is_of_the_tenant_that_has_signed_for_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let shared = Shared::start(on, "entra_id", entra()).await;
    let ada = shared.signed_in("ada").await;
    let refused = shared.link(&ada, "app", "success").await;
    refused.is_refused(403, "ACCOUNT_NOT_ALLOWED");
    shared.borrower("tenant", json!({ "tenant": TENANT })).await;
    // One tenant's signature under the id of another.
    let refused = shared.link(&ada, "app", "tenant_of_another").await;
    refused.is_refused(502, "ANSWER_INVALID");
    let refused = shared.link(&ada, "app", "other_tenant").await;
    refused.is_refused(403, "ACCOUNT_NOT_ALLOWED");
    assert!(shared.accounts().await.is_empty());
    let linked = shared.link(&ada, "app", "success").await;
    assert_eq!(linked.status, 303, "{linked:?}");
    assert_eq!(shared.accounts().await, [account("tenant", OBJECT, "ada")]);
}

#[rstest]
#[tokio::test]
async fn a_team_that_is_switched_off_takes_no_account(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let shared = Shared::start(on, "slack", slack()).await;
    let ada = shared.signed_in("ada").await;
    shared.borrower("first", json!({ "team": TEAM })).await;
    let off = json!({ "enabled": false });
    shared.world.reconfigure("first", off).await;
    let refused = shared.link(&ada, "app", "success").await;
    refused.is_refused(403, "ACCOUNT_NOT_ALLOWED");
    assert!(shared.accounts().await.is_empty());
}

#[rstest]
#[tokio::test]
async fn an_answer_of_no_team_is_not_of_the_one_that_was_asked(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let shared = Shared::start(on, "slack", slack()).await;
    let ada = shared.signed_in("ada").await;
    shared.borrower("first", json!({ "team": TEAM })).await;
    for case in ["without_team", "null_team"] {
        for slug in ["app", "first"] {
            let refused = shared.link(&ada, slug, case).await;
            refused.is_refused(502, "ANSWER_INVALID");
        }
    }
    assert!(shared.accounts().await.is_empty());
}

/// The app lets nobody in, so a link at it asks for no fresh sign-in; the team's provider does, and
/// only the answer says that it is the team's.
#[rstest]
#[tokio::test]
async fn a_link_that_begins_at_an_app_adds_no_way_in_to_an_old_session(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let shared = Shared::start(on, "slack", slack()).await;
    let ada = shared.signed_in("ada").await;
    shared.borrower("first", json!({ "team": TEAM })).await;
    let lets_in = json!({ "allowsSignIn": true });
    shared.world.reconfigure("first", lets_in).await;
    // 15 minutes before it begins, and 20 on its way.
    shared.signed_in_before(TimeDelta::minutes(36)).await;
    let refused = shared.link(&ada, "app", "success").await;
    refused.is_refused(403, "SIGN_IN_FIRST");
    assert!(shared.accounts().await.is_empty());
    shared.signed_in_before(TimeDelta::minutes(30)).await;
    let linked = shared.link(&ada, "app", "success").await;
    assert_eq!(linked.status, 303, "{linked:?}");
    assert_eq!(shared.accounts().await, [account("first", ACCOUNT, "ada")]);
}

#[rstest]
#[tokio::test]
async fn an_application_hears_that_the_provider_is_not_for_the_account(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let shared = Shared::start(on, "slack", slack()).await;
    let app = &shared.world.app;
    let key = app.application("portal", &["identity:write"]).await;
    let ada = shared.world.person("ada", "ada@acme.example").await;
    let ada = ada.to_string();
    let connect = app.started(&key, &shared.app, &ada, json!({})).await;
    let browser = shared.world.browser();
    let authorization = browser.set_out(&connect).await;
    shared.player.begin("success");
    let redirect_uri = app.url("/auth/app/callback");
    let callback = shared.player.decide(&authorization, &redirect_uri);
    let back = browser.come_back(&callback).await;
    back.leads_to(&format!("{RETURN_TO}&link_error=ACCOUNT_NOT_ALLOWED"));
    let played = shared.player.end();
    assert!(played.problems.is_empty(), "{:#?}", played.problems);
    assert!(app.pending_links().await.is_empty());
    assert!(shared.accounts().await.is_empty());
}

#[tokio::test]
async fn only_types_that_say_who_has_answered_lend_their_clients() {
    let shared = Shared::start(Db::Sqlite, "slack", slack()).await;
    let made = shared
        .world
        .app
        .ask("mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) { identityProvider { id } userErrors { code field } } }");
    let issuer = shared.world.provider.issuer(Issuer::Hub);
    let input = json!({
        "slug": "borrows", "type": "oidc", "clientOf": shared.app,
        "config": { "issuer": format!("{issuer}/other") },
    });
    let answer = made.variables(json!({ "input": input })).data().await;
    let made = &answer["createIdentityProvider"];
    assert_eq!(made["identityProvider"], Value::Null, "{made}");
    assert_eq!(made["userErrors"][0]["field"], json!(["input", "clientOf"]));
}
