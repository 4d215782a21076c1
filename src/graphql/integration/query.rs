//! Lookups of integrations, and of what organizations have of them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{Integration, LIST, ObjectStatus, OrganizationIntegration, position};
use crate::database::organization_integration;
use crate::error::Error;
use crate::graphql::context::Asking;
use crate::graphql::page::{List, PageArguments, TotalCount, connection, cost};
use crate::graphql::scalar::{given, id};
use crate::limits;

/// Which organization integrations. Keys are combined with AND; at least one is given, and a key
/// that is given has a value.
#[derive(Debug, InputObject)]
pub struct OrganizationIntegrationFilter {
    /// Of this organization.
    organization_id: MaybeUndefined<ID>,
    /// Of this integration.
    integration_id: MaybeUndefined<ID>,
    /// Of this kind of service.
    provider: MaybeUndefined<String>,
    /// Of this installation. It says which only together with a provider.
    external_id: MaybeUndefined<String>,
    /// With this status of their own; the integration has another.
    status: MaybeUndefined<ObjectStatus>,
    /// Which act as this identity.
    default_identity_id: MaybeUndefined<ID>,
}

impl OrganizationIntegrationFilter {
    /// # Errors
    /// `BAD_USER_INPUT`, with the key and what would be right.
    fn read(self) -> Result<organization_integration::Filter, Error> {
        let text = |key: &str, value: MaybeUndefined<String>, bytes: usize| {
            let value = given(key, value)?;
            if let Some(value) = &value {
                limits::text(key, value, bytes)?;
            }
            Ok::<_, Error>(value)
        };
        let filter = organization_integration::Filter {
            ids: None,
            organization_id: given("filter.organizationId", self.organization_id)?
                .map(|text| id("filter.organizationId", &text))
                .transpose()?,
            integration_id: given("filter.integrationId", self.integration_id)?
                .map(|text| id("filter.integrationId", &text))
                .transpose()?,
            provider: text("filter.provider", self.provider, limits::NAME)?,
            external_id: text("filter.externalId", self.external_id, limits::EXTERNAL_ID)?,
            status: given("filter.status", self.status)?.map(Into::into),
            default_identity_id: given("filter.defaultIdentityId", self.default_identity_id)?
                .map(|text| id("filter.defaultIdentityId", &text))
                .transpose()?,
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
pub struct IntegrationQuery;

#[Object]
impl IntegrationQuery {
    /// An integration by id, or by provider and external id; exactly one way is given. Null
    /// where there is none.
    async fn integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id", desc = "Its id.")] text: Option<ID>,
        #[graphql(desc = "The kind of service; together with externalId.")] provider: Option<
            String,
        >,
        #[graphql(desc = "The installation at the service.")] external_id: Option<String>,
    ) -> Result<Option<Integration>, Error> {
        let loader = &ctx.app()?.loader;
        let row = match (text, provider, external_id) {
            (Some(text), None, None) => loader.integrations.load(id("id", &text)?).await?,
            (None, Some(provider), Some(external_id)) => {
                limits::text("provider", &provider, limits::NAME)?;
                limits::text("externalId", &external_id, limits::EXTERNAL_ID)?;
                loader
                    .integration_by_service(&provider, &external_id)
                    .await?
            }
            (Some(_) | None, _, _) => {
                return Err(Error::bad_input(
                    "id",
                    "give exactly one of id, and provider with externalId",
                ));
            }
        };
        Ok(ctx.see(row).await?.map(Integration))
    }

    /// What an organization has of an integration, by id, or by both; exactly one way is given.
    /// Null where there is none.
    async fn organization_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id", desc = "Its id.")] text: Option<ID>,
        #[graphql(desc = "The organization; together with integrationId.")] organization_id: Option<
            ID,
        >,
        #[graphql(desc = "The integration.")] integration_id: Option<ID>,
    ) -> Result<Option<OrganizationIntegration>, Error> {
        let loader = &ctx.app()?.loader;
        let row = match (text, organization_id, integration_id) {
            (Some(text), None, None) => {
                let id = id("id", &text)?;
                loader.organization_integrations.load(id).await?
            }
            (None, Some(organization), Some(integration)) => {
                let organization = id("organizationId", &organization)?;
                let integration = id("integrationId", &integration)?;
                loader.installed(organization, integration).await?
            }
            (Some(_) | None, _, _) => {
                return Err(Error::bad_input(
                    "id",
                    "give exactly one of id, and organizationId with integrationId",
                ));
            }
        };
        Ok(ctx.see(row).await?.map(OrganizationIntegration))
    }

    /// The organization integrations that the filter finds, by id, paged; all that the caller may
    /// see where no filter is given.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn organization_integrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its keys are combined with AND; at least one is given.")] filter: Option<
            OrganizationIntegrationFilter,
        >,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<OrganizationIntegration>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let filter = filter
            .map(OrganizationIntegrationFilter::read)
            .transpose()?
            .unwrap_or_default()
            .within(viewer.reach());
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, LIST)?;
        let slice = app.loader.installed_page(&filter, &page).await?;
        let count = TotalCount::Installed(filter);
        connection(
            ctx,
            LIST,
            &page,
            slice,
            count,
            position,
            OrganizationIntegration,
        )
        .await
    }
}
