//! Identity providers, and the catalogue of their types.

use async_graphql::MaybeUndefined::{self, Null, Undefined, Value as Given};
use async_graphql::{Context, Description, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::context::Asking;
use super::identity::{Identity, children};
use super::organization::{self, Organization};
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::provider_health::ProviderHealth;
use super::scalar::{bounded, given, ids};
use super::{LARGE, MOST_IDS, MOST_TEXTS};
use crate::access::{AtProvider, Visible, provider_of};
use crate::database::page::Position;
use crate::database::{identity, identity_provider};
use crate::error::Error;
use crate::id::ProviderId;
use crate::limits;
use crate::provider::catalog;

/// A configured instance of a provider type: where accounts are.
#[derive(Clone, Description)]
pub struct IdentityProvider(pub Visible<identity_provider::Model>);

#[Object(use_type_description)]
impl IdentityProvider {
    /// Names the provider for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its name in URLs; unique and fixed.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// What kind of provider it is; fixed.
    #[graphql(name = "type")]
    async fn provider_type(&self, ctx: &Context<'_>) -> Result<ProviderType, Error> {
        let key = &self.0.provider_type;
        let known = ctx.app()?.catalog.get(key);
        Ok(known.map_or_else(|| ProviderType::unknown(key), ProviderType::from))
    }

    /// The instance at the provider: a Slack team, a GitLab host, a tenant; null where there is
    /// only one.
    async fn external_id(&self) -> Option<&str> {
        Some(self.0.external_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The name to show.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Non-secret configuration.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn config(&self) -> Option<&Value> {
        Some(&self.0.config_json.0)
    }

    /// People may sign in here.
    async fn allows_sign_in(&self) -> bool {
        self.0.allows_sign_in
    }

    /// How its accounts become users when people sign in; null where nothing says so.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn sign_in(&self) -> Option<&Value> {
        self.0.sign_in_json.as_ref().map(|json| &json.0)
    }

    /// To be registered at the provider; null where no flow leads there.
    async fn redirect_uri(&self, ctx: &Context<'_>) -> Result<Option<String>, Error> {
        let app = ctx.app()?;
        let known = app.catalog.get(&self.0.provider_type);
        let has_flow = known.is_some_and(|known| known.protocol != catalog::Protocol::None);
        Ok(has_flow.then(|| app.flows.redirect_uri(&self.0.slug).into()))
    }

    /// A user may have several accounts here; fixed.
    async fn allows_multiple_per_user(&self) -> bool {
        self.0.allows_multiple_per_user
    }

    /// When the provider was configured.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// When it was last changed.
    async fn date_updated(&self) -> DateTime<Utc> {
        self.0.date_updated
    }

    /// Its identities, by id, paged: those that the caller may see.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn identities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<Identity>, Error> {
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        children(ctx, identity::Parent::Provider(self.0.id), None, page).await
    }

    /// The provider whose client and redirect URI this one uses (one Slack app, many teams);
    /// null: its own.
    async fn client_of(&self, ctx: &Context<'_>) -> Result<Option<Self>, Error> {
        match self.0.client_of {
            None => Ok(None),
            Some(id) => of_id(ctx, id).await.map(Some),
        }
    }

    /// Whose it is; null: all organizations share it.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>, Error> {
        match self.0.organization_id {
            None => Ok(None),
            Some(id) => organization::of_id(ctx, id).await.map(Some),
        }
    }

    /// It takes part in flows.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// The client's id at the provider.
    async fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// A client secret is stored. It is kept sealed and never answered.
    async fn has_client_secret(&self) -> bool {
        self.0.client_secret_sealed.is_some()
    }

    /// Whether its token endpoint takes this server for what it is, as refreshes have found it.
    async fn health(&self, ctx: &Context<'_>) -> Result<ProviderHealth, Error> {
        let stored = ctx.app()?.loader.provider_health.load(self.0.id).await?;
        Ok(stored.map_or_else(ProviderHealth::default, |stored| {
            ProviderHealth::of(&stored)
        }))
    }

    /// Who may change it.
    async fn managed_by(&self) -> ManagedBy {
        self.0.managed_by.into()
    }

    /// Grows with every change.
    async fn version(&self) -> i32 {
        i32::try_from(self.0.version).unwrap_or(i32::MAX)
    }
}

/// Who may change a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::database::identity_provider::ManagedBy")]
pub enum ManagedBy {
    /// This API.
    Api,
    /// The configuration file alone.
    Configuration,
}

