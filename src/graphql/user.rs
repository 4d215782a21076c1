//! People in the directory.

use std::sync::Arc;

use async_graphql::{
    Context, Description, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::auth_provider::AuthIdentity;
use super::context::Asking;
use super::identity::{Identity, children};
use super::organization::Organization;
use super::page::{List, PageArguments, TotalCount, connection, cost};
use super::scalar::{
    EntityRef, NamedValue, Refusal, bounded, change, given, id, ids, named_values, settled,
};
use super::session::Session;
use super::{LARGE, MOST_IDS, MOST_TEXTS};
use crate::access::Visible;
use crate::database::page::Position;
use crate::database::{identity, user};
use crate::directory::user::{UpsertUser, upsert};
use crate::error::Error;
use crate::id::UserId;
use crate::limits;
use crate::sign_in::session::MOST_OF_A_USER;

/// A person in the directory.
#[derive(Clone, Description)]
pub struct User(pub Visible<user::Model>);

#[Object(use_type_description)]
impl User {
    /// Names the user for ever.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The person's reference in the directory; unique.
    async fn entity_ref(&self) -> Result<EntityRef, Error> {
        let stored = &self.0.entity_ref;
        let entity_ref =
            stored
                .parse()
                .map_err(|error: crate::directory::entity_ref::EntityRefError| {
                    Error::Internal(anyhow::Error::new(error).context("a stored reference"))
                })?;
        Ok(EntityRef(entity_ref))
    }

    /// The name to show.
    async fn display_name(&self) -> Option<&str> {
        self.0.display_name.as_deref()
    }

    /// The person's e-mail address.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Whether the address is proven to be the person's; null where nobody said.
    async fn email_verified(&self) -> Option<bool> {
        self.0.email_verified
    }

    /// URL of a picture.
    async fn picture(&self) -> Option<&str> {
        self.0.picture.as_deref()
    }

    /// Free texts about the person, by name.
    #[graphql(complexity = "LARGE + child_complexity")]
    async fn annotations(&self) -> Vec<NamedValue> {
        named_values(&self.0.annotations_json.0)
    }

    /// Whether the person may act.
    async fn status(&self) -> UserStatus {
        self.0.status.into()
    }

    /// The user that this one went into; null where it is not `MERGED`.
    async fn merged_into(&self, ctx: &Context<'_>) -> Result<Option<User>, Error> {
        let Some(id) = self.0.merged_into else {
            return Ok(None);
        };
        let row = ctx.app()?.loader.users.load(id).await?;
        Ok(ctx.see(row).await?.map(User))
    }

    /// The application knows another way in for this person (a password): counts in the
    /// disconnect rules.
    async fn has_other_sign_in(&self) -> bool {
        self.0.has_other_sign_in
    }

    /// When the person came into the directory.
    async fn date_added(&self) -> DateTime<Utc> {
        self.0.date_added
    }

    /// The person's identities, by id, paged.
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
        #[graphql(desc = "At providers of this type only.")] provider_type: Option<String>,
    ) -> Result<List<Identity>, Error> {
        let page = PageArguments {
            first,
            after,
            last,
            before,
        };
        children(ctx, identity::Parent::User(self.0.id), provider_type, page).await
    }

    /// The organizations that the person is a member of and that the caller may see, by id. More
    /// than 100 are `LIMIT_EXCEEDED`.
    #[graphql(complexity = "LARGE * child_complexity + 1")]
    async fn organizations(&self, ctx: &Context<'_>) -> Result<Vec<Organization>, Error> {
        super::organization::of_user(ctx, self.0.id).await
    }

    /// The person's sessions, the latest sign-in first: people see their own, admin keys those of
    /// everybody.
    #[graphql(complexity = "MOST_OF_A_USER * child_complexity + 1")]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>, Error> {
        super::session::of_user(ctx, self.0.id).await
    }

    /// The person's links to the single sign-on of organizations, by id. More than 100 are
    /// `LIMIT_EXCEEDED`.
    #[graphql(complexity = "LARGE * child_complexity + 1")]
    async fn auth_identities(&self, ctx: &Context<'_>) -> Result<Vec<AuthIdentity>, Error> {
        super::auth_provider::of_user(ctx, self.0.id).await
    }
}

/// Whether a person may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::database::user::Status")]
pub enum UserStatus {
    /// May act.
    Active,
    /// May not sign in, and nothing is linked to the user.
    Disabled,
    /// What was the person's is another user's: see mergedInto.
    Merged,
}

/// Which users. Keys are combined with AND; at least one is given, and a key that is given has a
/// value.
#[derive(Debug, InputObject)]
pub struct UserFilter {
    /// Any of these users; 100 at most.
    ids: MaybeUndefined<Vec<ID>>,
    /// With any of these references; 1,000 at most.
    entity_refs: MaybeUndefined<Vec<EntityRef>>,
    /// With this e-mail address; case does not count.
    email: MaybeUndefined<String>,
    /// With this status.
    status: MaybeUndefined<UserStatus>,
    /// Members of this organization.
    organization_id: MaybeUndefined<ID>,
}

