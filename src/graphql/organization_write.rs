//! Making and changing organizations, and who is in them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::context::Asking;
use super::organization::{Organization, of_id};
use super::scalar::{Refusal, change, given, id, settled};
use crate::error::Error;
use crate::id::{OrganizationId, UserId};
use crate::tenancy::member;
use crate::tenancy::organization::{NewOrganization, OrganizationChange, create, update};

/// An organization to be made.
#[derive(Debug, InputObject)]
pub struct CreateOrganizationInput {
    /// Its name in URLs, for ever: lower-case letters, digits and inner hyphens, 63 at most.
    slug: String,
    /// The name to show.
    name: String,
}

/// A change of an organization. A field left out stays; the slug is fixed.
#[derive(Debug, InputObject)]
pub struct UpdateOrganizationInput {
    /// The organization.
    id: ID,
    /// The name to show.
    name: MaybeUndefined<String>,
    /// Mail domains that are proven to be its own, 100 at most; they replace those that it has,
    /// and null clears them. A domain is one organization's. Not for keys that are bound to an
    /// organization.
    domains: MaybeUndefined<Vec<String>>,
}

/// The organization after a change.
#[derive(SimpleObject)]
pub struct OrganizationPayload {
    /// The organization; null where the change was refused.
    organization: Option<Organization>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Makes an organization. Not for keys that are bound to one.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] input: CreateOrganizationInput,
    ) -> Result<Option<OrganizationPayload>, Error> {
        let app = ctx.app()?;
        let new = NewOrganization {
            slug: input.slug,
            name: input.name,
        };
        let result = create(&app.database, &app.clock, ctx.caller()?, &new).await;
        payload(ctx, result).await
    }

    /// Renames an organization, or says which mail domains are its own.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is left out stays.")] input: UpdateOrganizationInput,
    ) -> Result<Option<OrganizationPayload>, Error> {
        let app = ctx.app()?;
        let edit = OrganizationChange {
            id: id("input.id", &input.id)?,
            name: given("input.name", input.name)?,
            domains: change(input.domains).or_default(),
        };
        let result = update(&app.database, &app.clock, ctx.caller()?, &edit).await;
        payload(ctx, result.map(|()| edit.id)).await
    }

    /// Makes a user a member; nothing is changed where the user is one already. Not for keys that
    /// are bound to an organization.
    async fn add_organization_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] organization_id: ID,
        #[graphql(desc = "The user.")] user_id: ID,
    ) -> Result<Option<OrganizationPayload>, Error> {
        let (app, caller) = (ctx.app()?, ctx.caller()?);
        let organization: OrganizationId = id("organizationId", &organization_id)?;
        let user: UserId = id("userId", &user_id)?;
        let result = member::add(&app.database, &app.clock, caller, organization, user).await;
        payload(ctx, result.map(|()| organization)).await
    }

    /// Ends a membership, and what rests on it: the user's links to the organization's sign-on,
    /// sessions that its own providers have opened, and the defaults of its integrations that act
    /// as the user. The identities stay; at the organization's own providers nobody signs in with
    /// them any more. Not for keys that are bound to an organization.
    async fn remove_organization_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] organization_id: ID,
        #[graphql(desc = "The user.")] user_id: ID,
    ) -> Result<Option<OrganizationPayload>, Error> {
        let (app, caller) = (ctx.app()?, ctx.caller()?);
        let organization: OrganizationId = id("organizationId", &organization_id)?;
        let user: UserId = id("userId", &user_id)?;
        let result = member::remove(&app.database, &app.clock, caller, organization, user).await;
        payload(ctx, result.map(|()| organization)).await
    }
}

async fn payload(
    ctx: &Context<'_>,
    result: Result<OrganizationId, Error>,
) -> Result<Option<OrganizationPayload>, Error> {
    ctx.app()?.sealer.wake();
    let (id, user_errors) = settled(result)?;
    let organization = match id {
        None => None,
        Some(id) => Some(of_id(ctx, id).await?),
    };
    Ok(Some(OrganizationPayload {
        organization,
        user_errors,
    }))
}
