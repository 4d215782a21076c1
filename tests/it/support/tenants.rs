//! Two organizations that are to know nothing of each other, and what is nobody's.

use lanyard::database::organization_integration;
use serde_json::{Value, json};

use super::app::{App, Db};
use super::client::Answer;
use super::fixtures::LINK;
use super::sign_on;

/// An organization with one of everything. What it has is named after it.
pub struct Tenant {
    pub organization: String,
    pub user: String,
    /// Its own.
    pub provider: String,
    pub at_own: String,
    pub at_shared: String,
    pub integration: String,
    pub organization_integration: String,
    pub auth_provider: String,
    pub auth_identity: String,
    /// With all scopes, and bound to it.
    pub key: String,
    pub key_id: String,
}

/// Two of them, and a user and an identity of neither.
pub struct Tenants {
    pub app: App,
    pub a: Tenant,
    pub b: Tenant,
    /// A provider of all.
    pub shared: String,
    pub nobody: String,
    pub nobodys: String,
    pub unbound_key_id: String,
}

impl Tenants {
    pub async fn new(on: Db) -> Self {
        let app = App::start(on).await;
        let shared = app.provider("shared").await;
        app.tick();
        let a = Tenant::new(&app, "canary-a", &shared).await;
        let b = Tenant::new(&app, "b", &shared).await;
        let nobody = app.user("canary-nobody").await;
        let key = app.key("canary-unbound", &["identity:read"]).await;
        let tenants = Self {
            a,
            b,
            nobodys: app.linked(&shared, &nobody, "canary-nobody").await,
            unbound_key_id: app.key_id(&key).await,
            shared,
            nobody,
            app,
        };
        tenants.app.all_sealed().await;
        tenants
    }

    /// Ids of rows that a key of `b` doesn't see.
    pub fn hidden_from_b(&self) -> Vec<&str> {
        let a = &self.a;
        vec![
            &a.organization,
            &a.user,
            &a.provider,
            &a.at_own,
            &a.at_shared,
            &a.integration,
            &a.organization_integration,
            &a.auth_provider,
            &a.auth_identity,
            &a.key_id,
            &self.nobody,
            &self.nobodys,
            &self.unbound_key_id,
        ]
    }
}

impl Tenant {
    async fn new(app: &App, name: &str, shared: &str) -> Self {
        let organization = app.organization(name).await;
        let user = app.member(&organization, &format!("{name}-user")).await;
        let provider = app
            .own_provider(&organization, &format!("{name}-provider"))
            .await;
        let at_own = app.linked(&provider, &user, &format!("{name}-own")).await;
        app.tick();
        let at_shared = app.linked(shared, &user, &format!("{name}-shared")).await;
        let acting = app.acting_as(&organization, &at_own).await;
        let found =
            organization_integration::by_ids(app.database.reader(), &[acting.parse().unwrap()])
                .await;
        let sign_on = sign_on::sign_on(app, &organization, &provider, true).await;
        let key = app.bound_key(&organization, &["admin"]).await;
        Self {
            integration: found.unwrap()[0].integration_id.to_string(),
            organization_integration: acting,
            auth_identity: sign_on::auth_identity(app, &sign_on, &user, &user).await,
            auth_provider: sign_on,
            key_id: app.key_id(&key).await,
            key,
            organization,
            user,
            provider,
            at_own,
            at_shared,
        }
    }
}

/// What the key of `b` asks for.
impl Tenants {
    pub async fn by_b(&self, query: &str, variables: Value) -> Answer {
        let ask = self.app.ask(query).variables(variables);
        ask.by(&self.b.key).send().await
    }

    pub async fn mutation_by_b(&self, field: &str, input_type: &str, input: Value) -> Answer {
        let query = format!(
            "mutation($input: {input_type}!) {{ {field}(input: $input) {{ userErrors {{ code message }} }} }}"
        );
        self.by_b(&query, json!({ "input": input })).await
    }

    pub async fn link_by_b(
        &self,
        provider: &str,
        user: &str,
        account: &str,
        policy: &str,
    ) -> Answer {
        let input = json!({
            "providerId": provider, "userId": user, "externalId": account, "onConflict": policy,
        });
        self.by_b(LINK, json!({ "input": input })).await
    }
}
