//! Which identities: a filter, and the conditions that it makes.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{Condition, QuerySelect, QueryTrait};

use super::{Column, Entity, Status};
use crate::clock::Time;
use crate::database::reach::Reach;
use crate::database::user::fold_case;
use crate::database::{credential, identity_provider, organization_member};
use crate::id::{IdentityId, OrganizationId, ProviderId, UserId};

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
    pub(super) const fn is_exact(&self) -> bool {
        self.names_rows() || self.provider_id.is_some()
    }

    /// Names the rows or the users: however many the organization has, few are left.
    pub(super) const fn names_rows(&self) -> bool {
        self.ids.is_some()
            || self.user_ids.is_some()
            || self.external_ids.is_some()
            || self.email.is_some()
    }

    pub(super) fn names_several_accounts(&self) -> bool {
        self.external_ids.as_ref().is_some_and(|ids| ids.len() > 1)
    }

    pub(super) fn condition(&self) -> Condition {
        self.but_for_the_organization()
            .add_option(self.organization_id.map(within_organization))
    }

    /// Names columns without their table: it holds for rows that were found before, too.
    pub(super) fn but_for_the_organization(&self) -> Condition {
        Condition::all()
            .add_option(
                self.ids
                    .as_ref()
                    .map(|ids| Expr::col(Column::Id).is_in(ids.iter().copied())),
            )
            .add_option(
                self.user_ids
                    .as_ref()
                    .map(|ids| Expr::col(Column::UserId).is_in(ids.iter().copied())),
            )
            .add_option(
                self.external_ids
                    .as_ref()
                    .map(|ids| Expr::col(Column::ExternalId).is_in(ids)),
            )
            .add_option(
                self.provider_id
                    .map(|id| Expr::col(Column::ProviderId).eq(id)),
            )
            .add_option(self.provider_external_id.as_ref().map(|id| {
                let key = self.provider_type.as_deref();
                let providers = providers_of_instance(key, id.as_deref().unwrap_or_default());
                Expr::col(Column::ProviderId).in_subquery(providers.into_query())
            }))
            .add_option(
                self.provider_type
                    .as_ref()
                    .map(|key| Expr::col(Column::ProviderType).eq(key)),
            )
            .add_option(
                self.status
                    .map(|status| Expr::col(Column::Status).eq(status)),
            )
            .add_option(
                self.expiring_before
                    .map(|time| Expr::col(Column::Id).in_subquery(expiring_before(time))),
            )
            .add_option(
                self.email
                    .as_deref()
                    .map(|email| Expr::col(Column::EmailFolded).eq(fold_case(email))),
            )
            .add_option(
                self.is_primary
                    .map(|primary| Expr::col(Column::IsPrimary).eq(primary)),
            )
    }
}

/// Of the organization's members, at its own providers and the shared ones.
pub(super) fn within_organization(id: OrganizationId) -> Condition {
    Condition::all()
        .add(organization_member::is_of(id, (Entity, Column::UserId)))
        .add(at_providers_of(id))
}

/// What these members of the organization have at its own providers and the shared ones.
pub(super) fn of_members(id: OrganizationId, members: Vec<UserId>) -> SelectStatement {
    Entity::find()
        .filter(Column::UserId.is_in(members))
        .filter(at_providers_of(id))
        .into_query()
}

fn at_providers_of(id: OrganizationId) -> Condition {
    Condition::any()
        .add(Column::OrganizationId.is_null())
        .add(Column::OrganizationId.eq(id))
}

pub(super) fn providers_of_instance(
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

fn expiring_before(time: Time) -> SelectStatement {
    credential::Entity::find()
        .select_only()
        .column(credential::Column::IdentityId)
        .filter(credential::Column::ExpiresAt.lt(time))
        .into_query()
}

/// When the row's token expires. A join by another name, but one that can't be turned into a
/// walk over all credentials: PostgreSQL looks this up for each row that a list meets.
pub(super) fn expiry_of_the_row() -> Expr {
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