/// An entry of the catalogue: a kind of provider that this server can talk to.
#[derive(SimpleObject)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the type's fields, as the contract has them"
)]
pub struct ProviderType {
    /// Its name for programs, such as github.
    key: String,
    /// Its name for people.
    name: String,
    /// How accounts are linked.
    protocol: ProviderProtocol,
    /// OAuth scopes that are asked for where the configuration names none.
    default_scopes: Vec<String>,
    /// Flows use PKCE.
    uses_pkce: bool,
    /// Tokens can be refreshed, where the provider gives a refresh token.
    refreshes: bool,
    /// Tokens can be revoked at the provider.
    revokes: bool,
    /// What `config` may hold.
    config_fields: Vec<ConfigField>,
    /// False for a type that this server no longer knows: key and name are the raw value.
    known: bool,
    /// What the external id of its accounts is.
    stable_subject: String,
}

/// How a type of provider links accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ProviderProtocol {
    /// OpenID Connect.
    Oidc,
    /// OAuth 2 and an API of the provider's own.
    #[graphql(name = "OAUTH2")]
    OAuth2,
    /// No flow: accounts are linked through the API only (type `custom`; also an old row of a
    /// type that this server no longer knows).
    None,
}

/// A field of a provider's configuration.
#[derive(SimpleObject)]
pub struct ConfigField {
    /// Its key.
    name: String,
    /// It has to be there.
    required: bool,
    /// It is kept sealed and never answered.
    secret: bool,
    /// What it is for.
    description: String,
}

impl From<&catalog::ProviderType> for ProviderType {
    fn from(entry: &catalog::ProviderType) -> Self {
        Self {
            key: entry.key.clone(),
            name: entry.name.clone(),
            protocol: match entry.protocol {
                catalog::Protocol::Oidc => ProviderProtocol::Oidc,
                catalog::Protocol::OAuth2 => ProviderProtocol::OAuth2,
                catalog::Protocol::None => ProviderProtocol::None,
            },
            default_scopes: entry.default_scopes.clone(),
            uses_pkce: entry.uses_pkce,
            refreshes: entry.refreshes(),
            revokes: entry.revokes(),
            config_fields: entry
                .config_fields
                .iter()
                .map(|field| ConfigField {
                    name: field.name.clone(),
                    required: field.required,
                    secret: field.secret,
                    description: field.description.clone(),
                })
                .collect(),
            known: true,
            stable_subject: entry.stable_subject.clone(),
        }
    }
}

impl ProviderType {
    fn unknown(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            name: key.to_owned(),
            protocol: ProviderProtocol::None,
            default_scopes: Vec::new(),
            uses_pkce: false,
            refreshes: false,
            revokes: false,
            config_fields: Vec::new(),
            known: false,
            stable_subject: String::new(),
        }
    }
}

/// Which providers. Keys are combined with AND; at least one is given, and a key that is given
/// has a value.
#[derive(Debug, InputObject)]
pub struct IdentityProviderFilter {
    /// Any of these providers; 100 at most.
    ids: MaybeUndefined<Vec<ID>>,
    /// With any of these slugs; 1,000 at most.
    slugs: MaybeUndefined<Vec<String>>,
    /// Of this type.
    #[graphql(name = "type")]
    provider_type: MaybeUndefined<String>,
    /// Of this instance; null: of a type that has only one.
    external_id: MaybeUndefined<String>,
    /// People may sign in there, or may not.
    allows_sign_in: MaybeUndefined<bool>,
    /// It takes part in flows, or does not.
    enabled: MaybeUndefined<bool>,
    /// Of this organization; the shared ones are of none.
    organization_id: MaybeUndefined<ID>,
}

