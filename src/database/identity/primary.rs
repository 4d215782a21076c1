//! The identity that counts where a user has several at one provider.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, QueryOrder, QuerySelect};

use super::{Column, Entity, Model};
use crate::database::Tx;
use crate::id::{ProviderId, UserId};

/// The user's primary identity at the provider, locked until the transaction ends.
pub async fn primary(
    tx: &Tx,
    provider_id: ProviderId,
    user_id: UserId,
) -> Result<Option<Model>, DbErr> {
    let mut select = Entity::find()
        .filter(Column::ProviderId.eq(provider_id))
        .filter(Column::UserId.eq(user_id))
        // Compared with a value, it would not match the index of primary identities: SQLite would
        // read all of them.
        .filter(Column::IsPrimary.into_expr());
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select.one(tx).await
}

/// The user's identity at the provider that was linked first, locked until the transaction ends.
pub async fn first_linked(
    tx: &Tx,
    provider_id: ProviderId,
    user_id: UserId,
) -> Result<Option<Model>, DbErr> {
    let mut select = Entity::find()
        .filter(Column::ProviderId.eq(provider_id))
        .filter(Column::UserId.eq(user_id))
        .order_by_asc(Column::DateAdded)
        .order_by_asc(Column::Id)
        .limit(1);
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select.one(tx).await
}
