//! Links that go by the two pages: begun for a person's browser, completed by the application.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::context::Asking;
use super::link::{LinkConflictPolicy, LinkIdentityPayload};
use super::scalar::{Refusal, id, settled};
use crate::error::Error;
use crate::identity::decision::Policy;
use crate::sign_in::connect::{CompleteLink, StartLink};

/// A link to begin in a person's browser.
#[derive(Debug, InputObject)]
pub struct StartLinkInput {
    /// Where the account is.
    provider_id: ID,
    /// Whose it is to be. An API key has to say; left out by a person: their own.
    user_id: Option<ID>,
    /// Where the browser goes in the end, at one of the key's returnOrigins. An API key has to
    /// say; left out by a person: the account page.
    return_to: Option<String>,
    /// OAuth scopes to ask the provider for; left out: those of its configuration. For API keys;
    /// at an OpenID provider `openid` is among them.
    scopes: Option<Vec<String>>,
    /// `FAIL`, or `UPDATE_IN_PLACE` once the person has agreed; never `REATTACH`.
    #[graphql(default_with = "LinkConflictPolicy::Fail")]
    on_conflict: LinkConflictPolicy,
}

/// What startLink did.
#[derive(SimpleObject)]
pub struct StartLinkPayload {
    /// Where the person goes, with their own browser; null where it was refused. Of an
    /// application it holds a token that is good for once: send it to nobody else.
    url: Option<String>,
    /// Until when the address is good; null where it was refused, and for a person's own, which
    /// needs their session instead.
    expires_at: Option<DateTime<Utc>>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct ConnectMutation;

#[Object]
impl ConnectMutation {
    /// Begins a link in a person's browser: two pages there say who gets which account. With an
    /// API key, for a user of the application, which completes the link with completeLink; at a
    /// provider that people sign in with it needs the scope identity:assert too. People begin
    /// their own.
    async fn start_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account, for whom, and where it leads to.")] input: StartLinkInput,
    ) -> Result<Option<StartLinkPayload>, Error> {
        let app = ctx.app()?;
        let wish = StartLink {
            provider: id("input.providerId", &input.provider_id)?,
            user: input
                .user_id
                .map(|text| id("input.userId", &text))
                .transpose()?,
            return_to: input.return_to,
            scopes: input.scopes,
            policy: Policy::from(input.on_conflict),
        };
        let result = app.connecting.start(ctx.caller()?, &wish).await;
        app.sealer.wake();
        let (started, user_errors) = settled(result)?;
        let (url, expires_at) = match started {
            None => (None, None),
            Some(started) => (Some(started.url.into()), started.expires_at),
        };
        Ok(Some(StartLinkPayload {
            url,
            expires_at,
            user_errors,
        }))
    }

    /// Ends a link that the application has started, with the code that its return address got as
    /// `link_code`: the account is linked if it was started for this user, by this application,
    /// and not completed yet. Otherwise `NOT_FOUND`, whatever is wrong. A link that is refused has
    /// used the code up.
    async fn complete_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the return address got as `link_code`; good for ten minutes.")]
        code: String,
        #[graphql(desc = "Who is signed in at the application, in this browser.")] user_id: ID,
    ) -> Result<Option<LinkIdentityPayload>, Error> {
        let app = ctx.app()?;
        let completing = CompleteLink {
            code: code.into(),
            user: id("userId", &user_id)?,
        };
        let result = app.connecting.complete(ctx.caller()?, &completing).await;
        LinkIdentityPayload::of(ctx, result).await.map(Some)
    }
}