impl IdentityProviderFilter {
    fn read(self) -> Result<identity_provider::Filter, Error> {
        let slugs = given("filter.slugs", self.slugs)?;
        if let Some(slugs) = &slugs {
            bounded("filter.slugs", slugs.len(), MOST_TEXTS)?;
            slugs
                .iter()
                .try_for_each(|slug| limits::text("filter.slugs", slug, limits::SLUG))?;
        }
        let provider_type = given("filter.type", self.provider_type)?;
        if let Some(key) = &provider_type {
            limits::text("filter.type", key, limits::SLUG)?;
        }
        let external_id = match self.external_id {
            Undefined => None,
            Null => Some(None),
            Given(value) => {
                limits::text("filter.externalId", &value, limits::EXTERNAL_ID)?;
                Some(Some(value))
            }
        };
        let filter = identity_provider::Filter {
            ids: given("filter.ids", self.ids)?
                .map(|all| ids("filter.ids", &all, MOST_IDS))
                .transpose()?,
            slugs,
            provider_type,
            external_id,
            allows_sign_in: given("filter.allowsSignIn", self.allows_sign_in)?,
            enabled: given("filter.enabled", self.enabled)?,
            organization_id: given("filter.organizationId", self.organization_id)?
                .map(|text| super::scalar::id("filter.organizationId", &text))
                .transpose()?,
            ..identity_provider::Filter::default()
        };
        if filter.is_empty() {
            return Err(Error::bad_input(
                "filter",
                "is empty: give at least one key, or leave it out",
            ));
        }
        Ok(filter)
    }
}

#[derive(Default)]
pub struct ProviderQuery;

#[Object]
impl ProviderQuery {
    /// A provider by id, by slug, or by type and external id; the id wins. Null where there is
    /// none.
    async fn identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its slug.")] slug: Option<String>,
        #[graphql(name = "type", desc = "Its type; together with externalId.")]
        provider_type: Option<String>,
        #[graphql(desc = "Its instance; left out or null: that of a type that has only one.")]
        external_id: Option<String>,
        #[graphql(
            desc = "With type: the one that this organization owns; left out: the shared \
                          one."
        )]
        organization_id: Option<ID>,
    ) -> Result<Option<IdentityProvider>, Error> {
        let loader = &ctx.app()?.loader;
        let row = match (id, slug, provider_type) {
            (Some(text), _, _) => {
                loader
                    .providers
                    .load(super::scalar::id("id", &text)?)
                    .await?
            }
            (None, Some(slug), _) => {
                limits::text("slug", &slug, limits::SLUG)?;
                loader.providers_by_slug.load(slug).await?
            }
            (None, None, Some(key)) => {
                limits::text("type", &key, limits::SLUG)?;
                let external_id = external_id.unwrap_or_default();
                limits::optional_text("externalId", &external_id, limits::EXTERNAL_ID)?;
                let organization = organization_id
                    .map(|text| super::scalar::id("organizationId", &text))
                    .transpose()?;
                loader
                    .provider_by_instance(organization, &key, &external_id)
                    .await?
            }
            (None, None, None) => {
                return Err(Error::bad_input(
                    "id",
                    "is missing: give id, slug, or type (and externalId)",
                ));
            }
        };
        Ok(ctx.see(row).await?.map(IdentityProvider))
    }

    /// The providers that the filter finds, by id, paged; all that the caller may see where no
    /// filter is given. People see those that are enabled.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn identity_providers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its keys are combined with AND; at least one is given.")] filter: Option<
            IdentityProviderFilter,
        >,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<IdentityProvider>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let filter = filter
            .map(IdentityProviderFilter::read)
            .transpose()?
            .unwrap_or_default()
            .within(viewer.reach());
        let name = "providers";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let slice = app.loader.provider_page(&filter, &page).await?;
        let count = TotalCount::Providers(filter);
        let position = |row: &identity_provider::Model| Position::Id(row.id.0);
        connection(ctx, name, &page, slice, count, position, IdentityProvider).await
    }

    /// The catalogue of provider types that this server can talk to.
    async fn provider_types(&self, ctx: &Context<'_>) -> Result<Vec<ProviderType>, Error> {
        Ok(ctx.app()?.catalog.iter().map(ProviderType::from).collect())
    }
}

/// The provider that a row is at.
pub async fn of_row<T: AtProvider>(
    ctx: &Context<'_>,
    row: &Visible<T>,
) -> Result<IdentityProvider, Error> {
    let id = row.provider_id();
    let provider = ctx.app()?.loader.providers.load(id).await?;
    provider
        .and_then(|provider| provider_of(row, provider))
        .map(IdentityProvider)
        .ok_or_else(|| crate::provider::admin::not_found(id))
}

/// The provider of that id.
pub async fn of_id(ctx: &Context<'_>, id: ProviderId) -> Result<IdentityProvider, Error> {
    let row = ctx.app()?.loader.providers.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(IdentityProvider)
        .ok_or_else(|| crate::provider::admin::not_found(id))
}
