//! What refreshes have found out about a provider.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::database::provider_health;

/// Whether a provider gives this server tokens, as far as is known. It is said of the client: of
/// all providers that borrow it alike.
#[derive(Default, SimpleObject)]
pub struct ProviderHealth {
    /// The provider has refused this server itself, or wants less of it; accounts are untouched.
    failing: bool,
    /// Its error code, such as `invalid_client` (the client secret may have expired), `http_404`, or
    /// `rate_limited`.
    reason: Option<String>,
    /// Since when.
    since: Option<DateTime<Utc>>,
    /// Refusals in a row.
    failures: i32,
    /// Before then no account is refreshed of its own accord.
    next_attempt_at: Option<DateTime<Utc>>,
}

impl ProviderHealth {
    pub fn of(stored: &provider_health::Model) -> Self {
        Self {
            failing: true,
            reason: Some(stored.reason.clone()),
            since: Some(stored.since),
            failures: i32::try_from(stored.failures).unwrap_or(i32::MAX),
            next_attempt_at: Some(stored.next_attempt_at),
        }
    }
}
