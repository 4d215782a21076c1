//! Any object by its id alone (Relay's global object identification).

use async_graphql::{Context, ID, Interface, Object};
use futures_util::future::try_join_all;

use super::MOST_IDS;
use super::api_key::ApiKey;
use super::audit::AuditEvent;
use super::context::Asking;
use super::identity::Identity;
use super::provider::IdentityProvider;
use super::scalar::{bounded, id};
use super::session::Session;
use super::user::User;
use crate::access::matrix::rule_of_kind;
use crate::access::visible;
use crate::error::Error;
use crate::id::{AnyId, ApiKeyId, EventId, IdentityId, Kind, ProviderId, SessionId, UserId};

/// An object with an id of its own, which `node` finds again.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Names the object for ever, whatever its kind."
))]
pub enum Node {
    Identity(Identity),
    IdentityProvider(IdentityProvider),
    User(User),
    ApiKey(ApiKey),
    Session(Session),
    AuditEvent(AuditEvent),
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object of that id; null where there is none, or none that the caller may see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "An id that this API has answered with.")] id: ID,
    ) -> Result<Option<Node>, Error> {
        find_asked(ctx, "id", &id).await
    }

    /// The objects of those ids, 100 at most, in their order; null in the place of those that
    /// there are not.
    #[graphql(complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ids that this API has answered with.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        bounded("ids", ids.len(), MOST_IDS)?;
        try_join_all(ids.iter().map(|id| find_asked(ctx, "ids", id))).await
    }
}

async fn find_asked(ctx: &Context<'_>, field: &str, text: &ID) -> Result<Option<Node>, Error> {
    let any: AnyId = id(field, text)?;
    rule_of_kind(any.kind).check(ctx.viewer()?, "a node of this kind")?;
    find(ctx, any).await
}

/// The object, where there is one that the caller may see.
pub async fn find(ctx: &Context<'_>, id: AnyId) -> Result<Option<Node>, Error> {
    let (app, viewer, uuid) = (ctx.app()?, ctx.viewer()?, id.uuid);
    let loader = &app.loader;
    Ok(match id.kind {
        Kind::Identity => {
            let row = loader.identities.load(IdentityId(uuid)).await?;
            row.and_then(|row| visible(viewer, row))
                .map(Identity)
                .map(Node::Identity)
        }
        Kind::Provider => {
            let row = loader.providers.load(ProviderId(uuid)).await?;
            row.and_then(|row| visible(viewer, row))
                .map(IdentityProvider)
                .map(Node::IdentityProvider)
        }
        Kind::User => {
            let row = loader.users.load(UserId(uuid)).await?;
            row.and_then(|row| visible(viewer, row))
                .map(User)
                .map(Node::User)
        }
        Kind::ApiKey => {
            let row = loader.api_keys.load(ApiKeyId(uuid)).await?;
            row.and_then(|row| visible(viewer, row))
                .map(ApiKey)
                .map(Node::ApiKey)
        }
        Kind::Session => {
            let row = loader.sessions.load(SessionId(uuid)).await?;
            row.filter(|row| app.sessions.is_live(row))
                .and_then(|row| visible(viewer, row))
                .map(Session)
                .map(Node::Session)
        }
        Kind::Event => {
            let row = loader.events.load(EventId(uuid)).await?;
            row.and_then(|row| visible(viewer, row))
                .map(AuditEvent)
                .map(Node::AuditEvent)
        }
    })
}
