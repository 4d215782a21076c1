//! People in the directory.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
use sea_orm::{FromQueryResult, QueryOrder, QuerySelect, QueryTrait};

use super::json::Json;
use super::lock::{for_change, unless_taken};
use super::page::{Page, Slice};
use super::reach::Reach;
use super::{Tx, organization_member};
use crate::clock::Time;
use crate::id::{OrganizationId, UserId};

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub entity_ref: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    /// The address with its case folded: what lookups compare.
    pub email_folded: Option<String>,
    /// `None` where nobody said.
    pub email_verified: Option<bool>,
    pub picture: Option<String>,
    /// An object of texts.
    pub annotations_json: Json,
    pub status: Status,
    pub merged_into: Option<UserId>,
    /// An application knows another way in for this person, such as a password.
    pub has_other_sign_in: bool,
    pub date_added: Time,
    pub date_updated: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Status {
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    #[sea_orm(string_value = "DISABLED")]
    Disabled,
    /// The person's identities went to another user.
    #[sea_orm(string_value = "MERGED")]
    Merged,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Which users; the parts are combined with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub ids: Option<Vec<UserId>>,
    pub entity_refs: Option<Vec<String>>,
    pub email: Option<String>,
    pub status: Option<Status>,
    /// Members of this organization.
    pub organization_id: Option<OrganizationId>,
}

impl Filter {
    /// Says nothing: all rows are meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with no users in it but those of the reach.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        let nobody = |filter| Self {
            ids: Some(Vec::new()),
            ..filter
        };
        match reach {
            Reach::All => self,
            Reach::User(user) => {
                if self.ids.as_ref().is_none_or(|ids| ids.contains(&user)) {
                    Self {
                        ids: Some(vec![user]),
                        ..self
                    }
                } else {
                    nobody(self)
                }
            }
            Reach::Organization(own) => match self.organization_id {
                Some(other) if other != own => nobody(self),
                Some(_) | None => Self {
                    organization_id: Some(own),
                    ..self
                },
            },
        }
    }

    fn condition(&self) -> sea_orm::Condition {
        let is =
            |column: Column, value: &Option<String>| value.as_ref().map(|value| column.eq(value));
        sea_orm::Condition::all()
            .add_option(
                self.ids
                    .as_ref()
                    .map(|ids| Column::Id.is_in(ids.iter().copied())),
            )
            .add_option(
                self.entity_refs
                    .as_ref()
                    .map(|refs| Column::EntityRef.is_in(refs)),
            )
            .add_option(is(
                Column::EmailFolded,
                &self.email.as_deref().map(fold_case),
            ))
            .add_option(self.status.map(|status| Column::Status.eq(status)))
            .add_option(
                self.organization_id
                    .map(|id| organization_member::is_of(id, (Entity, Column::Id))),
            )
            .into_condition()
    }

    /// Names the rows: however many the organization has, few are left.
    const fn names_rows(&self) -> bool {
        self.ids.is_some() || self.entity_refs.is_some() || self.email.is_some()
    }

    /// The organization, and what is asked of its members beyond.
    fn of_members(&self) -> Option<(OrganizationId, Option<Self>)> {
        let organization = self.organization_id?;
        let others = Self {
            organization_id: None,
            ..self.clone()
        };
        Some((organization, (!others.is_empty()).then_some(others)))
    }
}

/// Folds case the same way on both databases.
pub fn fold_case(text: &str) -> String {
    text.to_lowercase()
}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

pub async fn by_entity_refs(
    db: &impl ConnectionTrait,
    refs: &[String],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::EntityRef.is_in(refs))
        .all(db)
        .await
}

/// At most two: more than one is all that a caller wants to know. A user that went into another
/// one is nobody to be reached by an address: that is the other one's now.
pub async fn by_email(
    db: &impl ConnectionTrait,
    email: &str,
    reach: Reach,
) -> Result<Vec<Model>, DbErr> {
    let filter = Filter {
        email: Some(email.to_owned()),
        ..Filter::default()
    };
    Entity::find()
        .filter(filter.within(reach).condition())
        .filter(Column::Status.ne(Status::Merged))
        .order_by_asc(Column::Id)
        .limit(2)
        .all(db)
        .await
}

