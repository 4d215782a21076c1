//! What refreshes have found out about a provider.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::database::provider_health;

/// Whether a provider gives this server tokens, as far as refreshes have found out.
#[derive(Default, SimpleObject)]
pub struct ProviderHealth {
    /// Its token endpoint has refused, this server itself for example, or wants less of it. Accounts
    /// are untouched.
    failing: bool,
    /// Its error code, such as `invalid_client` (the client secret may have expired), `http_404`, or
    /// `rate_limited`.
    reason: Option<String>,
    /// Since when.
    since: Option<DateTime<Utc>>,
    /// Refusals in a row.
    failures: i32,
    /// Before then no account is refreshed of its own accord; null: only those that it has refused
    /// wait, each for itself.
    next_attempt_at: Option<DateTime<Utc>>,
}

impl ProviderHealth {
    pub fn of(stored: &provider_health::Model) -> Self {
        Self {
            failing: true,
            reason: Some(stored.reason.clone()),
            since: Some(stored.since),
            failures: i32::try_from(stored.failures).unwrap_or(i32::MAX),
            next_attempt_at: stored.next_attempt_at,
        }
    }
}
