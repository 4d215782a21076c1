//! Members' links to their organizations' single sign-on.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;

use super::{Tx, auth_provider};
use crate::clock::Time;
use crate::id::{AuthIdentityId, AuthProviderId, OrganizationId, ProviderId, UserId};

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

/// Deletes the user's links to the organization's sign-on, and answers with them.
pub async fn delete_of_member(
    tx: &Tx,
    organization: OrganizationId,
    user: UserId,
) -> Result<Vec<Model>, DbErr> {
    let own = Column::OrganizationId
        .eq(organization)
        .and(Column::UserId.eq(user));
    let rows = Entity::find().filter(own.clone()).all(tx).await?;
    if !rows.is_empty() {
        Entity::delete_many().filter(own).exec(tx).await?;
    }
    Ok(rows)
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
