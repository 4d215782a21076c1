//! Any object by its id alone (Relay's global object identification).

use async_graphql::{Context, ID, Interface, Object};
use futures_util::future::try_join_all;

use super::MOST_IDS;
use super::api_key::ApiKey;
use super::audit::AuditEvent;
use super::auth_provider::{AuthIdentity, AuthProvider};
use super::context::Asking;
use super::identity::Identity;
use super::integration::{Integration, OrganizationIntegration};
use super::merge::UserMerge;
use super::organization::Organization;
use super::provider::IdentityProvider;
use super::scalar::{bounded, id};
use super::session::Session;
use super::user::User;
use crate::access::matrix::rule_of_kind;
use crate::error::Error;
use crate::id::{
    AnyId, ApiKeyId, AuthIdentityId, AuthProviderId, EventId, IdentityId, IntegrationId, Kind,
    MergeId, OrganizationId, OrganizationIntegrationId, ProviderId, SessionId, UserId,
};

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
    Organization(Organization),
    Integration(Integration),
    OrganizationIntegration(OrganizationIntegration),
    AuthProvider(AuthProvider),
    AuthIdentity(AuthIdentity),
    ApiKey(ApiKey),
    Session(Session),
    AuditEvent(AuditEvent),
    UserMerge(UserMerge),
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
    let (app, uuid) = (ctx.app()?, id.uuid);
    let loader = &app.loader;
    /// Loads a row and makes the node of it.
    macro_rules! node {
        ($rows:ident, $id:ident, $object:ident) => {{
            let row = loader.$rows.load($id(uuid)).await?;
            ctx.see(row).await?.map($object).map(Node::$object)
        }};
    }
    Ok(match id.kind {
        Kind::Identity => node!(identities, IdentityId, Identity),
        Kind::Provider => node!(providers, ProviderId, IdentityProvider),
        Kind::User => node!(users, UserId, User),
        Kind::Organization => node!(organizations, OrganizationId, Organization),
        Kind::Integration => node!(integrations, IntegrationId, Integration),
        Kind::OrganizationIntegration => node!(
            organization_integrations,
            OrganizationIntegrationId,
            OrganizationIntegration
        ),
        Kind::AuthProvider => node!(auth_providers, AuthProviderId, AuthProvider),
        Kind::AuthIdentity => node!(auth_identities, AuthIdentityId, AuthIdentity),
        Kind::ApiKey => node!(api_keys, ApiKeyId, ApiKey),
        Kind::Session => {
            let row = loader.sessions.load(SessionId(uuid)).await?;
            let row = row.filter(|row| app.sessions.is_live(row));
            ctx.see(row).await?.map(Session).map(Node::Session)
        }
        Kind::Event => node!(events, EventId, AuditEvent),
        Kind::Merge => node!(merges, MergeId, UserMerge),
    })
}
