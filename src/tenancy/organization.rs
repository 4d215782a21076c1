//! Organizations and their members.

use crate::error::Error;
use crate::id::OrganizationId;

pub fn not_found(id: OrganizationId) -> Error {
    Error::NotFound {
        what: "organization",
        id: id.to_string(),
    }
}
