//! Organizations: tenants of integrations and of sign-on.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{DbBackend, QueryOrder, QuerySelect};

use super::Tx;
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
    let mut select = Entity::find().filter(within(reach));
    page.apply(QuerySelect::query(&mut select), &[Column::Id], false);
    Ok(page.slice(select.all(db).await?))
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
    let mut select = Entity::find_by_id(id);
    if tx.get_database_backend() == DbBackend::Postgres {
        QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    }
    select.one(tx).await
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