impl UserFilter {
    fn read(self) -> Result<user::Filter, Error> {
        let refs = given("filter.entityRefs", self.entity_refs)?;
        if let Some(refs) = &refs {
            bounded("filter.entityRefs", refs.len(), MOST_TEXTS)?;
        }
        let email = given("filter.email", self.email)?;
        if let Some(email) = &email {
            limits::text("filter.email", email, limits::EMAIL)?;
        }
        let filter = user::Filter {
            ids: given("filter.ids", self.ids)?
                .map(|all| ids("filter.ids", &all, MOST_IDS))
                .transpose()?,
            entity_refs: refs.map(|refs| {
                refs.into_iter()
                    .map(|entity| entity.0.into_string())
                    .collect()
            }),
            email,
            status: given("filter.status", self.status)?.map(Into::into),
            organization_id: given("filter.organizationId", self.organization_id)?
                .map(|text| id("filter.organizationId", &text))
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

/// A person to be stored. A field left out stays, null clears it.
#[derive(Debug, InputObject)]
pub struct UpsertUserInput {
    /// The person's reference: user:default/jane.
    entity_ref: EntityRef,
    /// The name to show.
    display_name: MaybeUndefined<String>,
    /// The e-mail address.
    email: MaybeUndefined<String>,
    /// Whether the address is proven to be the person's.
    email_verified: MaybeUndefined<bool>,
    /// URL of a picture.
    picture: MaybeUndefined<String>,
    /// Free texts, an object: 64 of 4 KiB at most; it replaces what is stored.
    annotations: MaybeUndefined<Value>,
    /// Renames: the reference of this user becomes entityRef.
    id: Option<ID>,
    /// ACTIVE or DISABLED; a new user is ACTIVE.
    status: MaybeUndefined<UserStatus>,
    /// The application knows another way in for this person (a password).
    has_other_sign_in: MaybeUndefined<bool>,
}

/// The user after a change.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The user; null where the change was refused.
    user: Option<User>,
    /// Why the change was refused; nothing was changed then.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A user by id, by reference or by e-mail address; exactly one is given. Null where there is
    /// none; AMBIGUOUS where several users have the address.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's id.")] id: Option<ID>,
        #[graphql(desc = "The user's reference.")] entity_ref: Option<EntityRef>,
        #[graphql(desc = "The user's e-mail address; case does not count.")] email: Option<String>,
    ) -> Result<Option<User>, Error> {
        let (loader, viewer) = (&ctx.app()?.loader, ctx.viewer()?);
        let row = match (id, entity_ref, email) {
            (Some(text), None, None) => loader.users.load(super::scalar::id("id", &text)?).await?,
            (None, Some(entity), None) => loader.users_by_ref.load(entity.0.into_string()).await?,
            (None, None, Some(email)) => {
                limits::text("email", &email, limits::EMAIL)?;
                let mut found = loader.users_by_email(&email, viewer.reach()).await?;
                if found.len() > 1 {
                    return Err(Error::Ambiguous(
                        "several users have this e-mail address; ask users(filter: {email}) for all"
                            .to_owned(),
                    ));
                }
                found.pop().map(Arc::new)
            }
            _ => {
                return Err(Error::bad_input(
                    "id",
                    "give exactly one of id, entityRef and email",
                ));
            }
        };
        Ok(ctx.see(row).await?.map(User))
    }

    /// The users that the filter finds, by id, paged; all that the caller may see where no filter
    /// is given.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its keys are combined with AND; at least one is given.")] filter: Option<
            UserFilter,
        >,
        #[graphql(desc = "The page has this many rows, 100 at most; default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The page begins behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Like first, from the list's end.")] last: Option<i32>,
        #[graphql(desc = "The page ends in front of this cursor.")] before: Option<String>,
    ) -> Result<List<User>, Error> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let filter = filter
            .map(UserFilter::read)
            .transpose()?
            .unwrap_or_default()
            .within(viewer.reach());
        let name = "users";
        let page = PageArguments {
            first,
            after,
            last,
            before,
        }
        .page(&app.cursors, name)?;
        let slice = app.loader.user_page(&filter, &page).await?;
        let count = TotalCount::Users(filter);
        let position = |row: &user::Model| Position::Id(row.id.0);
        connection(ctx, name, &page, slice, count, position, User).await
    }
}

#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Creates the user of that reference, or changes it.
    async fn upsert_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: UpsertUserInput,
    ) -> Result<Option<UserPayload>, Error> {
        let app = ctx.app()?;
        let input = UpsertUser {
            entity_ref: input.entity_ref.0,
            id: input.id.map(|text| id("input.id", &text)).transpose()?,
            display_name: change(input.display_name),
            email: change(input.email),
            email_verified: change(input.email_verified),
            picture: change(input.picture),
            annotations: change(input.annotations),
            status: given("input.status", input.status)?.map(Into::into),
            has_other_sign_in: given("input.hasOtherSignIn", input.has_other_sign_in)?,
        };
        let result = upsert(&app.database, &app.clock, ctx.caller()?, &input).await;
        app.sealer.wake();
        let (id, user_errors) = settled(result)?;
        let user = match id {
            None => None,
            Some(id) => Some(of_id(ctx, id).await?),
        };
        Ok(Some(UserPayload { user, user_errors }))
    }
}

/// The user of a row that refers to it.
pub async fn of_id(ctx: &Context<'_>, id: UserId) -> Result<User, Error> {
    let row = ctx.app()?.loader.users.load(id).await?;
    let seen = ctx.see(row).await?;
    seen.map(User).ok_or_else(|| Error::NotFound {
        what: "user",
        id: id.to_string(),
    })
}
