//! What decides whether accounts may be disconnected, for a page of them in one statement.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoIden, Query, SelectStatement};
use sea_orm::{FromQueryResult, JoinType};

use super::{auth_identity, auth_provider, identity, identity_provider, organization_member, user};
use crate::id::{AuthIdentityId, IdentityId};

/// What is stored around one identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as a column has it"
)]
pub struct OfIdentity {
    pub id: IdentityId,
    /// Its provider signs people in.
    pub signs_in: bool,
    /// Its provider is an organization's sign-on: whether members may be without a link there.
    pub sign_on_allows_unlinked: Option<bool>,
    /// The user is a member of that organization.
    pub is_member: bool,
    /// An application knows another way in for the user.
    pub has_other_sign_in: bool,
    /// The user has another identity at a shared, enabled provider that signs people in.
    pub has_another_login: bool,
}

/// What is stored around one auth identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as a column has it"
)]
pub struct OfAuthIdentity {
    pub id: AuthIdentityId,
    /// Members may be without a link at the sign-on.
    pub allows_unlinked: bool,
    /// The user is a member of the sign-on's organization.
    pub is_member: bool,
    /// An application knows another way in for the user.
    pub has_other_sign_in: bool,
    /// The user has an identity at a shared, enabled provider that signs people in.
    pub has_login: bool,
}

/// What is stored around these identities.
pub async fn of_identities(
    db: &impl ConnectionTrait,
    ids: &[IdentityId],
) -> Result<Vec<OfIdentity>, DbErr> {
    use identity::{Column, Entity};
    let provider = (identity_provider::Entity, identity_provider::Column::Id);
    let sign_on = (auth_provider::Entity, auth_provider::Column::ProviderId);
    let owner = (user::Entity, user::Column::Id);
    let select = Query::select()
        .column((Entity, Column::Id))
        .expr_as(
            Expr::col((
                identity_provider::Entity,
                identity_provider::Column::AllowsSignIn,
            )),
            "signs_in",
        )
        .expr_as(
            Expr::col((auth_provider::Entity, auth_provider::Column::AllowUnlinked)),
            "sign_on_allows_unlinked",
        )
        .expr_as(
            Expr::exists(membership(
                Expr::col((auth_provider::Entity, auth_provider::Column::OrganizationId)),
                Expr::col((Entity, Column::UserId)),
            )),
            "is_member",
        )
        .column((user::Entity, user::Column::HasOtherSignIn))
        .expr_as(
            Expr::exists(
                logins(Expr::col((Entity, Column::UserId)))
                    .and_where(Expr::col((other(), Column::Id)).ne(Expr::col((Entity, Column::Id))))
                    .take(),
            ),
            "has_another_login",
        )
        .from(Entity)
        .inner_join(
            identity_provider::Entity,
            Expr::col(provider).equals((Entity, Column::ProviderId)),
        )
        .inner_join(
            user::Entity,
            Expr::col(owner).equals((Entity, Column::UserId)),
        )
        .join(
            JoinType::LeftJoin,
            auth_provider::Entity,
            Expr::col(sign_on).equals((Entity, Column::ProviderId)),
        )
        .and_where(Expr::col((Entity, Column::Id)).is_in(ids.iter().copied()))
        .take();
    let statement = db.get_database_backend().build(&select);
    OfIdentity::find_by_statement(statement).all(db).await
}

/// What is stored around these auth identities.
pub async fn of_auth_identities(
    db: &impl ConnectionTrait,
    ids: &[AuthIdentityId],
) -> Result<Vec<OfAuthIdentity>, DbErr> {
    use auth_identity::{Column, Entity};
    let sign_on = (auth_provider::Entity, auth_provider::Column::Id);
    let owner = (user::Entity, user::Column::Id);
    let select = Query::select()
        .column((Entity, Column::Id))
        .expr_as(
            Expr::col((auth_provider::Entity, auth_provider::Column::AllowUnlinked)),
            "allows_unlinked",
        )
        .expr_as(
            Expr::exists(membership(
                Expr::col((Entity, Column::OrganizationId)),
                Expr::col((Entity, Column::UserId)),
            )),
            "is_member",
        )
        .column((user::Entity, user::Column::HasOtherSignIn))
        .expr_as(
            Expr::exists(logins(Expr::col((Entity, Column::UserId)))),
            "has_login",
        )
        .from(Entity)
        .inner_join(
            auth_provider::Entity,
            Expr::col(sign_on).equals((Entity, Column::AuthProviderId)),
        )
        .inner_join(
            user::Entity,
            Expr::col(owner).equals((Entity, Column::UserId)),
        )
        .and_where(Expr::col((Entity, Column::Id)).is_in(ids.iter().copied()))
        .take();
    let statement = db.get_database_backend().build(&select);
    OfAuthIdentity::find_by_statement(statement).all(db).await
}

/// The row that makes the user a member of the organization.
fn membership(organization: Expr, user: Expr) -> SelectStatement {
    use organization_member::{Column, Entity};
    Query::select()
        .expr(Expr::val(1))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::OrganizationId)).eq(organization))
        .and_where(Expr::col((Entity, Column::UserId)).eq(user))
        .take()
}

/// Identities of the user at shared, enabled providers that sign people in.
fn logins(user: Expr) -> SelectStatement {
    use identity::Column;
    use identity_provider::Column as Provider;
    let of = || Alias::new("of_other");
    Query::select()
        .expr(Expr::val(1))
        .from_as(identity::Entity, other())
        .join_as(
            JoinType::InnerJoin,
            identity_provider::Entity,
            of(),
            Expr::col((of(), Provider::Id)).equals((other(), Column::ProviderId)),
        )
        .and_where(Expr::col((other(), Column::UserId)).eq(user))
        .and_where(Expr::col((other(), Column::OrganizationId)).is_null())
        .and_where(Expr::col((of(), Provider::AllowsSignIn)).eq(true))
        .and_where(Expr::col((of(), Provider::Enabled)).eq(true))
        .take()
}

fn other() -> impl IntoIden {
    Alias::new("other")
}
