//! Cells of the matrix: fields, the documents that ask for them, and keys to ask with.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};

use lanyard::access::Scope;
use lanyard::access::matrix::{Need, People, Rule, rule, rule_of_kind};
use lanyard::id::Kind;
use serde_json::json;

use super::document::{Given, Schema, Step};
use super::paths::PATHS;
use crate::integrations::setting;
use crate::support::app::App;
use crate::support::client::text;
use crate::support::sign_on;

/// A field, and how it is reached.
pub struct Cell {
    pub path: Vec<Step>,
}

impl Cell {
    pub fn label(&self) -> String {
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
    pub fn first_need(&self) -> Option<String> {
        self.first(|rule| rule.need != Need::Nothing)
    }

    /// The first field on the way that no key may ask for.
    pub fn for_people_alone(&self) -> Option<String> {
        self.first(|rule| rule.need == Need::Person)
    }

    /// The first field on the way that no person may ask for.
    pub fn not_for_people(&self) -> Option<String> {
        self.first(|rule| rule.people == People::Never)
    }

    /// Every scope on the way, with the first field that needs it.
    pub fn scopes(&self) -> Vec<(Scope, String)> {
        let mut scopes: Vec<(Scope, String)> = Vec::new();
        for (field, rule) in self.rules() {
            let needed = match rule.need {
                Need::Scope(scope) => vec![scope],
                Need::Both(one, other) => vec![one, other],
                Need::Nothing | Need::Credential | Need::ScopeOfIds | Need::Person => Vec::new(),
            };
            for scope in needed {
                if !scopes.iter().any(|(known, _)| *known == scope) {
                    scopes.push((scope, field.clone()));
                }
            }
        }
        scopes
    }
}

/// The schema, and rows to ask for.
pub struct Cells<'a> {
    app: &'a App,
    schema: Schema,
    pub user: String,
    pub provider: String,
    /// Where people sign in.
    pub door: String,
    identity: String,
    /// The user is a member of it.
    organization: String,
    /// Another one, that may gain and lose members.
    elsewhere: String,
    installed: Installed,
    sign_on: SignOn,
    used: AtomicU32,
}

/// An integration in an organization of its own, acting as the identity; and another one there
/// that mutations may change.
struct Installed {
    organization: String,
    integration: String,
    share: String,
    spare: String,
}

/// An organization's sign-on, at which the user has a link; and an organization beside it, whose
/// sign-on comes and goes.
struct SignOn {
    organization: String,
    provider: String,
    auth_provider: String,
    auth_identity: String,
    other: String,
    other_provider: String,
}

impl SignOn {
    async fn new(app: &App, user: &str) -> Self {
        let organization = app.organization("signs-on").await;
        app.add_member(&organization, user).await;
        let provider = sign_on::own_provider(app, &organization, "sign-on").await;
        let auth_provider = sign_on::sign_on(app, &organization, &provider, false).await;
        let other = app.organization("signs-on-too").await;
        Self {
            auth_identity: sign_on::auth_identity(app, &auth_provider, user, "4711").await,
            other_provider: sign_on::own_provider(app, &other, "sign-on-too").await,
            organization,
            provider,
            auth_provider,
            other,
        }
    }
}

impl<'a> Cells<'a> {
    pub async fn new(app: &'a App) -> Self {
        let (user, provider) = (app.user("jane").await, app.provider("crm").await);
        let link = app
            .link(json!({
                "providerId": provider, "userId": user, "externalId": "4711",
                "profile": { "attributes": { "company": "Acme" } },
                "credential": { "accessToken": "canary-token" },
            }))
            .await;
        let organization = app.organization("acme").await;
        app.add_member(&organization, &user).await;
        let identity = text(&link.data(), "/linkIdentity/identity/id");
        let installed = Installed::new(app, &user, &identity).await;
        let sign_on = SignOn::new(app, &user).await;
        app.all_sealed().await;
        Self {
            app,
            sign_on,
            schema: Schema::read(app).await,
            elsewhere: app.organization("elsewhere").await,
            organization,
            installed,
            identity,
            user,
            provider,
            door: app.provider("door").await,
            used: AtomicU32::new(0),
        }
    }

