//! Undoing a merge: what is still where the merge has put it goes back, and the rest is noted.

mod give_back;

use std::collections::{HashMap, HashSet};

use sea_orm::{ActiveModelTrait, IntoActiveModel};

use super::Merging;
use super::carry_out::{Writer, described, of_merge};
use super::item::{Held, Item, Lost, Outcome};
use crate::clock::Time;
use crate::database::identity::passing;
use crate::database::json::Json;
use crate::database::{
    Tx, auth_identity, auth_provider, identity, organization, organization_member, user, user_merge,
};
use crate::error::{Error, RefusalCode};
use crate::event::{Action, NewEvent, Origin};
use crate::id::{AuthIdentityId, AuthProviderId, IdentityId, MergeId, OrganizationId, UserId};

/// What is stored, by now, around what a merge has moved.
#[derive(Debug)]
pub(super) struct Now {
    pub into: UserId,
    pub identities: HashMap<IdentityId, identity::Model>,
    pub auth_identities: HashMap<AuthIdentityId, auth_identity::Model>,
    /// What the user that comes back has in the way of it.
    pub identities_of_from: Vec<identity::Model>,
    pub auth_identities_of_from: Vec<auth_identity::Model>,
    /// Whoever has the accounts of the links that the merge has removed.
    pub by_ident: Vec<auth_identity::Model>,
    pub sign_ons: HashSet<AuthProviderId>,
    pub organizations: HashSet<OrganizationId>,
    pub from_is_in: HashSet<OrganizationId>,
    pub into_is_in: HashMap<OrganizationId, Time>,
}

pub(super) async fn undo(
    merging: &Merging,
    tx: &Tx,
    origin: &Origin,
    id: MergeId,
) -> Result<(), Error> {
    let not_found = || Error::NotFound {
        what: "merge",
        id: id.to_string(),
    };
    let found = user_merge::by_ids(tx, &[id]).await?.into_iter().next();
    let found = found.ok_or_else(not_found)?;
    let users = user::lock(tx, &[found.from_user_id, found.into_user_id]).await?;
    let merge = user_merge::locked(tx, id).await?.ok_or_else(not_found)?;
    let user = |id| users.iter().find(|row| row.id == id).cloned();
    let from = user(merge.from_user_id).ok_or_else(not_found)?;
    let into = user(merge.into_user_id).ok_or_else(not_found)?;
    let now = merging.clock.now();
    can_be_undone(&merge, &into, now)?;

    let stored = merge.items_json.0.clone();
    let mut items: Vec<Item> = serde_json::from_value(stored).map_err(anyhow::Error::new)?;
    let around = Now::lock_and_read(tx, &merge, &items).await?;
    around.decide(&mut items);
    let writer = Writer {
        tx,
        clock: &merging.clock,
        origin,
    };
    give_back::give_back(&writer, &merge, &items, &around).await?;
    let back = user::Model {
        status: merge.from_status,
        merged_into: None,
        ..from.clone()
    };
    writer.change_user(&from, back).await?;

    let row = user_merge::Model {
        items_json: Json(serde_json::to_value(&items).map_err(anyhow::Error::new)?),
        date_undone: Some(now),
        sweep_at: None,
        ..merge.clone()
    };
    let event = NewEvent {
        before: Some(described(&merge, [].iter())),
        after: Some(described(&row, items.iter())),
        ..of_merge(Action::UserMergeUndone, &row)
    };
    row.into_active_model().reset_all().update(tx).await?;
    writer.record(event).await
}

fn can_be_undone(merge: &user_merge::Model, into: &user::Model, now: Time) -> Result<(), Error> {
    let refused = |message: String| Err(Error::refused(RefusalCode::NotUndoable, &["id"], message));
    if let Some(undone) = merge.date_undone {
        return refused(format!("the merge was undone already, at {undone}"));
    }
    if now >= merge.undoable_until {
        let until = merge.undoable_until;
        return refused(format!("the merge could be undone until {until}"));
    }
    match into.status {
        user::Status::Active | user::Status::Disabled => Ok(()),
        // What went along with this user is the next one's now.
        user::Status::Merged => {
            let next = into.merged_into.map(|id| id.to_string());
            refused(format!(
                "the user it went into was merged into {} since: undo that merge first",
                next.as_deref().unwrap_or("another one")
            ))
        }
    }
}

