//! Organizations' single sign-on, made as callers make it.

use serde_json::{Value, json};

use super::app::App;
use super::client::{Answer, text};

/// A provider of the organization's own that signs people in.
pub async fn own_provider(app: &App, organization: &str, slug: &str) -> String {
    let more = json!({ "organizationId": organization, "allowsSignIn": true });
    app.provider_with(slug, more).await
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