    pub fn all(&self) -> Vec<Cell> {
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

    /// The document of a cell, with these arguments.
    pub fn document(&self, cell: &Cell, given: &Given) -> String {
        self.schema.document(&cell.path, given)
    }

    /// A document that is sent once; `caller` is the id of the key that sends it.
    pub async fn fresh(&self, cell: &Cell, caller: &str) -> String {
        let mut given = self.given(caller).await;
        // A user has only so many.
        if cell.path[0].1 == "endSession" {
            let new = self.app.new_session(&self.user, &self.door);
            let session = self.app.opened(new).await.row.id;
            given.insert(
                "Mutation.endSession.id",
                format!("{:?}", session.to_string()),
            );
        }
        // A share is uninstalled once.
        if cell.path[0].1 == "uninstallIntegration" {
            let number = self.used.fetch_add(1, Ordering::Relaxed);
            let external_id = format!("short-lived-{number}");
            let (_, share) = self.installed.install(self.app, &external_id, None).await;
            given.insert(
                "Mutation.uninstallIntegration.organizationIntegrationId",
                format!("{share:?}"),
            );
        }
        if cell.path[0].1 == "unlinkIdentity" {
            let slug = format!("gone-{}", self.number());
            let provider = self.app.provider(&slug).await;
            let identity = self.app.linked(&provider, &self.user, "4711").await;
            given.insert("Mutation.unlinkIdentity.input.id", format!("{identity:?}"));
        }
        if cell.path[0].1 == "removeAuthProvider" {
            let SignOn {
                other,
                other_provider,
                ..
            } = &self.sign_on;
            sign_on::sign_on(self.app, other, other_provider, true).await;
        }
        if cell.path[0].1 == "undoMerge" {
            let merge = self.merge().await;
            given.insert("Mutation.undoMerge.id", format!("{merge:?}"));
        }
        self.schema.document(&cell.path, &given)
    }

    fn number(&self) -> u32 {
        self.used.fetch_add(1, Ordering::Relaxed)
    }

    /// A merge that is to be undone once.
    async fn merge(&self) -> String {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        let merged = self.app.user(&format!("merged-{number}")).await;
        let data = self
            .app
            .ask(
                "mutation($input: MergeUsersInput!) { mergeUsers(input: $input) { merge { id } } }",
            )
            .variables(json!({ "input": { "fromUserId": merged, "intoUserId": self.user } }))
            .data()
            .await;
        text(&data, "/mergeUsers/merge/id")
    }

    async fn given(&self, caller: &str) -> Given {
        let quote = |text: &str| format!("{text:?}");
        let number = self.number();
        let fresh = |what: &str| quote(&format!("{what}-{number}"));
        let spare = self.app.provider(&format!("spare-{number}")).await;
        let old = self.app.user(&format!("old-{number}")).await;
        Given::from([
            ("Query.node.id", quote(&self.user)),
            ("Query.nodes.ids", format!("[{:?}]", self.user)),
            ("Query.identity.filter.id", quote(&self.identity)),
            ("Query.userIdentities.userId", quote(&self.user)),
            ("Query.userIdentities.providerType", quote("custom")),
            ("Query.identityProvider.id", quote(&self.provider)),
            ("Query.user.id", quote(&self.user)),
            ("Query.organization.id", quote(&self.organization)),
            ("Mutation.createOrganization.input.slug", fresh("org")),
            (
                "Mutation.updateOrganization.input.id",
                quote(&self.organization),
            ),
            (
                "Mutation.addOrganizationMember.organizationId",
                quote(&self.elsewhere),
            ),
            ("Mutation.addOrganizationMember.userId", quote(&self.user)),
            (
                "Mutation.removeOrganizationMember.organizationId",
                quote(&self.elsewhere),
            ),
            (
                "Mutation.removeOrganizationMember.userId",
                quote(&self.user),
            ),
            ("Query.integration.id", quote(&self.installed.integration)),
            (
                "Query.organizationIntegration.id",
                quote(&self.installed.share),
            ),
            (
                "Query.defaultIdentity.organizationIntegrationId",
                quote(&self.installed.share),
            ),
            (
                "Mutation.installIntegration.input.organizationId",
                quote(&self.installed.organization),
            ),
            (
                "Mutation.installIntegration.input.provider",
                quote("github"),
            ),
            (
                "Mutation.installIntegration.input.externalId",
                fresh("installation"),
            ),
            ("Mutation.installIntegration.input.name", quote("GitHub")),
            (
                "Mutation.setDefaultIdentity.organizationIntegrationId",
                quote(&self.installed.spare),
            ),
            (
                "Mutation.updateOrganizationIntegration.input.id",
                quote(&self.installed.spare),
            ),
            (
                "Mutation.updateIntegration.input.id",
                quote(&self.installed.integration),
            ),
            ("Query.linkPreview.input.providerId", quote(&self.provider)),
            ("Query.linkPreview.input.userId", quote(&self.user)),
            (
                "Mutation.linkIdentity.input.providerId",
                quote(&self.provider),
            ),
            ("Mutation.linkIdentity.input.userId", quote(&self.user)),
            ("Mutation.linkIdentity.input.externalId", quote("4711")),
            ("Mutation.startLink.input.providerId", quote(&self.provider)),
            ("Mutation.startLink.input.userId", quote(&self.user)),
            (
                "Mutation.startLink.input.returnTo",
                quote("https://app.example/"),
            ),
            ("Mutation.completeLink.code", fresh("code")),
            ("Mutation.completeLink.userId", quote(&self.user)),
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
            ("Query.mergePlan.fromUserId", quote(&old)),
            ("Query.mergePlan.intoUserId", quote(&self.user)),
            ("Mutation.mergeUsers.input.fromUserId", quote(&old)),
            ("Mutation.mergeUsers.input.intoUserId", quote(&self.user)),
            (
                "Mutation.createApiKey.input.scopes",
                "[\"audit:read\"]".to_owned(),
            ),
            ("Mutation.revokeApiKey.id", quote(caller)),
            (
                "Query.authProvider.organizationId",
                quote(&self.sign_on.organization),
            ),
            ("Mutation.unlinkIdentity.input.id", quote(&self.identity)),
            ("Mutation.setPrimaryIdentity.id", quote(&self.identity)),
            ("Mutation.refreshIdentity.id", quote(&self.identity)),
            (
                "Mutation.setAuthProvider.input.organizationId",
                quote(&self.sign_on.organization),
            ),
            (
                "Mutation.setAuthProvider.input.providerId",
                quote(&self.sign_on.provider),
            ),
            (
                "Mutation.removeAuthProvider.organizationId",
                quote(&self.sign_on.other),
            ),
            (
                "Mutation.linkAuthIdentity.input.authProviderId",
                quote(&self.sign_on.auth_provider),
            ),
            ("Mutation.linkAuthIdentity.input.userId", quote(&self.user)),
            ("Mutation.linkAuthIdentity.input.ident", quote("4711")),
            // Members may not be without one there, so it stays.
            (
                "Mutation.deleteAuthIdentity.id",
                quote(&self.sign_on.auth_identity),
            ),
            ("Mutation.deleteAuthIdentities.userId", quote(&self.user)),
            (
                "Mutation.deleteAuthIdentities.organizationId",
                quote(&self.sign_on.other),
            ),
        ])
    }
}

impl Installed {
    async fn new(app: &App, user: &str, identity: &str) -> Self {
        let organization = app.organization("installed").await;
        app.add_member(&organization, user).await;
        let mut installed = Self {
            organization,
            integration: String::new(),
            share: String::new(),
            spare: String::new(),
        };
        (installed.integration, installed.share) =
            installed.install(app, "acting", Some(identity)).await;
        installed.spare = installed.install(app, "spare", None).await.1;
        installed
    }

