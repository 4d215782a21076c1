//! The identities of many users or providers at once.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{Condition, FromQueryResult, QueryTrait};

use super::{Column, Entity, Model, within_organization};
use crate::database::page::{Page, Slice, union_all};
use crate::database::reach::Reach;
use crate::id::{ProviderId, UserId};

/// Whose identities a nested list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    User(UserId),
    Provider(ProviderId),
}

impl Parent {
    fn of(self, row: &Model) -> bool {
        match self {
            Self::User(id) => row.user_id == id,
            Self::Provider(id) => row.provider_id == id,
        }
    }

    pub(super) fn condition(self, only: &Only) -> Condition {
        let parent = match self {
            Self::User(id) => Column::UserId.eq(id),
            Self::Provider(id) => Column::ProviderId.eq(id),
        };
        let provider_type = only.provider_type.as_deref();
        Condition::all()
            .add(parent)
            .add_option(provider_type.map(|key| Column::ProviderType.eq(key)))
            .add_option(match only.reach {
                Reach::All => None,
                Reach::User(id) => Some(Condition::all().add(Column::UserId.eq(id))),
                Reach::Organization(id) => Some(within_organization(id)),
            })
    }
}

/// Which of a parent's identities are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Only {
    pub provider_type: Option<String>,
    pub reach: Reach,
}

/// One page for each parent, in one statement: a bounded select for each, never a window over
/// all rows.
pub async fn pages_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    only: &Only,
    page: &Page,
) -> Result<Vec<Slice<Model>>, DbErr> {
    let pages = parents.iter().map(|parent| {
        let rows = Entity::find().filter(parent.condition(only));
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
    only: &Only,
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
            .cond_where(parent.condition(only))
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
