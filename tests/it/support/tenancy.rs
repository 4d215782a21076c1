//! Organizations and what is within them, made as callers make it.

use chrono::TimeDelta;
use lanyard::database::organization_integration;
use lanyard::id::IntegrationId;
use serde_json::{Value, json};

use super::app::App;
use super::client::{Answer, text};

impl App {
    /// An organization of that slug, which is its name too.
    pub async fn organization(&self, slug: &str) -> String {
        let data = self
            .ask("mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id } userErrors { code message } } }")
            .variables(json!({ "input": { "slug": slug, "name": slug } }))
            .data()
            .await;
        self.tick();
        text(&data, "/createOrganization/organization/id")
    }

    /// Ids of what is made in one millisecond are in no order.
    pub fn tick(&self) {
        self.clock.advance(TimeDelta::milliseconds(1));
    }

    /// addOrganizationMember or removeOrganizationMember.
    pub async fn membership(&self, what: &str, organization: &str, user: &str) -> Answer {
        self.ask(&format!(
            "mutation($organization: ID!, $user: ID!) {{
                {what}(organizationId: $organization, userId: $user) {{
                    organization {{ id }} userErrors {{ code message field }}
                }}
            }}"
        ))
        .variables(json!({ "organization": organization, "user": user }))
        .send()
        .await
    }

    pub async fn add_member(&self, organization: &str, user: &str) {
        let what = "addOrganizationMember";
        let data = self.membership(what, organization, user).await.data();
        assert_eq!(data[what]["userErrors"], json!([]), "{data:#}");
    }

    pub async fn remove_member(&self, organization: &str, user: &str) {
        let what = "removeOrganizationMember";
        let data = self.membership(what, organization, user).await.data();
        assert_eq!(data[what]["userErrors"], json!([]), "{data:#}");
    }

    /// A member of the organization, `user:default/<name>`.
    pub async fn member(&self, organization: &str, name: &str) -> String {
        let user = self.user(name).await;
        self.tick();
        self.add_member(organization, &user).await;
        user
    }

    /// A provider of type custom that is the organization's own.
    pub async fn own_provider(&self, organization: &str, slug: &str) -> String {
        let more = json!({ "organizationId": organization });
        let provider = self.provider_with(slug, more).await;
        self.tick();
        provider
    }

    /// A key that is bound to the organization.
    pub async fn bound_key(&self, organization: &str, scopes: &[&str]) -> String {
        let data = self
            .ask("mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { code message } } }")
            .variables(json!({ "input": {
                "name": "bound", "scopes": scopes, "organizationId": organization,
            } }))
            .data()
            .await;
        text(&data, "/createApiKey/secret")
    }

    /// An integration that is installed in the organization and acts as the identity, whose user
    /// is a member.
    pub async fn acting_as(&self, organization: &str, identity: &str) -> String {
        let external_id = IntegrationId::new(&self.clock).to_string();
        let data = self
            .ask("mutation($input: InstallIntegrationInput!) { installIntegration(input: $input) { organizationIntegration { id } userErrors { code message } } }")
            .variables(json!({ "input": {
                "organizationId": organization, "provider": "service", "externalId": external_id,
                "name": "A service", "defaultIdentityId": identity,
            } }))
            .data()
            .await;
        text(&data, "/installIntegration/organizationIntegration/id")
    }

    /// What the organization integration acts as, and whether it has lost that.
    pub async fn default_of(&self, organization_integration: &str) -> (Option<String>, bool) {
        let ids = [organization_integration.parse().unwrap()];
        let rows = organization_integration::by_ids(self.database.reader(), &ids).await;
        let row = rows.unwrap().remove(0);
        let identity = row.default_identity_id.map(|id| id.to_string());
        (identity, row.default_lost_at.is_some())
    }
}

/// The codes of a payload's refusals.
pub fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}
