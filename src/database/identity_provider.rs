//! Configured identity providers.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, FromQueryResult, QueryOrder, QuerySelect, QueryTrait};

use super::json::Json;
use super::lock::for_change;
use super::page::{Page, Slice, Towards};
use super::reach::Reach;
use super::{Tx, identity, organization_member};
use crate::clock::Time;
use crate::database::Sealed;
use crate::id::{OrganizationId, ProviderId, UserId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_provider")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProviderId,
    pub slug: String,
    /// Key in the catalogue; fixed. A row may name a type that this server no longer knows.
    #[sea_orm(column_name = "type")]
    pub provider_type: String,
    /// The instance at the provider; '' where the type has one.
    pub external_id: String,
    pub name: String,
    pub config_json: Json,
    pub client_id: Option<String>,
    pub client_secret_sealed: Option<Sealed>,
    /// What the client signs with to show itself (`private_key_jwt`), in PKCS #8.
    pub client_key_sealed: Option<Sealed>,
    /// Whose it is; fixed. `None`: all organizations share it.
    pub organization_id: Option<OrganizationId>,
    pub client_of: Option<ProviderId>,
    pub enabled: bool,
    pub allows_sign_in: bool,
    pub allows_multiple_per_user: bool,
    pub sign_in_json: Option<Json>,
    pub managed_by: ManagedBy,
    pub version: i64,
    pub date_added: Time,
    pub date_updated: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ManagedBy {
    #[sea_orm(string_value = "API")]
    Api,
    #[sea_orm(string_value = "CONFIGURATION")]
    Configuration,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which providers; the parts are combined with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub ids: Option<Vec<ProviderId>>,
    pub slugs: Option<Vec<String>>,
    pub provider_type: Option<String>,
    /// `Some(None)`: the provider has none.
    pub external_id: Option<Option<String>>,
    pub allows_sign_in: Option<bool>,
    pub enabled: Option<bool>,
    /// Of this organization.
    pub organization_id: Option<OrganizationId>,
    pub reach: Reach,
}

impl Filter {
    /// Says nothing: all rows are meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with no providers in it but those of the reach: shared ones and the
    /// organization's own, and for people only those that are enabled.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        match (reach, self.enabled) {
            (Reach::User(_), Some(false)) => Self {
                ids: Some(Vec::new()),
                reach,
                ..self
            },
            (Reach::User(_), Some(true) | None) => Self {
                enabled: Some(true),
                reach,
                ..self
            },
            (Reach::All | Reach::Organization(_), _) => Self { reach, ..self },
        }
    }

    fn condition(&self) -> Condition {
        let external_id = self
            .external_id
            .as_ref()
            .map(|id| id.as_deref().unwrap_or_default());
        Condition::all()
            .add_option(
                self.ids
                    .as_ref()
                    .map(|ids| Column::Id.is_in(ids.iter().copied())),
            )
            .add_option(self.slugs.as_ref().map(|slugs| Column::Slug.is_in(slugs)))
            .add_option(
                self.provider_type
                    .as_ref()
                    .map(|key| Column::ProviderType.eq(key)),
            )
            .add_option(external_id.map(|id| Column::ExternalId.eq(id)))
            .add_option(
                self.allows_sign_in
                    .map(|allows| Column::AllowsSignIn.eq(allows)),
            )
            .add_option(self.enabled.map(|enabled| Column::Enabled.eq(enabled)))
            .add_option(self.organization_id.map(|id| Column::OrganizationId.eq(id)))
    }
}

/// What the reach has in it, as lists that have nothing in common: the shared providers, and those
/// of its organizations. Each can go by an index, where both together can't.
fn lists_of(reach: Reach) -> Vec<Condition> {
    let of = |owner: Expr| Condition::all().add(owner);
    let shared = || of(Column::OrganizationId.is_null());
    match reach {
        Reach::All => vec![Condition::all()],
        Reach::Organization(id) => vec![shared(), of(Column::OrganizationId.eq(id))],
        Reach::User(user) => {
            let own = organization_member::organizations_of(user);
            vec![shared(), of(Column::OrganizationId.in_subquery(own))]
        }
    }
}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[ProviderId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

pub async fn by_slugs(db: &impl ConnectionTrait, slugs: &[String]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Slug.is_in(slugs))
        .all(db)
        .await
}

