//! Lists within lists: of many parents at once, in one statement.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{
    Asterisk, CommonTableExpression, Expr, ExprTrait, IntoColumnRef, SelectStatement,
};
use sea_orm::{FromQueryResult, QueryResult, QuerySelect, QueryTrait};

use super::page::{Page, Slice, union_all};

/// One page for each parent, ordered by `id`: a bounded select for each, never a window over all
/// rows. Each row says which parent's it is: parents of two kinds may have the same one. The
/// selects may go by rows that were `found` before.
pub async fn pages_of_each<E, P>(
    db: &impl ConnectionTrait,
    parents: &[P],
    found: Option<CommonTableExpression>,
    rows: impl Fn(&P) -> SelectStatement,
    id: E::Column,
    page: &Page,
) -> Result<Vec<Slice<E::Model>>, DbErr>
where
    E: EntityTrait,
    E::Column: IntoColumnRef,
{
    let pages = parents.iter().zip(0_i64..).map(|(parent, index)| {
        let mut select = rows(parent);
        page.apply(&mut select, &[id], false);
        select.expr_as(Expr::val(index).cast_as("bigint"), PARENT);
        select
    });
    let Some(mut statement) = union_all(pages.collect()) else {
        return Ok(Vec::new());
    };
    if let Some(found) = found {
        statement.with_cte(found);
    }
    let statement = db.get_database_backend().build(&statement);
    let found = RowOf::<E::Model>::find_by_statement(statement);
    let mut of_each: Vec<_> = parents.iter().map(|_| Vec::new()).collect();
    for RowOf { parent, row } in found.all(db).await? {
        if let Some(own) = usize::try_from(parent)
            .ok()
            .and_then(|index| of_each.get_mut(index))
        {
            own.push(row);
        }
    }
    Ok(of_each.into_iter().map(|rows| page.slice(rows)).collect())
}

/// The column that says which parent's a row is.
const PARENT: &str = "parent";

/// A row with the index of its parent.
struct RowOf<M> {
    parent: i64,
    row: M,
}

impl<M: FromQueryResult> FromQueryResult for RowOf<M> {
    fn from_query_result(result: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            parent: result.try_get(prefix, PARENT)?,
            row: M::from_query_result(result, prefix)?,
        })
    }
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
            .expr_as(Expr::val(index).cast_as("bigint"), PARENT)
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
