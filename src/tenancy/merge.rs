//! Merging two users: one is no more, and the other has everything that was theirs. A plan says
//! beforehand what becomes of each thing; a merge does it in one transaction, and can be undone
//! for a while. The users' profiles are not touched: the one that stays keeps its own.

mod carry_out;
mod gather;
pub mod item;
pub mod plan;
mod undo;

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use secrecy::zeroize::Zeroizing;

use crate::access::Caller;
use crate::clock::Clock;
use crate::database::user::{self, Status};
use crate::database::{Database, Tx, identity_provider};
use crate::directory::merged;
use crate::error::{Error, RefusalCode};
use crate::id::{MergeId, ProviderId, UserId};
use item::{Item, Outcome};
use plan::{Around, Plan};

/// How long a merge can be undone.
pub const UNDOABLE_FOR: TimeDelta = TimeDelta::days(30);
/// Things that one merge moves.
pub const MOST_ITEMS: usize = 1000;
/// Providers that a refusal names.
const MOST_NAMES: usize = 10;

/// What merging needs to do its work.
#[derive(Clone)]
pub struct Merging {
    pub database: Database,
    pub clock: Clock,
    /// Signs plans.
    pub plan_key: Arc<Zeroizing<Vec<u8>>>,
}

/// Two users, and what is to be done where not everything can move.
#[derive(Debug, Clone)]
pub struct MergeRequest {
    pub from: UserId,
    pub into: UserId,
    pub policy: Policy,
    /// Of a plan that must still be true.
    pub plan_token: Option<String>,
}

/// What to do where something can't move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Refuse, and change nothing.
    Fail,
    /// It stays with the user that is no more.
    Skip,
}

impl Policy {
    const fn name(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }
}

/// What a merge would do, and the token by which it does exactly that.
#[derive(Debug, Clone)]
pub struct Preview {
    pub token: String,
    pub items: Vec<Item>,
}

impl Merging {
    /// What [`Self::merge`] would do with the same users. Writes nothing.
    ///
    /// # Errors
    /// As [`Self::merge`], except that what can't move is an answer.
    pub async fn preview(&self, request: &MergeRequest) -> Result<Preview, Error> {
        request.check("intoUserId")?;
        let db = self.database.reader();
        let users = user::by_ids(db, &[request.from, request.into]).await?;
        let (from, into) = request.may_merge(&users)?;
        let around = Around::read(db, from, into).await?;
        let plan = around.plan()?;
        Ok(Preview {
            token: plan.token(&around, request.policy, &self.plan_key)?,
            items: plan.items().cloned().collect(),
        })
    }

    /// Merges in one transaction, with its events.
    ///
    /// # Errors
    /// `NOT_FOUND` for the users, `BAD_USER_INPUT` where they are one; refused for a user who is
    /// not active or merged already, for a plan that is not true any more, for more than
    /// [`MOST_ITEMS`] things, and, under [`Policy::Fail`], for each kind of thing that can't move.
    pub async fn merge(&self, caller: &Caller, request: &MergeRequest) -> Result<MergeId, Error> {
        request.check("input.intoUserId")?;
        let origin = &caller.origin();
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let users = user::lock(tx, &[request.from, request.into]).await?;
                let (from, into) = request.may_merge(&users)?;
                let around = Around::lock_and_read(tx, from, into).await?;
                let plan = around.plan()?;
                self.is_as_expected(tx, request, &around, &plan).await?;
                let id = carry_out::merge(self, tx, origin, &around, &plan).await?;
                merged::sweep(tx, &self.clock).await?;
                Ok(id)
            })
            .await
    }

    /// Gives back what is still where the merge has put it, and makes the user that was no more
    /// what it was before.
    ///
    /// # Errors
    /// `NOT_FOUND`; refused with `NOT_UNDOABLE` where the merge was undone already, or is too long
    /// ago.
    pub async fn undo(&self, caller: &Caller, id: MergeId) -> Result<(), Error> {
        let origin = &caller.origin();
        self.database
            .write(|tx| async move { undo::undo(self, &tx, origin, id).await })
            .await
    }

    async fn is_as_expected(
        &self,
        tx: &Tx,
        request: &MergeRequest,
        around: &Around,
        plan: &Plan,
    ) -> Result<(), Error> {
        let Self { plan_key: key, .. } = self;
        if let Some(token) = &request.plan_token
            && !plan.is_of(around, request.policy, key, token)?
        {
            return Err(Error::refused(
                RefusalCode::PlanOutdated,
                &["input", "planToken"],
                "the plan was made for other users or another onConflict, or what it rests on has \
                 changed since: ask mergePlan for a new one",
            ));
        }
        match request.policy {
            Policy::Skip => Ok(()),
            Policy::Fail => all_can_move(tx, plan).await,
        }
    }
}

async fn all_can_move(db: &impl ConnectionTrait, plan: &Plan) -> Result<(), Error> {
    let at = plan.items().filter(|item| item.outcome == Outcome::Stays);
    let mut providers: Vec<ProviderId> = at.filter_map(|item| item.held.provider()).collect();
    providers.sort_unstable();
    providers.dedup();
    let rows = identity_provider::by_ids(db, &providers).await?;
    let refusals = plan.refusals(|among| {
        let meant = rows.iter().filter(|row| among.contains(&row.id));
        let mut slugs: Vec<&str> = meant.map(|row| row.slug.as_str()).collect();
        slugs.sort_unstable();
        let more = slugs.len().saturating_sub(MOST_NAMES);
        slugs.truncate(MOST_NAMES);
        match more {
            0 => slugs.join(", "),
            _ => format!("{} and {more} more", slugs.join(", ")),
        }
    });
    if refusals.is_empty() {
        return Ok(());
    }
    Err(Error::Refused(refusals))
}

impl MergeRequest {
    fn check(&self, field: &str) -> Result<(), Error> {
        if self.from == self.into {
            return Err(Error::bad_input(field, "is the same user as fromUserId"));
        }
        Ok(())
    }

    /// The two of the rows, where they may be merged as they stand.
    fn may_merge(&self, users: &[user::Model]) -> Result<(user::Model, user::Model), Error> {
        let find = |id: UserId| {
            let row = users.iter().find(|row| row.id == id);
            row.cloned().ok_or_else(|| Error::NotFound {
                what: "user",
                id: id.to_string(),
            })
        };
        let (from, into) = (find(self.from)?, find(self.into)?);
        match from.status {
            Status::Active | Status::Disabled => {}
            Status::Merged => {
                return Err(Error::refused(
                    RefusalCode::UserNotActive,
                    &["input", "fromUserId"],
                    "the user was merged into another one already",
                ));
            }
        }
        match into.status {
            Status::Active => Ok((from, into)),
            Status::Disabled | Status::Merged => Err(Error::refused(
                RefusalCode::UserNotActive,
                &["input", "intoUserId"],
                "the user is not active",
            )),
        }
    }
}
