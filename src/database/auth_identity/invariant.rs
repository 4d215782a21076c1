//! What holds of auth identities and no constraint can keep: it spans tables.

use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType};

use super::{Column, Entity};
use crate::database::{auth_provider, parts};
use crate::id::AuthIdentityId;

/// The first `limit` whose copy of their sign-on's organization is another one, by id.
pub async fn elsewhere(
    db: &impl ConnectionTrait,
    limit: usize,
) -> Result<Vec<AuthIdentityId>, DbErr> {
    use auth_provider::{Column as OfSignOn, Entity as SignOn};
    let original = Expr::col((SignOn, OfSignOn::OrganizationId));
    let mut select = Entity::find().filter(Column::OrganizationId.into_expr().ne(original));
    QuerySelect::query(&mut select).join(
        JoinType::InnerJoin,
        SignOn,
        Expr::col((SignOn, OfSignOn::Id)).equals((Entity, Column::AuthProviderId)),
    );
    parts::first(db, Column::Id, &select, limit).await
}
