//! Statements over more rows than one, that stay small however many there are.

use sea_orm::entity::prelude::*;
use sea_orm::{QuerySelect, QueryTrait, Select};

use super::Tx;
use super::lock::unless_taken;

/// Whether the select finds as many rows as this. Not counted: the search ends with the last one
/// that is needed.
pub async fn reaches<E: EntityTrait>(
    tx: &Tx,
    id: E::Column,
    select: Select<E>,
    cap: u64,
) -> Result<bool, DbErr> {
    let ids = select.select_only().column(id);
    let row = ids.offset(cap.saturating_sub(1)).limit(1);
    Ok(row.into_tuple::<Uuid>().one(tx).await?.is_some())
}

/// Deletes `most` of the rows that the select finds. Others who delete at the same time take other
/// rows, and nobody waits.
pub async fn delete_some<E: EntityTrait>(
    tx: &Tx,
    id: E::Column,
    select: Select<E>,
    most: u64,
) -> Result<(), DbErr> {
    let ids = select.select_only().column(id).limit(most);
    let ids = unless_taken(tx, ids).into_query();
    let delete = E::delete_many().filter(id.in_subquery(ids));
    delete.exec(tx).await.map(drop)
}
