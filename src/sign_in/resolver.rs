//! Resolvers: which user of the directory an account belongs to that nobody has linked yet.

use sea_orm::ConnectionTrait;

use crate::database::user::{self, Status};
use crate::error::Error;
use crate::id::{OrganizationId, UserId};
use crate::provider::account::Profile;
use crate::provider::config::sign_in::Resolver;

/// What the resolvers of a provider come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    Found(UserId),
    Refused(Unresolved),
}

/// Why no user was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// Nothing says how accounts become users.
    NoResolver,
    NoEmail,
    EmailUnverified,
    UserNotFound,
    Ambiguous,
    UserNotActive,
}

/// Tries the resolvers in their order; only "not found" moves on to the next. They look among the
/// members of the organization, where one is given: whoever else is in the directory is not its
/// provider's to ask for.
pub async fn resolve(
    db: &impl ConnectionTrait,
    resolvers: &[Resolver],
    profile: &Profile,
    among: Option<OrganizationId>,
) -> Result<Resolution, Error> {
    let mut last = Unresolved::NoResolver;
    for resolver in resolvers {
        let resolution = match resolver {
            Resolver::EmailMatchingUserEntityProfileEmail => by_email(db, profile, among).await?,
        };
        tracing::info!(?resolver, ?resolution, "a resolver looked for a user");
        match resolution {
            Resolution::Refused(Unresolved::UserNotFound) => last = Unresolved::UserNotFound,
            found_or_refused => return Ok(found_or_refused),
        }
    }
    Ok(Resolution::Refused(last))
}

/// An address counts only where the provider has proven that it is the account's.
async fn by_email(
    db: &impl ConnectionTrait,
    profile: &Profile,
    among: Option<OrganizationId>,
) -> Result<Resolution, Error> {
    let Some(email) = &profile.email else {
        return Ok(Resolution::Refused(Unresolved::NoEmail));
    };
    if profile.email_verified != Some(true) {
        return Ok(Resolution::Refused(Unresolved::EmailUnverified));
    }
    let found = user::by_exact_email(db, email, among).await?;
    Ok(match found.as_slice() {
        [] => Resolution::Refused(Unresolved::UserNotFound),
        [only] => match only.status {
            Status::Active => Resolution::Found(only.id),
            Status::Disabled | Status::Merged => Resolution::Refused(Unresolved::UserNotActive),
        },
        [_, _, ..] => Resolution::Refused(Unresolved::Ambiguous),
    })
}
