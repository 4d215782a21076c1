//! Rows that many tests begin with, made as callers make them.

use lanyard::database::{identity_provider, session};
use lanyard::sign_in::session::{NewSession, Opened, Sessions};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::app::App;
use super::client::{Answer, text};

impl App {
    /// A user `user:default/<name>`, with the address `<name>@example.org`.
    pub async fn user(&self, name: &str) -> String {
        let data = self
            .ask("mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { id } userErrors { code } } }")
            .variables(json!({ "input": {
                "entityRef": format!("user:default/{name}"),
                "displayName": name,
                "email": format!("{name}@example.org"),
            } }))
            .data()
            .await;
        text(&data, "/upsertUser/user/id")
    }

    /// A provider of type custom.
    pub async fn provider(&self, slug: &str) -> String {
        self.provider_with(slug, json!({})).await
    }

    /// A provider of type custom, with further input.
    pub async fn provider_with(&self, slug: &str, more: Value) -> String {
        let mut input = json!({ "slug": slug, "type": "custom", "config": {} });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let data = self
            .ask("mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) { identityProvider { id } userErrors { code message field } } }")
            .variables(json!({ "input": input }))
            .data()
            .await;
        text(&data, "/createIdentityProvider/identityProvider/id")
    }

    /// Changes the provider's row.
    pub async fn reconfigure(&self, slug: &str, change: Value) {
        let found = self
            .ask("query($slug: String!) { identityProvider(slug: $slug) { id } }")
            .variables(json!({ "slug": slug }))
            .data()
            .await;
        let mut input = change;
        input["id"] = found["identityProvider"]["id"].clone();
        let payload = self
            .ask(
                "mutation($input: UpdateIdentityProviderInput!) {
                    updateIdentityProvider(input: $input) { userErrors { code message } }
                }",
            )
            .variables(json!({ "input": input }))
            .data()
            .await;
        assert_eq!(
            payload["updateIdentityProvider"]["userErrors"],
            json!([]),
            "{payload}"
        );
    }

    /// linkIdentity with this input.
    pub async fn link(&self, input: Value) -> Answer {
        self.ask(LINK)
            .variables(json!({ "input": input }))
            .send()
            .await
    }

    /// The id of a link that must succeed.
    pub async fn linked(&self, provider: &str, user: &str, external_id: &str) -> String {
        let input = json!({ "providerId": provider, "userId": user, "externalId": external_id });
        text(&self.link(input).await.data(), "/linkIdentity/identity/id")
    }

    /// An API key with these scopes.
    pub async fn key(&self, name: &str, scopes: &[&str]) -> String {
        let data = self
            .ask("mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { code } } }")
            .variables(json!({ "input": { "name": name, "scopes": scopes } }))
            .data()
            .await;
        text(&data, "/createApiKey/secret")
    }

    /// A session of a user who has signed in at a provider, with the identity there if there is
    /// one: its token.
    pub async fn session(&self, user: &str, provider: &str) -> String {
        self.opened(self.new_session(user, provider))
            .await
            .token
            .expose_secret()
            .to_owned()
    }

    /// What [`App::session`] opens.
    pub fn new_session(&self, user: &str, provider: &str) -> NewSession<'static> {
        NewSession {
            user: user.parse().unwrap(),
            provider: provider.parse().unwrap(),
            identity: None,
            user_agent: Some("Browser/1.0"),
            replaces: None,
            request_id: "test",
        }
    }

    /// At a provider that signs people in from now on: at another one the session would be over.
    pub async fn opened(&self, new: NewSession<'_>) -> Opened {
        let sessions = &Sessions::new(self.database.clone(), self.clock.clone());
        self.database
            .write(|tx| async move {
                identity_provider::Entity::update_many()
                    .col_expr(identity_provider::Column::AllowsSignIn, Expr::value(true))
                    .filter(identity_provider::Column::Id.eq(new.provider))
                    .exec(&*tx)
                    .await?;
                sessions.open(&tx, new).await
            })
            .await
            .unwrap()
    }

    /// All sessions that are stored, the oldest first.
    pub async fn sessions(&self) -> Vec<session::Model> {
        let mut rows = session::Entity::find()
            .all(self.database.reader())
            .await
            .unwrap();
        rows.sort_by_key(|row| (row.date_added, row.id));
        rows
    }

    /// The id of a key, as the key itself says.
    pub async fn key_id(&self, key: &str) -> String {
        let asked = self.ask("{ viewer { ... on ApiKey { id } } }").by(key);
        text(&asked.data().await, "/viewer/id")
    }
}

pub const LINK: &str = "mutation($input: LinkIdentityInput!) { linkIdentity(input: $input) {
    outcome
    identity { id version externalId user { id } provider { id } status isPrimary }
    userErrors { code message field retryable }
} }";
