//! Memberships of users in organizations.

use std::collections::{HashMap, HashSet};

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, SelectStatement};
use sea_orm::{Condition, QuerySelect, QueryTrait};

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
