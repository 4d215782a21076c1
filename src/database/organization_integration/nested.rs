//! The organization integrations of many organizations, integrations or identities at once.

use sea_orm::Condition;
use sea_orm::QueryTrait;
use sea_orm::entity::prelude::*;

use super::{Column, Entity, Filter, Model};
use crate::database::nested;
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::id::{IdentityId, IntegrationId, OrganizationId};

/// What a nested list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    /// What an organization has installed.
    Organization(OrganizationId),
    /// Where an integration is installed.
    Integration(IntegrationId),
    /// What acts as an identity.
    Identity(IdentityId),
}

impl Parent {
    fn condition(self, reach: Reach) -> Condition {
        let mut filter = Filter::default();
        match self {
            Self::Organization(id) => filter.organization_id = Some(id),
            Self::Integration(id) => filter.integration_id = Some(id),
            Self::Identity(id) => filter.default_identity_id = Some(id),
        }
        filter.within(reach).condition()
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

/// How many there are of each parent, in one statement.
pub async fn counts_of_parents(
    db: &impl ConnectionTrait,
    parents: &[Parent],
    reach: Reach,
) -> Result<Vec<u64>, DbErr> {
    let rows = |parent: &Parent| Entity::find().filter(parent.condition(reach));
    nested::counts_of_each(db, parents, rows).await
}
