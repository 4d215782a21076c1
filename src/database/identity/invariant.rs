//! What holds of identities and no constraint can keep: it spans rows or tables.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query};
use sea_orm::{Condition, QuerySelect};

use super::{Column, Entity};
use crate::database::{identity_provider, parts};
use crate::id::IdentityId;

/// What the rules of linking keep, as long as nobody else writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// The identity's copy of its provider's type is that type.
    ProviderType,
    /// The identity's copy of its provider's organization is that organization.
    Organization,
    /// The slot is empty where the provider takes one account per user, and else the external id.
    AccountSlot,
    /// Of what a user has at a provider one is the primary.
    Primary,
}

impl Invariant {
    fn is_broken(self) -> Condition {
        use identity_provider::{Column as OfProvider, Entity as Provider};
        let of_provider = |column| Expr::col((Provider, column));
        let external_id = Expr::col((Entity, Column::ExternalId));
        match self {
            Self::ProviderType => Condition::all().add(
                Column::ProviderType
                    .into_expr()
                    .ne(of_provider(OfProvider::ProviderType)),
            ),
            // Either may be null, which is equal to nothing.
            Self::Organization => {
                let (copy, original) = (
                    || Column::OrganizationId.into_expr(),
                    || of_provider(OfProvider::OrganizationId),
                );
                Condition::any()
                    .add(copy().ne(original()))
                    .add(copy().is_null().and(original().is_not_null()))
                    .add(copy().is_not_null().and(original().is_null()))
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
    use identity_provider::{Column as OfProvider, Entity as Provider};
    let mut select = Entity::find().filter(invariant.is_broken());
    QuerySelect::query(&mut select).join(
        JoinType::InnerJoin,
        Provider,
        Expr::col((Provider, OfProvider::Id)).equals((Entity, Column::ProviderId)),
    );
    parts::first(db, Column::Id, &select, limit).await
}
