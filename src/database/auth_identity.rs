//! Members' links to their organizations' single sign-on.

mod invariant;
mod nested;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, IntoActiveModel, QueryOrder, QuerySelect};

use super::lock::for_change;
use super::{Tx, auth_provider, lock};
use crate::clock::Time;
use crate::id::{AuthIdentityId, AuthProviderId, OrganizationId, ProviderId, UserId};
pub use invariant::elsewhere;
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
    for_change(db, select).all(db).await
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
    for_change(db, select).all(db).await
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

/// Whether the user is linked to the sign-on that the identity provider is.
pub async fn is_at(
    db: &impl ConnectionTrait,
    user: UserId,
    provider: ProviderId,
) -> Result<bool, DbErr> {
    let Some(sign_on) = auth_provider::by_provider(db, provider).await? else {
        return Ok(false);
    };
    let found = Entity::find()
        .filter(Column::AuthProviderId.eq(sign_on.id))
        .filter(Column::UserId.eq(user));
    Ok(found.one(db).await?.is_some())
}

/// The user's first `limit` links, by id.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// Locks the same rows until the transaction ends, against writers who lock no user. On SQLite
/// the writer is alone already.
pub async fn lock_of_user(tx: &Tx, user: UserId, limit: u64) -> Result<(), DbErr> {
    let select = Entity::find().filter(Column::UserId.eq(user)).limit(limit);
    lock::hold(tx, select, Column::Id).await
}

/// Locks these rows, whoever's they are.
pub async fn lock_rows(tx: &Tx, ids: &[AuthIdentityId]) -> Result<(), DbErr> {
    let select = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    lock::hold(tx, select, Column::Id).await
}

/// What the user has at these sign-ons: one at each at most.
pub async fn of_user_at(
    db: &impl ConnectionTrait,
    user: UserId,
    sign_ons: &[AuthProviderId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::AuthProviderId.is_in(sign_ons.iter().copied()))
        .filter(Column::UserId.eq(user))
        .all(db)
        .await
}

/// Whoever is linked by these accounts, each at its sign-on.
pub async fn by_idents(
    db: &impl ConnectionTrait,
    accounts: &[(AuthProviderId, String)],
) -> Result<Vec<Model>, DbErr> {
    /// SQLite nests the parts of a condition, and not without end.
    const MOST: usize = 100;
    let mut found = Vec::new();
    for accounts in accounts.chunks(MOST) {
        let any = accounts
            .iter()
            .fold(Condition::any(), |any, (sign_on, ident)| {
                any.add(
                    Column::AuthProviderId
                        .eq(*sign_on)
                        .and(Column::Ident.eq(ident)),
                )
            });
        found.extend(Entity::find().filter(any).all(db).await?);
    }
    Ok(found)
}

/// What the user has in the organization: one row at most, since it has one sign-on.
pub async fn of_member(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    user: UserId,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::UserId.eq(user))
        .all(db)
        .await
}

/// Those of the users that have links.
pub async fn with_any(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<UserId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::UserId)
        .distinct()
        .filter(Column::UserId.is_in(users.iter().copied()))
        .into_tuple()
        .all(db)
        .await
}

pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(drop)
}
