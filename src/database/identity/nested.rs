//! The identities of many users or providers at once.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{Condition, FromQueryResult, QueryTrait};

use super::{Column, Entity, Model};
use crate::database::page::{Page, Slice, union_all};
use crate::id::{ProviderId, UserId};

/// Whose identities a nested list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    User(UserId),
    Provider(ProviderId),
    /// What one user has at one provider.
    UserAtProvider(UserId, ProviderId),
}

impl Parent {
    fn of(self, row: &Model) -> bool {
        match self {
            Self::User(id) => row.user_id == id,
            Self::Provider(id) => row.provider_id == id,
            Self::UserAtProvider(user, provider) => {
                row.user_id == user && row.provider_id == provider
            }
        }
    }

    fn condition(self, provider_type: Option<&str>) -> Condition {
        let parent = match self {
            Self::User(id) => Column::UserId.eq(id),
            Self::Provider(id) => Column::ProviderId.eq(id),
            Self::UserAtProvider(user, provider) => {
                Column::UserId.eq(user).and(Column::ProviderId.eq(provider))
            }
        };
        Condition::all()
            .add(parent)
            .add_option(provider_type.map(|key| Column::ProviderType.eq(key)))
    }
}

/// One page for each parent, in one statement: a bounded select for each, never a window over
/// all rows.
pub async fn pages_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    provider_type: Option<&str>,
    page: &Page,
) -> Result<Vec<Slice<Model>>, DbErr> {
    let pages = parents.iter().map(|parent| {
        let rows = Entity::find().filter(parent.condition(provider_type));
        let mut select = rows.into_query();
        page.apply(&mut select, &[Column::Id], false);
        select
    });
    let Some(statement) = union_all(pages.collect()) else {
        return Ok(Vec::new());
    };
    let rows: Vec<Model> = Model::find_by_statement(db.get_database_backend().build(&statement))
        .all(db)
        .await?;
    Ok(parents
        .iter()
        .map(|parent| page.slice(rows.iter().filter(|row| parent.of(row)).cloned().collect()))
        .collect())
}

/// How many identities each parent has, in one statement.
pub async fn counts_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    provider_type: Option<&str>,
) -> Result<Vec<u64>, DbErr> {
    #[derive(FromQueryResult)]
    struct Count {
        parent: i64,
        rows: i64,
    }
    let counts = parents.iter().zip(0_i64..).map(|(parent, index)| {
        Query::select()
            .expr_as(Expr::val(index).cast_as("bigint"), "parent")
            .expr_as(Expr::col(Column::Id).count(), "rows")
            .from(Entity)
            .cond_where(parent.condition(provider_type))
            .take()
    });
    let Some(statement) = union_all(counts.collect()) else {
        return Ok(Vec::new());
    };
    let counts = Count::find_by_statement(db.get_database_backend().build(&statement))
        .all(db)
        .await?;
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
