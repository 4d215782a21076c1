//! Organizations with members, own providers and a sign-on.

use serde_json::{Value, json};

use super::app::App;
use super::client::{Answer, text};

/// An organization of that slug.
pub async fn organization(app: &App, slug: &str) -> String {
    let data = app
        .ask(
            "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
                organization { id } userErrors { code message } } }",
        )
        .variables(json!({ "input": { "slug": slug, "name": slug } }))
        .data()
        .await;
    text(&data, "/createOrganization/organization/id")
}

/// Makes the user a member.
pub async fn member(app: &App, organization: &str, user: &str) {
    let data = app
        .ask(
            "mutation($organization: ID!, $user: ID!) {
                addOrganizationMember(organizationId: $organization, userId: $user) {
                    userErrors { code message } } }",
        )
        .variables(json!({ "organization": organization, "user": user }))
        .data()
        .await;
    assert_eq!(data["addOrganizationMember"]["userErrors"], json!([]));
}

/// A provider of the organization's own that signs people in.
pub async fn own_provider(app: &App, organization: &str, slug: &str) -> String {
    let more = json!({ "organizationId": organization, "allowsSignIn": true });
    app.provider_with(slug, more).await
}

/// A key with these scopes that is bound to the organization.
pub async fn bound_key(app: &App, organization: &str, scopes: &[&str]) -> String {
    let data = app
        .ask(
            "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { code } } }",
        )
        .variables(json!({ "input": {
            "name": "bound", "scopes": scopes, "organizationId": organization,
        } }))
        .data()
        .await;
    text(&data, "/createApiKey/secret")
}

/// setAuthProvider, as an admin.
pub async fn set_auth_provider(
    app: &App,
    organization: &str,
    provider: &str,
    allow_unlinked: bool,
) -> Answer {
    app.ask(SET_AUTH_PROVIDER)
        .variables(json!({ "input": {
            "organizationId": organization, "providerId": provider, "allowUnlinked": allow_unlinked,
        } }))
        .send()
        .await
}

/// The id of the organization's sign-on, which is set up.
pub async fn sign_on(
    app: &App,
    organization: &str,
    provider: &str,
    allow_unlinked: bool,
) -> String {
    let answer = set_auth_provider(app, organization, provider, allow_unlinked).await;
    text(&answer.data(), "/setAuthProvider/authProvider/id")
}

/// linkAuthIdentity, as an admin.
pub async fn link_auth_identity(app: &App, sign_on: &str, user: &str, ident: &str) -> Value {
    let answer = app
        .ask(LINK_AUTH_IDENTITY)
        .variables(json!({ "input": {
            "authProviderId": sign_on, "userId": user, "ident": ident,
        } }))
        .send()
        .await;
    answer.data()["linkAuthIdentity"].clone()
}

/// The id of an auth identity that must come of it.
pub async fn auth_identity(app: &App, sign_on: &str, user: &str, ident: &str) -> String {
    let payload = link_auth_identity(app, sign_on, user, ident).await;
    text(&payload, "/authIdentity/id")
}

pub const SET_AUTH_PROVIDER: &str = "mutation($input: SetAuthProviderInput!) {
    setAuthProvider(input: $input) {
        authProvider { id allowUnlinked organization { id } provider { id } }
        userErrors { code message field retryable }
    } }";

pub const LINK_AUTH_IDENTITY: &str = "mutation($input: LinkAuthIdentityInput!) {
    linkAuthIdentity(input: $input) {
        authIdentity { id ident user { id } authProvider { id } dateAdded lastVerified lastSynced }
        userErrors { code message field retryable }
    } }";
