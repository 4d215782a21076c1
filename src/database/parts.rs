//! Looks through a whole table in parts, so that no statement grows with it.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, TryGetable};

/// Rows that one statement looks at.
const PART: u64 = 10_000;

/// The ids of the first `limit` rows that the select finds, in their order.
pub async fn first<E, I>(
    db: &impl ConnectionTrait,
    id: E::Column,
    select: &Select<E>,
    limit: usize,
) -> Result<Vec<I>, DbErr>
where
    E: EntityTrait,
    I: TryGetable + Into<Value> + Copy,
{
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let until = end_of_part::<E, I>(db, id, after).await?;
        let part: Vec<I> = select
            .clone()
            .select_only()
            .column(id)
            .filter(between(id, after, until))
            .order_by_asc(id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(part);
        if until.is_none() || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
        after = until;
    }
}

/// The last row of the part behind `after`; none where the rest is smaller than a part.
async fn end_of_part<E, I>(
    db: &impl ConnectionTrait,
    id: E::Column,
    after: Option<I>,
) -> Result<Option<I>, DbErr>
where
    E: EntityTrait,
    I: TryGetable + Into<Value> + Copy,
{
    E::find()
        .select_only()
        .column(id)
        .filter(between(id, after, None))
        .order_by_asc(id)
        .offset(PART - 1)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
}

fn between<I: Into<Value>>(id: impl ColumnTrait, after: Option<I>, until: Option<I>) -> Condition {
    Condition::all()
        .add_option(after.map(|after| id.gt(after)))
        .add_option(until.map(|until| id.lte(until)))
}
