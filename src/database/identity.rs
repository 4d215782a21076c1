//! Identities: who is linked to which account.

mod filter;
mod invariant;
mod nested;
pub mod passing;
mod primary;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{Condition, DbBackend, FromQueryResult, QueryOrder, QuerySelect, QueryTrait};
use sha2::{Digest, Sha256};

use super::json::{Json, Texts};
use super::lock::for_change;
use super::page::{Page, Position, Slice, Towards};
use super::reach::Reach;
use super::{Tx, credential, identity_provider, organization_member};
use crate::clock::Time;
use crate::id::{IdentityId, OrganizationId, ProviderId, UserId};
pub use filter::Filter;
use filter::{expiry_of_the_row, of_members, providers_of_instance};
pub use invariant::{Invariant, broken};
pub use nested::{Only, Parent, counts_of_parents, pages_of_parents};
pub use primary::{first_linked, primary};

/// A page is put together from the lists of this many providers at most.
const MOST_INSTANCES: u64 = 100;
/// Identities that are looked up by their ids because their tokens expire.
const MOST_EXPIRING: u64 = 1000;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IdentityId,
    pub provider_id: ProviderId,
    /// A copy of the provider's type, which never changes.
    pub provider_type: String,
    /// A copy of the provider's organization, which never changes; `None`: it is shared.
    pub organization_id: Option<OrganizationId>,
    pub user_id: UserId,
    /// The account's stable subject within the provider's instance.
    pub external_id: String,
    /// '' where the provider takes one account per user, else the external id.
    pub account_slot: String,
    pub is_primary: bool,
    pub email: Option<String>,
    pub email_folded: Option<String>,
    /// `None` where the provider does not say.
    pub email_verified: Option<bool>,
    pub username: Option<String>,
    pub display_name: Option<String>,
    /// An object of texts.
    pub attributes_json: Json,
    pub scopes_json: Texts,
    pub status: Status,
    /// Free data of the application.
    pub data_json: Json,
    /// Counts what the API shows, never tokens.
    pub version: i64,
    pub date_added: Time,
    pub date_updated: Time,
    pub date_verified: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Status {
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
    #[sea_orm(string_value = "VALID")]
    Valid,
    #[sea_orm(string_value = "INVALID")]
    Invalid,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a list of identities is ordered by; the id decides between equals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OrderBy {
    #[default]
    Id,
    DateAdded,
    DateVerified,
    ExternalId,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Order {
    pub by: OrderBy,
    pub descending: bool,
}

impl Order {
    const fn columns(self) -> &'static [Column] {
        match self.by {
            OrderBy::Id => &[Column::Id],
            OrderBy::DateAdded => &[Column::DateAdded, Column::Id],
            OrderBy::DateVerified => &[Column::DateVerified, Column::Id],
            OrderBy::ExternalId => &[Column::ExternalId, Column::Id],
        }
    }

    /// Where `row` stands in a list of this order.
    pub fn position(self, row: &Model) -> Position {
        match self.by {
            OrderBy::Id => Position::Id(row.id.0),
            OrderBy::DateAdded => Position::Time(row.date_added, row.id.0),
            OrderBy::DateVerified => Position::Time(row.date_verified, row.id.0),
            OrderBy::ExternalId => Position::Text(row.external_id.clone(), row.id.0),
        }
    }
}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[IdentityId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The identities that linking this account to this user has to reckon with: whoever has the
/// account, and what the user has at this provider.
pub async fn around(
    db: &impl ConnectionTrait,
    provider_id: ProviderId,
    external_id: &str,
    user_id: UserId,
) -> Result<Vec<Model>, DbErr> {
    all_around(provider_id, external_id, user_id).all(db).await
}

/// Whoever has the account.
pub async fn by_account(
    db: &impl ConnectionTrait,
    provider_id: ProviderId,
    external_id: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ProviderId.eq(provider_id))
        .filter(Column::ExternalId.eq(external_id))
        .one(db)
        .await
}

/// Makes links of one account wait for each other until the transaction ends, whoever they are
/// for: locks of users and rows can't, since the account may pass to somebody else, in another
/// row, while one waits for them. On SQLite the writer is alone already.
pub async fn lock_account(
    tx: &Tx,
    provider_id: ProviderId,
    external_id: &str,
) -> Result<(), DbErr> {
    /// Sets these locks off from others. Two keys are never the same lock as one.
    const ACCOUNTS: i32 = 0x6c61_6e79;
    if tx.get_database_backend() == DbBackend::Postgres {
        let hash = Sha256::new()
            .chain_update(provider_id.0.as_bytes())
            .chain_update(external_id)
            .finalize();
        // Accounts that share a number wait for each other once in a while.
        let account = i32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        let lock = format!("SELECT pg_advisory_xact_lock({ACCOUNTS}, {account})");
        tx.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// As [`around`], locked until the transaction ends, against writers of these rows who lock
/// neither the account nor the users.
pub async fn around_locked(
    tx: &Tx,
    provider_id: ProviderId,
    external_id: &str,
    user_id: UserId,
) -> Result<Vec<Model>, DbErr> {
    let select = all_around(provider_id, external_id, user_id);
    for_change(tx, select).all(tx).await
}

fn all_around(provider_id: ProviderId, external_id: &str, user_id: UserId) -> Select<Entity> {
    Entity::find()
        .filter(Column::ProviderId.eq(provider_id))
        .filter(
            Condition::any()
                .add(Column::ExternalId.eq(external_id))
                .add(Column::UserId.eq(user_id)),
        )
        .order_by_asc(Column::Id)
}

/// The first in the order of the list.
pub async fn first(db: &impl ConnectionTrait, filter: &Filter) -> Result<Option<Model>, DbErr> {
    let first = Page {
        limit: 1,
        towards: Towards::End,
        from: None,
    };
    let found = page(db, filter, Order::default(), &first).await?;
    Ok(found.rows.into_iter().next())
}

pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    order: Order,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    let rows = |filter: &Filter| Entity::find().filter(filter.condition()).into_query();
    let (columns, descending) = (order.columns(), order.descending);
    let statement = if let Some(found) = of_few_members(db, filter).await? {
        let others = Filter {
            expiring_before: None,
            ..filter.clone()
        };
        let condition = others.but_for_the_organization();
        Some(page.of_found(found, condition, columns, descending))
    } else if let Some(providers) = instances(db, filter).await? {
        let lists = providers.into_iter().map(|id| {
            rows(&Filter {
                provider_id: Some(id),
                provider_external_id: None,
                ..filter.clone()
            })
        });
        page.merge(lists.collect(), columns, descending)
    } else if let Some(time) = filter.expiring_before.filter(|_| !filter.is_exact()) {
        let others = |ids| Filter {
            ids,
            expiring_before: None,
            ..filter.clone()
        };
        // Where they are few, they are found by the time, in no order of a list. Where they are
        // many, a list meets them soon.
        if let Some(ids) = credential::expiring_before(db, time, MOST_EXPIRING).await? {
            Some(page.of_few(rows(&others(Some(ids))), columns, descending))
        } else {
            let mut many = rows(&others(None));
            many.and_where(expiry_of_the_row().lt(time));
            page.merge(vec![many], columns, descending)
        }
    } else if filter.names_several_accounts() {
        Some(page.of_few(rows(filter), columns, descending))
    } else {
        page.merge(vec![rows(filter)], columns, descending)
    };
    let Some(statement) = statement else {
        return Ok(page.slice(Vec::new()));
    };
    let statement = db.get_database_backend().build(&statement);
    Ok(page.slice(Model::find_by_statement(statement).all(db).await?))
}

/// What the members of the filter's organization have, where they are few and the filter says
/// nothing more exact. Where they are many, a list meets them soon.
async fn of_few_members(
    db: &impl ConnectionTrait,
    filter: &Filter,
) -> Result<Option<SelectStatement>, DbErr> {
    let Some(organization) = filter.organization_id.filter(|_| !filter.names_rows()) else {
        return Ok(None);
    };
    let Some(members) = organization_member::few(db, organization).await? else {
        return Ok(None);
    };
    let mut found = of_members(organization, members);
    if let Some(time) = filter.expiring_before {
        found.and_where(expiry_of_the_row().lt(time));
    }
    Ok(Some(found))
}

/// The providers of the external id that the filter asks for, where it says nothing more exact:
/// each has an index in the order of the list, all of them together have not.
async fn instances(
    db: &impl ConnectionTrait,
    filter: &Filter,
) -> Result<Option<Vec<ProviderId>>, DbErr> {
    let Some(external_id) = &filter.provider_external_id else {
        return Ok(None);
    };
    if filter.is_exact() {
        return Ok(None);
    }
    let key = filter.provider_type.as_deref();
    let found: Vec<ProviderId> =
        providers_of_instance(key, external_id.as_deref().unwrap_or_default())
            .limit(MOST_INSTANCES + 1)
            .into_tuple()
            .all(db)
            .await?;
    Ok((found.len() as u64 <= MOST_INSTANCES).then_some(found))
}

pub async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64, DbErr> {
    Entity::find().filter(filter.condition()).count(db).await
}

/// A user's identities at providers of a type, in the order of their ids; at most `limit`.
pub async fn of_user_and_type(
    db: &impl ConnectionTrait,
    user_id: UserId,
    provider_type: &str,
    exclude_matching_external_ids: bool,
    reach: Reach,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let only = Only {
        provider_type: Some(provider_type.to_owned()),
        reach,
    };
    let mut select = Entity::find()
        .filter(Parent::User(user_id).condition(&only))
        .order_by_asc(Column::Id)
        .limit(limit);
    if exclude_matching_external_ids {
        select = select.filter(Expr::exists(provider_with_the_same_external_id()).not());
    }
    select.all(db).await
}

fn provider_with_the_same_external_id() -> SelectStatement {
    use identity_provider::Column as Provider;
    identity_provider::Entity::find()
        .select_only()
        .column(Provider::Id)
        .filter(
            Expr::col((identity_provider::Entity, Provider::Id))
                .equals((Entity, Column::ProviderId)),
        )
        .filter(
            Expr::col((identity_provider::Entity, Provider::ExternalId))
                .equals((Entity, Column::ExternalId)),
        )
        .into_query()
}

/// The ids of the user's identities, for the condition of another statement.
pub fn of_user(user: UserId) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user))
        .into_query()
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: IdentityId) -> Result<Option<Model>, DbErr> {
    let select = Entity::find_by_id(id);
    for_change(tx, select).one(tx).await
}
