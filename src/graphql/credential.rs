//! What is known of an identity's tokens, and the one field that gives a token out.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;

use super::LARGE;
use super::context::Asking;
use super::identity::Identity;
use super::link::{IdentityPayload, of_id};
use super::scalar::id;
use crate::database::credential;
use crate::error::Error;
use crate::id::IdentityId;
use crate::identity::link::not_found;

/// What is known of an identity's tokens, which are kept sealed.
#[derive(Description)]
pub struct Credential {
    identity: Identity,
    known: Arc<credential::Known>,
    /// The row that it is known from, where a token is asked for.
    row: Option<Arc<credential::Model>>,
}

impl Credential {
    pub const fn of(identity: Identity, known: Arc<credential::Known>) -> Self {
        Self {
            identity,
            known,
            row: None,
        }
    }

    pub fn with_tokens(identity: Identity, row: Arc<credential::Model>) -> Self {
        Self {
            identity,
            known: Arc::new(credential::Known::from(&*row)),
            row: Some(row),
        }
    }
}

#[Object(use_type_description)]
impl Credential {
    /// How the access token is used, as the provider said it: mostly Bearer.
    async fn token_type(&self) -> Option<&str> {
        self.known.token_type.as_deref()
    }

    /// When the access token ends; null where that is not known, or never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.known.expires_at
    }

    /// When the refresh token ends; null where that is not known, or never.
    async fn refresh_token_expires_at(&self) -> Option<DateTime<Utc>> {
        self.known.refresh_token_expires_at
    }

    /// OAuth scopes that the tokens carry.
    async fn scopes(&self) -> &[String] {
        &self.known.scopes_json.0
    }

    /// When the provider last gave a fresh token for the refresh token.
    async fn last_refreshed_at(&self) -> Option<DateTime<Utc>> {
        self.known.refreshed_at
    }

    /// There is a refresh token, and tokens of this type are refreshed with it.
    async fn refreshable(&self, ctx: &Context<'_>) -> Result<bool, Error> {
        let app = ctx.app()?;
        let known = app.catalog.get(&self.identity.0.provider_type);
        let refreshes = known.is_some_and(crate::provider::catalog::ProviderType::refreshes);
        Ok(refreshes && self.known.has_refresh_token)
    }

    /// Refreshes that have failed since the last good one, in a row. What is wrong with the
    /// provider itself counts at `IdentityProvider.health`.
    async fn failures(&self) -> i32 {
        i32::try_from(self.known.failures).unwrap_or(i32::MAX)
    }

    /// Why the last one has failed: the provider's own error code, such as `invalid_grant`, or
    /// `timed_out`, `unreachable`, `unreadable`, `http_503`, …
    async fn failure_reason(&self) -> Option<&str> {
        self.known.failure_reason.as_deref()
    }

    /// Before then no refresh is tried, but by refreshIdentity.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.known.next_attempt_at
    }

    /// A token that is good now, for a minute at least: refreshed first where it must be. Needs the
    /// scope identity:token, and every read is in the audit log. `CREDENTIAL_INVALID` where only the
    /// account's owner can help, `PROVIDER_UNAVAILABLE` where there is no fresh token just now and
    /// the old one is over.
    #[graphql(complexity = "LARGE")]
    async fn access_token(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        let app = ctx.app()?;
        let identity = &self.identity.0;
        let row = match &self.row {
            Some(row) => Some(Arc::clone(row)),
            None => app.loader.tokens.load(identity.id).await?,
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let token = app
            .credentials
            .access_token(ctx.caller()?, identity, &row, ctx.patience())
            .await?;
        Ok(Some(token.expose_secret().to_owned()))
    }
}

#[derive(Default)]
pub struct CredentialMutation;

#[Object]
impl CredentialMutation {
    /// Asks the provider for a fresh access token now, though the one that is stored may be good;
    /// for a key also where a try has failed just before. People refresh their own, a minute after
    /// the last refresh at the earliest: before that nothing is done.
    async fn refresh_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity.")] id: ID,
    ) -> Result<Option<IdentityPayload>, Error> {
        let app = ctx.app()?;
        let identity: IdentityId = self::id("id", &id)?;
        let seen = of_id(ctx, identity).await?;
        let seen = seen.ok_or_else(|| not_found(identity))?;
        let patience = ctx.patience();
        let result = app.credentials.refresh(ctx.caller()?, &seen.0, patience);
        let result = result.await;
        IdentityPayload::of(ctx, identity, result).await.map(Some)
    }
}
