//! The identities that pass from one user to another, and those that they meet there.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::{Column, Entity, Model};
use crate::database::{Tx, lock};
use crate::id::{IdentityId, ProviderId, UserId};

/// The user's first `limit` identities, by id.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// Locks the same rows until the transaction ends, against writers who lock no user. On SQLite
/// the writer is alone already.
pub async fn lock_of_user(tx: &Tx, user: UserId, limit: u64) -> Result<(), DbErr> {
    let select = Entity::find().filter(Column::UserId.eq(user)).limit(limit);
    lock::hold(tx, select, Column::Id).await
}

/// Locks these rows, whoever's they are.
pub async fn lock_rows(tx: &Tx, ids: &[IdentityId]) -> Result<(), DbErr> {
    let select = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    lock::hold(tx, select, Column::Id).await
}

/// What the user has at these providers that another account may meet: the only one that the
/// provider takes, and the primary one.
pub async fn in_the_way(
    db: &impl ConnectionTrait,
    user: UserId,
    providers: &[ProviderId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ProviderId.is_in(providers.iter().copied()))
        .filter(Column::UserId.eq(user))
        .filter(
            Condition::any()
                .add(Column::AccountSlot.eq(""))
                .add(Column::IsPrimary.eq(true)),
        )
        .all(db)
        .await
}

/// Those of the users that have identities.
pub async fn with_any(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<UserId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::UserId)
        .distinct()
        .filter(Column::UserId.is_in(users.iter().copied()))
        .into_tuple()
        .all(db)
        .await
}
