//! Users that went into others: what a merge would do, doing it and undoing it.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::context::Asking;
use super::node::{self, Node};
use super::scalar::{Refusal, id, settled};
use super::user::{self, User};
use crate::access::Visible;
use crate::database::user_merge;
use crate::error::{Error, RefusalCode};
use crate::id::{AnyId, MergeId};
use crate::tenancy::merge::item::{Item, Outcome};
use crate::tenancy::merge::{MergeRequest, Policy};

/// A user that went into another one, and what went along.
#[derive(Clone, Description)]
pub struct UserMerge(pub Visible<user_merge::Model>);

#[Object(use_type_description)]
impl UserMerge {
    /// Names the merge for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The user that is no more: it stays as `MERGED` while the merge can be undone.
    async fn from(&self, ctx: &Context<'_>) -> Result<User, Error> {
        user::of_id(ctx, self.0.from_user_id).await
    }

    /// The user that has everything now.
    async fn into(&self, ctx: &Context<'_>) -> Result<User, Error> {
        user::of_id(ctx, self.0.into_user_id).await
    }

    /// What there was to move, and what became of it, in the order of the plan. Of a merge that
    /// was undone: what could not be given back, and why.
    #[graphql(complexity = "100 * child_complexity + 1")]
    async fn items(&self) -> Result<Vec<MergeItem>, Error> {
        let stored = self.0.items_json.0.clone();
        let items: Vec<Item> = serde_json::from_value(stored).map_err(|cause| {
            Error::Internal(anyhow::Error::new(cause).context("the stored items of a merge"))
        })?;
        let undone = self.0.date_undone.is_some();
        Ok(items
            .iter()
            .filter_map(|item| MergeItem::of(item, undone))
            .collect())
    }

    /// When it was done.
    async fn date_merged(&self) -> DateTime<Utc> {
        self.0.date_merged
    }

    /// Until when it can be undone.
    async fn undoable_until(&self) -> DateTime<Utc> {
        self.0.undoable_until
    }

    /// When it was undone; null where it was not.
    async fn date_undone(&self) -> Option<DateTime<Utc>> {
        self.0.date_undone
    }
}

/// What to do where something can't move to the other user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::tenancy::merge::Policy")]
pub enum MergeConflictPolicy {
    /// Refuse, and change nothing.
    Fail,
    /// It stays with the user that is no more.
    Skip,
}

/// What becomes of a thing in a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::tenancy::merge::item::Outcome")]
pub enum MergeItemOutcome {
    /// It is the other user's.
    Moves,
    /// It stays where it is.
    Stays,
    /// It is no more.
    Removed,
}

/// A thing of the user that is merged away: an identity, a link to a single sign-on, or a
/// membership, which the organization stands for.
#[derive(Description)]
pub struct MergeItem {
    node: AnyId,
    outcome: Outcome,
    reason: Option<&'static str>,
}

impl MergeItem {
    fn of(item: &Item, undone: bool) -> Option<Self> {
        let (outcome, reason) = item.shown(undone)?;
        Some(Self {
            node: item.held.node(),
            outcome,
            reason,
        })
    }
}

#[Object(use_type_description)]
impl MergeItem {
    /// Names the thing; for a membership, the organization.
    async fn node_id(&self) -> ID {
        self.node.to_string().into()
    }

    /// The thing as it is now; null where it is no more.
    async fn node(&self, ctx: &Context<'_>) -> Result<Option<Node>, Error> {
        node::find(ctx, self.node).await
    }

    /// What becomes of it, or became of it.
    async fn outcome(&self) -> MergeItemOutcome {
        self.outcome.into()
    }

    /// Why, where it doesn't simply move.
    async fn reason(&self) -> Option<&'static str> {
        self.reason
    }
}

/// What mergeUsers would do with the same users and the same onConflict.
#[derive(SimpleObject)]
pub struct MergePlan {
    /// Give it to mergeUsers, and it does what this plan says or nothing.
    token: String,
    /// What there is to move, and what becomes of it: identities, links to single sign-ons,
    /// memberships, each by id. What stays refuses the merge under FAIL.
    #[graphql(complexity = "100 * child_complexity + 1")]
    items: Vec<MergeItem>,
}

/// Two users, one of whom is to have everything.
#[derive(Debug, InputObject)]
pub struct MergeUsersInput {
    /// The user that is to be no more. It may be disabled.
    from_user_id: ID,
    /// The user that is to have everything; active.
    into_user_id: ID,
    /// From mergePlan: refuse (`PLAN_OUTDATED`) unless the plan is still true.
    plan_token: Option<String>,
    /// What to do where something can't move.
    #[graphql(default_with = "MergeConflictPolicy::Fail")]
    on_conflict: MergeConflictPolicy,
}

