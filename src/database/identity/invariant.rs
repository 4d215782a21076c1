//! What holds of identities and no constraint can keep: it spans rows or tables. Each is looked
//! for in parts, so that no statement grows with the table.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query};
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::{Column, Entity};
use crate::database::identity_provider;
use crate::id::IdentityId;

/// Identities that one statement looks at.
const WINDOW: u64 = 10_000;

/// What the rules of linking keep, as long as nobody else writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// The identity's copy of its provider's type is that type.
    ProviderType,
    /// The slot is empty where the provider takes one account per user, and else the external id.
    AccountSlot,
    /// Of what a user has at a provider one is the primary.
    Primary,
}

impl Invariant {
    fn is_broken(self) -> Condition {
        use identity_provider::{Column as OfProvider, Entity as Provider};
        let provider_type = Expr::col((Provider, OfProvider::ProviderType));
        let external_id = Expr::col((Entity, Column::ExternalId));
        match self {
            Self::ProviderType => {
                Condition::all().add(Column::ProviderType.into_expr().ne(provider_type))
            }
            Self::AccountSlot => Condition::any()
                .add(
                    OfProvider::AllowsMultiplePerUser
                        .eq(true)
                        .and(Column::AccountSlot.into_expr().ne(external_id)),
                )
                .add(
                    OfProvider::AllowsMultiplePerUser
                        .eq(false)
                        .and(Column::AccountSlot.ne("")),
                ),
            Self::Primary => {
                const OTHER: &str = "other";
                let same = |column| Expr::col((OTHER, column)).equals((Entity, column));
                let primary = Query::select()
                    .expr(Expr::val(1))
                    .from_as(Entity, OTHER)
                    .and_where(same(Column::ProviderId))
                    .and_where(same(Column::UserId))
                    .and_where(Expr::col((OTHER, Column::IsPrimary)))
                    .take();
                Condition::all().add(Expr::exists(primary).not())
            }
        }
    }
}

/// The first `limit` identities that break it, in the order of their ids.
pub async fn broken(
    db: &impl ConnectionTrait,
    invariant: Invariant,
    limit: usize,
) -> Result<Vec<IdentityId>, DbErr> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let until = end_of_part(db, after).await?;
        found.extend(broken_between(db, invariant, after, until, limit).await?);
        if until.is_none() || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
        after = until;
    }
}

/// The last identity of the part behind `after`; none where the rest is smaller than a part.
async fn end_of_part(
    db: &impl ConnectionTrait,
    after: Option<IdentityId>,
) -> Result<Option<IdentityId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(between(after, None))
        .order_by_asc(Column::Id)
        .offset(WINDOW - 1)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
}

async fn broken_between(
    db: &impl ConnectionTrait,
    invariant: Invariant,
    after: Option<IdentityId>,
    until: Option<IdentityId>,
    limit: usize,
) -> Result<Vec<IdentityId>, DbErr> {
    use identity_provider::{Column as OfProvider, Entity as Provider};
    let mut select = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(between(after, until))
        .filter(invariant.is_broken())
        .order_by_asc(Column::Id)
        .limit(u64::try_from(limit).unwrap_or(u64::MAX));
    QuerySelect::query(&mut select).join(
        JoinType::InnerJoin,
        Provider,
        Expr::col((Provider, OfProvider::Id)).equals((Entity, Column::ProviderId)),
    );
    select.into_tuple().all(db).await
}

fn between(after: Option<IdentityId>, until: Option<IdentityId>) -> Condition {
    Condition::all()
        .add_option(after.map(|id| Column::Id.gt(id)))
        .add_option(until.map(|id| Column::Id.lte(id)))
}
