//! Ids: `UUIDv7` where they are stored, `TypeIDs` where they are public
//! (`identity_01h455vb4pex5vsknk084sn02q`), so that an id of the wrong kind is refused by name.

use std::fmt;
use std::str::FromStr;

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

use crate::clock::Clock;

/// What an id is an id of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Identity,
    Provider,
    User,
    Organization,
    Integration,
    OrganizationIntegration,
    AuthProvider,
    AuthIdentity,
    ApiKey,
    Session,
    Event,
    Merge,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Identity,
        Self::Provider,
        Self::User,
        Self::Organization,
        Self::Integration,
        Self::OrganizationIntegration,
        Self::AuthProvider,
        Self::AuthIdentity,
        Self::ApiKey,
        Self::Session,
        Self::Event,
        Self::Merge,
    ];

    /// The part before the id's last underscore. Part of the API: never changes.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Provider => "provider",
            Self::User => "user",
            Self::Organization => "organization",
            Self::Integration => "integration",
            Self::OrganizationIntegration => "org_integration",
            Self::AuthProvider => "auth_provider",
            Self::AuthIdentity => "auth_identity",
            Self::ApiKey => "api_key",
            Self::Session => "session",
            Self::Event => "event",
            Self::Merge => "merge",
        }
    }
}

/// Why a text is not the id that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("is not an id: ids look like {0}_01h455vb4pex5vsknk084sn02q")]
    Malformed(&'static str),
    #[error("is an id of a kind that this server doesn't have ({0})")]
    UnknownKind(String),
    #[error("is an id of another kind ({found}): an id that begins with {expected}_ is needed")]
    WrongKind {
        expected: &'static str,
        found: String,
    },
}

/// An id of any kind, as `node(id:)` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnyId {
    pub kind: Kind,
    pub uuid: Uuid,
}

impl FromStr for AnyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (prefix, uuid) = split(text, Kind::Identity)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix);
        kind.map(|kind| Self { kind, uuid })
            .ok_or(IdError::UnknownKind(prefix))
    }
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DynamicType::new(self.kind.prefix()) {
            Ok(prefix) => TypeSafeId::from_type_and_uuid(prefix, self.uuid).fmt(f),
            Err(_) => Err(fmt::Error),
        }
    }
}

fn split(text: &str, expected: Kind) -> Result<(String, Uuid), IdError> {
    let id: TypeSafeId<DynamicType> = text
        .parse()
        .map_err(|_| IdError::Malformed(expected.prefix()))?;
    Ok((id.type_prefix().to_owned(), id.uuid()))
}

/// Makes a type for the ids of one kind. A copy for each kind would differ in two words only.
macro_rules! id_of {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(pub Uuid);

        impl $name {
            pub const KIND: Kind = $kind;

            pub fn new(clock: &Clock) -> Self {
                Self(clock.new_uuid())
            }

            pub const fn any(self) -> AnyId {
                AnyId { kind: Self::KIND, uuid: self.0 }
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let (prefix, uuid) = split(text, Self::KIND)?;
                if prefix == Self::KIND.prefix() {
                    Ok(Self(uuid))
                } else {
                    Err(IdError::WrongKind { expected: Self::KIND.prefix(), found: prefix })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.any().fmt(f)
            }
        }
    };
}

id_of!(
    /// The link of a user to an account.
    IdentityId, Kind::Identity
);
id_of!(
    /// A configured identity provider.
    ProviderId, Kind::Provider
);
id_of!(
    /// A person in the directory.
    UserId, Kind::User
);
id_of!(
    /// A tenant of integrations and of sign-on.
    OrganizationId, Kind::Organization
);
id_of!(
    /// An installed external service.
    IntegrationId, Kind::Integration
);
id_of!(
    /// An integration in an organization.
    OrganizationIntegrationId, Kind::OrganizationIntegration
);
id_of!(
    /// An organization's single sign-on.
    AuthProviderId, Kind::AuthProvider
);
id_of!(
    /// A member's link to an organization's single sign-on.
    AuthIdentityId, Kind::AuthIdentity
);
id_of!(
    /// A key that an application calls with.
    ApiKeyId, Kind::ApiKey
);
id_of!(
    /// A person who is signed in with one browser.
    SessionId, Kind::Session
);
id_of!(
    /// An entry of the audit log.
    EventId, Kind::Event
);
id_of!(
    /// A user that went into another one.
    MergeId, Kind::Merge
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_itself_and_only_as_its_own_kind() {
        let id = ApiKeyId::new(&Clock::default());
        let text = id.to_string();
        assert!(text.starts_with("api_key_"), "{text}");
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.parse(), Ok(id.any()));
        assert_eq!(
            text.parse::<UserId>(),
            Err(IdError::WrongKind {
                expected: "user",
                found: "api_key".to_owned()
            })
        );
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "user",
            "user_",
            "user_01h455vb4pex5vsknk084sn02",
            "user_81h455vb4pex5vsknk084sn02q",
            "user_01H455VB4PEX5VSKNK084SN02Q",
            "user_01h455vb4pex5vsknk084sn02q ",
            "1",
            "user_\u{0}",
        ] {
            assert_eq!(
                text.parse::<UserId>(),
                Err(IdError::Malformed("user")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let clock = Clock::default();
        let first = UserId::new(&clock);
        clock.advance(chrono::TimeDelta::seconds(1));
        assert!(first.to_string() < UserId::new(&clock).to_string());
    }
}
