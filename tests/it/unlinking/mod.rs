//! Disconnecting accounts: the rules, who may, and what goes along.

mod along;
mod by_keys;
mod by_people;
mod races;
mod rules;

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::Answer;

pub const UNLINK: &str = "mutation($input: UnlinkIdentityInput!) { unlinkIdentity(input: $input) {
    deletedId userErrors { code message field retryable } } }";

/// unlinkIdentity, as an admin.
pub async fn unlink(app: &App, id: &str) -> Answer {
    app.ask(UNLINK)
        .variables(json!({ "input": { "id": id } }))
        .send()
        .await
}

/// The identity is gone.
#[track_caller]
pub fn is_gone(answer: Answer, id: &str) {
    let payload = &answer.data()["unlinkIdentity"];
    assert_eq!(*payload, json!({ "deletedId": id, "userErrors": [] }));
}

/// It was refused with this code, and may not go better by itself.
#[track_caller]
pub fn is_refused(payload: &Value, code: &str) {
    assert_eq!(payload["deletedId"], Value::Null, "{payload:#}");
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{payload:#}");
    assert_eq!(errors[0]["code"], code, "{payload:#}");
    assert_eq!(errors[0]["retryable"], false);
    assert_eq!(errors[0]["field"], json!([]));
}

/// `Identity.disconnect`.
pub async fn disconnect(app: &App, id: &str) -> String {
    let data = app
        .ask("query($id: ID!) { identity(filter: { id: $id }) { disconnect } }")
        .variables(json!({ "id": id }))
        .data()
        .await;
    crate::support::client::text(&data, "/identity/disconnect")
}

/// `AuthIdentity.disconnect`.
pub async fn disconnect_of_auth(app: &App, id: &str) -> String {
    let data = app
        .ask("query($id: ID!) { node(id: $id) { ... on AuthIdentity { disconnect } } }")
        .variables(json!({ "id": id }))
        .data()
        .await;
    crate::support::client::text(&data, "/node/disconnect")
}

/// deleteAuthIdentity, as an admin.
pub async fn delete_auth_identity(app: &App, id: &str) -> Answer {
    app.ask(
        "mutation($id: ID!) { deleteAuthIdentity(id: $id) {
            deletedId userErrors { code message field retryable } } }",
    )
    .variables(json!({ "id": id }))
    .send()
    .await
}

/// A shared provider that signs people in.
pub async fn door(app: &App, slug: &str) -> String {
    app.provider_with(slug, json!({ "allowsSignIn": true }))
        .await
}

/// Sets a field of the user, or of the provider of that id.
pub async fn change(app: &App, mutation: &str, input: Value) {
    let input_type = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!(
        "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ userErrors {{ code message }} }} }}"
    );
    let data = app
        .ask(&query)
        .variables(json!({ "input": input }))
        .data()
        .await;
    assert_eq!(data[mutation]["userErrors"], json!([]));
}
