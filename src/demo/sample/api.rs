//! The API as the sample uses it: looks whether something is there, and makes it.

use async_graphql::Variables;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Employee, LoadError};
use crate::access::{Caller, Viewer};
use crate::demo::provider::{Handle, Issuer};
use crate::graphql::{Answer, Engine, Operation};

/// The API, as whoever runs the command line.
pub struct Api<'a> {
    pub engine: &'a Engine,
}

impl Api<'_> {
    pub async fn sign_in_provider(
        &self,
        provider: &Handle,
        issuer: Issuer,
    ) -> Result<(), LoadError> {
        let slug = issuer.slug();
        let (url, client) = (provider.issuer(issuer), provider.client(issuer));
        let found = self.provider(slug).await?;
        if found.is_null() {
            let input = json!({
                "type": "oidc",
                "slug": slug,
                "name": issuer.name(),
                "allowsSignIn": true,
                "config": {
                    "issuer": url.as_str(),
                    "scopes": ["openid", "profile", "email", "offline_access"],
                },
                "clientId": client.id,
                "clientSecret": client.secret.expose_secret(),
                "signIn": {
                    "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }],
                },
            });
            self.create_provider(input).await?;
            return Ok(());
        }
        let stored = found["config"]["issuer"].as_str().unwrap_or_default();
        if stored == url.as_str() {
            return Ok(());
        }
        Err(LoadError::OtherIssuer {
            slug,
            stored: stored.to_owned(),
            now: url.to_string(),
        })
    }

    /// The provider of that slug, or null.
    pub async fn provider(&self, slug: &str) -> Result<Value, LoadError> {
        let query = "query($slug: String!) { identityProvider(slug: $slug) { id config } }";
        let mut data = self
            .ask("identityProvider", query, json!({ "slug": slug }))
            .await?;
        Ok(data["identityProvider"].take())
    }

    pub async fn create_provider(&self, input: Value) -> Result<Value, LoadError> {
        let query = "mutation($input: CreateIdentityProviderInput!) {
            createIdentityProvider(input: $input) {
                identityProvider { id }
                userErrors { code message field }
            }
        }";
        let payload = self.write("createIdentityProvider", query, input).await?;
        Ok(payload["identityProvider"].clone())
    }

    pub async fn employee(&self, employee: &Employee) -> Result<Value, LoadError> {
        let entity_ref = format!("user:default/{}", employee.name);
        let query = "query($ref: EntityRef!) { user(entityRef: $ref) { id status } }";
        let mut data = self
            .ask("user", query, json!({ "ref": entity_ref }))
            .await?;
        let found = data["user"].take();
        if !found.is_null() {
            return Ok(found);
        }
        let query = "mutation($input: UpsertUserInput!) {
            upsertUser(input: $input) { user { id status } userErrors { code message field } }
        }";
        let input = json!({
            "entityRef": entity_ref,
            "displayName": employee.display_name,
            "email": format!("{}@acme.example", employee.name),
            "emailVerified": true,
            "status": employee.status,
        });
        let payload = self.write("upsertUser", query, input).await?;
        Ok(payload["user"].clone())
    }

    /// Links the account, unless it is linked, to whomever, or the user has another one there:
    /// whoever has played with the sample finds it as they left it.
    pub async fn link(
        &self,
        provider: &Value,
        user: &Value,
        external_id: &str,
        profile: Value,
    ) -> Result<(), LoadError> {
        let query = "query($account: IdentityFilter!, $user: IdentityFilter!) {
            account: identity(filter: $account) { id }
            user: identity(filter: $user) { id }
        }";
        let filters = json!({
            "account": { "providerId": provider["id"], "externalId": external_id },
            "user": { "providerId": provider["id"], "userId": user["id"] },
        });
        let found = self.ask("identity", query, filters).await?;
        if !found["account"].is_null() || !found["user"].is_null() {
            return Ok(());
        }
        let query = "mutation($input: LinkIdentityInput!) {
            linkIdentity(input: $input) { identity { id } userErrors { code message field } }
        }";
        let input = json!({
            "providerId": provider["id"],
            "userId": user["id"],
            "externalId": external_id,
            "profile": profile,
        });
        self.write("linkIdentity", query, input).await?;
        Ok(())
    }

    /// The organization of that slug, which is made where there is none.
    pub async fn organization(&self, slug: &str, name: &str) -> Result<Value, LoadError> {
        let query = "query($slug: String!) {
            organization(slug: $slug) { id members(first: 1) { nodes { id } } }
        }";
        let mut data = self
            .ask("organization", query, json!({ "slug": slug }))
            .await?;
        let found = data["organization"].take();
        if !found.is_null() {
            return Ok(found);
        }
        let query = "mutation($input: CreateOrganizationInput!) {
            createOrganization(input: $input) {
                organization { id members(first: 1) { nodes { id } } }
                userErrors { code message field }
            }
        }";
        let input = json!({ "slug": slug, "name": name });
        let payload = self.write("createOrganization", query, input).await?;
        Ok(payload["organization"].clone())
    }

    pub async fn add_member(&self, organization: &Value, user: &Value) -> Result<(), LoadError> {
        let query = "mutation($organization: ID!, $user: ID!) {
            addOrganizationMember(organizationId: $organization, userId: $user) {
                userErrors { code message field }
            }
        }";
        let variables = json!({ "organization": organization["id"], "user": user["id"] });
        let data = self.ask("addOrganizationMember", query, variables).await?;
        not_refused("addOrganizationMember", &data["addOrganizationMember"])
    }

    /// Installs the integration, acting as the user's account at the provider.
    pub async fn install(
        &self,
        organization: &Value,
        [service, external_id, name]: [&str; 3],
        provider: &Value,
        user: &Value,
    ) -> Result<(), LoadError> {
        let query = "query($filter: IdentityFilter!) { identity(filter: $filter) { id } }";
        let filter = json!({ "providerId": provider["id"], "userId": user["id"] });
        let found = self
            .ask("identity", query, json!({ "filter": filter }))
            .await?;
        let query = "mutation($input: InstallIntegrationInput!) {
            installIntegration(input: $input) {
                integration { id }
                userErrors { code message field }
            }
        }";
        let input = json!({
            "organizationId": organization["id"],
            "provider": service,
            "externalId": external_id,
            "name": name,
            "defaultIdentityId": found["identity"]["id"],
        });
        self.write("installIntegration", query, input).await?;
        Ok(())
    }

    /// The payload of a mutation that was not refused.
    async fn write(
        &self,
        what: &'static str,
        query: &str,
        input: Value,
    ) -> Result<Value, LoadError> {
        let mut data = self.ask(what, query, json!({ "input": input })).await?;
        let payload = data[what].take();
        not_refused(what, &payload)?;
        Ok(payload)
    }

    /// The data of an operation without errors.
    async fn ask(
        &self,
        what: &'static str,
        query: &str,
        variables: Value,
    ) -> Result<Value, LoadError> {
        let operation = Operation {
            query: query.to_owned(),
            operation_name: None,
            variables: Variables::from_json(variables),
            only_queries: false,
        };
        let caller = Caller {
            viewer: Viewer::CommandLine,
            request_id: "sample".to_owned(),
        };
        let errors = match self.engine.run(operation, caller).await {
            Answer::Ran(response) if response.errors.is_empty() => {
                return response
                    .data
                    .into_json()
                    .map_err(|error| LoadError::Refused {
                        what,
                        answer: error.to_string(),
                    });
            }
            Answer::Ran(response) => response.errors,
            Answer::Refused(errors) => errors,
            Answer::NotAQuery => Vec::new(),
        };
        let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        Err(LoadError::Refused {
            what,
            answer: messages.join("; "),
        })
    }
}

fn not_refused(what: &'static str, payload: &Value) -> Result<(), LoadError> {
    if payload["userErrors"].as_array().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    Err(LoadError::Refused {
        what,
        answer: payload["userErrors"].to_string(),
    })
}
