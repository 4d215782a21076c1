//! The identities of many users or providers at once.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use super::{Column, Entity, Model, within_organization};
use crate::database::nested;
use crate::database::page::{Page, Slice};
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

/// One page for each parent, in one statement.
pub async fn pages_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    only: &Only,
    page: &Page,
) -> Result<Vec<Slice<Model>>, DbErr> {
    let rows = |parent: &Parent| Entity::find().filter(parent.condition(only));
    let of = |parent: &Parent, row: &Model| parent.of(row);
    nested::pages_of_each(db, parents, rows, Column::Id, page, of).await
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
