//! Sign-ins and links that browsers have begun at a provider and not ended. Whoever deletes the
//! row owns the flow: that is what makes a state good for once.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, IntoActiveModel};

use super::bounded::{delete_some, reaches};
use super::{Sealed, Tx};
use crate::clock::Time;
use crate::id::{ProviderId, UserId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "flow")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// SHA-256 of the parameter `state`, which has 256 random bits.
    pub state_hash: Vec<u8>,
    /// SHA-256 of what the flow's cookie holds, of as many bits.
    pub browser_hash: Vec<u8>,
    pub provider_id: ProviderId,
    /// The route that the answer has to come to.
    pub slug: String,
    pub intent: Intent,
    /// The session that began a person's own link.
    pub session_id: Option<Uuid>,
    /// The application's link that it belongs to.
    pub pending_link_id: Option<Uuid>,
    /// Who gets the account; empty for a sign-in.
    pub user_id: Option<UserId>,
    pub return_to: String,
    pub on_conflict: OnConflict,
    pub sealed: Sealed,
    pub answer_sealed: Option<Sealed>,
    pub client_address: String,
    pub date_added: Time,
    pub expires_at: Time,
}

/// What a flow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Intent {
    #[sea_orm(string_value = "SIGN_IN")]
    SignIn,
    /// A person's own link.
    #[sea_orm(string_value = "LINK")]
    Link,
    /// A link that an application has begun.
    #[sea_orm(string_value = "CONNECT")]
    Connect,
}

/// What a link does where the user has another account at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum OnConflict {
    #[sea_orm(string_value = "FAIL")]
    Fail,
    /// The account that is linked now gives way; the person has agreed.
    #[sea_orm(string_value = "UPDATE_IN_PLACE")]
    UpdateInPlace,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How many flows may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    pub per_address: u64,
    pub in_all: u64,
}

/// Which cap leaves no room for another flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Address,
    All,
}

/// Looks for room for one more flow from this address. Transactions that look at the same time
/// don't see each other's: a cap may be passed by as many as write at once.
pub async fn full(tx: &Tx, address: &str, now: Time, caps: Caps) -> Result<Option<Full>, DbErr> {
    let open = || Entity::find().filter(Column::ExpiresAt.gt(now));
    let of_address = open().filter(Column::ClientAddress.eq(address));
    if reaches(tx, Column::Id, of_address, caps.per_address).await? {
        return Ok(Some(Full::Address));
    }
    let in_all = reaches(tx, Column::Id, open(), caps.in_all).await?;
    Ok(in_all.then_some(Full::All))
}

pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(|_| ())
}

pub async fn by_state(
    db: &impl ConnectionTrait,
    state_hash: &[u8],
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::StateHash.eq(state_hash))
        .one(db)
        .await
}

/// Ends the flow. Of all who try at the same time, one is told `true`.
pub async fn consume(tx: &Tx, id: Uuid) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(id).exec(tx).await?;
    Ok(deleted.rows_affected == 1)
}

/// Keeps the first answer that came by POST; a later one changes nothing.
pub async fn keep_answer(tx: &Tx, id: Uuid, answer: Sealed) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::AnswerSealed, Expr::value(answer))
        .filter(Column::Id.eq(id))
        .filter(Column::AnswerSealed.is_null())
        .exec(tx)
        .await
        .map(|_| ())
}

/// Ends all flows that the user has begun.
pub async fn delete_of_user(tx: &Tx, user: UserId) -> Result<(), DbErr> {
    let delete = Entity::delete_many().filter(Column::UserId.eq(user));
    delete.exec(tx).await.map(drop)
}

/// Deletes what expired before `time`, `most` rows at a time.
pub async fn forget(tx: &Tx, time: Time, most: u64) -> Result<(), DbErr> {
    let old = Entity::find().filter(Column::ExpiresAt.lt(time));
    delete_some(tx, Column::Id, old, most).await
}