/// The provider of one type and instance that the organization owns; or the shared one, where
/// none is given. At most one.
pub async fn by_instance(
    db: &impl ConnectionTrait,
    organization: Option<OrganizationId>,
    provider_type: &str,
    external_id: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ProviderType.eq(provider_type))
        .filter(Column::ExternalId.eq(external_id))
        .filter(match organization {
            Some(id) => Column::OrganizationId.eq(id),
            None => Column::OrganizationId.is_null(),
        })
        .one(db)
        .await
}

pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    let lists = lists_of(filter.reach).into_iter().map(|list| {
        let rows = Entity::find().filter(filter.condition());
        rows.filter(list).into_query()
    });
    let Some(statement) = page.merge(lists.collect(), &[Column::Id], false) else {
        return Ok(page.slice(Vec::new()));
    };
    let statement = db.get_database_backend().build(&statement);
    Ok(page.slice(Model::find_by_statement(statement).all(db).await?))
}

pub async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64, DbErr> {
    let any = lists_of(filter.reach)
        .into_iter()
        .fold(Condition::any(), Condition::add);
    let rows = Entity::find().filter(filter.condition());
    rows.filter(any).count(db).await
}

/// Providers that sign people in and that the user has an identity at, by id, whether they are
/// enabled just now or not; at most `limit`.
pub async fn signing_in(
    db: &impl ConnectionTrait,
    user_id: UserId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let linked = identity::Entity::find()
        .select_only()
        .column(identity::Column::ProviderId)
        .filter(identity::Column::UserId.eq(user_id))
        .into_query();
    Entity::find()
        .filter(Column::Id.in_subquery(linked))
        .filter(Column::AllowsSignIn.eq(true))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// Whose providers are offered to people, beside the shared ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    Nobodys,
    Organization(OrganizationId),
    OrganizationsOf(UserId),
}

/// Enabled providers of these types, the shared ones and those beside, by id; at most `limit`.
pub async fn enabled_of_types(
    db: &impl ConnectionTrait,
    types: &[String],
    only_for_sign_in: bool,
    beside: Beside,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let page = Page {
        limit,
        towards: Towards::End,
        from: None,
    };
    let lists = match beside {
        Beside::Nobodys => vec![Condition::all().add(Column::OrganizationId.is_null())],
        Beside::Organization(id) => lists_of(Reach::Organization(id)),
        Beside::OrganizationsOf(user) => lists_of(Reach::User(user)),
    };
    let lists = lists.into_iter().map(|list| {
        let mut select = Entity::find()
            .filter(Column::ProviderType.is_in(types))
            .filter(Column::Enabled.eq(true))
            .filter(list);
        if only_for_sign_in {
            select = select.filter(Column::AllowsSignIn.eq(true));
        }
        select.into_query()
    });
    let Some(statement) = page.merge(lists.collect(), &[Column::Id], false) else {
        return Ok(Vec::new());
    };
    let statement = db.get_database_backend().build(&statement);
    let rows = Model::find_by_statement(statement).all(db).await?;
    Ok(page.slice(rows).rows)
}

/// The provider of that instance that borrows this one's client: the shared one, or the only one
/// of an organization. Each organization may have one: then nothing tells which is meant.
pub async fn borrower(
    db: &impl ConnectionTrait,
    lender: ProviderId,
    external_id: &str,
) -> Result<Option<Model>, DbErr> {
    let mut found = Entity::find()
        .filter(Column::ClientOf.eq(lender))
        .filter(Column::ExternalId.eq(external_id))
        .filter(Column::Enabled.eq(true))
        .order_by_asc(Column::OrganizationId.is_not_null())
        .order_by_asc(Column::Id)
        .limit(2)
        .all(db)
        .await?
        .into_iter();
    let (first, second) = (found.next(), found.next());
    Ok(first.filter(|row| row.organization_id.is_none() || second.is_none()))
}

/// How many providers borrow this one's client.
pub async fn borrowers(db: &impl ConnectionTrait, id: ProviderId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::ClientOf.eq(id))
        .count(db)
        .await
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: ProviderId) -> Result<Option<Model>, DbErr> {
    let select = Entity::find_by_id(id);
    for_change(tx, select).one(tx).await
}
