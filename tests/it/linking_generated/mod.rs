//! Links of all kinds in generated orders, at providers with one and with several accounts per
//! user, against a small model: what the preview says, what the link answers, which rows,
//! tokens, primary identities and events are there then, and as whom integrations act.

mod chance;
mod model;
mod shares;
mod told;

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use self::chance::Chance;
use self::model::{Link, Model, Verdict};
use crate::support::app::{App, Db};
use crate::support::client::text;
use crate::support::dump::Dump;
use crate::support::stored::Stored;

const STEPS: usize = 320;
const USERS: usize = 4;
/// The providers: whether they take several accounts of one user.
const SEVERAL: [bool; 3] = [false, true, false];
/// Few enough to be in each other's way.
const ACCOUNTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const POLICIES: [&str; 3] = ["FAIL", "UPDATE_IN_PLACE", "REATTACH"];

/// The server, and what the model believes of it.
struct Run {
    app: App,
    users: Vec<String>,
    providers: Vec<String>,
    model: Model,
    chance: Chance,
    /// How often each outcome or refusal came.
    seen: BTreeSet<String>,
}

#[rstest]
#[tokio::test]
async fn whatever_comes_it_is_as_the_model_says(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(1, 2)] seed: u64,
) {
    let mut run = Run::new(on, seed).await;
    for step in 0..STEPS {
        let what = format!("seed {seed}, step {step}");
        match run.chance.below(100) {
            0..4 => run.turn_a_user().await,
            4..8 => run.change_data(&what).await,
            8..16 => run.send_again(&what).await,
            16..20 => run.reuse_a_key(&what).await,
            20..27 => run.act_as(&what).await,
            _ => {
                let link = run.new_link(step);
                run.link(&link, &what).await;
            }
        }
    }
    let all = [
        "CREATED",
        "UPDATED",
        "UPDATED_IN_PLACE",
        "REATTACHED",
        "ACCOUNT_OWNED_BY_ANOTHER_USER",
        "USER_HAS_ANOTHER_ACCOUNT",
        "ACCOUNT_OWNED_BY_ANOTHER_USER, USER_HAS_ANOTHER_ACCOUNT",
        "USER_NOT_ACTIVE",
        "again",
        "again, and the identity is gone",
        "IDEMPOTENCY_KEY_REUSED",
        "another became primary",
        "a default was lost",
        "a default followed",
    ];
    let missed: Vec<_> = all
        .iter()
        .filter(|kind| !run.seen.contains(**kind))
        .collect();
    assert!(missed.is_empty(), "the steps are worth it: {missed:?}");
    told::assert_events_tell_the_rows(&run.app.stored().await);
}

impl Run {
    async fn new(on: Db, seed: u64) -> Self {
        let app = App::start(on).await;
        let (mut users, mut providers) = (Vec::new(), Vec::new());
        for number in 0..USERS {
            users.push(app.user(&format!("user-{number}")).await);
        }
        for (number, several) in SEVERAL.into_iter().enumerate() {
            let input = json!({ "allowsMultiplePerUser": several });
            providers.push(
                app.provider_with(&format!("provider-{number}"), input)
                    .await,
            );
        }
        let mut model = Model::new(&SEVERAL, USERS);
        model.shares = shares::install(&app, &users).await;
        Self {
            app,
            users,
            providers,
            model,
            chance: Chance::new(seed),
            seen: BTreeSet::new(),
        }
    }

    fn new_link(&mut self, step: usize) -> Link {
        let chance = &mut self.chance;
        Link {
            provider: chance.below(SEVERAL.len()),
            user: chance.below(USERS),
            account: chance.pick(&ACCOUNTS),
            policy: chance.pick(&POLICIES),
            data: chance.percent(30).then_some(step),
            tokens: chance.percent(30),
            key: chance.percent(25).then(|| format!("key {step}")),
        }
    }

    fn input(&self, link: &Link) -> Value {
        let mut input = json!({
            "providerId": self.providers[link.provider], "userId": self.users[link.user],
            "externalId": link.account, "onConflict": link.policy, "idempotencyKey": link.key,
        });
        if let Some(number) = link.data {
            input["data"] = json!({ "number": number });
        }
        if link.tokens {
            input["credential"] =
                json!({ "accessToken": "canary-token", "refreshToken": "canary-token-another" });
        }
        input
    }

