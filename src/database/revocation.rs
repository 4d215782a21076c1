//! Tokens of accounts that were unlinked, until their provider has revoked them.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, IntoIden, Query};
use sea_orm::{ActiveModelTrait, IntoActiveModel, JoinType, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};

use super::lock::for_change;
use super::{Sealed, Tx, identity, identity_provider, pending_link};
use crate::clock::Time;
use crate::id::{IdentityId, ProviderId, UserId};

/// A grant that is to end.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revocation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub provider_id: ProviderId,
    /// Whose tokens they were; it is gone.
    pub identity_id: IdentityId,
    pub user_id: UserId,
    /// The account at the provider.
    pub external_id: String,
    pub access_token_sealed: Sealed,
    pub refresh_token_sealed: Option<Sealed>,
    /// How often it was begun.
    pub attempts: i64,
    /// Why the last one came to nothing; a code.
    pub failure_reason: Option<String>,
    pub next_attempt_at: Time,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: Uuid) -> Result<Option<Model>, DbErr> {
    for_change(tx, Entity::find_by_id(id)).one(tx).await
}

/// What is to be revoked of an identity that is gone, locked until the transaction ends.
pub async fn of_identity(tx: &Tx, id: IdentityId) -> Result<Option<Model>, DbErr> {
    let select = Entity::find().filter(Column::IdentityId.eq(id));
    for_change(tx, select.order_by_asc(Column::Id))
        .one(tx)
        .await
}

/// Writes all of a row that is there.
pub async fn update(tx: &Tx, row: Model) -> Result<(), DbErr> {
    row.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

pub async fn delete(tx: &Tx, id: Uuid) -> Result<(), DbErr> {
    Entity::delete_by_id(id).exec(tx).await.map(drop)
}

/// What is due, the longest first, but at these providers; at most `most`.
pub async fn due(
    db: &impl ConnectionTrait,
    now: Time,
    but_at: &[ProviderId],
    most: u64,
) -> Result<Vec<(Uuid, ProviderId)>, DbErr> {
    let mut select = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ProviderId])
        .filter(Column::NextAttemptAt.lte(now))
        .order_by_asc(Column::NextAttemptAt)
        .order_by_asc(Column::Id)
        .limit(most);
    if !but_at.is_empty() {
        select = select.filter(Column::ProviderId.is_not_in(but_at.iter().copied()));
    }
    select.into_tuple().all(db).await
}

/// An account as a provider sees it: whoever has tokens of the same account for the same client
/// has them of the same grant, at whichever row of ours.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    pub provider_type: &'a str,
    /// The provider's own external id: which instance of the type it is.
    pub instance: &'a str,
    pub client_id: &'a str,
    pub external_id: &'a str,
}

impl<'a> Account<'a> {
    /// The account at this provider, by the client of `client`: the same row, or the one that it
    /// borrows from. `None` where there is no client.
    pub fn of(
        provider: &'a identity_provider::Model,
        client: &'a identity_provider::Model,
        external_id: &'a str,
    ) -> Option<Self> {
        Some(Self {
            provider_type: &provider.provider_type,
            instance: &provider.external_id,
            client_id: client.client_id.as_deref()?,
            external_id,
        })
    }

    /// What `pending_link.account_hash` holds: SHA-256 of the parts, each behind its length.
    pub fn hash(&self) -> Vec<u8> {
        let parts = [
            self.provider_type,
            self.instance,
            self.client_id,
            self.external_id,
        ];
        let hash = parts.iter().fold(Sha256::new(), |hash, part| {
            let length = (part.len() as u64).to_be_bytes();
            hash.chain_update(length).chain_update(part)
        });
        hash.finalize().to_vec()
    }

    /// Whether an identity has the account, or a link waits with it.
    pub async fn is_in_use(&self, tx: &Tx, now: Time) -> Result<bool, DbErr> {
        let waiting = pending_link::Entity::find()
            .select_only()
            .column(pending_link::Column::Id)
            .filter(pending_link::Column::AccountHash.eq(self.hash()))
            .filter(pending_link::Column::ExpiresAt.gt(now))
            .limit(1)
            .into_tuple::<Uuid>();
        Ok(waiting.one(tx).await?.is_some() || self.is_linked(tx).await?)
    }

    async fn is_linked(&self, tx: &Tx) -> Result<bool, DbErr> {
        use identity::{Column as Identity, Entity as Identities};
        use identity_provider::{Column as Provider, Entity as Providers};
        let lender = || Alias::new("lender").into_iden();
        let client = Func::coalesce([
            Expr::col((lender(), Provider::ClientId)),
            Expr::col((Providers, Provider::ClientId)),
        ]);
        let select = Query::select()
            .expr_as(Expr::val(1), "one")
            .from(Identities)
            .inner_join(
                Providers,
                Expr::col((Providers, Provider::Id)).equals((Identities, Identity::ProviderId)),
            )
            .join_as(
                JoinType::LeftJoin,
                Providers,
                lender(),
                Expr::col((lender(), Provider::Id)).equals((Providers, Provider::ClientOf)),
            )
            .and_where(Expr::col((Identities, Identity::ExternalId)).eq(self.external_id))
            .and_where(Expr::col((Identities, Identity::ProviderType)).eq(self.provider_type))
            .and_where(Expr::col((Providers, Provider::ExternalId)).eq(self.instance))
            .and_where(Expr::expr(client).eq(self.client_id))
            .limit(1)
            .take();
        Ok(tx.query_one(&select).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_told_apart_by_each_of_their_parts() {
        let account = Account {
            provider_type: "slack",
            instance: "T1",
            client_id: "app",
            external_id: "U1",
        };
        let others = [
            Account {
                provider_type: "github",
                ..account
            },
            Account {
                instance: "T2",
                ..account
            },
            Account {
                client_id: "other",
                ..account
            },
            Account {
                external_id: "U2",
                ..account
            },
            // No shift of a letter between the parts makes the same account.
            Account {
                client_id: "ap",
                external_id: "pU1",
                ..account
            },
        ];
        for other in others {
            assert_ne!(account.hash(), other.hash(), "{other:?}");
        }
        assert_eq!(account.hash(), { account }.hash());
    }
}
