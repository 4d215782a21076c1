//! API keys; the key itself is kept as a hash only.

use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};

use super::json::Texts;
use super::page::{Page, Slice};
use super::reach::Reach;
use crate::clock::Time;
use crate::id::{ApiKeyId, OrganizationId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    pub name: String,
    /// Keys of one application share links, idempotency keys and limits.
    pub application: String,
    /// SHA-256 of the key. It has 256 random bits, so it needs neither salt nor stretching.
    pub hash: Vec<u8>,
    /// The key's first characters, to tell keys apart.
    pub hint: String,
    pub scopes_json: Texts,
    /// Where links that it starts may lead back to, as browsers write origins.
    pub return_origins_json: Texts,
    /// The organization that the key is bound to: it sees nothing beyond.
    pub organization_id: Option<OrganizationId>,
    pub expires_at: Option<Time>,
    /// To the minute.
    pub last_used_at: Option<Time>,
    pub created_by_kind: String,
    pub created_by_id: Option<String>,
    pub created_by_name: String,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[ApiKeyId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

pub async fn by_hashes(db: &impl ConnectionTrait, hashes: &[Vec<u8>]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Hash.is_in(hashes.iter().cloned()))
        .all(db)
        .await
}

/// A page of the keys that the reach has in it, by id.
pub async fn page(
    db: &impl ConnectionTrait,
    reach: Reach,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    let mut select = Entity::find().filter(within(reach));
    page.apply(QuerySelect::query(&mut select), &[Column::Id], false);
    Ok(page.slice(select.all(db).await?))
}

pub async fn count(db: &impl ConnectionTrait, reach: Reach) -> Result<u64, DbErr> {
    Entity::find().filter(within(reach)).count(db).await
}

/// Keys are nobody's own: a person's reach has none in it.
fn within(reach: Reach) -> sea_orm::Condition {
    let all = sea_orm::Condition::all();
    match reach {
        Reach::All => all,
        Reach::Organization(id) => all.add(Column::OrganizationId.eq(id)),
        Reach::User(_) => all.add(Column::Id.is_in(Vec::<ApiKeyId>::new())),
    }
}

pub async fn any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().limit(1).one(db).await?.is_some())
}

/// Notes that the key was used; a note of the same minute or a later one stands.
pub async fn note_use(db: &impl ConnectionTrait, id: ApiKeyId, minute: Time) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::val(minute))
        .filter(Column::Id.eq(id))
        .filter(
            Column::LastUsedAt
                .is_null()
                .or(Column::LastUsedAt.lt(minute)),
        )
        .exec(db)
        .await
        .map(|_| ())
}