impl Now {
    /// Both users are locked already; the rows are locked here.
    async fn lock_and_read(
        tx: &Tx,
        merge: &user_merge::Model,
        items: &[Item],
    ) -> Result<Self, Error> {
        let (from, into) = (merge.from_user_id, merge.into_user_id);
        let (mut identities, mut providers) = (Vec::new(), Vec::new());
        let (mut auth_identities, mut sign_ons) = (Vec::new(), Vec::new());
        let mut organizations = Vec::new();
        let mut removed = Vec::new();
        for item in items {
            match &item.held {
                Held::Identity { id, provider, .. } => {
                    identities.push(*id);
                    providers.push(*provider);
                }
                Held::AuthIdentity {
                    id,
                    sign_on,
                    organization,
                    ident,
                    ..
                } => {
                    auth_identities.push(*id);
                    sign_ons.push(*sign_on);
                    organizations.push(*organization);
                    if item.outcome == Outcome::Removed {
                        removed.push((*sign_on, ident.clone()));
                    }
                }
                Held::Membership { organization, .. } => organizations.push(*organization),
            }
        }
        providers.sort_unstable();
        providers.dedup();
        organizations.sort_unstable();
        organizations.dedup();
        passing::lock_rows(tx, &identities).await?;
        auth_identity::lock_rows(tx, &auth_identities).await?;
        let members = |user| organization_member::of_user_in(tx, user, &organizations);
        Ok(Self {
            into,
            identities: by_key(identity::by_ids(tx, &identities).await?, |row| row.id),
            auth_identities: by_key(auth_identity::by_ids(tx, &auth_identities).await?, |row| {
                row.id
            }),
            identities_of_from: passing::in_the_way(tx, from, &providers).await?,
            auth_identities_of_from: auth_identity::of_user_at(tx, from, &sign_ons).await?,
            by_ident: auth_identity::by_idents(tx, &removed).await?,
            sign_ons: auth_provider::by_ids(tx, &sign_ons)
                .await?
                .into_iter()
                .map(|row| row.id)
                .collect(),
            organizations: organization::by_ids(tx, &organizations)
                .await?
                .into_iter()
                .map(|row| row.id)
                .collect(),
            from_is_in: members(from)
                .await?
                .into_iter()
                .map(|row| row.organization_id)
                .collect(),
            into_is_in: members(into)
                .await?
                .into_iter()
                .map(|row| (row.organization_id, row.date_added))
                .collect(),
        })
    }

    /// Says of each item why it can't go back, where it can't.
    pub(super) fn decide(&self, items: &mut [Item]) {
        let mut will_be_in = self.from_is_in.clone();
        for item in &mut *items {
            if let Held::Membership {
                organization,
                date_added,
            } = item.held
            {
                item.lost = self.of_membership(organization, date_added, item.outcome);
                if item.lost.is_none() {
                    will_be_in.insert(organization);
                }
            }
        }
        for item in items {
            match (&item.held, item.outcome) {
                (Held::Membership { .. }, _) | (_, Outcome::Stays) => {}
                (Held::Identity { .. }, _) => item.lost = self.of_identity(item),
                (Held::AuthIdentity { .. }, _) => {
                    item.lost = self.of_auth_identity(item, &will_be_in);
                }
            }
        }
    }

    fn of_membership(
        &self,
        organization: OrganizationId,
        since: Time,
        outcome: Outcome,
    ) -> Option<Lost> {
        if !self.organizations.contains(&organization) {
            return Some(Lost::Gone);
        }
        match outcome {
            // Whoever was removed since was removed as both.
            Outcome::Removed if !self.into_is_in.contains_key(&organization) => {
                Some(Lost::LeftSince)
            }
            // A membership of a later day is another one.
            Outcome::Moves if self.into_is_in.get(&organization) != Some(&since) => {
                Some(Lost::LeftSince)
            }
            Outcome::Moves | Outcome::Stays | Outcome::Removed => None,
        }
    }

    fn of_identity(&self, item: &Item) -> Option<Lost> {
        let Held::Identity {
            id, external_id, ..
        } = &item.held
        else {
            return None;
        };
        let Some(row) = self.identities.get(id) else {
            return Some(Lost::Gone);
        };
        let takes_its_place = |other: &identity::Model| {
            other.provider_id == row.provider_id && other.account_slot == row.account_slot
        };
        if row.user_id != self.into {
            Some(Lost::OfAnotherUser)
        } else if row.external_id != *external_id {
            Some(Lost::AnotherAccount)
        } else if self.identities_of_from.iter().any(takes_its_place) {
            Some(Lost::PlaceTaken)
        } else {
            // Also at an organization's own provider: the account is this user's, a member or not.
            None
        }
    }

    fn of_auth_identity(&self, item: &Item, will_be_in: &HashSet<OrganizationId>) -> Option<Lost> {
        let Held::AuthIdentity {
            id,
            sign_on,
            organization,
            ident,
            ..
        } = &item.held
        else {
            return None;
        };
        let there = |row: &&auth_identity::Model| row.auth_provider_id == *sign_on;
        let has_account = |row: &auth_identity::Model| row.ident == *ident;
        let stored = self.auth_identities.get(id);
        match (item.outcome, stored) {
            (Outcome::Moves, None) => return Some(Lost::Gone),
            (Outcome::Moves, Some(row)) if row.user_id != self.into => {
                return Some(Lost::OfAnotherUser);
            }
            (Outcome::Moves, Some(row)) if row.ident != *ident => {
                return Some(Lost::AnotherAccount);
            }
            (Outcome::Removed, _) if !self.sign_ons.contains(sign_on) => return Some(Lost::Gone),
            (Outcome::Removed, _) if self.by_ident.iter().filter(there).any(has_account) => {
                return Some(Lost::OfAnotherUser);
            }
            (Outcome::Moves | Outcome::Stays | Outcome::Removed, _) => {}
        }
        if self.auth_identities_of_from.iter().any(|row| there(&row)) {
            return Some(Lost::PlaceTaken);
        }
        (!will_be_in.contains(organization)).then_some(Lost::NotAMember)
    }
}

fn by_key<K: std::hash::Hash + Eq, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}
