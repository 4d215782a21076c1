//! Organizations, members and accounts to begin with, and the operations that the tests share.

use lanyard::database::status::ObjectStatus;
use lanyard::database::{integration, json::Json, organization_integration};
use lanyard::id::{IntegrationId, OrganizationIntegrationId};
use sea_orm::{EntityTrait, IntoActiveModel, QueryOrder};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::{Answer, text};

pub const INSTALL: &str =
    "mutation($input: InstallIntegrationInput!) { installIntegration(input: $input) {
    integration { id provider externalId name metadata status }
    organizationIntegration {
        id config status gracePeriodEnd defaultIdentity { id } organization { slug }
        integration { id }
    }
    userErrors { code message field }
} }";

/// Acme, whose member Jane has the account 4711 at the CRM.
pub struct Setting {
    pub app: App,
    pub acme: String,
    pub jane: String,
    pub crm: String,
    pub account: String,
}

impl Setting {
    pub async fn start(on: Db) -> Self {
        let app = App::start(on).await;
        let acme = app.organization("acme").await;
        let jane = app.user("jane").await;
        app.add_member(&acme, &jane).await;
        let crm = app.provider("crm").await;
        let account = app.linked(&crm, &jane, "4711").await;
        Self {
            app,
            acme,
            jane,
            crm,
            account,
        }
    }

    /// The input that installs GitHub at Acme, and more.
    pub fn input(&self, more: Value) -> Value {
        let mut input = json!({
            "organizationId": self.acme,
            "provider": "github",
            "externalId": "installation-1",
            "name": "GitHub",
        });
        let fields = input.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        input
    }

    pub async fn send(&self, more: Value) -> Answer {
        install(&self.app, self.input(more)).await
    }

    /// What installIntegration answers with.
    pub async fn install(&self, more: Value) -> Value {
        self.send(more).await.data()["installIntegration"].clone()
    }

    /// The id of Acme's share, of an installation that must succeed.
    pub async fn installed(&self, more: Value) -> String {
        let payload = self.install(more).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        text(&payload, "/organizationIntegration/id")
    }

    /// The same, acting as Jane's account.
    pub async fn acting(&self) -> String {
        self.installed(json!({ "defaultIdentityId": self.account }))
            .await
    }

    /// As many shares of Acme's, numbered by their external ids, that act as Jane's account.
    pub async fn very_many(&self, count: usize) {
        let now = self.app.clock.now();
        let integrations: Vec<_> = (0..count)
            .map(|number| integration::Model {
                id: IntegrationId::new(&self.app.clock),
                provider: "github".to_owned(),
                external_id: number.to_string(),
                name: "GitHub".to_owned(),
                metadata_json: Json(json!({})),
                status: ObjectStatus::Active,
                date_added: now,
                date_updated: now,
            })
            .collect();
        let shares: Vec<_> = integrations
            .iter()
            .map(|row| organization_integration::Model {
                id: OrganizationIntegrationId::new(&self.app.clock),
                organization_id: self.acme.parse().unwrap(),
                integration_id: row.id,
                provider: row.provider.clone(),
                external_id: row.external_id.clone(),
                config_json: Json(json!({})),
                status: ObjectStatus::Active,
                default_identity_id: Some(self.account.parse().unwrap()),
                default_lost_at: None,
                grace_period_end: None,
                date_added: now,
                date_updated: now,
            })
            .collect();
        let (integrations, shares) = (&integrations, &shares);
        self.app
            .database
            .write(|tx| async move {
                let rows = integrations.iter().cloned();
                integration::Entity::insert_many(rows.map(IntoActiveModel::into_active_model))
                    .exec_without_returning(&*tx)
                    .await?;
                let rows = shares.iter().cloned();
                organization_integration::Entity::insert_many(
                    rows.map(IntoActiveModel::into_active_model),
                )
                .exec_without_returning(&*tx)
                .await?;
                Ok(())
            })
            .await
            .unwrap();
    }

    /// Somebody else, a member of Acme too.
    pub async fn other_member(&self, name: &str) -> String {
        let user = self.app.user(name).await;
        self.app.add_member(&self.acme, &user).await;
        user
    }
}

pub async fn install(app: &App, input: Value) -> Answer {
    app.ask(INSTALL)
        .variables(json!({ "input": input }))
        .send()
        .await
}

