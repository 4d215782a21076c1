//! Members' links to their organizations' single sign-on.

mod nested;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{Condition, DbBackend, QueryOrder, QuerySelect};

use super::Tx;
use crate::clock::Time;
use crate::id::{AuthIdentityId, AuthProviderId, OrganizationId, UserId};
pub use nested::{Parent, counts_of_parents, pages_of_parents};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuthIdentityId,
    pub auth_provider_id: AuthProviderId,
    /// A copy of the sign-on's.
    pub organization_id: OrganizationId,
    pub user_id: UserId,
    /// The account's stable subject at the provider.
    pub ident: String,
    pub date_added: Time,
    pub last_verified: Time,
    pub last_synced: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[AuthIdentityId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// Those that a link of this account to this user has to reckon with: whoever has the account at
/// the sign-on, and what the user has there; locked until the transaction ends. Two at most.
pub async fn around_locked(
    db: &impl ConnectionTrait,
    auth_provider_id: AuthProviderId,
    ident: &str,
    user_id: UserId,
) -> Result<Vec<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::AuthProviderId.eq(auth_provider_id))
        .filter(
            Condition::any()
                .add(Column::Ident.eq(ident))
                .add(Column::UserId.eq(user_id)),
        )
        .order_by_asc(Column::Id);
    locking(db, select).all(db).await
}

/// The user's link to the sign-on.
pub async fn of_user_at(
    db: &impl ConnectionTrait,
    auth_provider_id: AuthProviderId,
    user_id: UserId,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::AuthProviderId.eq(auth_provider_id))
        .filter(Column::UserId.eq(user_id))
        .one(db)
        .await
}

/// The user's links within the organization, by id. It has one sign-on, so there is one at most.
pub async fn of_member(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    user_id: UserId,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user_id))
        .filter(Column::OrganizationId.eq(organization_id))
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// The links to the sign-on, by id, locked until the transaction ends; at most `limit`.
pub async fn of_auth_provider_locked(
    db: &impl ConnectionTrait,
    auth_provider_id: AuthProviderId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::AuthProviderId.eq(auth_provider_id))
        .order_by_asc(Column::Id)
        .limit(limit);
    locking(db, select).all(db).await
}

/// None of the rows goes or changes while they are worked on. On SQLite the writer is alone
/// already.
fn locking(db: &impl ConnectionTrait, mut select: Select<Entity>) -> Select<Entity> {
    if db.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select
}

/// Deletes the link; says whether it was there.
pub async fn delete(tx: &Tx, id: AuthIdentityId) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(id).exec(tx).await?;
    Ok(deleted.rows_affected > 0)
}

/// Deletes the links to the sign-on.
pub async fn delete_of_auth_provider(
    tx: &Tx,
    auth_provider_id: AuthProviderId,
) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::AuthProviderId.eq(auth_provider_id))
        .exec(tx)
        .await
        .map(drop)
}
