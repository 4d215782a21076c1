//! Installing integrations, changing and uninstalling them, and whom they act as.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Integration, ObjectStatus, OrganizationIntegration};
use crate::error::Error;
use crate::graphql::context::Asking;
use crate::graphql::scalar::{Refusal, change, given, id, settled, time};
use crate::id::{IntegrationId, OrganizationIntegrationId};
use crate::input::Change;
use crate::tenancy::integration::{Install, IntegrationChange, Integrations, ShareChange};

/// An integration, and the organization that it is to be installed in. A field left out stays as
/// it is stored; null empties metadata and config, and clears the default identity. Installing
/// sets the integration and what the organization has of it `ACTIVE`, and clears the grace period.
#[derive(Debug, InputObject)]
pub struct InstallIntegrationInput {
    /// Where to install it.
    organization_id: ID,
    /// What kind of service it is, in the application's own words: `github`, `pagerduty`, … At
    /// most 200 bytes.
    provider: String,
    /// The installation at the service; with provider it says which integration. At most 1,024
    /// bytes.
    external_id: String,
    /// The name to show, for all organizations.
    name: String,
    /// Free data, an object, the same for all organizations. At most 64 KiB as JSON; keys that
    /// name tokens are refused (`SECRET_IN_DATA`).
    metadata: MaybeUndefined<Value>,
    /// Free data, an object, for this organization. At most 64 KiB as JSON; keys that name tokens
    /// are refused (`SECRET_IN_DATA`).
    config: MaybeUndefined<Value>,
    /// The identity that it acts as in this organization: of an active member. Needs scope
    /// identity:write.
    default_identity_id: MaybeUndefined<ID>,
}

/// A change of what one organization has of an integration. A field left out stays.
#[derive(Debug, InputObject)]
pub struct UpdateOrganizationIntegrationInput {
    /// The organization integration.
    id: ID,
    /// Free data, an object; it replaces what is stored, null empties it.
    config: MaybeUndefined<Value>,
    /// Whether it is in use. `DELETION_IN_PROGRESS` is the server's to set.
    status: MaybeUndefined<ObjectStatus>,
    /// From then on it acts as nobody; null: never.
    grace_period_end: MaybeUndefined<DateTime<Utc>>,
}

/// A change of what organizations share. A field left out stays.
#[derive(Debug, InputObject)]
pub struct UpdateIntegrationInput {
    /// The integration.
    id: ID,
    /// The name to show.
    name: MaybeUndefined<String>,
    /// Free data, an object; it replaces what is stored, null empties it.
    metadata: MaybeUndefined<Value>,
    /// Whether it is in use, for all organizations. `DELETION_IN_PROGRESS` is the server's to
    /// set.
    status: MaybeUndefined<ObjectStatus>,
}

/// What installIntegration did.
#[derive(SimpleObject)]
pub struct InstallIntegrationPayload {
    /// The integration; null where the installation was refused.
    integration: Option<Integration>,
    /// What the organization has of it; null where the installation was refused.
    organization_integration: Option<OrganizationIntegration>,
    /// Why the installation was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// The organization integration after a change.
#[derive(SimpleObject)]
pub struct OrganizationIntegrationPayload {
    /// The organization integration; null where the change was refused.
    organization_integration: Option<OrganizationIntegration>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// The integration after a change.
#[derive(SimpleObject)]
pub struct IntegrationPayload {
    /// The integration; null where the change was refused.
    integration: Option<Integration>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

/// What uninstallIntegration did.
#[derive(SimpleObject)]
pub struct UninstallIntegrationPayload {
    /// The organization integration that is gone; null where that was refused.
    deleted_id: Option<ID>,
    /// Why it was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct IntegrationMutation;

#[Object]
impl IntegrationMutation {
    /// Creates or updates the integration (provider, externalId), and installs it in the
    /// organization, with the identity as its default where one is given; both are ACTIVE
    /// afterwards. One transaction; the same again changes nothing. A key that is bound to an
    /// organization can't join what others have (`ALREADY_EXISTS`), nor change it (`IN_USE`).
    async fn install_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and the organization.")] input: InstallIntegrationInput,
    ) -> Result<Option<InstallIntegrationPayload>, Error> {
        let app = ctx.app()?;
        let new = Install {
            organization_id: id("input.organizationId", &input.organization_id)?,
            provider: input.provider,
            external_id: input.external_id,
            name: input.name,
            metadata: change(input.metadata).or_with(|| json!({})),
            config: change(input.config).or_with(|| json!({})),
            default: match change(input.default_identity_id) {
                Change::Keep => Change::Keep,
                Change::Clear => Change::Clear,
                Change::Set(text) => Change::Set(id("input.defaultIdentityId", &text)?),
            },
        };
        let result = integrations(ctx)?.install(&new).await;
        app.sealer.wake();
        let (installed, user_errors) = settled(result)?;
        Ok(Some(match installed {
            None => InstallIntegrationPayload {
                integration: None,
                organization_integration: None,
                user_errors,
            },
            Some(installed) => InstallIntegrationPayload {
                integration: find(ctx, installed.integration).await?,
                organization_integration: find_share(ctx, installed.share).await?,
                user_errors,
            },
        }))
    }

