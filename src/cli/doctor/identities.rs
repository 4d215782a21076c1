//! What holds of identities, and of what stands beside them, and no constraint of the database
//! keeps.

use std::fmt::Display;

use super::report::{MOST, Outcome, listed};
use super::told;
use crate::database::identity::{Invariant, broken};
use crate::database::{Database, auth_identity, organization_integration};
use crate::error::Error;

/// Whether it holds of all identities.
pub async fn outcome(database: &Database, invariant: Invariant) -> Outcome {
    let (holds, breaks) = match invariant {
        Invariant::ProviderType => (
            "each has its provider's type",
            "of another type than their provider, so that lookups by type miss them; set \
             provider_type to the provider's",
        ),
        Invariant::Organization => (
            "each is within its provider's organization",
            "within another organization than their provider, so that the wrong ones see them; \
             set organization_id to the provider's",
        ),
        Invariant::AccountSlot => (
            "each is in the slot that its provider's rule says",
            "in a slot that their provider's rule does not say; set account_slot to the external \
             id where the provider allows several accounts per user, else to ''",
        ),
        Invariant::Primary => (
            "every user has one wherever there are identities",
            "at a provider where their user has no primary identity; make one of each user's \
             primary",
        ),
    };
    let found = broken(database.reader(), invariant, MOST).await;
    judged(found.map_err(Error::from), holds, breaks)
}

/// Whether each auth identity is within its sign-on's organization.
pub async fn auth_identities(database: &Database) -> Outcome {
    let found = auth_identity::elsewhere(database.reader(), MOST).await;
    judged(
        found.map_err(Error::from),
        "each is within its sign-on's organization",
        "within another organization than their sign-on, so that the wrong ones see them; set \
         organization_id to the auth provider's",
    )
}

/// Whether each organization integration names its integration's service.
pub async fn organization_integrations(database: &Database) -> Outcome {
    let found = organization_integration::of_another_service(database.reader(), MOST).await;
    judged(
        found.map_err(Error::from),
        "each names its integration's service",
        "of another service than their integration, so that lookups by service miss them; set \
         provider and external_id to the integration's",
    )
}

fn judged<I: Display>(found: Result<Vec<I>, Error>, holds: &str, breaks: &str) -> Outcome {
    match found {
        Ok(found) if found.is_empty() => Outcome::ok(holds),
        Ok(found) => Outcome::failed(format!("{breaks}: {}", listed(&found))),
        Err(error) => Outcome::failed(told(&error)),
    }
}
