//! Identities and their lookups.

mod filter;

use std::sync::Arc;

use async_graphql::{Context, Description, Enum, ID, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::LARGE;
use super::auth_provider::DisconnectStatus;
use super::context::Asking;
use super::credential::Credential;
use super::integration::{self, OrganizationIntegration};
use super::loader::{ChildCount, ChildPage};
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::provider::IdentityProvider;
use super::scalar::{NamedValue, id, named_values};
use super::user::User;
use crate::access::Visible;
use crate::database::identity;
use crate::error::Error;
use crate::id::UserId;
use crate::identity::disconnect::{Facts, disconnect};
use crate::identity::link::not_found;
use crate::limits;
pub use filter::{IdentityFilter, IdentityOrder};

/// Identities of a user that are answered without pages.
const MOST_OF_A_USER: u64 = 1000;

/// The link of a user to one account at one identity provider.
#[derive(Clone, Description)]
pub struct Identity(pub Visible<identity::Model>);

#[Object(use_type_description)]
impl Identity {
    /// Names the identity for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where the account is.
    async fn provider(&self, ctx: &Context<'_>) -> Result<IdentityProvider, Error> {
        super::provider::of_row(ctx, &self.0).await
    }

    /// Whose account it is.
    async fn user(&self, ctx: &Context<'_>) -> Result<User, Error> {
        super::user::of_id(ctx, self.0.user_id).await
    }

    /// The account's stable subject within the provider's instance: never a name or an address.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// The account's e-mail address, as the provider says it.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Whether the provider has proven the address: true, false, or null where it does not say.
    async fn email_verified(&self) -> Option<bool> {
        self.0.email_verified
    }

    /// The account's name at the provider. It may change there, and pass to somebody else.
    async fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }

    /// The name to show.
    async fn display_name(&self) -> Option<&str> {
        self.0.display_name.as_deref()
    }

    /// Further attributes of the account (`avatar_url`, company, …), by name; never a secret.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn attributes(&self) -> Vec<NamedValue> {
        named_values(&self.0.attributes_json.0)
    }

    /// The attribute of that name; null where there is none.
    async fn attribute(
        &self,
        #[graphql(desc = "Such as avatar_url.")] name: String,
    ) -> Option<String> {
        let value = self.0.attributes_json.0.get(&name)?;
        value.as_str().map(ToOwned::to_owned)
    }

    /// OAuth scopes that the account has granted.
    async fn scopes(&self) -> &[String] {
        &self.0.scopes_json.0
    }

    /// Whether the link is good.
    async fn status(&self) -> IdentityStatus {
        self.0.status.into()
    }

    /// Free data of the application; keys that name tokens are refused (`SECRET_IN_DATA`).
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn data(&self) -> &Value {
        &self.0.data_json.0
    }

    /// Grows with every change of what the API shows, `dateVerified` among it; reading and
    /// refreshing tokens don't count.
    async fn version(&self) -> i32 {
        i32::try_from(self.0.version).unwrap_or(i32::MAX)
    }

    /// When the account was linked.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// When the account was last shown to be the user's.
    async fn date_verified(&self) -> DateTime<Utc> {
        self.0.date_verified
    }

    /// When anything that the API shows was last changed.
    async fn date_updated(&self) -> DateTime<Utc> {
        self.0.date_updated
    }

    /// What is known of the tokens kept for this identity; null where none are.
    async fn credential(&self, ctx: &Context<'_>) -> Result<Option<Credential>, Error> {
        let (loader, id) = (&ctx.app()?.loader, self.0.id);
        // Tokens are read only where one is asked for, and then with all that is known of them.
        if ctx.look_ahead().field("accessToken").exists() {
            let row = loader.tokens.load(id).await?;
            return Ok(row.map(|row| Credential::with_tokens(self.clone(), row)));
        }
        let known = loader.credentials.load(id).await?;
        Ok(known.map(|known| Credential::of(self.clone(), known)))
    }

    /// Where an organization's integration acts as this identity, by id. More than 100 are
    /// `LIMIT_EXCEEDED`.
    #[graphql(complexity = "LARGE * child_complexity + 1")]
    async fn default_for(&self, ctx: &Context<'_>) -> Result<Vec<OrganizationIntegration>, Error> {
        integration::acting_as(ctx, self.0.id).await
    }

    /// The one that counts where a user has several here: the first linked, until
    /// setPrimaryIdentity.
    async fn is_primary(&self) -> bool {
        self.0.is_primary
    }

    /// Whether it may be unlinked, or what it is needed for.
    async fn disconnect(&self, ctx: &Context<'_>) -> Result<DisconnectStatus, Error> {
        let (loader, id) = (&ctx.app()?.loader, self.0.id);
        let stored = loader.disconnect_of_identities.load(id).await?;
        let stored = stored.ok_or_else(|| not_found(id))?;
        Ok(disconnect(Facts::from(&*stored)).into())
    }
}

