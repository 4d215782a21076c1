//! Memberships of users in organizations.

use std::collections::{HashMap, HashSet};

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Query, SelectStatement};
use sea_orm::{Condition, FromQueryResult, IntoActiveModel, QueryOrder, QuerySelect, QueryTrait};

use super::Tx;
use super::page::{Page, Slice, union_all};
use crate::clock::Time;
use crate::id::{OrganizationId, UserId};

/// Members that are looked up by their ids; beyond, a list is walked and each row asked whether it
/// is a member's.
pub const MOST_FEW: u64 = 1000;

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

/// The organization's members, if they are no more than [`MOST_FEW`].
pub async fn few(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<Option<Vec<UserId>>, DbErr> {
    let found: Vec<UserId> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::OrganizationId.eq(organization))
        .order_by_asc(Column::UserId)
        .limit(MOST_FEW + 1)
        .into_tuple()
        .all(db)
        .await?;
    Ok((found.len() as u64 <= MOST_FEW).then_some(found))
}

/// One page of members for each organization, by their ids, in one statement; of those only that
/// meet the condition, where there is one.
pub async fn pages(
    db: &impl ConnectionTrait,
    organizations: &[OrganizationId],
    only: Option<&Expr>,
    page: &Page,
) -> Result<Vec<Slice<UserId>>, DbErr> {
    let lists = organizations.iter().map(|&organization| {
        let mut list = Entity::find()
            .filter(Column::OrganizationId.eq(organization))
            .into_query();
        if let Some(only) = only {
            list.and_where(only.clone());
        }
        page.apply(&mut list, &[Column::UserId], false);
        list
    });
    let Some(statement) = union_all(lists.collect()) else {
        return Ok(Vec::new());
    };
    let rows: Vec<Model> = Model::find_by_statement(db.get_database_backend().build(&statement))
        .all(db)
        .await?;
    let of = |organization| {
        let rows = rows
            .iter()
            .filter(move |row| row.organization_id == organization);
        page.slice(rows.map(|row| row.user_id).collect())
    };
    Ok(organizations
        .iter()
        .map(|&organization| of(organization))
        .collect())
}

/// How many members each organization has; those that have none are left out.
pub async fn counts(
    db: &impl ConnectionTrait,
    organizations: &[OrganizationId],
) -> Result<HashMap<OrganizationId, u64>, DbErr> {
    let counts: Vec<(OrganizationId, i64)> = Entity::find()
        .select_only()
        .column(Column::OrganizationId)
        .column_as(Expr::col(Column::UserId).count(), "members")
        .filter(Column::OrganizationId.is_in(organizations.iter().copied()))
        .group_by(Column::OrganizationId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts
        .into_iter()
        .map(|(organization, count)| (organization, u64::try_from(count).unwrap_or_default()))
        .collect())
}

/// The users' memberships, by the organizations' ids, in one statement; at most `most` of each
/// user.
pub async fn of_users(
    db: &impl ConnectionTrait,
    users: &[UserId],
    most: u64,
) -> Result<Vec<Model>, DbErr> {
    let lists = users.iter().map(|&user| {
        Entity::find()
            .filter(Column::UserId.eq(user))
            .order_by_asc(Column::OrganizationId)
            .limit(most)
            .into_query()
    });
    let Some(statement) = union_all(lists.collect()) else {
        return Ok(Vec::new());
    };
    Model::find_by_statement(db.get_database_backend().build(&statement))
        .all(db)
        .await
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

/// Makes the user a member, who is none yet.
pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(|_| ())
}

/// Ends the membership; says whether there was one.
pub async fn delete(tx: &Tx, organization: OrganizationId, user: UserId) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id((organization, user)).exec(tx).await?;
    Ok(deleted.rows_affected > 0)
}

/// The organizations of a user, for the condition of another statement.
pub fn organizations_of(user: UserId) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::OrganizationId)
        .filter(Column::UserId.eq(user))
        .into_query()
}

/// Whether the column of another statement's rows names a member. A join by another name, but one
/// that can't be turned into a walk over all members: it is looked up for each row that a list
/// meets.
pub fn is_of(organization: OrganizationId, user: impl IntoColumnRef) -> Expr {
    let select = Query::select()
        .column((Entity, Column::UserId))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::OrganizationId)).eq(organization))
        .and_where(Expr::col((Entity, Column::UserId)).eq(Expr::col(user)))
        .take();
    Expr::SubQuery(None, Box::new(select.into())).is_not_null()
}
