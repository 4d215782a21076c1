//! Users that went into others, and what went with them.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};

use super::Tx;
use super::json::Json;
use super::lock::{for_change, unless_taken};
use super::user::Status;
use crate::clock::Time;
use crate::id::{MergeId, UserId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_merge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MergeId,
    pub from_user_id: UserId,
    pub into_user_id: UserId,
    /// What an undo gives back.
    pub from_status: Status,
    /// A list of what there was to move, what became of it, and what became of that in an undo.
    pub items_json: Json,
    pub date_merged: Time,
    pub undoable_until: Time,
    pub date_undone: Option<Time>,
    /// When to look whether anything is left of the user that is no more; `None` once the merge
    /// is undone.
    pub sweep_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[MergeId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: MergeId) -> Result<Option<Model>, DbErr> {
    let select = Entity::find_by_id(id);
    for_change(tx, select).one(tx).await
}

pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// The merge by which the user is no more.
pub async fn of_merged(db: &impl ConnectionTrait, from: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::FromUserId.eq(from))
        .filter(Column::DateUndone.is_null())
        .order_by_desc(Column::Id)
        .one(db)
        .await
}

/// The first `limit` merges whose users are to be looked at by `now`, locked until the
/// transaction ends. Those that another process is at are its own.
pub async fn due_locked(tx: &Tx, now: Time, limit: u64) -> Result<Vec<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::SweepAt.lte(now))
        .order_by_asc(Column::SweepAt)
        .order_by_asc(Column::Id)
        .limit(limit);
    unless_taken(tx, select).all(tx).await
}

/// The merges are looked at again then.
pub async fn put_off(tx: &Tx, ids: Vec<MergeId>, until: Time) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::SweepAt, Expr::value(until))
        .filter(Column::Id.is_in(ids))
        .exec(tx)
        .await
        .map(drop)
}
