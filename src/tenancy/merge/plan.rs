//! What a merge would do: a pure function of what is stored around both users.

use std::collections::{BTreeSet, HashSet};

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::ActiveEnum;
use sea_orm::prelude::Uuid;
use serde::Serialize;
use sha2::Sha256;

use super::item::{Item, Outcome, Reason};
use super::{MOST_ITEMS, Policy};
use crate::database::{auth_identity, identity, organization_member, user};
use crate::error::{Error, Refusal, RefusalCode};
use crate::id::{OrganizationId, ProviderId};

/// What is stored around two users.
#[derive(Debug, Clone)]
pub struct Around {
    /// Who is to be no more, and what they have; each list by id.
    pub from: user::Model,
    pub identities: Vec<identity::Model>,
    pub auth_identities: Vec<auth_identity::Model>,
    pub memberships: Vec<organization_member::Model>,
    /// Who is to have everything, and what they have in the way of it.
    pub into: user::Model,
    pub identities_in_the_way: Vec<identity::Model>,
    pub auth_identities_in_the_way: Vec<auth_identity::Model>,
    pub into_is_in: HashSet<OrganizationId>,
}

/// What becomes of each thing, in a defined order: identities, links to sign-ons, memberships,
/// each by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
}

/// An item, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Step {
    item: Item,
    /// The identity's; other things don't change but by being removed.
    version: i64,
    /// What of the other user's it meets.
    meets: Option<Uuid>,
}

impl Around {
    /// What a merge would do now.
    ///
    /// # Errors
    /// Refused with `TOO_LARGE`.
    pub fn plan(&self) -> Result<Plan, Error> {
        let found = self.identities.len() + self.auth_identities.len() + self.memberships.len();
        if found > MOST_ITEMS {
            return Err(Error::refused(
                RefusalCode::TooLarge,
                &["input", "fromUserId"],
                format!(
                    "the user has more than {MOST_ITEMS} things that would have to move, accounts \
                     and memberships together: unlink accounts, or remove memberships, that need \
                     not move, and merge then"
                ),
            ));
        }
        let mut steps = Vec::with_capacity(found);
        steps.extend(self.identities.iter().map(|row| self.of_identity(row)));
        let auth_identities = self.auth_identities.iter();
        steps.extend(auth_identities.map(|row| self.of_auth_identity(row)));
        steps.extend(self.memberships.iter().map(|row| self.of_membership(row)));
        Ok(Plan { steps })
    }

    fn of_identity(&self, row: &identity::Model) -> Step {
        let there = || {
            let rows = self.identities_in_the_way.iter();
            rows.filter(|other| other.provider_id == row.provider_id)
        };
        let same_slot = there().find(|other| other.account_slot == row.account_slot);
        let primary = there().find(|other| row.is_primary && other.is_primary);
        let (outcome, reason, meets) = match (same_slot, primary) {
            (Some(other), _) => (
                Outcome::Stays,
                Some(Reason::AnotherAccount),
                Some(other.id.0),
            ),
            (None, _) if !self.will_be_in(row.organization_id) => {
                (Outcome::Stays, Some(Reason::NotAMember), None)
            }
            (None, Some(other)) => (
                Outcome::Moves,
                Some(Reason::AnotherPrimary),
                Some(other.id.0),
            ),
            (None, None) => (Outcome::Moves, None, None),
        };
        Step {
            item: Item {
                held: row.into(),
                outcome,
                reason,
                lost: None,
            },
            version: row.version,
            meets,
        }
    }

    fn of_auth_identity(&self, row: &auth_identity::Model) -> Step {
        let mut there = self.auth_identities_in_the_way.iter();
        let other = there.find(|other| other.auth_provider_id == row.auth_provider_id);
        let (outcome, reason) = match other {
            Some(_) => (Outcome::Removed, Some(Reason::AnotherLink)),
            None if self.will_be_in(Some(row.organization_id)) => (Outcome::Moves, None),
            None => (Outcome::Stays, Some(Reason::NotAMember)),
        };
        Step {
            item: Item {
                held: row.into(),
                outcome,
                reason,
                lost: None,
            },
            version: 0,
            meets: other.map(|other| other.id.0),
        }
    }

