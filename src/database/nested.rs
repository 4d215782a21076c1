//! Lists within lists: of many parents at once, in one statement.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{
    Asterisk, CommonTableExpression, Expr, ExprTrait, IntoColumnRef, SelectStatement,
};
use sea_orm::{FromQueryResult, QuerySelect, QueryTrait};

use super::page::{Page, Slice, union_all};

/// One page for each parent, ordered by `id`: a bounded select for each, never a window over all
/// rows. `of` tells which parent's a row is. The selects may go by rows that were `found` before.
pub async fn pages_of_each<E, P>(
    db: &impl ConnectionTrait,
    parents: &[P],
    found: Option<CommonTableExpression>,
    rows: impl Fn(&P) -> SelectStatement,
    id: E::Column,
    page: &Page,
    of: impl Fn(&P, &E::Model) -> bool,
) -> Result<Vec<Slice<E::Model>>, DbErr>
where
    E: EntityTrait,
    E::Column: IntoColumnRef,
    E::Model: Clone,
{
    let pages = parents.iter().map(|parent| {
        let mut select = rows(parent);
        page.apply(&mut select, &[id], false);
        select
    });
    let Some(mut statement) = union_all(pages.collect()) else {
        return Ok(Vec::new());
    };
    if let Some(found) = found {
        statement.with_cte(found);
    }
    let statement = db.get_database_backend().build(&statement);
    let found = E::Model::find_by_statement(statement).all(db).await?;
    Ok(parents
        .iter()
        .map(|parent| {
            let own = found.iter().filter(|row| of(parent, row));
            page.slice(own.cloned().collect())
        })
        .collect())
}

/// How many rows each parent has.
pub async fn counts_of_each<P, E: EntityTrait>(
    db: &impl ConnectionTrait,
    parents: &[P],
    rows: impl Fn(&P) -> Select<E>,
) -> Result<Vec<u64>, DbErr> {
    #[derive(FromQueryResult)]
    struct Count {
        parent: i64,
        rows: i64,
    }
    let counts = parents.iter().zip(0_i64..).map(|(parent, index)| {
        rows(parent)
            .select_only()
            .expr_as(Expr::val(index).cast_as("bigint"), "parent")
            .expr_as(Expr::col(Asterisk).count(), "rows")
            .into_query()
    });
    let Some(statement) = union_all(counts.collect()) else {
        return Ok(Vec::new());
    };
    let statement = db.get_database_backend().build(&statement);
    let counts = Count::find_by_statement(statement).all(db).await?;
    Ok((0_i64..)
        .take(parents.len())
        .map(|index| {
            let found = counts.iter().find(|count| count.parent == index);
            found
                .and_then(|count| u64::try_from(count.rows).ok())
                .unwrap_or_default()
        })
        .collect())
}