/// A key that is bound to the organization, with these scopes.
pub async fn bound_key(app: &App, organization: &str, scopes: &[&str]) -> String {
    let data = app
        .ask("mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { code } } }")
        .variables(json!({ "input": {
            "name": "bound", "scopes": scopes, "organizationId": organization,
        } }))
        .data()
        .await;
    text(&data, "/createApiKey/secret")
}

/// A user's status, by name.
pub async fn set_status(app: &App, name: &str, status: &str) {
    let data = app
        .ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { status } userErrors { code } } }")
        .variables(json!({ "input": { "entityRef": format!("user:default/{name}"), "status": status } }))
        .data()
        .await;
    assert_eq!(data["upsertUser"]["user"]["status"], status);
}

/// What setDefaultIdentity answers with.
pub async fn set_default(app: &App, share: &str, identity: Value) -> Answer {
    app.ask(
        "mutation($share: ID!, $identity: ID) {
            setDefaultIdentity(organizationIntegrationId: $share, identityId: $identity) {
                organizationIntegration { id defaultIdentity { id } }
                userErrors { code message field }
            }
        }",
    )
    .variables(json!({ "share": share, "identity": identity }))
    .send()
    .await
}

/// What updateOrganizationIntegration answers with.
pub async fn update_share(app: &App, input: Value) -> Answer {
    app.ask(
        "mutation($input: UpdateOrganizationIntegrationInput!) {
            updateOrganizationIntegration(input: $input) {
                organizationIntegration { id config status gracePeriodEnd defaultIdentity { id } }
                userErrors { code message field }
            }
        }",
    )
    .variables(json!({ "input": input }))
    .send()
    .await
}

/// What updateIntegration answers with, asked by a key.
pub async fn update_integration(app: &App, key: &str, input: Value) -> Answer {
    app.ask(
        "mutation($input: UpdateIntegrationInput!) {
            updateIntegration(input: $input) {
                integration { id name metadata status } userErrors { code message field }
            }
        }",
    )
    .variables(json!({ "input": input }))
    .by(key)
    .send()
    .await
}

/// What uninstallIntegration answers with.
pub async fn uninstall(app: &App, share: &str) -> Answer {
    app.ask(
        "mutation($share: ID!) {
            uninstallIntegration(organizationIntegrationId: $share) {
                deletedId userErrors { code message field }
            }
        }",
    )
    .variables(json!({ "share": share }))
    .send()
    .await
}

/// What defaultIdentity answers with.
pub async fn default_identity(app: &App, variables: Value) -> Answer {
    app.ask(
        "query($share: ID, $organization: ID, $provider: String, $externalId: String) {
            defaultIdentity(
                organizationIntegrationId: $share, organizationId: $organization,
                provider: $provider, externalId: $externalId
            ) { id }
        }",
    )
    .variables(variables)
    .send()
    .await
}

/// The id of the identity that a share acts as.
pub async fn acts_as(app: &App, share: &str) -> String {
    let answer = default_identity(app, json!({ "share": share })).await;
    text(&answer.data(), "/defaultIdentity/id")
}

/// Why a share acts as nobody.
pub async fn reason(app: &App, share: &str) -> String {
    let answer = default_identity(app, json!({ "share": share })).await;
    assert_eq!(answer.code(), "IDENTITY_NOT_FOUND", "{:#}", answer.body);
    text(&answer.body, "/errors/0/extensions/reason")
}

/// The organization integrations that are stored, by id.
pub async fn shares(app: &App) -> Vec<organization_integration::Model> {
    organization_integration::Entity::find()
        .order_by_asc(organization_integration::Column::Id)
        .all(app.database.reader())
        .await
        .unwrap()
}

/// Actions of the events since then, in the order of writing.
pub async fn actions_since(app: &App, before: usize) -> Vec<String> {
    let events = app.stored().await.events;
    let since = events[before..].iter();
    since.map(|event| event.action.clone()).collect()
}

pub async fn events(app: &App) -> usize {
    app.stored().await.events.len()
}

/// The codes of a payload's refusals.
#[track_caller]
pub fn codes(payload: &Value) -> Vec<String> {
    let errors = payload["userErrors"].as_array().unwrap().iter();
    errors.map(|error| text(error, "/code")).collect()
}
