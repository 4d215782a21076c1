//! Integrations as events tell of them.

use serde_json::{Value, json};

use crate::database::{integration, organization_integration};
use crate::identity::default::describe;

/// What an event tells of a row, before or after.
pub trait Told {
    fn told(&self) -> Value;
}

impl Told for integration::Model {
    fn told(&self) -> Value {
        json!({
            "provider": self.provider,
            "externalId": self.external_id,
            "name": self.name,
            "metadata": self.metadata_json.0,
            "status": self.status.name(),
        })
    }
}

impl Told for organization_integration::Model {
    fn told(&self) -> Value {
        describe(self)
    }
}
