//! Organizations, and who is in them.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::LARGE;
use super::auth_provider::{self, AuthProvider};
use super::context::Asking;
use super::integration::{self, OrganizationIntegration};
use super::loader::MemberPage;
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::user::User;
use crate::access::Visible;
use crate::database::organization_integration::Parent;
use crate::database::page::{Position, Slice};
use crate::database::{organization, user};
use crate::error::Error;
use crate::id::{OrganizationId, UserId};
use crate::limits;
use crate::tenancy::organization::not_found;

/// Organizations of one user that are answered at once.
pub const MOST_OF_A_USER: u64 = 100;

/// A tenant of integrations and of sign-on. Users are one directory for the whole server, and
/// members of any number of organizations.
#[derive(Clone, Description)]
pub struct Organization(pub Visible<organization::Model>);

#[Object(use_type_description)]
impl Organization {
    /// Names the organization for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its name in URLs; unique and fixed.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name to show.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Mail domains proven to be its own, in the order of the alphabet.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn domains(&self, ctx: &Context<'_>) -> Result<Vec<String>, Error> {
        let loader = &ctx.app()?.loader;
        let domains = loader.domains_of_organizations.load(self.0.id).await?;
        Ok(domains.unwrap_or_default().to_vec())
    }

    /// Its members, by the users' ids, paged.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<User>, Error> {
        let app = ctx.app()?;
        let name = "members";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let organization = self.0.id;
        let key = MemberPage {
            organization,
            page: page.clone(),
        };
        let slice = app.loader.member_pages.load(key).await?;
        let slice = slice.ok_or_else(|| Error::Internal(anyhow::anyhow!("a page is missing")))?;
        let rows = app
            .loader
            .users
            .load_many(slice.rows.iter().copied())
            .await?;
        let slice = Slice {
            rows: rows
                .into_iter()
                .flatten()
                .collect::<Vec<Arc<user::Model>>>(),
            more: slice.more,
        };
        let count = TotalCount::Members(organization);
        let position = |row: &user::Model| Position::Id(row.id.0);
        connection(ctx, name, &page, slice, count, position, User).await
    }

    /// The integrations that are installed there, by id.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<OrganizationIntegration>, Error> {
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        integration::children(ctx, Parent::Organization(self.0.id), arguments).await
    }

    /// When it was made.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// Its single sign-on; null where it has none.
    async fn auth_provider(&self, ctx: &Context<'_>) -> Result<Option<AuthProvider>, Error> {
        auth_provider::of_organization(ctx, self.0.id).await
    }
}

#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// An organization by id or by slug; exactly one is given. Null where there is none, or none
    /// that the caller may see.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] id: Option<ID>,
        #[graphql(desc = "The organization's slug.")] slug: Option<String>,
    ) -> Result<Option<Organization>, Error> {
        let loader = &ctx.app()?.loader;
        let row = match (id, slug) {
            (Some(text), None) => {
                loader
                    .organizations
                    .load(super::scalar::id("id", &text)?)
                    .await?
            }
            (None, Some(slug)) => {
                limits::text("slug", &slug, limits::SLUG)?;
                loader.organizations_by_slug.load(slug).await?
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::bad_input("id", "give exactly one of id and slug"));
            }
        };
        Ok(ctx.see(row).await?.map(Organization))
    }

    /// The organizations that the caller may see, by id, paged: people's own ones, and the one
    /// that a key is bound to.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<Organization>, Error> {
        let (app, reach) = (ctx.app()?, ctx.viewer()?.reach());
        let name = "organizations";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let slice = app.loader.organization_page(reach, &page).await?;
        let count = TotalCount::Organizations(reach);
        let position = |row: &organization::Model| Position::Id(row.id.0);
        connection(ctx, name, &page, slice, count, position, Organization).await
    }
}

/// The organization of a row that refers to it.
pub async fn of_id(ctx: &Context<'_>, id: OrganizationId) -> Result<Organization, Error> {
    let row = ctx.app()?.loader.organizations.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(Organization).ok_or_else(|| not_found(id))
}

/// The organizations that the user is a member of and that the caller may see, by id.
pub async fn of_user(ctx: &Context<'_>, user: UserId) -> Result<Vec<Organization>, Error> {
    let loader = &ctx.app()?.loader;
    let ids = loader.organizations_of_users.load(user).await?;
    let ids = ids.unwrap_or_default();
    if ids.len() as u64 > MOST_OF_A_USER {
        return Err(Error::LimitExceeded(format!(
            "the user is a member of more than {MOST_OF_A_USER} organizations"
        )));
    }
    let rows = loader.organizations.load_many(ids.iter().copied()).await?;
    let seen = ctx.see_all(rows.into_iter().flatten()).await?;
    Ok(seen.into_iter().map(Organization).collect())
}
