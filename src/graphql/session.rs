//! Sessions of signed-in people.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::context::Asking;
use super::identity::Identity;
use super::provider::{self, IdentityProvider};
use super::scalar::{Refusal, settled};
use crate::access::{self, Visible};
use crate::database::session;
use crate::error::Error;
use crate::id::{SessionId, UserId};

/// A person who is signed in with one browser.
#[derive(Clone, Description)]
pub struct Session(pub Visible<session::Model>);

#[Object(use_type_description)]
impl Session {
    /// Names the session for ever. It is not the token in the browser's cookie.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// It is the one that asks.
    async fn current(&self, ctx: &Context<'_>) -> Result<bool, Error> {
        Ok(match ctx.viewer()? {
            access::Viewer::Person(person) => person.session == self.0.id,
            access::Viewer::Nobody | access::Viewer::ApiKey(_) | access::Viewer::CommandLine => {
                false
            }
        })
    }

    /// The identity that signed in; null once it is unlinked.
    async fn identity(&self, ctx: &Context<'_>) -> Result<Option<Identity>, Error> {
        let Some(id) = self.0.identity_id else {
            return Ok(None);
        };
        let row = ctx.app()?.loader.identities.load(id).await?;
        Ok(ctx.see(row).await?.map(Identity))
    }

    /// Where the person signed in.
    async fn provider(&self, ctx: &Context<'_>) -> Result<IdentityProvider, Error> {
        provider::of_row(ctx, &self.0).await
    }

    /// What the browser called itself.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// When the person signed in.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// When it was last used, to a minute or so.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }

    /// When it ends at the latest; 12 hours after its last use, it ends sooner.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// What endSession did.
#[derive(SimpleObject)]
pub struct EndSessionPayload {
    /// The session that is over; null where that was refused.
    deleted_id: Option<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What endOtherSessions did.
#[derive(SimpleObject)]
pub struct EndOtherSessionsPayload {
    /// The sessions that are over.
    deleted_ids: Vec<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Ends a session: its browser is signed out. People end their own, this one among them.
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] id: ID,
    ) -> Result<Option<EndSessionPayload>, Error> {
        let app = ctx.app()?;
        let session: SessionId = super::scalar::id("id", &id)?;
        let result = app.sessions.end(ctx.caller()?, session).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        Ok(Some(EndSessionPayload {
            deleted_id: done.map(|()| id),
            user_errors,
        }))
    }

    /// Ends all of the person's sessions but the one that asks. It is for people alone.
    async fn end_other_sessions(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<EndOtherSessionsPayload>, Error> {
        let (app, caller) = (ctx.app()?, ctx.caller()?);
        let access::Viewer::Person(person) = &caller.viewer else {
            return Err(Error::Forbidden(
                "endOtherSessions is for signed-in people".to_owned(),
            ));
        };
        let result = app.sessions.end_others(caller, person).await;
        app.sealer.wake();
        let (ended, user_errors) = settled(result)?;
        let ended = ended.unwrap_or_default();
        Ok(Some(EndOtherSessionsPayload {
            deleted_ids: ended.iter().map(|id| ID(id.to_string())).collect(),
            user_errors,
        }))
    }
}

/// The sessions of a user that are not over, the latest sign-in first. They are bounded, so they
/// have no pages.
pub async fn of_user(ctx: &Context<'_>, user: UserId) -> Result<Vec<Session>, Error> {
    let app = ctx.app()?;
    let rows = app.loader.sessions_of_users.load(user).await?;
    let rows = rows.unwrap_or_default();
    let live = rows.iter().rev().filter(|row| app.sessions.is_live(row));
    let seen = ctx.see_all(live.map(Arc::clone)).await?;
    Ok(seen.into_iter().map(Session).collect())
}
