//! Memberships of users in organizations.

use std::collections::{HashMap, HashSet};

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, SelectStatement};
use sea_orm::{Condition, IntoActiveModel, QueryOrder, QuerySelect, QueryTrait};

use super::Tx;
use crate::clock::Time;
use crate::id::{OrganizationId, UserId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whether the user is a member of the organization.
pub async fn is_member(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    user: UserId,
) -> Result<bool, DbErr> {
    let row = Entity::find_by_id((organization, user)).one(db).await?;
    Ok(row.is_some())
}

/// Those of the pairs that are memberships, in one statement.
pub async fn which(
    db: &impl ConnectionTrait,
    pairs: &[(OrganizationId, UserId)],
) -> Result<HashSet<(OrganizationId, UserId)>, DbErr> {
    let mut users: HashMap<OrganizationId, Vec<UserId>> = HashMap::new();
    for (organization, user) in pairs {
        users.entry(*organization).or_default().push(*user);
    }
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let any = users
        .into_iter()
        .fold(Condition::any(), |any, (organization, users)| {
            any.add(
                Column::OrganizationId
                    .eq(organization)
                    .and(Column::UserId.is_in(users)),
            )
        });
    let rows = Entity::find().filter(any).all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.organization_id, row.user_id))
        .collect())
}

/// The user's first `limit` memberships, by organization.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_asc(Column::OrganizationId)
        .limit(limit)
        .all(db)
        .await
}

/// The user's memberships in these organizations.
pub async fn of_user_in(
    db: &impl ConnectionTrait,
    user: UserId,
    organizations: &[OrganizationId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OrganizationId.is_in(organizations.iter().copied()))
        .filter(Column::UserId.eq(user))
        .all(db)
        .await
}

pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(drop)
}

pub async fn delete(tx: &Tx, organization: OrganizationId, user: UserId) -> Result<(), DbErr> {
    let delete = Entity::delete_by_id((organization, user));
    delete.exec(tx).await.map(drop)
}

/// The organizations of a user, for the condition of another statement.
pub fn organizations_of(user: UserId) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::OrganizationId)
        .filter(Column::UserId.eq(user))
        .into_query()
}

/// The members of an organization, for the condition of another statement.
pub fn members_of(organization: OrganizationId) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::OrganizationId.eq(organization))
        .into_query()
}
