//! The identity that an organization's integration acts as.

use async_graphql::{Context, ID, Object};

use crate::database::organization_integration::Service;
use crate::error::Error;
use crate::graphql::context::Asking;
use crate::graphql::identity::Identity;
use crate::graphql::loader::ActingKey;
use crate::graphql::scalar::id;
use crate::limits;
use crate::tenancy::integration::acting::{acts_as, default_is_gone, not_installed};

#[derive(Default)]
pub struct DefaultIdentityQuery;

#[Object]
impl DefaultIdentityQuery {
    /// The identity that an organization's integration acts as, by its id, or by organization,
    /// provider and external id; the id wins. Where there is none the error is
    /// `IDENTITY_NOT_FOUND`, with `extensions.reason`, the first of these that holds:
    /// `NO_ORGANIZATION_INTEGRATION`; `INTEGRATION_DISABLED`; `DANGLING` (there was one) or
    /// `NO_DEFAULT`; `USER_NOT_ACTIVE`; `INVALID`. The other extensions are
    /// `integrationProvider`, `organizationIntegrationId` and `defaultIdentityId`, where known.
    async fn default_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization integration.")] organization_integration_id: Option<ID>,
        #[graphql(desc = "Where it is installed; together with provider and externalId.")]
        organization_id: Option<ID>,
        #[graphql(desc = "The kind of service.")] provider: Option<String>,
        #[graphql(desc = "The installation at the service.")] external_id: Option<String>,
    ) -> Result<Option<Identity>, Error> {
        let app = ctx.app()?;
        let known = provider.clone();
        let key = key(
            organization_integration_id.as_ref(),
            organization_id.as_ref(),
            provider,
            external_id,
        )?;
        let found = app.loader.acting.load(key).await?;
        let acting = ctx.see(found).await?.ok_or_else(|| not_installed(known))?;
        let default = acts_as(&acting, app.clock.now())?;
        let row = app.loader.identities.load(default).await?;
        let identity = ctx.see(row).await?.map(Identity);
        Ok(Some(identity.ok_or_else(|| default_is_gone(&acting))?))
    }
}

fn key(
    share: Option<&ID>,
    organization: Option<&ID>,
    provider: Option<String>,
    external_id: Option<String>,
) -> Result<ActingKey, Error> {
    if let Some(text) = share {
        return Ok(ActingKey::Id(id("organizationIntegrationId", text)?));
    }
    let (Some(organization), Some(provider), Some(external_id)) =
        (organization, provider, external_id)
    else {
        return Err(Error::bad_input(
            "organizationIntegrationId",
            "is missing: give it, or organizationId, provider and externalId",
        ));
    };
    limits::text("provider", &provider, limits::NAME)?;
    limits::text("externalId", &external_id, limits::EXTERNAL_ID)?;
    Ok(ActingKey::Service(Service {
        organization_id: id("organizationId", organization)?,
        provider,
        external_id,
    }))
}