    /// The preview, then the link itself, each against the model.
    async fn link(&mut self, link: &Link, what: &str) {
        let what = &format!("{what}: {link:?}");
        let verdict = self.model.decide(link);
        let before = self.app.stored().await;
        self.preview(link, &verdict, what).await;
        let dump = match &verdict {
            Verdict::Refused(_) => Some(self.dump().await),
            Verdict::Done { .. } => None,
        };
        let payload = self.app.link(self.input(link)).await.data()["linkIdentity"].clone();
        assert_eq!(payload["outcome"], verdict.outcome(), "{what}: {payload:#}");
        let after = self.app.stored().await;
        match &verdict {
            Verdict::Refused(codes) => {
                assert_eq!(codes_of(&payload), *codes, "{what}");
                assert!(payload["identity"].is_null(), "{what}");
                self.seen.insert(codes.join(", "));
            }
            Verdict::Done { outcome, stays, .. } => {
                let id = text(&payload, "/identity/id");
                match stays {
                    Some(stays) => assert_eq!(id, *stays, "{what}"),
                    None => assert!(before.identities.iter().all(|row| row.id.to_string() != id)),
                }
                let shares = self.model.shares.clone();
                let expected = self.model.apply(link, &verdict, &id);
                self.note(outcome, &expected);
                assert_events(after.events_since(&before), expected, what);
                let events = &after.events[before.events.len()..];
                told::assert_events_tell_the_shares(&shares, &self.model.shares, events, what);
                told::assert_events_tell_the_change(&before, &after, what);
            }
        }
        if let Some(dump) = dump {
            assert_eq!(self.dump().await, dump, "a refusal changes nothing: {what}");
        }
        self.assert_rows(&after, what);
        self.assert_shares(what).await;
    }

    /// What has come about, for the end.
    fn note(&mut self, outcome: &str, events: &[(&'static str, String)]) {
        self.seen.insert(outcome.to_owned());
        let happened = |action: &str| events.iter().any(|event| event.0 == action);
        for (action, what) in [
            ("identity.updated", "another became primary"),
            ("org_integration.default_lost", "a default was lost"),
            ("org_integration.updated", "a default followed"),
        ] {
            if outcome == "REATTACHED" && happened(action) {
                self.seen.insert(what.to_owned());
            }
        }
    }

    async fn preview(&self, link: &Link, verdict: &Verdict, what: &str) {
        let data = self
            .app
            .ask(
                "query($input: LinkIdentityInput!) { linkPreview(input: $input) {
                outcome conflict displaces { id } } }",
            )
            .variables(json!({ "input": self.input(link) }))
            .data()
            .await;
        let shown = &data["linkPreview"];
        assert_eq!(shown["outcome"], verdict.outcome(), "{what}");
        let displaced: BTreeSet<String> = shown["displaces"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| text(row, "/id"))
            .collect();
        let (codes, expected) = match verdict {
            Verdict::Done { displaced, .. } => (&[][..], displaced.clone()),
            Verdict::Refused(codes) => (codes.as_slice(), BTreeSet::new()),
        };
        assert_eq!(displaced, expected, "{what}");
        let conflict = match codes {
            [_, _] => json!("BOTH"),
            ["USER_NOT_ACTIVE"] | [] => Value::Null,
            [code, ..] => json!(code),
        };
        assert_eq!(shown["conflict"], conflict, "{what}");
    }

    /// A request under a key that has been used, once more.
    async fn send_again(&mut self, what: &str) {
        let Some((link, outcome, id)) = self.used_key() else {
            return;
        };
        let before = self.app.stored().await;
        let payload = self.app.link(self.input(&link)).await.data()["linkIdentity"].clone();
        assert_eq!(payload["outcome"], outcome, "{what}: {payload:#}");
        let still_there = self.model.rows.iter().any(|row| row.id == id);
        let expected = if still_there { json!(id) } else { Value::Null };
        assert_eq!(payload["identity"]["id"], expected, "{what}");
        assert_eq!(self.app.stored().await, before, "done once: {what}");
        self.seen.insert(match still_there {
            true => "again".to_owned(),
            false => "again, and the identity is gone".to_owned(),
        });
    }

    /// Another request under a key that has been used.
    async fn reuse_a_key(&mut self, what: &str) {
        let Some((mut link, ..)) = self.used_key() else {
            return;
        };
        match self.chance.below(4) {
            0 => link.user = (link.user + 1) % USERS,
            1 => link.provider = (link.provider + 1) % SEVERAL.len(),
            2 => link.tokens = !link.tokens,
            _ => link.data = Some(STEPS),
        }
        let dump = self.dump().await;
        let payload = self.app.link(self.input(&link)).await.data()["linkIdentity"].clone();
        assert_eq!(codes_of(&payload), ["IDEMPOTENCY_KEY_REUSED"], "{what}");
        assert_eq!(self.dump().await, dump, "{what}");
        self.seen.insert("IDEMPOTENCY_KEY_REUSED".to_owned());
    }

