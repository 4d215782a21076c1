//! The tokens of identities, sealed. Only the vault opens them; what may be known without
//! opening is [`Known`].

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveModelTrait, DerivePartialModel, IntoActiveModel, QueryOrder, QuerySelect};

use super::Tx;
use super::json::Texts;
use super::lock::for_change;
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
    /// Drawn anew whenever tokens come by a link; `None`: by a release before this one.
    pub grant_id: Option<Uuid>,
    /// When a refresh last brought tokens.
    pub refreshed_at: Option<Time>,
    /// Refreshes that have failed since, in a row.
    pub failures: i64,
    pub failure_reason: Option<String>,
    /// Before then no refresh is tried of its own accord.
    pub next_attempt_at: Option<Time>,
    /// When it is refreshed though nobody reads it, before the provider forgets it.
    pub keep_alive_at: Option<Time>,
    /// Who refreshes it, until when, and the number of the lease.
    pub lease_owner: Option<String>,
    pub lease_fence: i64,
    pub lease_until: Option<Time>,
    /// The number of the lease that brought the tokens; 0: a link did.
    pub token_fence: i64,
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
    pub refreshed_at: Option<Time>,
    #[sea_orm(from_expr = "Column::RefreshTokenSealed.is_not_null()")]
    pub has_refresh_token: bool,
    pub failures: i64,
    pub failure_reason: Option<String>,
    pub next_attempt_at: Option<Time>,
}

impl From<&Model> for Known {
    fn from(row: &Model) -> Self {
        Self {
            identity_id: row.identity_id,
            token_type: row.token_type.clone(),
            scopes_json: row.scopes_json.clone(),
            expires_at: row.expires_at,
            refresh_token_expires_at: row.refresh_token_expires_at,
            refreshed_at: row.refreshed_at,
            has_refresh_token: row.refresh_token_sealed.is_some(),
            failures: row.failures,
            failure_reason: row.failure_reason.clone(),
            next_attempt_at: row.next_attempt_at,
        }
    }
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

/// With the tokens, for the vault.
pub async fn by_identities(
    db: &impl ConnectionTrait,
    ids: &[IdentityId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::IdentityId.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The identity's tokens, locked against other writers until the transaction ends.
pub async fn locked(tx: &Tx, id: IdentityId) -> Result<Option<Model>, DbErr> {
    for_change(tx, Entity::find_by_id(id)).one(tx).await
}

/// Writes all of a row that is there.
pub async fn update(tx: &Tx, row: Model) -> Result<(), DbErr> {
    row.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// The first credentials that are to be refreshed though nobody reads them.
pub async fn to_keep_alive(
    db: &impl ConnectionTrait,
    now: Time,
    most: u64,
) -> Result<Vec<IdentityId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::IdentityId)
        .filter(Column::KeepAliveAt.lte(now))
        .order_by_asc(Column::KeepAliveAt)
        .order_by_asc(Column::IdentityId)
        .limit(most)
        .into_tuple()
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
