//! The tokens of identities, sealed. Only the vault opens them; what may be known without
//! opening is [`Known`].

use sea_orm::entity::prelude::*;
use sea_orm::{DerivePartialModel, QueryOrder, QuerySelect};

use super::json::Texts;
use crate::clock::Time;
use crate::database::Sealed;
use crate::id::IdentityId;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "credential")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub identity_id: IdentityId,
    pub access_token_sealed: Sealed,
    pub refresh_token_sealed: Option<Sealed>,
    pub token_type: Option<String>,
    pub scopes_json: Texts,
    pub expires_at: Option<Time>,
    pub refresh_token_expires_at: Option<Time>,
    pub date_added: Time,
    pub date_updated: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A credential without its tokens.
#[derive(Debug, Clone, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Known {
    pub identity_id: IdentityId,
    pub token_type: Option<String>,
    pub scopes_json: Texts,
    pub expires_at: Option<Time>,
    pub refresh_token_expires_at: Option<Time>,
}

pub async fn known_by_identities(
    db: &impl ConnectionTrait,
    ids: &[IdentityId],
) -> Result<Vec<Known>, DbErr> {
    Entity::find()
        .filter(Column::IdentityId.is_in(ids.iter().copied()))
        .into_partial_model::<Known>()
        .all(db)
        .await
}

/// The identities whose access token ends before then, if they are no more than `most`.
pub async fn expiring_before(
    db: &impl ConnectionTrait,
    time: Time,
    most: u64,
) -> Result<Option<Vec<IdentityId>>, DbErr> {
    let found: Vec<IdentityId> = Entity::find()
        .select_only()
        .column(Column::IdentityId)
        .filter(Column::ExpiresAt.lt(time))
        .order_by_asc(Column::ExpiresAt)
        .limit(most + 1)
        .into_tuple()
        .all(db)
        .await?;
    Ok((found.len() as u64 <= most).then_some(found))
}
