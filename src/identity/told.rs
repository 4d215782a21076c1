//! Identities as events tell of them.

use serde_json::{Value, json};

use crate::database::identity::Model;
use crate::event::{Action, NewEvent};

/// What happened to an identity.
pub fn new_event(
    action: Action,
    row: &Model,
    before: Option<Value>,
    after: Option<Value>,
) -> NewEvent {
    NewEvent {
        action,
        target: Some(row.id.any()),
        user: Some(row.user_id),
        organization: row.organization_id,
        before,
        after,
    }
}

/// The identity as it is, without its tokens.
pub fn describe(row: &Model) -> Value {
    json!({
        "providerId": row.provider_id.to_string(),
        "userId": row.user_id.to_string(),
        "externalId": row.external_id,
        "email": row.email,
        "emailVerified": row.email_verified,
        "username": row.username,
        "displayName": row.display_name,
        "attributes": row.attributes_json.0,
        "scopes": row.scopes_json.0,
        "data": row.data_json.0,
        "isPrimary": row.is_primary,
        "version": row.version,
    })
}