/// Whether a link is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::database::identity::Status")]
pub enum IdentityStatus {
    /// Never verified.
    Unknown,
    /// Verified at `dateVerified`, and nothing has been heard against it since.
    Valid,
    /// The provider says that the grant is dead; link the account again.
    Invalid,
}

#[derive(Default)]
pub struct IdentityQuery;

#[Object]
impl IdentityQuery {
    /// The first identity, by id, that the filter finds; null where there is none.
    async fn identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its keys are combined with AND; at least one is given.")]
        filter: IdentityFilter,
    ) -> Result<Option<Identity>, Error> {
        let filter = filter.read("filter")?.within(ctx.viewer()?.reach());
        let row = ctx.app()?.loader.identity(&filter).await?;
        Ok(ctx.see(row).await?.map(Identity))
    }

    /// The identities that the filter finds, in order, paged; all that the caller may see where
    /// no filter is given.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the field's, as the contract has them"
    )]
    async fn identities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its keys are combined with AND; at least one is given.")] filter: Option<
            IdentityFilter,
        >,
        #[graphql(desc = "Default: by id.")] order_by: Option<IdentityOrder>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<Identity>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let filter = filter
            .map(|filter| filter.read("filter"))
            .transpose()?
            .unwrap_or_default();
        let filter = filter.within(viewer.reach());
        let order = order_by.map(identity::Order::from).unwrap_or_default();
        let name = list_by(order.by);
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let slice = app.loader.identity_page(&filter, order, &page).await?;
        let count = TotalCount::Identities(filter);
        let position = |row: &identity::Model| order.position(row);
        connection(ctx, name, &page, slice, count, position, Identity).await
    }

    /// A user's identities at providers of a type, by id. More than 1,000 are `LIMIT_EXCEEDED`.
    #[graphql(complexity = "100 * child_complexity + 1")]
    async fn user_identities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] user_id: ID,
        #[graphql(desc = "A key of providerTypes, such as github.")] provider_type: String,
        #[graphql(
            default = false,
            desc = "Leave out those whose external id is the provider's own (rows that name the \
                    instance, not an account). A provider without external id excludes nothing."
        )]
        exclude_matching_external_ids: bool,
    ) -> Result<Vec<Identity>, Error> {
        limits::text("providerType", &provider_type, limits::SLUG)?;
        let user: UserId = id("userId", &user_id)?;
        let rows = ctx
            .app()?
            .loader
            .identities_of_type(
                user,
                &provider_type,
                exclude_matching_external_ids,
                ctx.viewer()?.reach(),
                MOST_OF_A_USER + 1,
            )
            .await?;
        if rows.len() as u64 > MOST_OF_A_USER {
            return Err(Error::LimitExceeded(format!(
                "the user has more than {MOST_OF_A_USER} identities of this type; page through \
                 identities(filter: {{userId, providerType}})"
            )));
        }
        let rows = ctx.see_all(rows.into_iter().map(Arc::new)).await?;
        Ok(rows.into_iter().map(Identity).collect())
    }
}

/// A page of the identities that belong to a user or a provider, and that the caller may see.
pub async fn children(
    ctx: &Context<'_>,
    parent: identity::Parent,
    provider_type: Option<String>,
    arguments: PageArguments,
) -> Result<List<Identity>, Error> {
    let (app, viewer) = (ctx.app()?, ctx.viewer()?);
    if let Some(key) = &provider_type {
        limits::text("providerType", key, limits::SLUG)?;
    }
    let name = list_by(identity::OrderBy::Id);
    let page = arguments.page(&app.cursors, name)?;
    let only = identity::Only {
        provider_type,
        reach: viewer.reach(),
    };
    let key = ChildPage {
        parent,
        only: only.clone(),
        page: page.clone(),
    };
    let slice = app.loader.identity_pages.load(key).await?;
    let slice = slice.ok_or_else(|| Error::Internal(anyhow::anyhow!("a page is missing")))?;
    let count = TotalCount::IdentitiesOf(ChildCount { parent, only });
    let position = |row: &identity::Model| identity::Order::default().position(row);
    connection(ctx, name, &page, slice, count, position, Identity).await
}

/// Names a list of identities by its order, for cursors: they are signed for it.
const fn list_by(order: identity::OrderBy) -> &'static str {
    match order {
        identity::OrderBy::Id => "identities",
        identity::OrderBy::DateAdded => "identities by dateAdded",
        identity::OrderBy::DateVerified => "identities by dateVerified",
        identity::OrderBy::ExternalId => "identities by externalId",
    }
}
