//! Whose rows a statement may find.

use crate::id::{OrganizationId, UserId};

/// Whose rows are meant. What a viewer may see of them is not decided here: lists are restricted
/// so that pages and counts are of what the viewer may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Everybody's.
    #[default]
    All,
    /// This user's own.
    User(UserId),
    /// What is within this organization.
    Organization(OrganizationId),
}
