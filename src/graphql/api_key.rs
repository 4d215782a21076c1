//! API keys.

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;

use super::context::Asking;
use super::organization::{self, Organization};
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::scalar::{Refusal, settled, time};
use crate::access::api_key::{NewApiKey, create, revoke};
use crate::access::{self, Scope, Visible};
use crate::database::api_key;
use crate::database::page::Position;
use crate::error::Error;
use crate::event;
use crate::id::ApiKeyId;

/// A key that an application calls with.
#[derive(Clone, Description)]
pub struct ApiKey(pub Visible<api_key::Model>);

#[Object(use_type_description)]
impl ApiKey {
    /// Names the key for ever. It is not the key itself.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may do.
    async fn scopes(&self) -> &[String] {
        &self.0.scopes_json.0
    }

    /// When it ends; null: never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// The first characters, to tell keys apart.
    async fn hint(&self) -> &str {
        &self.0.hint
    }

    /// The origins that links may lead back to which this key starts.
    async fn return_origins(&self) -> &[String] {
        &self.0.return_origins_json.0
    }

    /// The application that the key belongs to: its keys share idempotency keys and links.
    async fn application(&self) -> &str {
        &self.0.application
    }

    /// Who made it.
    async fn created_by(&self) -> Actor {
        Actor {
            kind: event::ActorKind::from_name(&self.0.created_by_kind).into(),
            id: self.0.created_by_id.clone().map(ID),
            name: self.0.created_by_name.clone(),
        }
    }

    /// When it was made.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// The organization that the key is bound to: it sees and changes nothing beyond. Null: it is
    /// bound to none.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>, Error> {
        match self.0.organization_id {
            None => Ok(None),
            Some(id) => organization::of_id(ctx, id).await.map(Some),
        }
    }
}

/// Who did something. By value, so that it still says who did it when the key or the person is
/// gone.
#[derive(SimpleObject)]
pub struct Actor {
    /// What kind of caller it was.
    pub kind: ActorKind,
    /// Its id, where its kind has one.
    pub id: Option<ID>,
    /// Its name at that time.
    pub name: String,
}

/// What kind of caller did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::event::ActorKind")]
pub enum ActorKind {
    /// A signed-in person.
    User,
    /// An application, by its key.
    ApiKey,
    /// Somebody on the server's own machine.
    CommandLine,
    /// The server itself.
    Server,
}

/// A key to be made.
#[derive(Debug, InputObject)]
pub struct CreateApiKeyInput {
    /// What it is called.
    name: String,
    /// What it may do; none that the caller lacks.
    scopes: Vec<String>,
    /// When it ends; left out: never.
    expires_at: Option<DateTime<Utc>>,
    /// Names the application that the key belongs to; its keys share idempotency keys and links.
    /// Default: the name.
    application: Option<String>,
    /// Binds the key to this organization: it sees and changes nothing beyond. Left out by a key
    /// that is bound itself: its own organization.
    organization_id: Option<ID>,
    /// The origins that links may lead back to which this key starts (startLink), such as
    /// `https://app.example.com`: https, or http on loopback; compared exactly. 20 at most; left
    /// out: none.
    return_origins: Option<Vec<String>>,
}

/// What createApiKey did.
#[derive(SimpleObject)]
pub struct CreateApiKeyPayload {
    /// The key's row; null where it was refused.
    api_key: Option<ApiKey>,
    /// The key itself, shown this once.
    secret: Option<String>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What revokeApiKey did.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// The key that is gone; null where that was refused.
    deleted_id: Option<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct ApiKeyQuery;

#[Object]
impl ApiKeyQuery {
    /// All API keys, by id, paged.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<Option<List<ApiKey>>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let name = "api keys";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let reach = viewer.reach();
        let slice = app.loader.api_key_page(reach, &page).await?;
        let position = |row: &api_key::Model| Position::Id(row.id.0);
        let count = TotalCount::ApiKeys(reach);
        connection(ctx, name, &page, slice, count, position, ApiKey)
            .await
            .map(Some)
    }
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes a key. The secret is in the answer, once.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>, Error> {
        let app = ctx.app()?;
        let scopes: Result<Vec<Scope>, access::UnknownScope> =
            input.scopes.iter().map(|scope| scope.parse()).collect();
        let new = NewApiKey {
            name: input.name,
            scopes: scopes.map_err(|error| Error::bad_input("input.scopes", error))?,
            application: input.application,
            expires_at: input
                .expires_at
                .map(|at| time("input.expiresAt", at))
                .transpose()?,
            organization_id: input
                .organization_id
                .map(|text| super::scalar::id("input.organizationId", &text))
                .transpose()?,
            return_origins: input.return_origins.unwrap_or_default(),
        };
        let result = create(&app.database, &app.clock, ctx.caller()?, new).await;
        app.sealer.wake();
        let (created, user_errors) = settled(result)?;
        let Some(created) = created else {
            return Ok(Some(CreateApiKeyPayload {
                api_key: None,
                secret: None,
                user_errors,
            }));
        };
        let row = app.loader.api_keys.load(created.row.id).await?;
        Ok(Some(CreateApiKeyPayload {
            api_key: ctx.see(row).await?.map(ApiKey),
            secret: Some(created.secret.expose_secret().to_owned()),
            user_errors,
        }))
    }

    /// Revokes a key: its next request is refused. A key may revoke itself; for another one the
    /// scope admin is needed.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key's id.")] id: ID,
    ) -> Result<Option<RevokeApiKeyPayload>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let key: ApiKeyId = super::scalar::id("id", &id)?;
        let itself = match viewer {
            access::Viewer::ApiKey(own) => own.id == key,
            access::Viewer::Nobody | access::Viewer::Person(_) | access::Viewer::CommandLine => {
                false
            }
        };
        if !itself {
            viewer.require(Scope::Admin, "revoking another key")?;
        }
        let result = revoke(&app.database, &app.clock, ctx.caller()?, key).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        Ok(Some(RevokeApiKeyPayload {
            deleted_id: done.map(|()| id),
            user_errors,
        }))
    }
}
