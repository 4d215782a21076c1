//! Integrations that act as an identity, when the identity goes: they lose their default, or
//! follow to another one, and either leaves an event. Which of the two it is, is not known here.
//!
//! The foreign key empties a default with its identity, silently: so ask here before the identity
//! is deleted, with its row locked. Whoever makes an identity a default locks that row first.

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::database::organization_integration::{self as stored, Model};
use crate::database::{Tx, identity};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{IdentityId, OrganizationId, UserId};

/// Organization integrations that may act as one identity: whoever takes it away changes all of
/// them at once, each with its event.
pub const MOST: u64 = 1_000;

/// Rows that change by one statement.
const BATCH: u64 = 1_000;

/// Whatever acts as the identity acts as nobody from now on, and knows since when.
pub async fn lose(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    identity: &identity::Model,
) -> Result<(), Error> {
    loop {
        let followers = followers(tx, identity).await?;
        if followers.rows.is_empty() {
            return Ok(());
        }
        followers.change(tx, clock, origin, None).await?;
    }
}

/// The same where the organization's integrations act as the user, for one who leaves it.
pub async fn lose_of_member(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), Error> {
    loop {
        let rows = stored::acting_as_member_locked(tx, organization, user, BATCH).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let followers = Followers { rows, user };
        followers.change(tx, clock, origin, None).await?;
    }
}

/// Integrations that act as an identity which gives way to another one.
#[derive(Debug)]
#[must_use = "they keep acting as the identity until they follow, or until it is deleted"]
pub struct Followers {
    rows: Vec<Model>,
    user: UserId,
}

/// Those that act as the identity, locked until the transaction ends. They can follow when it is
/// deleted already, to one of the same user's that could not stand beside it. All of them, since no
/// more than [`MOST`] act as one identity.
pub async fn followers(tx: &Tx, from: &identity::Model) -> Result<Followers, Error> {
    let rows = stored::acting_as_locked(tx, from.id, BATCH).await?;
    let user = from.user_id;
    Ok(Followers { rows, user })
}

/// They act as the identity `to` from now on.
pub async fn follow(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    followers: Followers,
    to: IdentityId,
) -> Result<(), Error> {
    followers.change(tx, clock, origin, Some(to)).await
}

impl Followers {
    /// All of them act as `to`, or as nobody from now on.
    async fn change(
        self,
        tx: &Tx,
        clock: &Clock,
        origin: &Origin,
        to: Option<IdentityId>,
    ) -> Result<(), Error> {
        let now = clock.now();
        let action = match to {
            Some(_) => Action::OrgIntegrationUpdated,
            None => Action::OrgIntegrationDefaultLost,
        };
        let lost_at = to.is_none().then_some(now);
        let ids: Vec<_> = self.rows.iter().map(|row| row.id).collect();
        stored::set_defaults(tx, &ids, to, lost_at, now).await?;
        let event = |before: Model| {
            let (target, organization) = (before.id.any(), before.organization_id);
            let was = told(&before);
            let after = Model {
                default_identity_id: to,
                default_lost_at: lost_at,
                date_updated: now,
                ..before
            };
            NewEvent {
                target: Some(target),
                user: Some(self.user),
                organization: Some(organization),
                before: Some(was),
                after: Some(told(&after)),
                ..NewEvent::new(action)
            }
        };
        let events = self.rows.into_iter().map(event).collect();
        event::record_all(tx, clock, origin, events).await
    }
}

/// As [`describe`], but for what stays and may be large: very many events are written at once.
fn told(row: &Model) -> Value {
    let mut told = describe(row);
    if let Value::Object(fields) = &mut told {
        fields.remove("config");
    }
    told
}

/// What an organization has of an integration, as events tell of it.
pub fn describe(row: &Model) -> Value {
    json!({
        "integrationId": row.integration_id.to_string(),
        "provider": row.provider,
        "externalId": row.external_id,
        "config": row.config_json.0,
        "status": row.status.name(),
        "defaultIdentityId": row.default_identity_id.map(|id| id.to_string()),
        "defaultLostAt": row.default_lost_at,
        "gracePeriodEnd": row.grace_period_end,
    })
}