    /// Installs another integration: its id, and that of the organization's share.
    async fn install(
        &self,
        app: &App,
        external_id: &str,
        default: Option<&str>,
    ) -> (String, String) {
        let input = json!({
            "organizationId": self.organization, "provider": "github", "name": "GitHub",
            "externalId": external_id, "defaultIdentityId": default,
        });
        let payload = setting::install(app, input).await.data();
        let id = |of: &str| text(&payload, &format!("/installIntegration/{of}/id"));
        (id("integration"), id("organizationIntegration"))
    }
}

/// Keys by what they may do.
pub struct Keys<'a> {
    app: &'a App,
    all_but: HashMap<Scope, String>,
    unrelated: Option<String>,
}

impl<'a> Keys<'a> {
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            all_but: HashMap::new(),
            unrelated: None,
        }
    }

    /// A key with every scope but this one and `admin`, which is all of them.
    pub async fn all_but(&mut self, scope: Scope) -> String {
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
    pub async fn fresh(&self, scopes: &BTreeSet<Scope>) -> (String, String) {
        let mut names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        if names.is_empty() {
            names.push(Scope::UserActAs.name());
        }
        let key = self.app.key("exact", &names).await;
        let id = self.app.key_id(&key).await;
        (key, id)
    }

    /// The id of a key that is nobody's here.
    pub async fn unrelated_id(&mut self) -> String {
        if self.unrelated.is_none() {
            self.unrelated = Some(self.fresh(&BTreeSet::new()).await.1);
        }
        self.unrelated.clone().unwrap()
    }
}