/// What mergeUsers or undoMerge did.
#[derive(SimpleObject)]
pub struct MergeUsersPayload {
    /// The merge; null where it was refused.
    merge: Option<UserMerge>,
    /// The user that has everything; after an undo, the one that is back. Null where it was
    /// refused.
    user: Option<User>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct MergeQuery;

#[Object]
impl MergeQuery {
    /// What mergeUsers would do; writes nothing. Null where one of the users is not there.
    async fn merge_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user that would be no more.")] from_user_id: ID,
        #[graphql(desc = "The user that would have everything.")] into_user_id: ID,
        #[graphql(
            default_with = "MergeConflictPolicy::Fail",
            desc = "What would be done where something can't move."
        )]
        on_conflict: MergeConflictPolicy,
    ) -> Result<Option<MergePlan>, Error> {
        let request = MergeRequest {
            from: id("fromUserId", &from_user_id)?,
            into: id("intoUserId", &into_user_id)?,
            policy: Policy::from(on_conflict),
            plan_token: None,
        };
        let preview = match ctx.app()?.merging.preview(&request).await {
            Ok(preview) => preview,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(Error::Refused(refusals)) => return Err(no_plan(refusals)),
            Err(error) => return Err(error),
        };
        let items = preview.items.iter();
        Ok(Some(MergePlan {
            token: preview.token,
            items: items
                .filter_map(|item| MergeItem::of(item, false))
                .collect(),
        }))
    }
}

/// A query has no list of refusals: there is no plan for such users.
fn no_plan(refusals: Vec<crate::error::Refusal>) -> Error {
    let first = refusals.into_iter().next();
    match first {
        Some(refusal) if refusal.code == RefusalCode::TooLarge => {
            Error::LimitExceeded(refusal.message)
        }
        Some(refusal) => {
            let field = refusal.field.last().cloned().unwrap_or_default();
            Error::bad_input(field, refusal.message)
        }
        None => Error::Internal(anyhow::anyhow!("a refusal without a reason")),
    }
}

#[derive(Default)]
pub struct MergeMutation;

#[Object]
impl MergeMutation {
    /// Makes all that is one user's another's, in one transaction with its audit events: accounts,
    /// links to single sign-ons, memberships. The first user stays as `MERGED` for 30 days, and is
    /// signed out everywhere; the other one keeps its own profile.
    async fn merge_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The users, and what to do about conflicts.")] input: MergeUsersInput,
    ) -> Result<Option<MergeUsersPayload>, Error> {
        let app = ctx.app()?;
        let request = MergeRequest {
            from: id("input.fromUserId", &input.from_user_id)?,
            into: id("input.intoUserId", &input.into_user_id)?,
            policy: Policy::from(input.on_conflict),
            plan_token: input.plan_token,
        };
        let result = app.merging.merge(ctx.caller()?, &request).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        Ok(Some(match done {
            None => MergeUsersPayload::refused(user_errors),
            Some(merge) => MergeUsersPayload {
                merge: of_id(ctx, merge).await?,
                user: Some(user::of_id(ctx, request.into).await?),
                user_errors,
            },
        }))
    }

    /// Undoes a merge, within 30 days and once. What is still where the merge has put it goes
    /// back; the merge then lists the rest. Sessions don't come back.
    async fn undo_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The merge's id.")] id: ID,
    ) -> Result<Option<MergeUsersPayload>, Error> {
        let app = ctx.app()?;
        let merge: MergeId = super::scalar::id("id", &id)?;
        let result = app.merging.undo(ctx.caller()?, merge).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        if done.is_none() {
            return Ok(Some(MergeUsersPayload::refused(user_errors)));
        }
        let merge = of_id(ctx, merge).await?;
        let user = match &merge {
            None => None,
            Some(merge) => Some(user::of_id(ctx, merge.0.from_user_id).await?),
        };
        Ok(Some(MergeUsersPayload {
            merge,
            user,
            user_errors,
        }))
    }
}

impl MergeUsersPayload {
    const fn refused(user_errors: Vec<Refusal>) -> Self {
        Self {
            merge: None,
            user: None,
            user_errors,
        }
    }
}

async fn of_id(ctx: &Context<'_>, id: MergeId) -> Result<Option<UserMerge>, Error> {
    let row = ctx.app()?.loader.merges.load(id).await?;
    Ok(ctx.see(row).await?.map(UserMerge))
}
