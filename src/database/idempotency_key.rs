//! Mutations that an application may send again, and what they answered.

use chrono::TimeDelta;
use sea_orm::entity::prelude::*;

use super::Tx;
use crate::clock::Time;
use crate::id::IdentityId;

/// How long a key is remembered.
pub const LIFE: TimeDelta = TimeDelta::hours(24);

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the input that came with the key.
    pub input_hash: Vec<u8>,
    pub outcome: String,
    pub identity_id: IdentityId,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Forgets all keys that are older than [`LIFE`].
pub async fn forget_old(tx: &Tx, now: Time) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::DateAdded.lt(now - LIFE))
        .exec(tx)
        .await
        .map(|_| ())
}
