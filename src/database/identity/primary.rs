//! The identity that counts where a user has several at one provider.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use super::{Column, Entity, Model};
use crate::database::Tx;
use crate::database::lock::for_change;
use crate::id::{ProviderId, UserId};

/// The user's primary identity at the provider, locked until the transaction ends.
pub async fn primary(
    tx: &Tx,
    provider_id: ProviderId,
    user_id: UserId,
) -> Result<Option<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::ProviderId.eq(provider_id))
        .filter(Column::UserId.eq(user_id))
        // Compared with a value, it would not match the index of primary identities: SQLite would
        // read all of them.
        .filter(Column::IsPrimary.into_expr());
    for_change(tx, select).one(tx).await
}

/// The user's identity at the provider that was linked first, locked until the transaction ends.
pub async fn first_linked(
    tx: &Tx,
    provider_id: ProviderId,
    user_id: UserId,
) -> Result<Option<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::ProviderId.eq(provider_id))
        .filter(Column::UserId.eq(user_id))
        .order_by_asc(Column::DateAdded)
        .order_by_asc(Column::Id)
        .limit(1);
    for_change(tx, select).one(tx).await
}
