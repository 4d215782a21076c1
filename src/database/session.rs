//! Sessions: people who are signed in; the token is kept as a hash only.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};

use super::Tx;
use super::lock::unless_taken;
use crate::clock::Time;
use crate::id::{IdentityId, ProviderId, SessionId, UserId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// SHA-256 of the token. It has 256 random bits, so it needs neither salt nor stretching.
    pub token_hash: Vec<u8>,
    pub user_id: UserId,
    /// Where the person signed in.
    pub provider_id: ProviderId,
    /// The account that signed in; `None` once it is unlinked.
    pub identity_id: Option<IdentityId>,
    pub user_agent: Option<String>,
    /// When the person signed in.
    pub date_added: Time,
    /// To the minute.
    pub last_seen_at: Time,
    pub expires_at: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[SessionId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

pub async fn by_token_hash(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::TokenHash.eq(hash))
        .one(db)
        .await
}

/// The users' sessions, dead ones among them, the oldest sign-in first. Each has a bounded number
/// of them.
pub async fn of_users(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(Column::DateAdded)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// The sessions that these identities have opened, dead ones among them. They are sessions of the
/// identities' users, who have a bounded number each.
pub async fn of_identities(
    db: &impl ConnectionTrait,
    identities: &[IdentityId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::IdentityId.is_in(identities.iter().copied()))
        .order_by_asc(Column::DateAdded)
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// Notes that the session was used; a later note stands.
pub async fn note_seen(db: &impl ConnectionTrait, id: SessionId, at: Time) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::val(at))
        .filter(Column::Id.eq(id))
        .filter(Column::LastSeenAt.lt(at))
        .exec(db)
        .await
        .map(|_| ())
}

/// Where the session rests on this account, it rests on none from now on: the account is about to
/// go, and the session stays.
pub async fn detach(tx: &Tx, id: SessionId, identity_id: IdentityId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::IdentityId, Expr::value(None::<IdentityId>))
        .filter(Column::Id.eq(id))
        .filter(Column::IdentityId.eq(identity_id))
        .exec(tx)
        .await
        .map(drop)
}

/// Deletes the session; says whether it was there.
pub async fn delete(tx: &Tx, id: SessionId) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(id).exec(tx).await?;
    Ok(deleted.rows_affected > 0)
}

/// Deletes sessions that have expired by `now`, or were not used since `unseen_since`: at most
/// `limit` of each. Those that another process is at are its own.
pub async fn delete_dead(tx: &Tx, now: Time, unseen_since: Time, limit: u64) -> Result<(), DbErr> {
    for dead in [
        Column::ExpiresAt.lte(now),
        Column::LastSeenAt.lte(unseen_since),
    ] {
        let select = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(dead)
            .limit(limit);
        let select = unless_taken(tx, select);
        let ids: Vec<SessionId> = select.into_tuple().all(tx).await?;
        if !ids.is_empty() {
            Entity::delete_many()
                .filter(Column::Id.is_in(ids))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}