    /// Sets the identity that an organization's integration acts as: of an active member. With
    /// null it acts as nobody. Naming one needs the scope identity:write too.
    async fn set_default_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization integration.")] organization_integration_id: ID,
        #[graphql(desc = "The identity; null or left out: none.")] identity_id: Option<ID>,
    ) -> Result<Option<OrganizationIntegrationPayload>, Error> {
        let share = id("organizationIntegrationId", &organization_integration_id)?;
        let default = identity_id
            .map(|text| id("identityId", &text))
            .transpose()?;
        let result = integrations(ctx)?.set_default(share, default).await;
        share_payload(ctx, share, result).await
    }

    /// Changes what an organization has of an integration.
    async fn update_organization_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization integration and what is new.")]
        input: UpdateOrganizationIntegrationInput,
    ) -> Result<Option<OrganizationIntegrationPayload>, Error> {
        let share = id("input.id", &input.id)?;
        let edit = ShareChange {
            id: share,
            config: change(input.config).or_with(|| json!({})),
            status: given("input.status", input.status)?.map(Into::into),
            grace_period_end: match change(input.grace_period_end) {
                Change::Keep => Change::Keep,
                Change::Clear => Change::Clear,
                Change::Set(end) => Change::Set(time("input.gracePeriodEnd", end)?),
            },
        };
        let result = integrations(ctx)?.update_share(&edit).await;
        share_payload(ctx, share, result).await
    }

    /// Changes an integration for all organizations that have it. A key that is bound to an
    /// organization may while no other has it (else `IN_USE`).
    async fn update_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and what is new.")] input: UpdateIntegrationInput,
    ) -> Result<Option<IntegrationPayload>, Error> {
        let app = ctx.app()?;
        let integration = id("input.id", &input.id)?;
        let edit = IntegrationChange {
            id: integration,
            name: given("input.name", input.name)?,
            metadata: change(input.metadata).or_with(|| json!({})),
            status: given("input.status", input.status)?.map(Into::into),
        };
        let result = integrations(ctx)?.update(&edit).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        let integration = match done {
            None => None,
            Some(()) => find(ctx, integration).await?,
        };
        Ok(Some(IntegrationPayload {
            integration,
            user_errors,
        }))
    }

    /// Takes an integration out of an organization. The integration stays. The default identity
    /// is unlinked where nothing else refers to it: no other organization integration acts as it,
    /// and nobody signs in by it; its tokens are revoked at the provider then, where it can. A key
    /// without the scope identity:write keeps it.
    async fn uninstall_integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization integration.")] organization_integration_id: ID,
    ) -> Result<Option<UninstallIntegrationPayload>, Error> {
        let app = ctx.app()?;
        let share = id("organizationIntegrationId", &organization_integration_id)?;
        let result = integrations(ctx)?.uninstall(share).await;
        app.sealer.wake();
        let (done, user_errors) = settled(result)?;
        if let Some(queued) = done.flatten() {
            app.revocations.set_out(queued);
        }
        Ok(Some(UninstallIntegrationPayload {
            deleted_id: done.map(|_| organization_integration_id),
            user_errors,
        }))
    }
}

fn integrations<'a>(ctx: &'a Context<'_>) -> Result<Integrations<'a>, Error> {
    let app = ctx.app()?;
    Ok(Integrations {
        database: &app.database,
        clock: &app.clock,
        caller: ctx.caller()?,
        revoking: &app.revoking,
    })
}

async fn share_payload(
    ctx: &Context<'_>,
    share: OrganizationIntegrationId,
    result: Result<(), Error>,
) -> Result<Option<OrganizationIntegrationPayload>, Error> {
    ctx.app()?.sealer.wake();
    let (done, user_errors) = settled(result)?;
    let organization_integration = match done {
        None => None,
        Some(()) => find_share(ctx, share).await?,
    };
    Ok(Some(OrganizationIntegrationPayload {
        organization_integration,
        user_errors,
    }))
}

async fn find(ctx: &Context<'_>, id: IntegrationId) -> Result<Option<Integration>, Error> {
    let row = ctx.app()?.loader.integrations.load(id).await?;
    Ok(ctx.see(row).await?.map(Integration))
}

async fn find_share(
    ctx: &Context<'_>,
    id: OrganizationIntegrationId,
) -> Result<Option<OrganizationIntegration>, Error> {
    let row = ctx.app()?.loader.organization_integrations.load(id).await?;
    Ok(ctx.see(row).await?.map(OrganizationIntegration))
}
