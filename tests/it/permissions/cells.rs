//! Every field of the schema, asked for by everybody whom the matrix tells apart.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};

use lanyard::access::Scope;
use lanyard::access::matrix::{ARGUMENTS, Need, People, ROWS, Rule, rule, rule_of_kind};
use lanyard::id::Kind;
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;

use super::document::{Given, Schema, Step};
use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

/// How each type is reached from the root, in steps of type and field.
const PATHS: &[(&str, &[(&str, &str)])] = &[
    ("Query", &[]),
    ("Mutation", &[]),
    ("Node", &[("Query", "node")]),
    ("Identity", &[("Query", "identity")]),
    (
        "Credential",
        &[("Query", "identity"), ("Identity", "credential")],
    ),
    (
        "NamedValue",
        &[("Query", "identity"), ("Identity", "attributes")],
    ),
    ("User", &[("Query", "user")]),
    ("IdentityProvider", &[("Query", "identityProvider")]),
    ("ProviderType", &[("Query", "providerTypes")]),
    (
        "ConfigField",
        &[("Query", "providerTypes"), ("ProviderType", "configFields")],
    ),
    ("Session", &[("Query", "user"), ("User", "sessions")]),
    ("ApiKey", &[("Query", "viewer")]),
    ("Actor", &[("Query", "viewer"), ("ApiKey", "createdBy")]),
    (
        "AuditEvent",
        &[("Query", "auditEvents"), ("AuditEventConnection", "nodes")],
    ),
    ("LinkDecision", &[("Query", "linkPreview")]),
    (
        "Refusal",
        &[("Mutation", "upsertUser"), ("UserPayload", "userErrors")],
    ),
    (
        "PageInfo",
        &[("Query", "users"), ("UserConnection", "pageInfo")],
    ),
    ("IdentityConnection", &[("Query", "identities")]),
    (
        "IdentityEdge",
        &[("Query", "identities"), ("IdentityConnection", "edges")],
    ),
    (
        "IdentityProviderConnection",
        &[("Query", "identityProviders")],
    ),
    (
        "IdentityProviderEdge",
        &[
            ("Query", "identityProviders"),
            ("IdentityProviderConnection", "edges"),
        ],
    ),
    ("UserConnection", &[("Query", "users")]),
    (
        "UserEdge",
        &[("Query", "users"), ("UserConnection", "edges")],
    ),
    ("AuditEventConnection", &[("Query", "auditEvents")]),
    (
        "AuditEventEdge",
        &[("Query", "auditEvents"), ("AuditEventConnection", "edges")],
    ),
    ("ApiKeyConnection", &[("Query", "apiKeys")]),
    (
        "ApiKeyEdge",
        &[("Query", "apiKeys"), ("ApiKeyConnection", "edges")],
    ),
    ("LinkIdentityPayload", &[("Mutation", "linkIdentity")]),
    ("IdentityPayload", &[("Mutation", "updateIdentityData")]),
    (
        "IdentityProviderPayload",
        &[("Mutation", "createIdentityProvider")],
    ),
    (
        "DeleteIdentityProviderPayload",
        &[("Mutation", "deleteIdentityProvider")],
    ),
    ("UserPayload", &[("Mutation", "upsertUser")]),
    ("CreateApiKeyPayload", &[("Mutation", "createApiKey")]),
    ("RevokeApiKeyPayload", &[("Mutation", "revokeApiKey")]),
    ("EndSessionPayload", &[("Mutation", "endSession")]),
    (
        "EndOtherSessionsPayload",
        &[("Mutation", "endOtherSessions")],
    ),
];

#[tokio::test]
async fn every_field_has_a_row_and_every_row_names_a_field() {
    let schema = Schema::read(&App::start(Db::Sqlite).await).await;
    let fields = schema.fields();
    let without_row: Vec<_> = fields
        .iter()
        .filter(|(of, field)| rule(of, field).is_none())
        .collect();
    assert!(
        without_row.is_empty(),
        "fields without a row in the matrix: {without_row:?}"
    );
    let has_own_row = |step: &Step| ROWS.iter().any(|row| row.0 == step.0 && row.1 == step.1);
    for (of, name, ..) in ROWS {
        let names_one = fields.iter().any(|step| {
            step.0 == *of
                && if *name == "*" {
                    !has_own_row(step)
                } else {
                    step.1 == *name
                }
        });
        assert!(
            names_one,
            "the row {of}.{name} names no field of the schema"
        );
        let twice = ROWS
            .iter()
            .filter(|row| row.0 == *of && row.1 == *name)
            .count();
        assert_eq!(twice, 1, "the row {of}.{name} is there {twice} times");
    }
    // A new operation is somebody's to allow: no row covers it beforehand.
    for root in ["Query", "Mutation"] {
        assert!(
            !ROWS.iter().any(|row| row.0 == root && row.1 == "*"),
            "{root}.*"
        );
    }
    let open: Vec<_> = ROWS
        .iter()
        .filter(|row| row.0 == "Mutation" && (row.2 == Need::Nothing || row.3 == People::All))
        .collect();
    assert!(open.is_empty(), "mutations for nobody: {open:?}");
}

