//! Which identities, and in what order.

use async_graphql::MaybeUndefined::{self, Null, Undefined, Value};
use async_graphql::{Enum, ID, InputObject};
use chrono::{DateTime, Utc};

use super::IdentityStatus;
use crate::database::identity;
use crate::error::Error;
use crate::graphql::scalar::{bounded, given, id, ids, time};
use crate::graphql::{MOST_IDS, MOST_TEXTS};
use crate::limits;

/// Which identities. Keys are combined with AND; at least one is given, and a key that is given
/// has a value.
#[derive(Debug, InputObject)]
pub struct IdentityFilter {
    /// This identity.
    id: MaybeUndefined<ID>,
    /// Any of these identities; 100 at most.
    ids: MaybeUndefined<Vec<ID>>,
    /// Of this user.
    user_id: MaybeUndefined<ID>,
    /// Of any of these users; 100 at most.
    user_ids: MaybeUndefined<Vec<ID>>,
    /// With this external id. It says who only together with a provider.
    external_id: MaybeUndefined<String>,
    /// With any of these external ids; 1,000 at most.
    external_ids: MaybeUndefined<Vec<String>>,
    /// At this provider.
    provider_id: MaybeUndefined<ID>,
    /// At providers with this external id; null: at those that have none.
    provider_external_id: MaybeUndefined<String>,
    /// At providers of this type.
    provider_type: MaybeUndefined<String>,
    /// With this status.
    status: MaybeUndefined<IdentityStatus>,
    /// Whose access token ends before this time.
    expiring_before: MaybeUndefined<DateTime<Utc>>,
    /// With this e-mail address; case does not count.
    email: MaybeUndefined<String>,
    /// The primary ones of their users at their providers, or the others.
    is_primary: MaybeUndefined<bool>,
    /// Within this organization: of its members, at its own providers and the shared ones.
    organization_id: MaybeUndefined<ID>,
}

/// What a list of identities is ordered by; the id decides between equals.
#[derive(Debug, InputObject)]
pub struct IdentityOrder {
    /// The field to order by.
    field: IdentityOrderField,
    /// Which way.
    #[graphql(default_with = "IdentityOrderDirection::Asc")]
    direction: IdentityOrderDirection,
}

/// A field to order identities by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::database::identity::OrderBy")]
pub enum IdentityOrderField {
    /// By id, which is by when they were made.
    Id,
    /// By when they were linked.
    DateAdded,
    /// By when they were last verified.
    DateVerified,
    /// By external id, byte for byte.
    ExternalId,
}

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum IdentityOrderDirection {
    /// The smallest, or the earliest, comes first.
    Asc,
    /// The largest, or the latest, comes first.
    Desc,
}

impl From<IdentityOrder> for identity::Order {
    fn from(order: IdentityOrder) -> Self {
        let descending = match order.direction {
            IdentityOrderDirection::Asc => false,
            IdentityOrderDirection::Desc => true,
        };
        Self {
            by: order.field.into(),
            descending,
        }
    }
}

impl IdentityFilter {
    /// # Errors
    /// `BAD_USER_INPUT`, with the key and what would be right.
    pub fn read(self, at: &str) -> Result<identity::Filter, Error> {
        let key = |name: &str| format!("{at}.{name}");
        let text = |name: &str, value: MaybeUndefined<String>, bytes: usize| {
            let value = given(&key(name), value)?;
            if let Some(value) = &value {
                limits::text(&key(name), value, bytes)?;
            }
            Ok::<_, Error>(value)
        };
        let provider_external_id = match self.provider_external_id {
            Undefined => None,
            Null => Some(None),
            Value(value) => {
                limits::text(&key("providerExternalId"), &value, limits::EXTERNAL_ID)?;
                Some(Some(value))
            }
        };
        let filter = identity::Filter {
            ids: one_or_many(&key("id"), self.id, &key("ids"), self.ids)?,
            user_ids: one_or_many(&key("userId"), self.user_id, &key("userIds"), self.user_ids)?,
            external_ids: intersection(
                text("externalId", self.external_id, limits::EXTERNAL_ID)?,
                texts(&key("externalIds"), self.external_ids)?,
            ),
            provider_id: given(&key("providerId"), self.provider_id)?
                .map(|text| id(&key("providerId"), &text))
                .transpose()?,
            provider_external_id,
            provider_type: text("providerType", self.provider_type, limits::SLUG)?,
            status: given(&key("status"), self.status)?.map(Into::into),
            expiring_before: given(&key("expiringBefore"), self.expiring_before)?
                .map(|at| time(&key("expiringBefore"), at))
                .transpose()?,
            email: text("email", self.email, limits::EMAIL)?,
            is_primary: given(&key("isPrimary"), self.is_primary)?,
            organization_id: given(&key("organizationId"), self.organization_id)?
                .map(|text| id(&key("organizationId"), &text))
                .transpose()?,
        };
        if filter.is_empty() {
            return Err(Error::bad_input(
                at,
                "is empty: give at least one key, or leave the filter out where it may be",
            ));
        }
        Ok(filter)
    }
}

fn one_or_many<T>(
    one_key: &str,
    one: MaybeUndefined<ID>,
    many_key: &str,
    many: MaybeUndefined<Vec<ID>>,
) -> Result<Option<Vec<T>>, Error>
where
    T: std::str::FromStr<Err = crate::id::IdError> + PartialEq,
{
    let one = given(one_key, one)?
        .map(|text| id(one_key, &text))
        .transpose()?;
    let many = given(many_key, many)?
        .map(|all| ids(many_key, &all, MOST_IDS))
        .transpose()?;
    Ok(intersection(one, many))
}

fn texts(key: &str, texts: MaybeUndefined<Vec<String>>) -> Result<Option<Vec<String>>, Error> {
    let Some(texts) = given(key, texts)? else {
        return Ok(None);
    };
    bounded(key, texts.len(), MOST_TEXTS)?;
    texts
        .iter()
        .try_for_each(|text| limits::text(key, text, limits::EXTERNAL_ID))?;
    Ok(Some(texts))
}

/// Both keys of a filter hold.
fn intersection<T: PartialEq>(one: Option<T>, many: Option<Vec<T>>) -> Option<Vec<T>> {
    match (one, many) {
        (Some(one), Some(many)) => Some(if many.contains(&one) {
            vec![one]
        } else {
            Vec::new()
        }),
        (Some(one), None) => Some(vec![one]),
        (None, many) => many,
    }
}
