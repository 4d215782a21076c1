//! Lists of organization integrations, by id.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QuerySelect};

use super::{Column, Entity, Model};
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::database::status::ObjectStatus;
use crate::id::{IdentityId, IntegrationId, OrganizationId, OrganizationIntegrationId};

/// Which organization integrations; the parts are combined with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub ids: Option<Vec<OrganizationIntegrationId>>,
    pub organization_id: Option<OrganizationId>,
    pub integration_id: Option<IntegrationId>,
    pub provider: Option<String>,
    pub external_id: Option<String>,
    pub status: Option<ObjectStatus>,
    pub default_identity_id: Option<IdentityId>,
}

impl Filter {
    /// Says nothing: all are meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with none in it but those of the reach. A person's has none in it.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        let none = |filter| Self {
            ids: Some(Vec::new()),
            ..filter
        };
        match reach {
            Reach::All => self,
            Reach::User(_) => none(self),
            Reach::Organization(own) => match self.organization_id {
                Some(other) if other != own => none(self),
                Some(_) | None => Self {
                    organization_id: Some(own),
                    ..self
                },
            },
        }
    }

    pub(super) fn condition(&self) -> Condition {
        Condition::all()
            .add_option(
                self.ids
                    .as_ref()
                    .map(|ids| Column::Id.is_in(ids.iter().copied())),
            )
            .add_option(self.organization_id.map(|id| Column::OrganizationId.eq(id)))
            .add_option(self.integration_id.map(|id| Column::IntegrationId.eq(id)))
            .add_option(
                self.provider
                    .as_ref()
                    .map(|provider| Column::Provider.eq(provider)),
            )
            .add_option(
                self.external_id
                    .as_ref()
                    .map(|id| Column::ExternalId.eq(id)),
            )
            .add_option(self.status.map(|status| Column::Status.eq(status)))
            .add_option(
                self.default_identity_id
                    .map(|id| Column::DefaultIdentityId.eq(id)),
            )
    }
}

pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    let mut select = Entity::find().filter(filter.condition());
    page.apply(QuerySelect::query(&mut select), &[Column::Id], false);
    Ok(page.slice(select.all(db).await?))
}

pub async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64, DbErr> {
    Entity::find().filter(filter.condition()).count(db).await
}
