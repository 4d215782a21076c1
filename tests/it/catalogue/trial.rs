//! One type on a server of its own: each case is a link by a person who is signed in, and then
//! a look at what has become of it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use chrono::TimeDelta;
use futures_util::FutureExt;
use lanyard::clock::Time;
use lanyard::demo::provider::Issuer;
use serde_json::{Map, Value, json};

use crate::support::app::Db;
use crate::support::canary::leak;
use crate::support::client::text;
use crate::support::connecting::found;
use crate::support::dump::Dump;
use crate::support::player::{CLIENT_SECRET, Case, Expect, Player, Recording, Revocation};
use crate::support::process::contents;
use crate::support::world::{Browser, Seen, World};

/// The provider's.
const SLUG: &str = "recorded";

/// Tables that others write: what is told of a flow, and who does what in the background.
const OTHERS: [&str; 4] = ["event", "event_unsealed", "event_seal", "job_lease"];

/// A type on its server.
struct Trial<'a> {
    world: &'a World,
    player: &'a Player,
    key: &'a str,
    /// The provider's id and config, once it is there.
    configured: Option<(String, Map<String, Value>)>,
    /// What must show up nowhere, beside what says `canary`.
    secrets: Vec<String>,
}

/// What fails of the type that the file `<key>.toml` describes, case by case.
pub async fn failures(
    on: Db,
    key: &str,
    files: &[(String, String)],
    recording: Recording,
) -> Vec<String> {
    let name = format!("{key}.toml");
    let (_, entry) = files.iter().find(|(found, _)| *found == name).unwrap();
    let player = &Player::start(entry, recording).await;
    let folder = player.types(files);
    let folder = folder.path().to_str().unwrap();
    let settings = [("LANYARD_PROVIDER_TYPES", folder)];
    let (world, mut process) = World::start_process(on, "127.0.0.1", &settings).await;
    world.person("ada", "ada@acme.example").await;
    let mut trial = Trial {
        world: &world,
        player,
        key,
        configured: None,
        secrets: vec![CLIENT_SECRET.to_owned()],
    };
    let mut failed = Vec::new();
    for (name, case) in &player.recording().cases {
        let problems = caught(trial.play(name, case)).await;
        failed.extend(problems.into_iter().map(|said| format!("{name}: {said}")));
    }
    for (name, revocation) in &player.recording().revocations {
        let problems = caught(trial.revoke(name, revocation)).await;
        let said = problems.into_iter();
        failed.extend(said.map(|said| format!("revocation {name}: {said}")));
    }
    failed.extend(player.strays());
    let secrets = trial.secrets;
    let log = process.last_log().await;
    // At this level it has much to say.
    if !log.contains("\"DEBUG\"") || !log.contains("/callback") {
        failed.push(format!("the log is silent: {log}"));
    }
    let leaked = leak(log.as_bytes(), &secrets);
    failed.extend(leaked.map(|line| format!("the log has a secret: {line}")));
    // What SQLite keeps of rows that are gone, too.
    let leaked = leak(&contents(process.folder.path()), &secrets);
    failed.extend(leaked.map(|line| format!("a file has a secret: {line}")));
    failed
}

/// What it says is wrong, and what it panics with.
pub async fn caught(problems: impl Future<Output = Vec<String>>) -> Vec<String> {
    match AssertUnwindSafe(problems).catch_unwind().await {
        Ok(problems) => problems,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            vec![said.unwrap_or_default()]
        }
    }
}

/// The whole way of a link at the provider of the first slug, by the client of the second, with
/// the account that was found agreed to.
pub async fn connect(
    world: &World,
    player: &Player,
    browser: &Browser<'_>,
    [slug, client]: [&str; 2],
) -> Seen {
    let authorization = browser.begin_link_at(slug, "").await;
    let redirect_uri = world.app.url(&format!("/auth/{client}/callback"));
    let callback = player.decide(&authorization, &redirect_uri);
    let back = browser.come_back(&callback).await;
    let Some(found) = found(&back) else {
        return back;
    };
    let asks = browser.get(&found).await;
    let mut ended = browser.agree(back).await;
    // All that was shown.
    ended.text += &asks.text;
    ended
}

