//! Organizations and what is within them, made as callers make it; and what callers can't make
//! yet, stored past the API.

use lanyard::database::status::ObjectStatus;
use lanyard::database::{
    auth_identity, auth_provider, integration, json, organization_integration,
};
use lanyard::id::{AuthIdentityId, AuthProviderId, IntegrationId, OrganizationIntegrationId};
use sea_orm::{EntityTrait, IntoActiveModel};
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
        text(&data, "/createOrganization/organization/id")
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
        self.add_member(organization, &user).await;
        user
    }

    /// A provider of type custom that is the organization's own.
    pub async fn own_provider(&self, organization: &str, slug: &str) -> String {
        self.provider_with(slug, json!({ "organizationId": organization }))
            .await
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

    /// An integration that is installed in the organization and acts as the identity.
    pub async fn acting_as(&self, organization: &str, identity: &str) -> String {
        let (id, now) = (IntegrationId::new(&self.clock), self.clock.now());
        let installed = OrganizationIntegrationId::new(&self.clock);
        let external_id = id.to_string();
        let service = integration::Model {
            id,
            provider: "service".to_owned(),
            external_id: external_id.clone(),
            name: "A service".to_owned(),
            metadata_json: json::Json(json!({})),
            status: ObjectStatus::Active,
            date_added: now,
            date_updated: now,
        };
        let row = organization_integration::Model {
            id: installed,
            organization_id: organization.parse().unwrap(),
            integration_id: id,
            provider: "service".to_owned(),
            external_id,
            config_json: json::Json(json!({})),
            status: ObjectStatus::Active,
            default_identity_id: Some(identity.parse().unwrap()),
            default_lost_at: None,
            grace_period_end: None,
            date_added: now,
            date_updated: now,
        };
        let (service, row) = (&service, &row);
        self.database
            .write(|tx| async move {
                integration::Entity::insert(service.clone().into_active_model())
                    .exec_without_returning(&*tx)
                    .await?;
                organization_integration::Entity::insert(row.clone().into_active_model())
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            })
            .await
            .unwrap();
        installed.to_string()
    }

    /// What the organization integration acts as, and whether it has lost that.
    pub async fn default_of(&self, organization_integration: &str) -> (Option<String>, bool) {
        let ids = [organization_integration.parse().unwrap()];
        let rows = organization_integration::by_ids(self.database.reader(), &ids).await;
        let row = rows.unwrap().remove(0);
        let identity = row.default_identity_id.map(|id| id.to_string());
        (identity, row.default_lost_at.is_some())
    }

    /// The provider is the organization's single sign-on.
    pub async fn sign_on(&self, organization: &str, provider: &str) -> AuthProviderId {
        let row = &auth_provider::Model {
            id: AuthProviderId::new(&self.clock),
            organization_id: organization.parse().unwrap(),
            provider_id: provider.parse().unwrap(),
            allow_unlinked: true,
            date_added: self.clock.now(),
        };
        self.database
            .write(|tx| async move {
                auth_provider::Entity::insert(row.clone().into_active_model())
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            })
            .await
            .unwrap();
        row.id
    }

    /// The user's link to a single sign-on.
    pub async fn auth_identity(
        &self,
        organization: &str,
        sign_on: AuthProviderId,
        user: &str,
    ) -> String {
        let now = self.clock.now();
        let row = &auth_identity::Model {
            id: AuthIdentityId::new(&self.clock),
            auth_provider_id: sign_on,
            organization_id: organization.parse().unwrap(),
            user_id: user.parse().unwrap(),
            ident: user.to_owned(),
            date_added: now,
            last_verified: now,
            last_synced: now,
        };
        self.database
            .write(|tx| async move {
                auth_identity::Entity::insert(row.clone().into_active_model())
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            })
            .await
            .unwrap();
        row.id.to_string()
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
