//! Installed external services, shared by organizations.

use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::Tx;
use super::json::Json;
use super::lock::for_change;
use super::status::ObjectStatus;
use crate::clock::Time;
use crate::id::IntegrationId;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IntegrationId,
    /// What kind of service it is, in the application's own words; fixed.
    pub provider: String,
    /// The installation at the service; fixed.
    pub external_id: String,
    pub name: String,
    /// Free data of the application, the same for all organizations.
    pub metadata_json: Json,
    pub status: ObjectStatus,
    pub date_added: Time,
    pub date_updated: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[IntegrationId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The integration of that service and installation: at most one.
pub async fn by_service(
    db: &impl ConnectionTrait,
    provider: &str,
    external_id: &str,
) -> Result<Option<Model>, DbErr> {
    of_service(provider, external_id).one(db).await
}

/// As [`by_service`], locked until the transaction ends.
pub async fn by_service_locked(
    tx: &Tx,
    provider: &str,
    external_id: &str,
) -> Result<Option<Model>, DbErr> {
    let select = of_service(provider, external_id);
    for_change(tx, select).one(tx).await
}

/// Adds the row, unless the service and installation have one: says whether it did. Whoever adds
/// the same at the same time is waited for.
pub async fn insert_if_new(tx: &Tx, row: Model) -> Result<bool, DbErr> {
    let one = OnConflict::columns([Column::Provider, Column::ExternalId])
        .do_nothing()
        .to_owned();
    let added = Entity::insert(row.into_active_model())
        .on_conflict(one)
        .exec_without_returning(tx)
        .await?;
    Ok(added > 0)
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: IntegrationId) -> Result<Option<Model>, DbErr> {
    let select = Entity::find_by_id(id);
    for_change(tx, select).one(tx).await
}

fn of_service(provider: &str, external_id: &str) -> Select<Entity> {
    Entity::find()
        .filter(Column::Provider.eq(provider))
        .filter(Column::ExternalId.eq(external_id))
}
