//! What a merge finds around a user, thing by thing, and what becomes of each. Stored with the
//! merge as JSON: names are never changed, and what is added has a default.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::database::{auth_identity, identity, organization_member};
use crate::id::{AnyId, AuthIdentityId, AuthProviderId, IdentityId, OrganizationId, ProviderId};

/// One thing of the user that is merged away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub held: Held,
    pub outcome: Outcome,
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Why an undo did not give it back; `None` where it did, and before.
    #[serde(default)]
    pub lost: Option<Lost>,
}

/// What the user had, with all that an undo needs to give it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Held {
    Identity {
        #[serde(with = "text")]
        id: IdentityId,
        #[serde(with = "text")]
        provider: ProviderId,
        external_id: String,
        primary: bool,
    },
    AuthIdentity {
        #[serde(with = "text")]
        id: AuthIdentityId,
        #[serde(with = "text")]
        sign_on: AuthProviderId,
        #[serde(with = "text")]
        organization: OrganizationId,
        ident: String,
        date_added: Time,
        last_verified: Time,
        last_synced: Time,
    },
    Membership {
        #[serde(with = "text")]
        organization: OrganizationId,
        date_added: Time,
    },
}

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Moves,
    Stays,
    Removed,
}

/// Why a merge does with a thing what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The other user has an account at the provider, which takes one.
    AnotherAccount,
    /// The provider, or the sign-on, is an organization's, and neither user is a member of it.
    NotAMember,
    /// It moves, and the other user's account stays the primary one.
    AnotherPrimary,
    /// The other user has a link to the sign-on, which takes one.
    AnotherLink,
    /// The other user is a member already.
    MemberAlready,
}

/// Why an undo does not give a thing back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// It was removed since.
    Gone,
    /// It is another user's by now.
    OfAnotherUser,
    /// It is linked to another account by now.
    AnotherAccount,
    /// Something else has its place.
    PlaceTaken,
    /// It is for members of an organization, and the user is none (again).
    NotAMember,
    /// The other user left the organization since.
    LeftSince,
}

impl Held {
    /// What the item is about, as the API names it; for a membership, the organization.
    pub const fn node(&self) -> AnyId {
        match self {
            Self::Identity { id, .. } => id.any(),
            Self::AuthIdentity { id, .. } => id.any(),
            Self::Membership { organization, .. } => organization.any(),
        }
    }

    /// Where an identity is.
    pub const fn provider(&self) -> Option<ProviderId> {
        match self {
            Self::Identity { provider, .. } => Some(*provider),
            Self::AuthIdentity { .. } | Self::Membership { .. } => None,
        }
    }
}

impl From<&identity::Model> for Held {
    fn from(row: &identity::Model) -> Self {
        Self::Identity {
            id: row.id,
            provider: row.provider_id,
            external_id: row.external_id.clone(),
            primary: row.is_primary,
        }
    }
}

impl From<&auth_identity::Model> for Held {
    fn from(row: &auth_identity::Model) -> Self {
        Self::AuthIdentity {
            id: row.id,
            sign_on: row.auth_provider_id,
            organization: row.organization_id,
            ident: row.ident.clone(),
            date_added: row.date_added,
            last_verified: row.last_verified,
            last_synced: row.last_synced,
        }
    }
}

impl From<&organization_member::Model> for Held {
    fn from(row: &organization_member::Model) -> Self {
        Self::Membership {
            organization: row.organization_id,
            date_added: row.date_added,
        }
    }
}

impl Item {
    /// What the API shows of it: after an undo, of what did not come back; `None` for what did.
    pub const fn shown(&self, undone: bool) -> Option<(Outcome, Option<&'static str>)> {
        match (undone, self.lost) {
            (false, _) => Some((
                self.outcome,
                match self.reason {
                    None => None,
                    Some(reason) => Some(reason.explained()),
                },
            )),
            (true, None) => None,
            (true, Some(lost)) => Some((lost.outcome(), Some(lost.explained()))),
        }
    }
}

impl Reason {
    const fn explained(self) -> &'static str {
        match self {
            Self::AnotherAccount => {
                "the other user has an account at this provider, and it takes one of each user"
            }
            Self::NotAMember => "it is within an organization that neither user is a member of",
            Self::AnotherPrimary => {
                "the other user has a primary account at this provider, which stays the primary one"
            }
            Self::AnotherLink => {
                "the other user has a link to this sign-on, and it takes one of each user"
            }
            Self::MemberAlready => "the other user is a member already",
        }
    }
}

impl Lost {
    const fn outcome(self) -> Outcome {
        match self {
            Self::Gone => Outcome::Removed,
            Self::OfAnotherUser
            | Self::AnotherAccount
            | Self::PlaceTaken
            | Self::NotAMember
            | Self::LeftSince => Outcome::Stays,
        }
    }

    const fn explained(self) -> &'static str {
        match self {
            Self::Gone => "it was removed after the merge",
            Self::OfAnotherUser => "it is another user's by now",
            Self::AnotherAccount => "it was linked to another account after the merge",
            Self::PlaceTaken => "something else has its place by now",
            Self::NotAMember => {
                "it is for members of an organization, and the user is none any more"
            }
            Self::LeftSince => "the other user left the organization after the merge",
        }
    }
}

/// Ids stand in the JSON as the API shows them.
mod text {
    use super::{Deserialize, Display, FromStr};

    pub fn serialize<T: Display, S: serde::Serializer>(
        id: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub fn deserialize<'de, T: FromStr<Err: Display>, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