    fn used_key(&mut self) -> Option<(Link, &'static str, String)> {
        let used: Vec<_> = self.model.keys.values().cloned().collect();
        let index = self.chance.below(used.len().max(1));
        used.into_iter().nth(index)
    }

    /// From active to disabled, or back.
    async fn turn_a_user(&mut self) {
        let user = self.chance.below(USERS);
        let active = !self.model.active[user];
        let input = json!({
            "entityRef": format!("user:default/user-{user}"),
            "status": if active { "ACTIVE" } else { "DISABLED" },
        });
        let data = self
            .app
            .ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { userErrors { code } } }")
            .variables(json!({ "input": input }))
            .data()
            .await;
        assert_eq!(data["upsertUser"]["userErrors"], json!([]));
        self.model.active[user] = active;
    }

    async fn change_data(&mut self, what: &str) {
        if self.model.rows.is_empty() {
            return;
        }
        let index = self.chance.below(self.model.rows.len());
        let row = &mut self.model.rows[index];
        let data = json!({ "changed": row.version });
        let payload = self
            .app
            .ask("mutation($input: UpdateIdentityDataInput!) { updateIdentityData(input: $input) { identity { version } userErrors { code } } }")
            .variables(json!({ "input": { "id": row.id, "data": data, "expectedVersion": row.version } }))
            .data()
            .await;
        row.version += 1;
        row.data = data;
        assert_eq!(
            payload["updateIdentityData"]["identity"]["version"], row.version,
            "{what}"
        );
    }

    /// The rows are those of the model, and sound by themselves.
    fn assert_rows(&self, stored: &Stored, what: &str) {
        let place = |list: &[String], id: String| list.iter().position(|other| *other == id);
        let mut rows: Vec<_> = stored
            .identities
            .iter()
            .map(|row| {
                let tokens = stored.credentials.iter().any(|t| t.identity_id == row.id);
                (
                    row.id.to_string(),
                    place(&self.providers, row.provider_id.to_string()).unwrap(),
                    place(&self.users, row.user_id.to_string()).unwrap(),
                    row.external_id.clone(),
                    row.is_primary,
                    row.version,
                    row.data_json.0.to_string(),
                    tokens,
                )
            })
            .collect();
        let mut expected: Vec<_> = self
            .model
            .rows
            .iter()
            .map(|row| {
                (
                    row.id.clone(),
                    row.provider,
                    row.user,
                    row.account.to_owned(),
                    row.primary,
                    row.version,
                    row.data.to_string(),
                    row.tokens,
                )
            })
            .collect();
        rows.sort();
        expected.sort();
        assert_eq!(rows, expected, "{what}");
        let once = |what_of: &str, keys: Vec<(usize, String)>| {
            let different: BTreeSet<_> = keys.iter().collect();
            assert_eq!(different.len(), keys.len(), "{what_of}: {what}");
        };
        let owners = rows.iter().map(|row| (row.1, row.3.clone())).collect();
        once("an account has one owner", owners);
        let single = rows.iter().filter(|row| !SEVERAL[row.1]);
        let accounts = single.map(|row| (row.1, row.2.to_string())).collect();
        once("a user has one account", accounts);
        let here: BTreeSet<_> = rows.iter().map(|row| (row.1, row.2)).collect();
        for (provider, user) in here {
            let primary = rows
                .iter()
                .filter(|row| row.4 && (row.1, row.2) == (provider, user));
            assert_eq!(primary.count(), 1, "one primary identity: {what}");
        }
    }

    /// All that is stored, but for the seals, which come when they come.
    async fn dump(&self) -> Dump {
        let mut dump = self.app.dump().await;
        dump.retain(|table, _| !["event_seal", "event_unsealed"].contains(&table.as_str()));
        dump
    }
}

/// The events are those, in any order but one: what gives way goes before the new identity comes.
#[track_caller]
fn assert_events(
    mut events: Vec<(String, String)>,
    expected: Vec<(&'static str, String)>,
    what: &str,
) {
    let last = |action: &str| events.iter().rposition(|event| event.0 == action);
    if let Some(linked) = last("identity.linked") {
        assert!(
            last("identity.unlinked").is_none_or(|gone| gone < linked),
            "{what}"
        );
    }
    let mut expected: Vec<_> = expected
        .into_iter()
        .map(|(action, target)| (action.to_owned(), target))
        .collect();
    events.sort();
    expected.sort();
    assert_eq!(events, expected, "{what}");
}

fn codes_of(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}
