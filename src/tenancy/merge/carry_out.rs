//! Carrying a plan out, in the transaction that it was made in.

use sea_orm::{ActiveEnum, ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::item::{Held, Item, Outcome, Reason};
use super::plan::{Around, Plan};
use super::{Merging, UNDOABLE_FOR};
use crate::access::session;
use crate::clock::{Clock, Time};
use crate::database::json::Json;
use crate::database::user::{self, Status};
use crate::database::{Tx, flow, organization_member, pending_link, user_merge};
use crate::directory::user::describe as describe_user;
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{MergeId, OrganizationId, UserId};
use crate::identity::beside;
use crate::identity::give::give;
use crate::tenancy::member;

/// A change in a transaction, and who makes it.
pub struct Writer<'a> {
    pub tx: &'a Tx,
    pub clock: &'a Clock,
    pub origin: &'a Origin,
}

/// Does what the plan says.
pub async fn merge(
    merging: &Merging,
    tx: &Tx,
    origin: &Origin,
    around: &Around,
    plan: &Plan,
) -> Result<MergeId, Error> {
    let clock = &merging.clock;
    let writer = Writer { tx, clock, origin };
    let Around { from, into, .. } = around;
    for item in plan.items() {
        writer.move_membership(item, from.id, into.id).await?;
    }
    writer.move_identities(around, plan).await?;
    writer.move_auth_identities(around, plan).await?;
    member::lose_defaults_elsewhere(tx, clock, origin, into.id).await?;
    session::end_of_user(tx, clock, origin, from.id, None).await?;
    flow::delete_of_user(tx, from.id).await?;
    pending_link::delete_of_user(tx, from.id).await?;
    let now = clock.now();
    let merged = user::Model {
        status: Status::Merged,
        merged_into: Some(into.id),
        ..from.clone()
    };
    writer.change_user(from, merged).await?;

    let items: Vec<&Item> = plan.items().collect();
    let row = user_merge::Model {
        id: MergeId::new(clock),
        from_user_id: from.id,
        into_user_id: into.id,
        from_status: from.status,
        items_json: Json(serde_json::to_value(&items).map_err(anyhow::Error::new)?),
        date_merged: now,
        undoable_until: now + UNDOABLE_FOR,
        date_undone: None,
        sweep_at: Some(now + UNDOABLE_FOR),
    };
    let id = row.id;
    let event = NewEvent {
        after: Some(described(&row, plan.items())),
        ..of_merge(Action::UserMerged, &row)
    };
    user_merge::insert(tx, row).await?;
    event::record(tx, clock, origin, event).await?;
    Ok(id)
}

impl Writer<'_> {
    /// The membership, with when it began.
    async fn move_membership(&self, item: &Item, from: UserId, into: UserId) -> Result<(), Error> {
        let Held::Membership {
            organization,
            date_added,
        } = item.held
        else {
            return Ok(());
        };
        organization_member::delete(self.tx, organization, from).await?;
        self.record(member::left(organization, from)).await?;
        match item.outcome {
            Outcome::Moves => self.add_member(organization, into, date_added).await,
            Outcome::Stays | Outcome::Removed => Ok(()),
        }
    }

    pub async fn add_member(
        &self,
        organization_id: OrganizationId,
        user_id: UserId,
        date_added: Time,
    ) -> Result<(), Error> {
        let row = organization_member::Model {
            organization_id,
            user_id,
            date_added,
        };
        organization_member::insert(self.tx, row).await?;
        self.record(member::joined(organization_id, user_id)).await
    }

    async fn move_identities(&self, around: &Around, plan: &Plan) -> Result<(), Error> {
        // Both are in the order of the ids.
        let items = plan
            .items()
            .filter(|item| matches!(item.held, Held::Identity { .. }));
        for (row, item) in around.identities.iter().zip(items) {
            if item.outcome != Outcome::Moves {
                continue;
            }
            let primary = row.is_primary && item.reason != Some(Reason::AnotherPrimary);
            let Self { tx, clock, origin } = self;
            give(tx, clock, origin, row, around.into.id, primary).await?;
        }
        Ok(())
    }

    async fn move_auth_identities(&self, around: &Around, plan: &Plan) -> Result<(), Error> {
        let items = plan
            .items()
            .filter(|item| matches!(item.held, Held::AuthIdentity { .. }));
        let Self { tx, clock, origin } = self;
        for (row, item) in around.auth_identities.iter().zip(items) {
            match item.outcome {
                Outcome::Moves => beside::give(tx, clock, origin, row, around.into.id).await?,
                Outcome::Removed => {
                    beside::remove(tx, clock, origin, row).await?;
                }
                Outcome::Stays => {}
            }
        }
        Ok(())
    }

    /// Stores the user as it is to be.
    pub async fn change_user(&self, before: &user::Model, after: user::Model) -> Result<(), Error> {
        let after = user::Model {
            date_updated: self.clock.now(),
            ..after
        };
        let event = NewEvent {
            target: Some(after.id.any()),
            user: Some(after.id),
            before: Some(describe_user(before)),
            after: Some(describe_user(&after)),
            ..NewEvent::new(Action::UserUpdated)
        };
        after
            .into_active_model()
            .reset_all()
            .update(self.tx)
            .await?;
        self.record(event).await
    }

    pub async fn record(&self, event: NewEvent) -> Result<(), Error> {
        event::record(self.tx, self.clock, self.origin, event).await
    }
}

/// What happened to a merge. It is the affair of the user that has everything now; of the other
/// one, the event of its own change tells.
pub fn of_merge(action: Action, row: &user_merge::Model) -> NewEvent {
    NewEvent {
        target: Some(row.id.any()),
        user: Some(row.into_user_id),
        ..NewEvent::new(action)
    }
}

/// A merge as events tell of it: of what moved, each has an event of its own.
pub fn described<'a>(row: &user_merge::Model, items: impl Iterator<Item = &'a Item>) -> Value {
    let [mut moved, mut stayed, mut removed, mut lost] = [0; 4];
    for item in items {
        match item.outcome {
            Outcome::Moves => moved += 1,
            Outcome::Stays => stayed += 1,
            Outcome::Removed => removed += 1,
        }
        lost += i32::from(item.lost.is_some());
    }
    json!({
        "fromUserId": row.from_user_id.to_string(),
        "fromStatus": row.from_status.to_value(),
        "intoUserId": row.into_user_id.to_string(),
        "undoableUntil": row.undoable_until,
        "dateUndone": row.date_undone,
        "moved": moved,
        "stayed": stayed,
        "removed": removed,
        "notGivenBack": lost,
    })
}
