//! Sessions that end: whatever ends them, each that was still open leaves its event. How
//! sessions begin and are found is not known here.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::clock::{Clock, Time};
use crate::database::session::{self, Model};
use crate::database::{Tx, identity_provider};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{IdentityId, OrganizationId, SessionId, UserId};

/// How long a session lasts unused.
pub const IDLE: TimeDelta = TimeDelta::hours(12);

/// Not over: neither by its age nor by its idleness.
pub fn is_live(row: &Model, now: Time) -> bool {
    now < row.expires_at && now < row.last_seen_at + IDLE
}

/// Ends the sessions, and says which were open until now. One that had run out leaves no event.
pub async fn end(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    rows: Vec<Model>,
) -> Result<Vec<SessionId>, Error> {
    let now = clock.now();
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        // Another process may have ended it meanwhile: that event is there already.
        if !session::delete(tx, row.id).await? || !is_live(&row, now) {
            continue;
        }
        let event = NewEvent {
            target: Some(row.id.any()),
            user: Some(row.user_id),
            before: Some(describe(&row)),
            ..NewEvent::new(Action::SessionEnded)
        };
        event::record(tx, clock, origin, event).await?;
        ended.push(row.id);
    }
    Ok(ended)
}

/// Ends the user's sessions but `keep`.
pub async fn end_of_user(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    let mut rows = session::of_users(tx, &[user]).await?;
    rows.retain(|row| Some(row.id) != keep);
    end(tx, clock, origin, rows).await
}

/// Ends the sessions that these identities have opened, but `keep`.
pub async fn end_of_identities(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    identities: &[IdentityId],
    keep: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    let mut rows = session::of_identities(tx, identities).await?;
    rows.retain(|row| Some(row.id) != keep);
    end(tx, clock, origin, rows).await
}

/// Ends the user's sessions that the organization's own providers have opened.
pub async fn end_of_member(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    organization: OrganizationId,
    user: UserId,
) -> Result<Vec<SessionId>, Error> {
    let mut rows = session::of_users(tx, &[user]).await?;
    let mut providers: Vec<_> = rows.iter().map(|row| row.provider_id).collect();
    providers.sort_unstable();
    providers.dedup();
    let providers = identity_provider::by_ids(tx, &providers).await?;
    rows.retain(|row| {
        providers.iter().any(|provider| {
            provider.id == row.provider_id && provider.organization_id == Some(organization)
        })
    });
    end(tx, clock, origin, rows).await
}

/// A session as events tell of it.
pub fn describe(row: &Model) -> Value {
    json!({
        "providerId": row.provider_id.to_string(),
        "identityId": row.identity_id.map(|id| id.to_string()),
        "userAgent": row.user_agent,
        "signedInAt": row.date_added,
        "expiresAt": row.expires_at,
    })
}
