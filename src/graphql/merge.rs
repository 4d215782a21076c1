//! Users that went into others.

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::user::{self, User};
use crate::access::Visible;
use crate::database::user_merge;
use crate::error::Error;

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