#[tokio::test]
async fn every_rule_of_an_argument_names_one() {
    let schema = Schema::read(&App::start(Db::Sqlite).await).await;
    for rule in ARGUMENTS {
        let found = ["Query", "Mutation"]
            .into_iter()
            .find_map(|root| schema.argument(root, rule.field, rule.path));
        let found = found.unwrap_or_else(|| panic!("{rule:?} names no argument"));
        match (found["kind"].as_str().unwrap(), rule.value) {
            (_, None) => {}
            ("ENUM", Some(value)) => {
                let name = found["name"].as_str().unwrap();
                assert!(schema.has_enum_value(name, value), "{rule:?}");
            }
            ("SCALAR", Some(value)) => {
                assert_eq!(found["name"], "Boolean", "{rule:?}");
                assert!(["true", "false"].contains(&value), "{rule:?}");
            }
            other => panic!("{rule:?}: {other:?}"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn every_cell_of_the_matrix_holds_for_keys(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let cells = Cells::new(&app).await;
    let mut keys = Keys::new(&app);
    for cell in cells.all() {
        let label = cell.label();
        let document = cells.fresh(&cell, &keys.unrelated_id().await).await;
        let answer = app.ask(&document).by_nobody().send().await;
        match cell.first_need() {
            None => assert_allowed(&label, "nobody", &answer),
            Some(field) => assert_denied(&label, &answer, StatusCode::UNAUTHORIZED, &[&field]),
        }
        for (scope, field) in cell.scopes() {
            let key = keys.all_but(scope).await;
            let answer = app.ask(&document).by(&key).send().await;
            let named = [field.as_str(), scope.name()];
            assert_denied(&label, &answer, StatusCode::FORBIDDEN, &named);
        }
        let scopes: BTreeSet<Scope> = cell.scopes().into_iter().map(|(scope, _)| scope).collect();
        let (key, id) = keys.fresh(&scopes).await;
        let document = cells.fresh(&cell, &id).await;
        let answer = app.ask(&document).by(&key).send().await;
        let (_, id) = keys.fresh(&scopes).await;
        let document = cells.fresh(&cell, &id).await;
        let by_admin = app.ask(&document).send().await;
        if let Some(field) = cell.for_people_alone() {
            for answer in [answer, by_admin] {
                assert_denied(&label, &answer, StatusCode::FORBIDDEN, &[&field, "people"]);
            }
        } else {
            assert_allowed(&label, &format!("a key with {scopes:?}"), &answer);
            assert_allowed(&label, "an admin key", &by_admin);
        }
    }
}

#[rstest]
#[tokio::test]
async fn every_cell_of_the_matrix_holds_for_people(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let cells = Cells::new(&app).await;
    let unrelated = Keys::new(&app).unrelated_id().await;
    let joe = app.user("joe").await;
    let (owner, stranger) = (
        app.session(&cells.user, &cells.provider).await,
        app.session(&joe, &cells.provider).await,
    );
    let mut hidden = 0;
    for cell in cells.all() {
        let label = cell.label();
        let document = cells.fresh(&cell, &unrelated).await;
        // What a stranger may not see is still there for its owner afterwards.
        let by_stranger = app.ask(&document).by_person(&stranger).send().await;
        let by_owner = app.ask(&document).by_person(&owner).send().await;
        if let Some(field) = cell.not_for_people() {
            for answer in [by_stranger, by_owner] {
                let named = [field.as_str(), "needs an API key"];
                assert_denied(&label, &answer, StatusCode::FORBIDDEN, &named);
            }
            continue;
        }
        assert_allowed(&label, "the owner", &by_owner);
        let root = cell.path[0].1.as_str();
        match root {
            "endSession" => assert_eq!(by_stranger.code(), "NOT_FOUND", "{label}"),
            _ => assert_allowed(&label, "a stranger", &by_stranger),
        }
        let nothing = match root {
            "node" | "identity" | "user" => json!(null),
            "nodes" => json!([null]),
            "userIdentities" => json!([]),
            // Not about the owner's rows, or lists of the caller's own: other tests look at them.
            _ => continue,
        };
        hidden += 1;
        assert_eq!(by_stranger.data()[root], nothing, "{label} by a stranger");
        assert_ne!(by_owner.data()[root], nothing, "{label} by the owner");
    }
    assert!(hidden > 20, "{hidden} cells were hidden from strangers");
}

#[rstest]
#[tokio::test]
async fn a_denied_mutation_changes_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let cells = Cells::new(&app).await;
    let mut keys = Keys::new(&app);
    let person = app.session(&cells.user, &cells.provider).await;
    let mut denied = Vec::new();
    for cell in cells
        .all()
        .into_iter()
        .filter(|cell| cell.path.len() == 1 && cell.path[0].0 == "Mutation")
    {
        let document = cells.fresh(&cell, &keys.unrelated_id().await).await;
        denied.push((cell.label(), app.ask(&document).by_nobody()));
        for (scope, _) in cell.scopes() {
            let key = keys.all_but(scope).await;
            denied.push((cell.label(), app.ask(&document).by(&key)));
        }
        if cell.not_for_people().is_some() {
            denied.push((cell.label(), app.ask(&document).by_person(&person)));
        }
        if cell.for_people_alone().is_some() {
            denied.push((cell.label(), app.ask(&document)));
        }
    }
    app.all_sealed().await;
    let before = app.dump().await;
    for (label, ask) in denied {
        let answer = ask.send().await;
        assert!(
            answer.status.is_client_error(),
            "{label}: {:#}",
            answer.body
        );
        assert_eq!(app.dump().await, before, "{label}");
    }
}

#[track_caller]
fn assert_denied(cell: &str, answer: &Answer, status: StatusCode, named: &[&str]) {
    assert_eq!(answer.status, status, "{cell}: {:#}", answer.body);
    let code = match status {
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        _ => "FORBIDDEN",
    };
    assert_eq!(answer.code(), code, "{cell}");
    assert_eq!(
        answer.body["errors"].as_array().unwrap().len(),
        1,
        "{cell}: {:#}",
        answer.body
    );
    assert!(
        answer.body.get("data").is_none(),
        "{cell}: {:#}",
        answer.body
    );
    for name in named {
        assert!(
            answer.message().contains(name),
            "{cell}: {} lacks {name}",
            answer.message()
        );
    }
}

#[track_caller]
fn assert_allowed(cell: &str, who: &str, answer: &Answer) {
    assert!(
        answer.body.get("errors").is_none(),
        "{cell} by {who}: {:#}",
        answer.body
    );
    assert_eq!(answer.status, StatusCode::OK, "{cell} by {who}");
}

/// A field, and how it is reached.
struct Cell {
    path: Vec<Step>,
}

impl Cell {
    fn label(&self) -> String {
        let fields: Vec<String> = self
            .path
            .iter()
            .map(|(of, field)| format!("{of}.{field}"))
            .collect();
        fields.join(" > ")
    }

    fn rules(&self) -> impl Iterator<Item = (String, Rule)> {
        self.path.iter().map(|(of, field)| {
            let rule = rule(of, field).unwrap_or_else(|| panic!("{of}.{field} has no row"));
            // The ids in these documents are of users.
            let rule = match rule.need {
                Need::ScopeOfIds => rule_of_kind(Kind::User),
                _ => rule,
            };
            (format!("{of}.{field}"), rule)
        })
    }

    fn first(&self, such: impl Fn(Rule) -> bool) -> Option<String> {
        let mut rules = self.rules();
        rules.find(|(_, rule)| such(*rule)).map(|(field, _)| field)
    }

    /// The first field on the way that is not open to all.
    fn first_need(&self) -> Option<String> {
        self.first(|rule| rule.need != Need::Nothing)
    }

    /// The first field on the way that no key may ask for.
    fn for_people_alone(&self) -> Option<String> {
        self.first(|rule| rule.need == Need::Person)
    }

    /// The first field on the way that no person may ask for.
    fn not_for_people(&self) -> Option<String> {
        self.first(|rule| rule.people == People::Never)
    }

    /// Every scope on the way, with the first field that needs it.
    fn scopes(&self) -> Vec<(Scope, String)> {
        let mut scopes: Vec<(Scope, String)> = Vec::new();
        for (field, rule) in self.rules() {
            if let Need::Scope(scope) = rule.need
                && !scopes.iter().any(|(known, _)| *known == scope)
            {
                scopes.push((scope, field));
            }
        }
        scopes
    }
}

/// The schema, and rows to ask for.
struct Cells<'a> {
    app: &'a App,
    schema: Schema,
    user: String,
    provider: String,
    identity: String,
    used: AtomicU32,
}

impl<'a> Cells<'a> {
    async fn new(app: &'a App) -> Self {
        let (user, provider) = (app.user("jane").await, app.provider("crm").await);
        let link = app
            .link(json!({
                "providerId": provider, "userId": user, "externalId": "4711",
                "profile": { "attributes": { "company": "Acme" } },
                "credential": { "accessToken": "token" },
            }))
            .await;
        app.all_sealed().await;
        Self {
            app,
            schema: Schema::read(app).await,
            identity: text(&link.data(), "/linkIdentity/identity/id"),
            user,
            provider,
            used: AtomicU32::new(0),
        }
    }

    fn all(&self) -> Vec<Cell> {
        let own = |text: &str| text.to_owned();
        self.schema
            .fields()
            .into_iter()
            .map(|(of, field)| {
                let path = PATHS.iter().find(|path| path.0 == of);
                let path = path
                    .unwrap_or_else(|| panic!("say how {of} is reached from the root"))
                    .1;
                let mut path: Vec<Step> = path
                    .iter()
                    .map(|(of, field)| (own(of), own(field)))
                    .collect();
                path.push((of, field));
                Cell { path }
            })
            .collect()
    }

    /// A document that is sent once; `caller` is the id of the key that sends it.
    async fn fresh(&self, cell: &Cell, caller: &str) -> String {
        let mut given = self.given(caller).await;
        // A user has only so many.
        if cell.path[0].1 == "endSession" {
            let new = self.app.new_session(&self.user, &self.provider);
            let session = self.app.opened(new).await.row.id;
            given.insert(
                "Mutation.endSession.id",
                format!("{:?}", session.to_string()),
            );
        }
        self.schema.document(&cell.path, &given)
    }

    async fn given(&self, caller: &str) -> Given {
        let quote = |text: &str| format!("{text:?}");
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        let fresh = |what: &str| quote(&format!("{what}-{number}"));
        let spare = self.app.provider(&format!("spare-{number}")).await;
        Given::from([
            ("Query.node.id", quote(&self.user)),
            ("Query.nodes.ids", format!("[{:?}]", self.user)),
            ("Query.identity.filter.id", quote(&self.identity)),
            ("Query.userIdentities.userId", quote(&self.user)),
            ("Query.userIdentities.providerType", quote("custom")),
            ("Query.identityProvider.id", quote(&self.provider)),
            ("Query.user.id", quote(&self.user)),
            ("Query.linkPreview.input.providerId", quote(&self.provider)),
            ("Query.linkPreview.input.userId", quote(&self.user)),
            (
                "Mutation.linkIdentity.input.providerId",
                quote(&self.provider),
            ),
            ("Mutation.linkIdentity.input.userId", quote(&self.user)),
            ("Mutation.linkIdentity.input.externalId", quote("4711")),
            (
                "Mutation.updateIdentityData.input.id",
                quote(&self.identity),
            ),
            ("Mutation.createIdentityProvider.input.slug", fresh("new")),
            (
                "Mutation.createIdentityProvider.input.type",
                quote("custom"),
            ),
            (
                "Mutation.updateIdentityProvider.input.id",
                quote(&self.provider),
            ),
            ("Mutation.updateIdentityProvider.input.name", fresh("name")),
            ("Mutation.deleteIdentityProvider.id", quote(&spare)),
            (
                "Mutation.upsertUser.input.entityRef",
                fresh("user:default/new"),
            ),
            (
                "Mutation.createApiKey.input.scopes",
                "[\"audit:read\"]".to_owned(),
            ),
            ("Mutation.revokeApiKey.id", quote(caller)),
        ])
    }
}

/// Keys by what they may do.
struct Keys<'a> {
    app: &'a App,
    all_but: HashMap<Scope, String>,
    unrelated: Option<String>,
}

impl<'a> Keys<'a> {
    fn new(app: &'a App) -> Self {
        Self {
            app,
            all_but: HashMap::new(),
            unrelated: None,
        }
    }

    /// A key with every scope but this one and `admin`, which is all of them.
    async fn all_but(&mut self, scope: Scope) -> String {
        if let Some(key) = self.all_but.get(&scope) {
            return key.clone();
        }
        let held = Scope::ALL
            .into_iter()
            .filter(|held| ![scope, Scope::Admin].contains(held));
        let held: Vec<&str> = held.map(Scope::name).collect();
        let key = self.app.key(&format!("all but {scope}"), &held).await;
        self.all_but.insert(scope, key.clone());
        key
    }

    /// A new key with these scopes, or one that no field of this schema asks for; and its id.
    async fn fresh(&self, scopes: &BTreeSet<Scope>) -> (String, String) {
        let mut names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        if names.is_empty() {
            names.push(Scope::UserActAs.name());
        }
        let key = self.app.key("exact", &names).await;
        let id = self.app.key_id(&key).await;
        (key, id)
    }

    /// The id of a key that is nobody's here.
    async fn unrelated_id(&mut self) -> String {
        if self.unrelated.is_none() {
            self.unrelated = Some(self.fresh(&BTreeSet::new()).await.1);
        }
        self.unrelated.clone().unwrap()
    }
}
