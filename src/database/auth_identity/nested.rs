//! The auth identities of many sign-ons or users at once.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{Condition, FromQueryResult, QueryTrait};

use super::{Column, Entity, Model};
use crate::database::page::{Page, Slice, union_all};
use crate::database::reach::Reach;
use crate::id::{AuthProviderId, UserId};

/// Whose auth identities a nested list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    AuthProvider(AuthProviderId),
    User(UserId),
}

impl Parent {
    fn of(self, row: &Model) -> bool {
        match self {
            Self::AuthProvider(id) => row.auth_provider_id == id,
            Self::User(id) => row.user_id == id,
        }
    }

    fn condition(self, reach: Reach) -> Condition {
        let parent = match self {
            Self::AuthProvider(id) => Column::AuthProviderId.eq(id),
            Self::User(id) => Column::UserId.eq(id),
        };
        Condition::all().add(parent).add_option(match reach {
            Reach::All => None,
            Reach::User(id) => Some(Column::UserId.eq(id)),
            Reach::Organization(id) => Some(Column::OrganizationId.eq(id)),
        })
    }
}

/// One page for each parent, in one statement: a bounded select for each.
pub async fn pages_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    reach: Reach,
    page: &Page,
) -> Result<Vec<Slice<Model>>, DbErr> {
    let pages = parents.iter().map(|parent| {
        let mut select = Entity::find().filter(parent.condition(reach)).into_query();
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

/// How many auth identities each parent has, in one statement.
pub async fn counts_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    reach: Reach,
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
            .cond_where(parent.condition(reach))
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
