//! Organizations' single sign-on, and members' links to it.

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, ID, Object};
use chrono::{DateTime, Utc};

use super::context::Asking;
use super::loader::AuthIdentityPage;
use super::organization::{self, Organization};
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::provider::{self, IdentityProvider};
use super::user::{self, User};
use crate::access::Visible;
use crate::database::page::{Page, Position, Slice, Towards};
use crate::database::{auth_identity, auth_provider};
use crate::error::Error;
use crate::id::{AuthIdentityId, AuthProviderId, OrganizationId, UserId};
use crate::identity::disconnect::{Facts, disconnect};
use crate::tenancy::auth_identity::not_found as no_auth_identity;
use crate::tenancy::auth_provider::not_found;

/// Auth identities of a user that are answered without pages.
const MOST_OF_A_USER: u64 = 100;

/// An organization's single sign-on: the identity provider that its members sign in with.
#[derive(Clone, Description)]
pub struct AuthProvider(pub Visible<auth_provider::Model>);

#[Object(use_type_description)]
impl AuthProvider {
    /// Names it for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose sign-on it is.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization, Error> {
        organization::of_id(ctx, self.0.organization_id).await
    }

    /// Where members sign in: one of the organization's own providers.
    async fn provider(&self, ctx: &Context<'_>) -> Result<IdentityProvider, Error> {
        provider::of_row(ctx, &self.0).await
    }

    /// Members may be without a link here.
    async fn allow_unlinked(&self) -> bool {
        self.0.allow_unlinked
    }

    /// When it was set.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// Members' links to it, by id, paged; people see their own.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn auth_identities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<AuthIdentity>, Error> {
        let name = "auth identities";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&ctx.app()?.cursors, name)?;
        let parent = auth_identity::Parent::AuthProvider(self.0.id);
        let slice = page_of(ctx, parent, &page).await?;
        let count = TotalCount::AuthIdentitiesOf(parent, ctx.viewer()?.reach());
        let position = |row: &auth_identity::Model| Position::Id(row.id.0);
        connection(ctx, name, &page, slice, count, position, AuthIdentity).await
    }
}

/// A member's link to an organization's single sign-on. It is no identity: it stands beside one.
#[derive(Clone, Description)]
pub struct AuthIdentity(pub Visible<auth_identity::Model>);

#[Object(use_type_description)]
impl AuthIdentity {
    /// Names it for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The sign-on that it is a link to.
    async fn auth_provider(&self, ctx: &Context<'_>) -> Result<AuthProvider, Error> {
        let id = self.0.auth_provider_id;
        let row = ctx.app()?.loader.auth_providers.load(id).await?;
        let seen = ctx.see(row).await?;
        seen.map(AuthProvider).ok_or_else(|| not_found(id))
    }

    /// Whose link it is.
    async fn user(&self, ctx: &Context<'_>) -> Result<User, Error> {
        user::of_id(ctx, self.0.user_id).await
    }

    /// The account's stable subject at the provider.
    async fn ident(&self) -> &str {
        &self.0.ident
    }

    /// Whether it may be deleted, or what it is needed for.
    async fn disconnect(&self, ctx: &Context<'_>) -> Result<DisconnectStatus, Error> {
        let (loader, id) = (&ctx.app()?.loader, self.0.id);
        let stored = loader.disconnect_of_auth_identities.load(id).await?;
        let stored = stored.ok_or_else(|| no_auth_identity(id))?;
        Ok(disconnect(Facts::from(&*stored)).into())
    }

    /// When it was made.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// When the member last signed in with it.
    async fn last_verified(&self) -> DateTime<Utc> {
        self.0.last_verified
    }

    /// When the provider was last asked about it.
    async fn last_synced(&self) -> DateTime<Utc> {
        self.0.last_synced
    }
}

/// Whether an account may be disconnected, or what it is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::identity::disconnect::Disconnect")]
pub enum DisconnectStatus {
    /// The person can do without it.
    #[graphql(name = "CAN_DISCONNECT")]
    Allowed,
    /// It is the person's only way in.
    NeededForGlobalAuth,
    /// The person's organization asks for it.
    NeededForOrgAuth,
}

#[derive(Default)]
pub struct AuthProviderQuery;

#[Object]
impl AuthProviderQuery {
    /// An organization's single sign-on, by its id or the organization's; exactly one is given.
    /// Null where there is none.
    async fn auth_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The auth provider's id.")] id: Option<ID>,
        #[graphql(desc = "Whose it is.")] organization_id: Option<ID>,
    ) -> Result<Option<AuthProvider>, Error> {
        let loader = &ctx.app()?.loader;
        match (id, organization_id) {
            (Some(text), None) => {
                let id: AuthProviderId = super::scalar::id("id", &text)?;
                let row = loader.auth_providers.load(id).await?;
                Ok(ctx.see(row).await?.map(AuthProvider))
            }
            (None, Some(text)) => {
                of_organization(ctx, super::scalar::id("organizationId", &text)?).await
            }
            (Some(_), Some(_)) | (None, None) => Err(Error::bad_input(
                "id",
                "give exactly one of id and organizationId",
            )),
        }
    }
}

/// The organization's sign-on, where it has one that the caller may see.
pub async fn of_organization(
    ctx: &Context<'_>,
    id: OrganizationId,
) -> Result<Option<AuthProvider>, Error> {
    let loader = &ctx.app()?.loader;
    let row = loader.auth_providers_of_organizations.load(id).await?;
    Ok(ctx.see(row).await?.map(AuthProvider))
}

/// The user's links to the sign-on of organizations that the caller sees, by id. More than 100
/// are `LIMIT_EXCEEDED`.
pub async fn of_user(ctx: &Context<'_>, id: UserId) -> Result<Vec<AuthIdentity>, Error> {
    let first = Page {
        limit: MOST_OF_A_USER,
        towards: Towards::End,
        from: None,
    };
    let slice = page_of(ctx, auth_identity::Parent::User(id), &first).await?;
    if slice.more {
        return Err(Error::LimitExceeded(format!(
            "the user has more than {MOST_OF_A_USER} auth identities"
        )));
    }
    let rows = ctx.see_all(slice.rows).await?;
    Ok(rows.into_iter().map(AuthIdentity).collect())
}

/// The auth identity as it is after a mutation's commit.
pub async fn of_id(ctx: &Context<'_>, id: AuthIdentityId) -> Result<Option<AuthIdentity>, Error> {
    let row = ctx.app()?.loader.auth_identities.load(id).await?;
    Ok(ctx.see(row).await?.map(AuthIdentity))
}

async fn page_of(
    ctx: &Context<'_>,
    parent: auth_identity::Parent,
    page: &Page,
) -> Result<Slice<Arc<auth_identity::Model>>, Error> {
    let key = AuthIdentityPage {
        parent,
        reach: ctx.viewer()?.reach(),
        page: page.clone(),
    };
    let slice = ctx.app()?.loader.auth_identity_pages.load(key).await?;
    slice.ok_or_else(|| Error::Internal(anyhow::anyhow!("a page is missing")))
}
