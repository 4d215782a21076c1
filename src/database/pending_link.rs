//! Links on their way to a user. Each step is taken once: of all who try at the same time, one is
//! told that it was them. Whoever deletes the row has made the link, or ended it.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, IntoActiveModel};

use super::bounded::{delete_some, reaches};
use super::flow::OnConflict;
use super::json::Texts;
use super::{Sealed, Tx};
use crate::clock::Time;
use crate::id::{OrganizationId, ProviderId, SessionId, UserId};

/// A link on its way, with what the step that it is at needs.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub step: Step,
    /// Which application began it; empty for a person's own.
    pub application: Option<String>,
    /// The organization that the application's key is bound to.
    pub organization_id: Option<OrganizationId>,
    /// The session that a person began it in.
    pub session_id: Option<SessionId>,
    pub user_id: UserId,
    pub provider_id: ProviderId,
    pub return_to: String,
    /// What to ask the provider for, where it isn't the usual.
    pub scopes_json: Option<Texts>,
    pub on_conflict: OnConflict,
    /// SHA-256 of the token in the connect link, of 256 random bits; so are the two below.
    pub token_hash: Option<Vec<u8>>,
    /// Of what the cookie holds that the second page is for.
    pub browser_hash: Option<Vec<u8>>,
    /// Of the code that completes it.
    pub code_hash: Option<Vec<u8>>,
    /// The account that was found, with its tokens.
    pub account_sealed: Option<Sealed>,
    /// Whose it is: the hash of [`super::revocation::Account`].
    pub account_hash: Option<Vec<u8>>,
    pub date_added: Time,
    pub expires_at: Time,
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Step {
    /// Nobody has agreed to the first page.
    #[sea_orm(string_value = "OPEN")]
    Open,
    /// The browser is at the provider.
    #[sea_orm(string_value = "AWAY")]
    Away,
    /// The provider has said whose account it is.
    #[sea_orm(string_value = "FOUND")]
    Found,
    /// The second page was agreed to: the application may complete the link.
    #[sea_orm(string_value = "AGREED")]
    Agreed,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Who has so many links open.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    Application(&'a str, Option<OrganizationId>),
    Person(UserId),
}

/// How many links may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    pub per_application: u64,
    pub per_person: u64,
    pub in_all: u64,
}

/// Looks whether there is no room for one more. Transactions that look at the same time don't see
/// each other's: a cap may be passed by as many as write at once.
pub async fn full(tx: &Tx, owner: Owner<'_>, now: Time, caps: Caps) -> Result<bool, DbErr> {
    let open = || Entity::find().filter(Column::ExpiresAt.gt(now));
    let (its_own, cap) = match owner {
        Owner::Application(application, organization) => {
            let organization = match organization {
                None => Column::OrganizationId.is_null(),
                Some(id) => Column::OrganizationId.eq(id),
            };
            let own = Condition::all()
                .add(Column::Application.eq(application))
                .add(organization);
            (own, caps.per_application)
        }
        Owner::Person(user) => {
            let own = Condition::all()
                .add(Column::UserId.eq(user))
                .add(Column::Application.is_null());
            (own, caps.per_person)
        }
    };
    let its_own = open().filter(its_own);
    Ok(reaches(tx, Column::Id, its_own, cap).await?
        || reaches(tx, Column::Id, open(), caps.in_all).await?)
}

/// Adds a link: an application's from its beginning, a person's own once its account was found.
pub async fn insert(tx: &Tx, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map(|_| ())
}

/// The link, at whichever step, also where it has expired; so are those below.
pub async fn by_id(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The one that a connect link leads to.
pub async fn by_token(
    db: &impl ConnectionTrait,
    token_hash: &[u8],
) -> Result<Option<Model>, DbErr> {
    let select = Entity::find().filter(Column::TokenHash.eq(token_hash));
    select.one(db).await
}

/// The one that a code completes.
pub async fn by_code(db: &impl ConnectionTrait, code_hash: &[u8]) -> Result<Option<Model>, DbErr> {
    let select = Entity::find().filter(Column::CodeHash.eq(code_hash));
    select.one(db).await
}

/// The browser sets out for the provider. From now on the connect link is used up.
pub async fn leave(tx: &Tx, id: Uuid, now: Time, expires_at: Time) -> Result<bool, DbErr> {
    let update = Entity::update_many()
        .col_expr(Column::Step, Expr::value(Step::Away))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at));
    take(tx, update, id, Step::Open, now).await
}

/// What the provider has said of a link, and what binds it to its browser.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose the account is: of several that share a client, the one that has answered.
    pub provider: ProviderId,
    pub account: Sealed,
    pub account_hash: Option<Vec<u8>>,
    pub browser_hash: Vec<u8>,
    pub expires_at: Time,
}

/// The provider has said whose account it is.
pub async fn find(tx: &Tx, id: Uuid, now: Time, found: Found) -> Result<bool, DbErr> {
    let update = Entity::update_many()
        .col_expr(Column::Step, Expr::value(Step::Found))
        .col_expr(Column::ProviderId, Expr::value(found.provider))
        .col_expr(Column::AccountSealed, Expr::value(found.account))
        .col_expr(Column::AccountHash, Expr::value(found.account_hash))
        .col_expr(Column::BrowserHash, Expr::value(found.browser_hash))
        .col_expr(Column::ExpiresAt, Expr::value(found.expires_at));
    take(tx, update, id, Step::Away, now).await
}

/// The person has agreed to the account: the application may complete the link with the code.
pub async fn agree(tx: &Tx, id: Uuid, now: Time, code_hash: Vec<u8>) -> Result<bool, DbErr> {
    let update = Entity::update_many()
        .col_expr(Column::Step, Expr::value(Step::Agreed))
        .col_expr(Column::CodeHash, Expr::value(code_hash));
    take(tx, update, id, Step::Found, now).await
}

/// Takes a step from where the link has to be; says whether it was there.
async fn take(
    tx: &Tx,
    update: sea_orm::UpdateMany<Entity>,
    id: Uuid,
    from: Step,
    now: Time,
) -> Result<bool, DbErr> {
    let updated = update
        .filter(Column::Id.eq(id))
        .filter(Column::Step.eq(from))
        .filter(Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Ends the link from this step, with all that was kept for it; says whether it was there.
pub async fn end(tx: &Tx, id: Uuid, step: Step) -> Result<bool, DbErr> {
    let deleted = Entity::delete_many()
        .filter(Column::Id.eq(id))
        .filter(Column::Step.eq(step))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// Ends all links that are on their way to the user.
pub async fn delete_of_user(tx: &Tx, user: UserId) -> Result<(), DbErr> {
    let delete = Entity::delete_many().filter(Column::UserId.eq(user));
    delete.exec(tx).await.map(drop)
}

/// Deletes what expired before `time`, and before `now` where it holds an account; `most` rows of
/// each at a time.
pub async fn forget(tx: &Tx, time: Time, now: Time, most: u64) -> Result<(), DbErr> {
    let with_account = Condition::all()
        .add(Column::ExpiresAt.lte(now))
        .add(Column::AccountSealed.is_not_null());
    let old = Condition::all().add(Column::ExpiresAt.lt(time));
    for such in [old, with_account] {
        delete_some(tx, Column::Id, Entity::find().filter(such), most).await?;
    }
    Ok(())
}
