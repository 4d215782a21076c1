//! The master keys that this database has seen: which one seals, and which are not needed any
//! more.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{DbBackend, IntoActiveModel, QueryOrder, QuerySelect};

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

/// Waits for all transactions that have asked which key is the current one, and lets none ask
/// until this one ends. A lock of the row would let those who share it pass for ever.
pub async fn hold_off_sealers(tx: &Tx) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE master_key IN EXCLUSIVE MODE")
            .await?;
    }
    Ok(())
}

/// Makes another key the current one: a new one, or one that has been it before.
pub async fn make_current(tx: &Tx, row: Model, is_new: bool) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::IsCurrent, Expr::value(false))
        .filter(Column::IsCurrent.eq(true))
        .exec(tx)
        .await?;
    if is_new {
        Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await?;
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::IsCurrent, Expr::value(true))
        .col_expr(Column::RetiredAt, Expr::value(None::<Time>))
        .filter(Column::Id.eq(row.id))
        .exec(tx)
        .await
        .map(drop)
}

fn replaced() -> Select<Entity> {
    Entity::find()
        .filter(Column::IsCurrent.eq(false))
        .filter(Column::RetiredAt.is_null())
}

/// The keys that are being replaced: secrets may be sealed with them still.
pub async fn being_replaced(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let ids = replaced().select_only().column(Column::Id);
    ids.order_by_asc(Column::Id).into_tuple().all(db).await
}

/// Nothing is sealed with these keys any more.
pub async fn retire(tx: &Tx, ids: &[String], now: Time) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RetiredAt, Expr::value(now))
        .filter(Column::Id.is_in(ids))
        .filter(Column::IsCurrent.eq(false))
        .exec(tx)
        .await
        .map(drop)
}
