//! Integrations in organizations, and the identities that they act as.

mod acting;
mod invariant;
mod list;
mod nested;

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
use sea_orm::{Condition, DbBackend, QueryOrder, QuerySelect};

use super::json::Json;
use super::lock::for_change;
use super::status::ObjectStatus;
use super::{Tx, identity, organization_member};
use crate::clock::Time;
use crate::id::{IdentityId, IntegrationId, OrganizationId, OrganizationIntegrationId, UserId};
pub use acting::{Acting, Service, acting_by_ids, acting_by_services};
pub use invariant::of_another_service;
pub use list::{Filter, count, page};
pub use nested::{Parent, counts_of_parents, pages_of_parents};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_integration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationIntegrationId,
    pub organization_id: OrganizationId,
    pub integration_id: IntegrationId,
    /// A copy of the integration's, which never changes.
    pub provider: String,
    /// A copy of the integration's, which never changes.
    pub external_id: String,
    /// Free data of the application, for this organization.
    pub config_json: Json,
    pub status: ObjectStatus,
    pub default_identity_id: Option<IdentityId>,
    /// Since when there is no default although there was one; `None` where it was cleared on
    /// purpose, or where there never was one.
    pub default_lost_at: Option<Time>,
    /// From then on it acts as nobody.
    pub grace_period_end: Option<Time>,
    pub date_added: Time,
    pub date_updated: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[OrganizationIntegrationId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// What the organization has of the integration.
pub async fn by_pair(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    integration: IntegrationId,
) -> Result<Option<Model>, DbErr> {
    of_pair(organization, integration).one(db).await
}

/// As [`by_pair`], locked until the transaction ends.
pub async fn by_pair_locked(
    tx: &Tx,
    organization: OrganizationId,
    integration: IntegrationId,
) -> Result<Option<Model>, DbErr> {
    for_change(tx, of_pair(organization, integration))
        .one(tx)
        .await
}

fn of_pair(organization: OrganizationId, integration: IntegrationId) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::IntegrationId.eq(integration))
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: OrganizationIntegrationId) -> Result<Option<Model>, DbErr> {
    for_change(tx, Entity::find_by_id(id)).one(tx).await
}

/// The organizations that have the integration; at most `limit`.
pub async fn organizations_of(
    db: &impl ConnectionTrait,
    integration: IntegrationId,
    limit: u64,
) -> Result<Vec<OrganizationId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::OrganizationId)
        .filter(Column::IntegrationId.eq(integration))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

/// Those of the pairs that are installed, in one statement.
pub async fn which(
    db: &impl ConnectionTrait,
    pairs: &[(OrganizationId, IntegrationId)],
) -> Result<HashSet<(OrganizationId, IntegrationId)>, DbErr> {
    let mut integrations: HashMap<OrganizationId, Vec<IntegrationId>> = HashMap::new();
    for (organization, integration) in pairs {
        integrations
            .entry(*organization)
            .or_default()
            .push(*integration);
    }
    if integrations.is_empty() {
        return Ok(HashSet::new());
    }
    let any =
        integrations
            .into_iter()
            .fold(Condition::any(), |any, (organization, integrations)| {
                any.add(
                    Column::OrganizationId
                        .eq(organization)
                        .and(Column::IntegrationId.is_in(integrations)),
                )
            });
    let found: Vec<(OrganizationId, IntegrationId)> = Entity::find()
        .select_only()
        .columns([Column::OrganizationId, Column::IntegrationId])
        .filter(any)
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

/// How many act as the identity.
pub async fn acting_as(db: &impl ConnectionTrait, identity: IdentityId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::DefaultIdentityId.eq(identity))
        .count(db)
        .await
}

/// Whether any acts as the identity; those of the organization `but` don't count.
pub async fn is_acted_as(
    db: &impl ConnectionTrait,
    identity: IdentityId,
    but: Option<OrganizationId>,
) -> Result<bool, DbErr> {
    let mut acting = Condition::all().add(Column::DefaultIdentityId.eq(identity));
    if let Some(organization) = but {
        acting = acting.add(Column::OrganizationId.ne(organization));
    }
    let first: Option<OrganizationIntegrationId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(acting)
        // As the index has them: without it PostgreSQL reads the table up to a first match.
        .order_by_asc(Column::Id)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(first.is_some())
}

/// Where the identity is the default, the first `limit` by id, locked until the transaction ends.
pub async fn acting_as_locked(
    tx: &Tx,
    identity: IdentityId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let acting = Column::DefaultIdentityId.eq(identity);
    locked_where(tx, acting.into_condition(), limit).await
}

/// Where an identity of the user is the default in this organization, the first `limit` by id,
/// locked until the transaction ends.
pub async fn acting_as_member_locked(
    tx: &Tx,
    organization: OrganizationId,
    user: UserId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let acting = Condition::all()
        .add(Column::OrganizationId.eq(organization))
        .add(Column::DefaultIdentityId.in_subquery(identity::of_user(user)));
    locked_where(tx, acting, limit).await
}

/// The organizations where an identity of the user is the default, although the user is no member.
pub async fn acting_as_stranger(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<BTreeSet<OrganizationId>, DbErr> {
    let found: Vec<OrganizationId> = Entity::find()
        .select_only()
        .column(Column::OrganizationId)
        .filter(Column::DefaultIdentityId.in_subquery(identity::of_user(user)))
        .filter(Column::OrganizationId.not_in_subquery(organization_member::organizations_of(user)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

async fn locked_where(tx: &Tx, condition: Condition, limit: u64) -> Result<Vec<Model>, DbErr> {
    let mut acting = Entity::find().filter(condition).limit(limit);
    // Locks are taken in one order. SQLite takes none, and would walk through all that an
    // organization has for the order's sake.
    if tx.get_database_backend() == DbBackend::Postgres {
        acting = acting.order_by_asc(Column::Id);
    }
    let mut found = for_change(tx, acting).all(tx).await?;
    found.sort_unstable_by_key(|row| row.id);
    Ok(found)
}

/// Gives all of them one default, or none with the time that it was lost at.
pub async fn set_defaults(
    tx: &Tx,
    ids: &[OrganizationIntegrationId],
    default: Option<IdentityId>,
    lost_at: Option<Time>,
    now: Time,
) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::DefaultIdentityId, Expr::value(default))
        .col_expr(Column::DefaultLostAt, Expr::value(lost_at))
        .col_expr(Column::DateUpdated, Expr::value(now))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(tx)
        .await
        .map(drop)
}
