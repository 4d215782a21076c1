//! Scalars and small values that several types share.

use async_graphql::{
    Description, Enum, ID, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject,
    Value,
};
use chrono::{DateTime, Datelike, Utc};
use serde_json::Value as Json;

use crate::clock::Time;
use crate::directory::entity_ref::EntityRef as Reference;
use crate::error::{self, Error};
use crate::id::IdError;
use crate::input::Change;

/// A reference to an entity of the directory, `kind:namespace/name`: `user:default/jane`. The
/// namespace may be left out (`default`); references compare without case and are answered in
/// lower case.
#[derive(Debug, Clone, Description)]
pub struct EntityRef(pub Reference);

#[Scalar(name = "EntityRef", use_type_description)]
impl ScalarType for EntityRef {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => text
                .parse()
                .map(Self)
                .map_err(|error| InputValueError::custom(format!("{text:?} {error}"))),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A name and its value.
#[derive(Debug, Clone, SimpleObject)]
pub struct NamedValue {
    /// The name, unique in its list.
    pub name: String,
    /// The value, as text.
    pub value: String,
}

/// An object of texts as a list, by name.
pub fn named_values(object: &Json) -> Vec<NamedValue> {
    let Json::Object(entries) = object else {
        return Vec::new();
    };
    entries
        .iter()
        .map(|(name, value)| NamedValue {
            name: name.clone(),
            value: value
                .as_str()
                .map_or_else(|| value.to_string(), ToOwned::to_owned),
        })
        .collect()
}

/// An expected refusal of a mutation: the request is well-formed, and stored data stands against
/// it. Nothing was changed. Faults and denials are errors with `extensions.code` instead.
#[derive(Debug, Clone, SimpleObject)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub message: String,
    /// Path of the input field that it is about; empty where it is about the whole.
    pub field: Vec<String>,
    /// The same request may succeed later, without any other change.
    pub retryable: bool,
}

impl From<error::Refusal> for Refusal {
    fn from(refusal: error::Refusal) -> Self {
        let error::Refusal {
            code,
            message,
            field,
            retryable,
        } = refusal;
        Self {
            code: code.into(),
            message,
            field,
            retryable,
        }
    }
}

/// Why a mutation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::error::RefusalCode")]
pub enum RefusalCode {
    /// The account at the provider is linked to another user.
    AccountOwnedByAnotherUser,
    /// The user has another account at this provider. (A conflict of kind BOTH answers with both
    /// codes.)
    UserHasAnotherAccount,
    /// It is the person's only way in.
    NeededForGlobalAuth,
    /// The person's organization asks for it.
    NeededForOrgAuth,
    /// `expectedVersion` is not current.
    VersionConflict,
    /// The idempotency key was used with another input.
    IdempotencyKeyReused,
    /// data, metadata, config or attributes carry a token; it belongs into credential.
    SecretInData,
    /// Another row has this key.
    AlreadyExists,
    /// Other rows still refer to it; the message counts them by kind.
    InUse,
    /// This field is fixed at creation (slug, type, issuer, host, tenant).
    Immutable,
    /// The row comes from the configuration file; change it there.
    ManagedByConfiguration,
    /// The provider's type does not take this configuration; `field` says what is wrong.
    InvalidConfiguration,
    /// The user is no member of the organization.
    UserNotInOrganization,
    /// The user is disabled, or was merged into another one.
    UserNotActive,
    /// Links may not lead back to that address: see returnOrigins of API keys.
    ReturnToNotAllowed,
    /// There is no refresh token, or tokens of this type are not refreshed.
    NotRefreshable,
    /// The provider says that the grant is dead: link the account again.
    CredentialInvalid,
    /// The provider could not be reached, refuses this server itself, or can't be used as it is
    /// configured.
    ProviderUnavailable,
    /// A key can give no scope that it does not hold.
    ScopeNotHeld,
    /// The plan is no longer true; ask for a new one.
    PlanOutdated,
    /// The merge was undone already, or is too long ago.
    NotUndoable,
    /// It has more parts than can be changed at once.
    TooLarge,
}

/// What a capability answered, as a mutation's payload: refusals are data there.
pub fn settled<T>(result: Result<T, Error>) -> Result<(Option<T>, Vec<Refusal>), Error> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(Error::Refused(refusals)) => {
            Ok((None, refusals.into_iter().map(Refusal::from).collect()))
        }
        Err(error) => Err(error),
    }
}

/// An id of the kind that the field needs.
pub fn id<T: std::str::FromStr<Err = IdError>>(field: &str, id: &ID) -> Result<T, Error> {
    id.parse()
        .map_err(|error| Error::bad_input(field, format!("{:?} {error}", id.as_str())))
}

/// Ids of the kind that the field needs, a bounded number of them.
pub fn ids<T: std::str::FromStr<Err = IdError>>(
    field: &str,
    ids: &[ID],
    most: usize,
) -> Result<Vec<T>, Error> {
    bounded(field, ids.len(), most)?;
    ids.iter().map(|text| id(field, text)).collect()
}

/// # Errors
/// `BAD_USER_INPUT` for an empty list, or one that is too long.
pub fn bounded(field: &str, found: usize, most: usize) -> Result<(), Error> {
    if found == 0 {
        return Err(Error::bad_input(
            field,
            "is an empty list: give at least one, or leave it out",
        ));
    }
    if found > most {
        return Err(Error::bad_input(
            field,
            format!("has {found} entries, {most} at most"),
        ));
    }
    Ok(())
}

/// A time as both databases keep it: cut to microseconds, in a year of four digits (SQLite keeps
/// text, and compares it), without leap seconds.
pub fn time(field: &str, time: DateTime<Utc>) -> Result<Time, Error> {
    let kept = DateTime::from_timestamp_micros(time.timestamp_micros());
    kept.filter(|time| (0..=9999).contains(&time.year()))
        .ok_or_else(|| Error::bad_input(field, "is no time in the years 0000 to 9999"))
}

/// A key of a filter that is given has a value.
pub fn given<T>(field: &str, value: async_graphql::MaybeUndefined<T>) -> Result<Option<T>, Error> {
    use async_graphql::MaybeUndefined::{Null, Undefined, Value};
    match value {
        Undefined => Ok(None),
        Value(value) => Ok(Some(value)),
        Null => Err(Error::bad_input(
            field,
            "is null: give a value, or leave it out",
        )),
    }
}

/// Left out, cleared or set.
pub fn change<T>(value: async_graphql::MaybeUndefined<T>) -> Change<T> {
    use async_graphql::MaybeUndefined::{Null, Undefined, Value};
    match value {
        Undefined => Change::Keep,
        Null => Change::Clear,
        Value(value) => Change::Set(value),
    }
}
