//! Organizations: tenants of integrations and of sign-on.

use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, IntoActiveModel, QueryOrder, QueryTrait, Set};

use super::Tx;
use super::lock::for_change;
use super::page::{Page, Slice};
use super::reach::Reach;
use crate::clock::Time;
use crate::id::OrganizationId;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A mail domain that is proven to be an organization's own.
pub mod domain {
    use sea_orm::entity::prelude::*;

    use crate::clock::Time;
    use crate::id::OrganizationId;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "organization_domain")]
    pub struct Model {
        /// In lower case.
        #[sea_orm(primary_key, auto_increment = false)]
        pub domain: String,
        pub organization_id: OrganizationId,
        pub date_added: Time,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[OrganizationId],
) -> Result<Vec<Model>, DbErr> {
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

/// A page of the organizations that the reach has in it, by id.
pub async fn page(
    db: &impl ConnectionTrait,
    reach: Reach,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    let mut select = Entity::find().filter(within(reach)).into_query();
    match reach {
        Reach::All | Reach::Organization(_) => page.apply(&mut select, &[Column::Id], false),
        Reach::User(_) => select = page.of_few(select, &[Column::Id], false),
    }
    let statement = db.get_database_backend().build(&select);
    Ok(page.slice(Model::find_by_statement(statement).all(db).await?))
}

pub async fn count(db: &impl ConnectionTrait, reach: Reach) -> Result<u64, DbErr> {
    Entity::find().filter(within(reach)).count(db).await
}

fn within(reach: Reach) -> sea_orm::Condition {
    let all = sea_orm::Condition::all();
    match reach {
        Reach::All => all,
        Reach::Organization(id) => all.add(Column::Id.eq(id)),
        Reach::User(user) => {
            all.add(Column::Id.in_subquery(super::organization_member::organizations_of(user)))
        }
    }
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: OrganizationId) -> Result<Option<Model>, DbErr> {
    let select = Entity::find_by_id(id);
    for_change(tx, select).one(tx).await
}

/// The domains of these organizations, in the order of the alphabet.
pub async fn domains_of(
    db: &impl ConnectionTrait,
    ids: &[OrganizationId],
) -> Result<Vec<domain::Model>, DbErr> {
    domain::Entity::find()
        .filter(domain::Column::OrganizationId.is_in(ids.iter().copied()))
        .order_by_asc(domain::Column::OrganizationId)
        .order_by_asc(domain::Column::Domain)
        .all(db)
        .await
}

/// Whoever has any of these domains.
pub async fn owners_of(
    db: &impl ConnectionTrait,
    domains: &[String],
) -> Result<Vec<domain::Model>, DbErr> {
    domain::Entity::find()
        .filter(domain::Column::Domain.is_in(domains))
        .all(db)
        .await
}

pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(|_| ())
}

/// Gives the organization these domains, and takes those away that it has besides.
pub async fn replace_domains(
    tx: &Tx,
    id: OrganizationId,
    domains: &[String],
    now: Time,
) -> Result<(), DbErr> {
    let stored = domains_of(tx, &[id]).await?;
    let gone = stored.iter().map(|row| &row.domain);
    let gone: Vec<&String> = gone.filter(|domain| !domains.contains(domain)).collect();
    if !gone.is_empty() {
        domain::Entity::delete_many()
            .filter(domain::Column::Domain.is_in(gone))
            .filter(domain::Column::OrganizationId.eq(id))
            .exec(tx)
            .await?;
    }
    let new = domains
        .iter()
        .filter(|domain| !stored.iter().any(|row| row.domain == **domain))
        .map(|domain| domain::ActiveModel {
            domain: Set(domain.clone()),
            organization_id: Set(id),
            date_added: Set(now),
        });
    let new: Vec<_> = new.collect();
    if !new.is_empty() {
        domain::Entity::insert_many(new)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}
