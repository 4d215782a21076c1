//! The master keys that this database has seen: which one seals, and which are not needed any
//! more.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, QueryOrder, QuerySelect};

use super::{Sealed, Tx};
use crate::clock::Time;

/// A key by its id, with its check value: what it sealed once, to be known again.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "master_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub check_sealed: Sealed,
    pub date_added: Time,
    /// Whether it is the one that seals, for all processes.
    pub is_current: bool,
    /// When nothing was sealed with it any more; `None`: it is the current one, or being replaced.
    pub retired_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Every key's id and check value, by id. Reads no more than every release has had.
pub async fn checks(db: &impl ConnectionTrait) -> Result<Vec<(String, Sealed)>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::CheckSealed)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await
}

/// Every key, the older ones first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .order_by_asc(Column::DateAdded)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

fn current_id() -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::IsCurrent.eq(true))
}

/// The id of the key that seals.
pub async fn current(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    current_id().into_tuple().one(db).await
}

/// The same, and no other key becomes the current one until the transaction ends.
pub async fn held_current(tx: &Tx) -> Result<Option<String>, DbErr> {
    let mut select = current_id();
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::Share);
    }
    let found: Option<String> = select.clone().into_tuple().one(tx).await?;
    if found.is_some() || tx.get_database_backend() != DbBackend::Postgres {
        return Ok(found);
    }
    // Whoever has waited for a row that is not the current one any more finds none. By now the
    // change is committed, and seen.
    select.into_tuple().one(tx).await
}
