//! What holds of identities and no constraint of the database keeps.

use super::report::{MOST, Outcome, listed};
use super::told;
use crate::database::Database;
use crate::database::identity::{Invariant, broken};
use crate::error::Error;

/// Whether it holds of all.
pub async fn outcome(database: &Database, invariant: Invariant) -> Outcome {
    let (holds, breaks) = match invariant {
        Invariant::ProviderType => (
            "each has its provider's type",
            "of another type than their provider, so that lookups by type miss them; set \
             provider_type to the provider's",
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
    match broken(database.reader(), invariant, MOST).await {
        Ok(found) if found.is_empty() => Outcome::ok(holds),
        Ok(found) => Outcome::failed(format!("{breaks}: {}", listed(&found))),
        Err(error) => Outcome::failed(told(&Error::from(error))),
    }
}
