//! Organizations' single sign-on: one of their own identity providers each.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, QuerySelect};

use super::Tx;
use crate::clock::Time;
use crate::id::{AuthProviderId, OrganizationId, ProviderId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_provider")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuthProviderId,
    pub organization_id: OrganizationId,
    pub provider_id: ProviderId,
    /// Members may be without a link here.
    pub allow_unlinked: bool,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[AuthProviderId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

pub async fn by_organizations(
    db: &impl ConnectionTrait,
    ids: &[OrganizationId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OrganizationId.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The sign-on that the identity provider is, if it is one.
pub async fn by_provider(
    db: &impl ConnectionTrait,
    id: ProviderId,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ProviderId.eq(id))
        .one(db)
        .await
}

/// The row, locked until the transaction ends: none of its links is made meanwhile.
pub async fn locked(tx: &Tx, id: AuthProviderId) -> Result<Option<Model>, DbErr> {
    let mut select = Entity::find_by_id(id);
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::Update);
    }
    select.one(tx).await
}
