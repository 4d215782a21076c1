//! Providers whose token endpoint refuses this server itself.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::Tx;
use super::lock::for_change;
use crate::clock::Time;
use crate::id::ProviderId;

/// A row is a provider that fails; one that has none is not known to.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_health")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider_id: ProviderId,
    pub reason: String,
    /// In a row.
    pub failures: i64,
    pub since: Time,
    pub next_attempt_at: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_providers(
    db: &impl ConnectionTrait,
    ids: &[ProviderId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ProviderId.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The provider's row, locked, if it has one.
pub async fn locked(tx: &Tx, id: ProviderId) -> Result<Option<Model>, DbErr> {
    for_change(tx, Entity::find_by_id(id)).one(tx).await
}

/// Writes the row in place of the one that was there, or of none.
pub async fn put(tx: &Tx, before: Option<&Model>, row: Model) -> Result<(), DbErr> {
    let row = row.into_active_model();
    if before.is_some() {
        row.reset_all().update(tx).await?;
    } else {
        Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Nothing is known against the provider any more; whether there was.
pub async fn clear(tx: &Tx, id: ProviderId) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(id).exec(tx).await?;
    Ok(deleted.rows_affected > 0)
}
