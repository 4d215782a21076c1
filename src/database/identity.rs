//! Identities: who is linked to which account.

mod nested;
mod primary;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, SelectStatement};
use sea_orm::{Condition, DbBackend, FromQueryResult, QueryOrder, QuerySelect, QueryTrait};
use sha2::{Digest, Sha256};

use super::json::{Json, Texts};
use super::page::{Page, Position, Slice, Towards};
use super::reach::Reach;
use super::user::fold_case;
use super::{Tx, credential, identity_provider, organization_member};
use crate::clock::Time;
use crate::id::{IdentityId, OrganizationId, ProviderId, UserId};
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

/// Which identities; the parts are combined with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub ids: Option<Vec<IdentityId>>,
    pub user_ids: Option<Vec<UserId>>,
    pub external_ids: Option<Vec<String>>,
    pub provider_id: Option<ProviderId>,
    /// `Some(None)`: the provider has none.
    pub provider_external_id: Option<Option<String>>,
    pub provider_type: Option<String>,
    pub status: Option<Status>,
    pub expiring_before: Option<Time>,
    pub email: Option<String>,
    pub is_primary: Option<bool>,
    /// Within this organization: of its members, at its own providers and the shared ones.
    pub organization_id: Option<OrganizationId>,
}

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

impl Filter {
    /// Says nothing: all identities are meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with no identities in it but those of the reach.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        match reach {
            Reach::All => self,
            Reach::User(user) => {
                let is_in = self.user_ids.as_ref().is_none_or(|ids| ids.contains(&user));
                Self {
                    user_ids: Some(if is_in { vec![user] } else { Vec::new() }),
                    ..self
                }
            }
            Reach::Organization(own) => match self.organization_id {
                Some(other) if other != own => Self {
                    ids: Some(Vec::new()),
                    ..self
                },
                Some(_) | None => Self {
                    organization_id: Some(own),
                    ..self
                },
            },
        }
    }

    /// Few rows have what it asks for, or those of one provider only.
    const fn is_exact(&self) -> bool {
        self.ids.is_some()
            || self.user_ids.is_some()
            || self.external_ids.is_some()
            || self.provider_id.is_some()
            || self.email.is_some()
    }

    fn names_several_accounts(&self) -> bool {
        self.external_ids.as_ref().is_some_and(|ids| ids.len() > 1)
    }

    fn condition(&self) -> Condition {
        Condition::all()
            .add_option(
                self.ids
                    .as_ref()
                    .map(|ids| Column::Id.is_in(ids.iter().copied())),
            )
            .add_option(
                self.user_ids
                    .as_ref()
                    .map(|ids| Column::UserId.is_in(ids.iter().copied())),
            )
            .add_option(
                self.external_ids
                    .as_ref()
                    .map(|ids| Column::ExternalId.is_in(ids)),
            )
            .add_option(self.provider_id.map(|id| Column::ProviderId.eq(id)))
            .add_option(self.provider_external_id.as_ref().map(|id| {
                let key = self.provider_type.as_deref();
                let providers = providers_of_instance(key, id.as_deref().unwrap_or_default());
                Column::ProviderId.in_subquery(providers.into_query())
            }))
            .add_option(
                self.provider_type
                    .as_ref()
                    .map(|key| Column::ProviderType.eq(key)),
            )
            .add_option(self.status.map(|status| Column::Status.eq(status)))
            .add_option(
                self.expiring_before
                    .map(|time| Column::Id.in_subquery(expiring_before(time))),
            )
            .add_option(
                self.email
                    .as_deref()
                    .map(|email| Column::EmailFolded.eq(fold_case(email))),
            )
            .add_option(self.is_primary.map(|primary| Column::IsPrimary.eq(primary)))
            .add_option(self.organization_id.map(within_organization))
    }
}

/// Of the organization's members, at its own providers and the shared ones.
fn within_organization(id: OrganizationId) -> Condition {
    Condition::all()
        .add(Column::UserId.in_subquery(organization_member::members_of(id)))
        .add(at_providers_of(id))
}

fn at_providers_of(id: OrganizationId) -> Condition {
    Condition::any()
        .add(Column::OrganizationId.is_null())
        .add(Column::OrganizationId.eq(id))
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
    let mut select = all_around(provider_id, external_id, user_id);
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select.all(tx).await
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
    let statement = if let Some(providers) = instances(db, filter).await? {
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

fn providers_of_instance(
    provider_type: Option<&str>,
    external_id: &str,
) -> Select<identity_provider::Entity> {
    identity_provider::Entity::find()
        .select_only()
        .column(identity_provider::Column::Id)
        .filter(identity_provider::Column::ExternalId.eq(external_id))
        .apply_if(provider_type, |select, key| {
            select.filter(identity_provider::Column::ProviderType.eq(key))
        })
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

fn expiring_before(time: Time) -> SelectStatement {
    credential::Entity::find()
        .select_only()
        .column(credential::Column::IdentityId)
        .filter(credential::Column::ExpiresAt.lt(time))
        .into_query()
}

/// When the row's token expires. A join by another name, but one that can't be turned into a
/// walk over all credentials: PostgreSQL looks this up for each row that a list meets.
fn expiry_of_the_row() -> Expr {
    let select = credential::Entity::find()
        .select_only()
        .column(credential::Column::ExpiresAt)
        .filter(
            Expr::col((credential::Entity, credential::Column::IdentityId))
                .equals((Entity, Column::Id)),
        )
        .into_query();
    Expr::SubQuery(None, Box::new(select.into()))
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
    let mut select = Entity::find_by_id(id);
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select.one(tx).await
}
