//! The auth identities of many sign-ons or users at once.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryTrait};

use super::{Column, Entity, Model};
use crate::database::nested;
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::id::{AuthProviderId, UserId};

/// Whose auth identities a nested list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    AuthProvider(AuthProviderId),
    User(UserId),
}

impl Parent {
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

/// One page for each parent, in one statement.
pub async fn pages_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    reach: Reach,
    page: &Page,
) -> Result<Vec<Slice<Model>>, DbErr> {
    let rows = |parent: &Parent| {
        let own = Entity::find().filter(parent.condition(reach));
        own.into_query()
    };
    nested::pages_of_each::<Entity, _>(db, parents, None, rows, Column::Id, page).await
}

/// How many auth identities each parent has, in one statement.
pub async fn counts_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    reach: Reach,
) -> Result<Vec<u64>, DbErr> {
    let rows = |parent: &Parent| Entity::find().filter(parent.condition(reach));
    nested::counts_of_each(db, parents, rows).await
}