/// The users with this very address, among the organization's members where one is given: no case
/// is folded, for what looks alike need not be the same mailbox. At most two: more than one is all
/// that a caller wants to know.
pub async fn by_exact_email(
    db: &impl ConnectionTrait,
    email: &str,
    among: Option<OrganizationId>,
) -> Result<Vec<Model>, DbErr> {
    let filter = Filter {
        email: Some(email.to_owned()),
        organization_id: among,
        ..Filter::default()
    };
    Entity::find()
        .filter(filter.condition())
        .filter(Column::Email.eq(email))
        .filter(Column::Status.ne(Status::Merged))
        .order_by_asc(Column::Id)
        .limit(2)
        .all(db)
        .await
}

pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    if let Some((organization, others)) = filter.of_members().filter(|_| !filter.names_rows()) {
        return members(db, organization, others.as_ref(), page).await;
    }
    let mut select = Entity::find().filter(filter.condition()).into_query();
    if filter.entity_refs.is_some() {
        select = page.of_few(select, &[Column::Id], false);
    } else {
        page.apply(&mut select, &[Column::Id], false);
    }
    let statement = db.get_database_backend().build(&select);
    Ok(page.slice(Model::find_by_statement(statement).all(db).await?))
}

/// Members in the order of their memberships, which is that of their ids.
async fn members(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    only: Option<&Filter>,
    page: &Page,
) -> Result<Slice<Model>, DbErr> {
    let only = only.map(is_member_of);
    let pages = organization_member::pages(db, &[organization], only.as_ref(), page).await?;
    let Some(found) = pages.into_iter().next() else {
        return Ok(page.slice(Vec::new()));
    };
    let mut rows = match found.rows.as_slice() {
        [] => Vec::new(),
        ids => by_ids(db, ids).await?,
    };
    rows.sort_unstable_by_key(|row| row.id);
    Ok(Slice {
        rows,
        more: found.more,
    })
}

/// Whether a membership's user meets the filter: looked up for each membership that a list meets.
fn is_member_of(filter: &Filter) -> Expr {
    let select = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(filter.condition())
        .filter(Expr::col((Entity, Column::Id)).equals((
            organization_member::Entity,
            organization_member::Column::UserId,
        )))
        .into_query();
    Expr::SubQuery(None, Box::new(select.into())).is_not_null()
}

pub async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64, DbErr> {
    if let Some((organization, None)) = filter.of_members() {
        let counts = organization_member::counts(db, &[organization]).await?;
        return Ok(counts.into_values().sum());
    }
    Entity::find().filter(filter.condition()).count(db).await
}

/// Those of the users that are merged, locked until the transaction ends; not those that another
/// process is at, so that nobody waits for them.
pub async fn merged_locked(tx: &Tx, ids: &[UserId]) -> Result<Vec<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::Status.eq(Status::Merged))
        .order_by_asc(Column::Id);
    unless_taken(tx, select).all(tx).await
}

/// Those of the users that other users went into.
pub async fn merged_into(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<UserId>, DbErr> {
    let found: Vec<Option<UserId>> = Entity::find()
        .select_only()
        .column(Column::MergedInto)
        .distinct()
        .filter(Column::MergedInto.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Deletes the users, with what goes with them by itself. Nothing may refer to them that doesn't.
pub async fn delete(tx: &Tx, ids: Vec<UserId>) -> Result<(), DbErr> {
    let delete = Entity::delete_many().filter(Column::Id.is_in(ids));
    delete.exec(tx).await.map(drop)
}

/// Locks the users' rows until the transaction ends, in the order of their ids, so that two
/// writers that lock several never wait for each other in a circle. On SQLite the writer is
/// alone already.
pub async fn lock(tx: &Tx, ids: &[UserId]) -> Result<Vec<Model>, DbErr> {
    let select = Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(Column::Id);
    for_change(tx, select).all(tx).await
}
