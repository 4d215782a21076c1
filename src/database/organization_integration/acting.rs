//! Whom organization integrations act as, with what decides about it: one statement.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, FromQueryResult, JoinType, QuerySelect, RelationDef};

use super::{Column, Entity};
use crate::clock::Time;
use crate::database::status::ObjectStatus;
use crate::database::{identity, integration, user};
use crate::id::{IdentityId, OrganizationId, OrganizationIntegrationId};

/// An installation, as applications know it: at most one organization integration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    pub organization_id: OrganizationId,
    pub provider: String,
    pub external_id: String,
}

/// An organization integration, its default identity and whatever speaks against that.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Acting {
    pub id: OrganizationIntegrationId,
    pub organization_id: OrganizationId,
    pub provider: String,
    pub external_id: String,
    pub status: ObjectStatus,
    pub grace_period_end: Option<Time>,
    pub default_identity_id: Option<IdentityId>,
    pub default_lost_at: Option<Time>,
    pub integration_status: ObjectStatus,
    /// Of the default identity; `None` where there is none.
    pub identity_status: Option<identity::Status>,
    /// Of the default identity's user.
    pub user_status: Option<user::Status>,
}

impl Acting {
    /// The installation that it is.
    pub fn service(&self) -> Service {
        Service {
            organization_id: self.organization_id,
            provider: self.provider.clone(),
            external_id: self.external_id.clone(),
        }
    }
}

pub async fn acting_by_ids(
    db: &impl ConnectionTrait,
    ids: &[OrganizationIntegrationId],
) -> Result<Vec<Acting>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let any = Condition::any().add(Column::Id.is_in(ids.iter().copied()));
    acting(db, any).await
}

pub async fn acting_by_services(
    db: &impl ConnectionTrait,
    services: &[Service],
) -> Result<Vec<Acting>, DbErr> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let any = services.iter().fold(Condition::any(), |any, service| {
        any.add(
            Column::OrganizationId
                .eq(service.organization_id)
                .and(Column::Provider.eq(&service.provider))
                .and(Column::ExternalId.eq(&service.external_id)),
        )
    });
    acting(db, any).await
}

async fn acting(db: &impl ConnectionTrait, which: Condition) -> Result<Vec<Acting>, DbErr> {
    let integration: RelationDef = Entity::belongs_to(integration::Entity)
        .from(Column::IntegrationId)
        .to(integration::Column::Id)
        .into();
    let identity: RelationDef = Entity::belongs_to(identity::Entity)
        .from(Column::DefaultIdentityId)
        .to(identity::Column::Id)
        .into();
    let user: RelationDef = identity::Entity::belongs_to(user::Entity)
        .from(identity::Column::UserId)
        .to(user::Column::Id)
        .into();
    Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::OrganizationId,
            Column::Provider,
            Column::ExternalId,
            Column::Status,
            Column::GracePeriodEnd,
            Column::DefaultIdentityId,
            Column::DefaultLostAt,
        ])
        .column_as(integration::Column::Status, "integration_status")
        .column_as(identity::Column::Status, "identity_status")
        .column_as(user::Column::Status, "user_status")
        // Each has one at most. A left join is not turned around: it begins with what was asked.
        .join(JoinType::LeftJoin, integration)
        .join(JoinType::LeftJoin, identity)
        .join(JoinType::LeftJoin, user)
        .filter(which)
        .into_model()
        .all(db)
        .await
}