    fn of_membership(&self, row: &organization_member::Model) -> Step {
        let (outcome, reason) = if self.into_is_in.contains(&row.organization_id) {
            (Outcome::Removed, Some(Reason::MemberAlready))
        } else {
            (Outcome::Moves, None)
        };
        Step {
            item: Item {
                held: row.into(),
                outcome,
                reason,
                lost: None,
            },
            version: 0,
            meets: None,
        }
    }

    /// Every membership of the one user becomes the other's.
    fn will_be_in(&self, organization: Option<OrganizationId>) -> bool {
        organization.is_none_or(|id| {
            self.into_is_in.contains(&id)
                || self.memberships.iter().any(|row| row.organization_id == id)
        })
    }
}

impl Plan {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.steps.iter().map(|step| &step.item)
    }

    /// Two plans have the same token exactly when they are of the same users as they stand, under
    /// the same policy, do the same and rest on the same.
    pub fn token(&self, around: &Around, policy: Policy, key: &[u8]) -> Result<String, Error> {
        let bytes = self.sign(around, policy, key)?.finalize().into_bytes();
        Ok(BASE64URL_NOPAD.encode(&bytes))
    }

    /// Whether the token is this plan's.
    pub fn is_of(
        &self,
        around: &Around,
        policy: Policy,
        key: &[u8],
        token: &str,
    ) -> Result<bool, Error> {
        let Ok(bytes) = BASE64URL_NOPAD.decode(token.as_bytes()) else {
            return Ok(false);
        };
        let mac = self.sign(around, policy, key)?;
        Ok(mac.verify_slice(&bytes).is_ok())
    }

    fn sign(&self, around: &Around, policy: Policy, key: &[u8]) -> Result<Hmac<Sha256>, Error> {
        let Around { from, into, .. } = around;
        let of = (
            (from.id.to_string(), from.status.to_value()),
            (into.id.to_string(), into.status.to_value()),
            policy.name(),
            &self.steps,
        );
        let written = serde_json::to_vec(&of).map_err(anyhow::Error::from)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
        mac.update(&written);
        Ok(mac)
    }

    /// The providers of the identities that can't move, for the reason.
    fn providers_where(&self, why: Reason) -> BTreeSet<ProviderId> {
        self.items()
            .filter(|item| item.outcome == Outcome::Stays && item.reason == Some(why))
            .filter_map(|item| item.held.provider())
            .collect()
    }

    /// What a merge that must move everything is refused for: a refusal for each kind of
    /// conflict. `names` says what providers are called.
    pub fn refusals(&self, names: impl Fn(&BTreeSet<ProviderId>) -> String) -> Vec<Refusal> {
        let kinds = [
            (
                Reason::AnotherAccount,
                RefusalCode::UserHasAnotherAccount,
                "the other user has one at the same provider, and it takes one of each user",
            ),
            (
                Reason::NotAMember,
                RefusalCode::UserNotInOrganization,
                "they are within an organization that neither user is a member of",
            ),
        ];
        let refusal = |(reason, code, because): (Reason, RefusalCode, &str)| {
            let stays =
                |item: &&Item| item.outcome == Outcome::Stays && item.reason == Some(reason);
            let count = self.items().filter(stays).count();
            let providers = self.providers_where(reason);
            let at = if providers.is_empty() {
                String::new()
            } else {
                format!(" ({})", names(&providers))
            };
            (count > 0).then(|| {
                let accounts = if count == 1 { "account" } else { "accounts" };
                let message = format!("{count} {accounts} can't move: {because}{at}");
                Refusal::new(code, &["input", "onConflict"], message)
            })
        };
        kinds.into_iter().filter_map(refusal).collect()
    }
}