impl Trial<'_> {
    async fn play(&mut self, name: &str, case: &Case) -> Vec<String> {
        self.configure(name).await;
        let browser = self.world.browser();
        let signed_in = browser.sign_in(Issuer::Acme, "ada").await;
        signed_in.leads_to("/account");
        let before = self.rows().await;
        self.player.begin(name);
        let began = self.world.app.clock.now();
        let seen = connect(self.world, self.player, &browser, [SLUG, SLUG]).await;
        let tokens = self.player.tokens();
        let played = self.player.end();
        self.secrets.extend(played.secrets);
        let mut problems = played.problems;
        problems.extend(caught(self.look(&browser, case, &seen, &before, &tokens, began)).await);
        problems
    }

    /// Links the account of a case, and unlinks it: what is wrong with that.
    async fn revoke(&mut self, name: &str, revocation: &Revocation) -> Vec<String> {
        self.configure(&revocation.case).await;
        let browser = self.world.browser();
        let signed_in = browser.sign_in(Issuer::Acme, "ada").await;
        signed_in.leads_to("/account");
        self.player.begin(&revocation.case);
        let seen = connect(self.world, self.player, &browser, [SLUG, SLUG]).await;
        seen.leads_to(&format!("/account?connected={SLUG}"));
        let identity = text(&self.identities().await[0], "/id");
        self.player.revoke(name);
        let unlinking = self.world.app.ask(
            "mutation($id: ID!) {
                unlinkIdentity(input: { id: $id, force: true }) { deletedId revoked }
            }",
        );
        let variables = json!({ "id": identity });
        let answer = unlinking.variables(variables).data().await;
        let played = self.player.end();
        self.secrets.extend(played.secrets);
        let mut problems = played.problems;
        let wanted = json!({ "deletedId": identity, "revoked": revocation.revoked });
        if answer["unlinkIdentity"] != wanted {
            problems.push(format!("unlinkIdentity says {answer}"));
        }
        problems.extend(self.unlike(&identity, revocation).await);
        let stored = format!("{:#?}", self.world.app.dump().await);
        let leaked = leak(stored.as_bytes(), &self.secrets);
        problems.extend(leaked.map(|line| format!("the database has a secret: {line}")));
        problems
    }

    /// Where what is stored of a revocation isn't what it has to be.
    async fn unlike(&self, identity: &str, revocation: &Revocation) -> Option<String> {
        let events = self.world.app.stored().await.events;
        let of_tokens = events.iter().filter(|event| {
            event.target_id.as_deref() == Some(identity) && event.action.starts_with("credential.")
        });
        let found: Vec<_> = of_tokens
            .map(|event| {
                let told = event.after_json.as_ref().unwrap();
                let reason = told.0["reason"].as_str().map(str::to_owned);
                (event.action.as_str(), reason)
            })
            .collect();
        let action = match revocation.reason.as_deref() {
            None => "credential.revoked",
            Some("not_supported") => "credential.revocation_skipped",
            Some(_) => "credential.revocation_failed",
        };
        let wanted = [(action, revocation.reason.clone())];
        let queued = &self.rows().await["revocation"];
        (found != wanted || !queued.is_empty())
            .then(|| format!("the events are {found:?}, not {wanted:?}; queued: {queued:?}"))
    }

    /// What is wrong with where the person ended up, and with what is stored.
    async fn look(
        &self,
        browser: &Browser<'_>,
        case: &Case,
        seen: &Seen,
        before: &Dump,
        tokens: &Value,
        began: Time,
    ) -> Vec<String> {
        let mut pages = seen.text.clone();
        let mut problems = Vec::new();
        if let Some(page) = &case.page {
            seen.is_refused(status(page), page);
            for (table, rows) in &self.rows().await {
                if before.get(table) != Some(rows) {
                    problems.push(format!("something was stored in {table}: {rows:?}"));
                }
            }
        }
        if let Some(expect) = &case.expect {
            seen.leads_to(&format!("/account?connected={SLUG}"));
            pages += &browser.get("/account").await.text;
            problems.extend(self.differences(expect, tokens, began).await);
        }
        let leaked = leak(pages.as_bytes(), &self.secrets);
        problems.extend(leaked.map(|line| format!("a page has a secret: {line}")));
        let stored = format!("{:#?}", self.world.app.dump().await);
        let leaked = leak(stored.as_bytes(), &self.secrets);
        problems.extend(leaked.map(|line| format!("the database has a secret: {line}")));
        problems
    }

    /// The provider is there, as the case wants it, without an account.
    async fn configure(&mut self, case: &str) {
        for identity in self.identities().await {
            let unlinking = self.world.app.ask(
                "mutation($id: ID!) {
                    unlinkIdentity(input: { id: $id, force: true, revoke: false }) {
                        deletedId userErrors { code }
                    }
                }",
            );
            let variables = json!({ "id": identity["id"] });
            let answer = unlinking.variables(variables).data().await;
            text(&answer, "/unlinkIdentity/deletedId");
        }
        let config = self.player.recording().config_of(case);
        if let Some((id, configured)) = &self.configured {
            if configured == config {
                return;
            }
            let deleting = self
                .world
                .app
                .ask("mutation($id: ID!) { deleteIdentityProvider(id: $id) { deletedId } }");
            let answer = deleting.variables(json!({ "id": id })).data().await;
            text(&answer, "/deleteIdentityProvider/deletedId");
        }
        let input = json!({
            "type": self.key,
            "config": config,
            "clientId": self.player.recording().client_id,
            "clientSecret": CLIENT_SECRET,
        });
        let id = self.world.app.provider_with(SLUG, input).await;
        self.configured = Some((id, config.clone()));
    }

    /// The accounts of the type.
    async fn identities(&self) -> Vec<Value> {
        let answer = self
            .world
            .app
            .ask(
                "{ identities { nodes {
                    id externalId email emailVerified username displayName scopes
                    attributes { name value }
                    user { entityRef }
                    provider { slug externalId }
                    credential { expiresAt scopes tokenType }
                } } }",
            )
            .data()
            .await;
        // As it would be out in the world.
        let answer: Value = serde_json::from_str(&self.player.there(&answer.to_string())).unwrap();
        let nodes = answer["identities"]["nodes"].as_array().unwrap();
        let of_the_type = |node: &&Value| node["provider"]["slug"] == SLUG;
        nodes.iter().filter(of_the_type).cloned().collect()
    }

    /// All that is stored and isn't others'.
    async fn rows(&self) -> Dump {
        let mut rows = self.world.app.dump().await;
        rows.retain(|table, _| !OTHERS.contains(&table.as_str()));
        rows
    }

    /// Where what is known of the account isn't what it has to be.
    async fn differences(&self, expect: &Expect, tokens: &Value, began: Time) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut compare = |what: &str, found: &Value, expected: Value| {
            if *found != expected {
                wrong.push(format!("{what} is {found}, not {expected}"));
            }
        };
        let identities = self.identities().await;
        let [identity] = &identities[..] else {
            return vec![format!("there is not one account: {identities:?}")];
        };
        compare(
            "user",
            &identity["user"]["entityRef"],
            json!("user:default/ada"),
        );
        for (name, expected) in [
            ("externalId", json!(expect.external_id)),
            ("email", json!(expect.email)),
            ("emailVerified", json!(expect.email_verified)),
            ("username", json!(expect.username)),
            ("displayName", json!(expect.display_name)),
        ] {
            compare(name, &identity[name], expected);
        }
        if let Some(scopes) = &expect.scopes {
            let expected = sorted(&json!(scopes));
            compare("scopes", &sorted(&identity["scopes"]), expected.clone());
            let granted = &identity["credential"]["scopes"];
            compare("credential.scopes", &sorted(granted), expected);
        }
        if let Some(instance) = &expect.instance {
            let found = &identity["provider"]["externalId"];
            let same = found
                .as_str()
                .is_some_and(|found| self.player.is_instance(found, instance));
            compare(
                &format!("that {found} is the instance {instance}"),
                &json!(same),
                json!(true),
            );
        }
        if let Some(attributes) = &expect.attributes {
            let expected = attributes
                .iter()
                .map(|(name, value)| (name, in_words(value)));
            let expected: BTreeMap<&String, String> = expected.collect();
            compare(
                "attributes",
                &named(&identity["attributes"]),
                json!(expected),
            );
        }
        let credential = &identity["credential"];
        compare(
            "credential.tokenType",
            &credential["tokenType"],
            json!("Bearer"),
        );
        let life = expect.expires_in.or_else(|| seconds(&tokens["expires_in"]));
        let expires_at = credential["expiresAt"].as_str();
        let found = expires_at.map(|text| text.parse::<Time>().unwrap() - began);
        let about = |found: TimeDelta, life: i64| {
            (found - TimeDelta::seconds(life)).abs() < TimeDelta::minutes(1)
        };
        let fits = match (found, life) {
            (Some(found), Some(life)) => about(found, life),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        compare(
            &format!("that the token lives {found:?} and said {life:?}"),
            &json!(fits),
            json!(true),
        );
        let refreshable = tokens["refresh_token"].is_string();
        let stored = self.world.app.stored().await.credentials;
        let id = text(identity, "/id");
        let stored = stored.iter().find(|row| row.identity_id.to_string() == id);
        let found = stored.map(|row| row.refresh_token_sealed.is_some());
        let expected = expect.refresh_token.unwrap_or(refreshable);
        compare(
            "whether there is a refresh token",
            &json!(found),
            json!(expected),
        );
        wrong
    }
}

/// Of a refusal's page.
fn status(page: &str) -> u16 {
    match page {
        "ACCESS_DENIED" | "ACCOUNT_NOT_ALLOWED" => 403,
        "PROVIDER_REFUSED" | "PROVIDER_UNAVAILABLE" | "ANSWER_INVALID" => 502,
        other => panic!("there is no page {other} for what a provider answers"),
    }
}

/// A list of texts, in order.
fn sorted(list: &Value) -> Value {
    let mut texts = list.as_array().cloned().unwrap_or_default();
    texts.sort_by_key(ToString::to_string);
    Value::Array(texts)
}

/// Attributes as the API lists them, by their names.
fn named(attributes: &Value) -> Value {
    let attributes = attributes.as_array().unwrap().iter();
    let named: Map<String, Value> = attributes
        .map(|attribute| (text(attribute, "/name"), attribute["value"].clone()))
        .collect();
    Value::Object(named)
}

/// An attribute's value as the API shows it.
fn in_words(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

/// A number, or one in a text.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
