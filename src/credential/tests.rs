//! A row that the tests of this module begin with.

use chrono::DateTime;
use uuid::Uuid;

use crate::clock::Clock;
use crate::database::Sealed;
use crate::database::credential::Model;
use crate::database::json::Texts;
use crate::id::IdentityId;

/// A credential whose token is over.
pub fn row() -> Model {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    Model {
        identity_id: IdentityId::new(&Clock::default()),
        access_token_sealed: Sealed::new(vec![1]),
        refresh_token_sealed: Some(Sealed::new(vec![2])),
        token_type: None,
        scopes_json: Texts::default(),
        expires_at: Some(now),
        refresh_token_expires_at: None,
        date_added: now,
        date_updated: now,
        grant_id: Some(Uuid::from_u128(1)),
        refreshed_at: None,
        failures: 0,
        failure_reason: None,
        next_attempt_at: None,
        keep_alive_at: None,
        lease_owner: None,
        lease_fence: 4,
        lease_until: None,
        token_fence: 4,
    }
}
