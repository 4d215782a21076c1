//! Users that went into others, and what went with them.

use sea_orm::entity::prelude::*;

use super::json::Json;
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
    /// A list of what there was to move, and what became of it.
    pub items_json: Json,
    pub date_merged: Time,
    pub undoable_until: Time,
    pub date_undone: Option<Time>,
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
