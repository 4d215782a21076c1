//! The identities of many users or providers at once.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Asterisk, CommonTableExpression, Expr, ExprTrait, Query};
use sea_orm::{Condition, QueryTrait};

use super::filter::{of_members, within_organization};
use super::{Column, Entity, Model};
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::database::{nested, organization_member};
use crate::id::{ProviderId, UserId};

/// Rows that were found before they are parted.
const FOUND: &str = "found";

/// Whose identities a nested list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    User(UserId),
    Provider(ProviderId),
}

impl Parent {
    pub(super) fn condition(self, only: &Only) -> Condition {
        self.own(only).add_option(match only.reach {
            Reach::All => None,
            Reach::User(id) => Some(Condition::all().add(Column::UserId.eq(id))),
            Reach::Organization(id) => Some(within_organization(id)),
        })
    }

    /// But for the reach. Names columns without their table: it holds for rows that were found
    /// before, too.
    fn own(self, only: &Only) -> Condition {
        let parent = match self {
            Self::User(id) => Expr::col(Column::UserId).eq(id),
            Self::Provider(id) => Expr::col(Column::ProviderId).eq(id),
        };
        let provider_type = only.provider_type.as_deref();
        Condition::all()
            .add(parent)
            .add_option(provider_type.map(|key| Expr::col(Column::ProviderType).eq(key)))
    }
}

/// Which of a parent's identities are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Only {
    pub provider_type: Option<String>,
    pub reach: Reach,
}

/// One page for each parent, in one statement.
pub async fn pages_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    only: &Only,
    page: &Page,
) -> Result<Vec<Slice<Model>>, DbErr> {
    let found = of_few_members(db, parents, only).await?;
    let is_found = found.is_some();
    let rows = |parent: &Parent| {
        if is_found {
            Query::select()
                .column(Asterisk)
                .from(FOUND)
                .cond_where(parent.own(only))
                .take()
        } else {
            Entity::find().filter(parent.condition(only)).into_query()
        }
    };
    nested::pages_of_each::<Entity, _>(db, parents, found, rows, Column::Id, page).await
}

/// What an organization's members have, to be found before it is parted, where they are few and
/// the parents are providers: one provider may have any number of others.
async fn of_few_members(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    only: &Only,
) -> Result<Option<CommonTableExpression>, DbErr> {
    let Reach::Organization(organization) = only.reach else {
        return Ok(None);
    };
    let is_provider = |parent: &Parent| match parent {
        Parent::User(_) => false,
        Parent::Provider(_) => true,
    };
    if !parents.iter().any(is_provider) {
        return Ok(None);
    }
    let members = organization_member::few(db, organization).await?;
    Ok(members.map(|members| {
        let mut found = CommonTableExpression::new();
        found
            .query(of_members(organization, members))
            .table_name(FOUND)
            .materialized(true);
        found
    }))
}

/// How many identities each parent has, in one statement.
pub async fn counts_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    only: &Only,
) -> Result<Vec<u64>, DbErr> {
    let rows = |parent: &Parent| Entity::find().filter(parent.condition(only));
    nested::counts_of_each(db, parents, rows).await
}
