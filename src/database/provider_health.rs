//! Providers whose token endpoint refuses.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ActiveModelTrait, IntoActiveModel, QuerySelect, QueryTrait};

use super::lock::for_change;
use super::{Tx, identity_provider};
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
    /// Until then no account is refreshed; `None`: only the one that was refused waits.
    pub next_attempt_at: Option<Time>,
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

/// Nothing is known against the provider any more, if it is still what was seen; whether it was.
pub async fn clear(tx: &Tx, id: ProviderId, failures: i64) -> Result<bool, DbErr> {
    let select = Entity::delete_by_id(id).filter(Column::Failures.eq(failures));
    Ok(select.exec(tx).await?.rows_affected > 0)
}

/// The same for a provider whose row has changed, and those that borrow its client.
pub async fn forget(tx: &Tx, id: ProviderId) -> Result<(), DbErr> {
    let borrowers = identity_provider::Entity::find()
        .select_only()
        .column(identity_provider::Column::Id)
        .filter(identity_provider::Column::ClientOf.eq(id))
        .into_query();
    let own = Column::ProviderId.eq(id);
    Entity::delete_many()
        .filter(own.or(Column::ProviderId.in_subquery(borrowers)))
        .exec(tx)
        .await
        .map(drop)
}

impl Model {
    /// Until when no account is refreshed, where that is still to come.
    pub fn held_until(&self, now: Time) -> Option<Time> {
        self.next_attempt_at.filter(|at| *at > now)
    }
}
