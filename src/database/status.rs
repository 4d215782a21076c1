//! The state of what is installed.

use sea_orm::entity::prelude::*;

/// Whether an integration, or an organization's share of it, is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ObjectStatus {
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    #[sea_orm(string_value = "DISABLED")]
    Disabled,
    #[sea_orm(string_value = "PENDING_DELETION")]
    PendingDeletion,
    #[sea_orm(string_value = "DELETION_IN_PROGRESS")]
    DeletionInProgress,
}

impl ObjectStatus {
    /// As it is stored and told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Disabled => "DISABLED",
            Self::PendingDeletion => "PENDING_DELETION",
            Self::DeletionInProgress => "DELETION_IN_PROGRESS",
        }
    }
}
