//! What holds of organization integrations and no constraint can keep: it spans tables.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType};
use sea_orm::{Condition, QuerySelect};

use super::{Column, Entity};
use crate::database::{integration, parts};
use crate::id::OrganizationIntegrationId;

/// The first `limit` whose copies of their integration's provider and external id are others, by
/// id.
pub async fn of_another_service(
    db: &impl ConnectionTrait,
    limit: usize,
) -> Result<Vec<OrganizationIntegrationId>, DbErr> {
    use integration::{Column as OfService, Entity as Service};
    let differs = |copy: Column, original| copy.into_expr().ne(Expr::col((Service, original)));
    let mut select = Entity::find().filter(
        Condition::any()
            .add(differs(Column::Provider, OfService::Provider))
            .add(differs(Column::ExternalId, OfService::ExternalId)),
    );
    QuerySelect::query(&mut select).join(
        JoinType::InnerJoin,
        Service,
        Expr::col((Service, OfService::Id)).equals((Entity, Column::IntegrationId)),
    );
    parts::first(db, Column::Id, &select, limit).await
}
