//! Integrations that act as an identity, when the identity goes: they lose their default, or
//! follow to another one, and either leaves an event. Which of the two it is, is not known here.
//!
//! The foreign key empties a default with its identity, silently: so ask here before the identity
//! is deleted, with its row locked. Whoever makes an identity a default locks that row first.

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::database::organization_integration::{self as stored, Model};
use crate::database::{Tx, identity};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{IdentityId, OrganizationId, UserId};

/// Organization integrations whose default changes in one transaction, each with its event.
const MOST: usize = 1_000;

/// One more than that tells that there are too many.
const LIMIT: u64 = MOST as u64 + 1;

/// Whatever acts as the identity acts as nobody from now on, and knows since when.
///
/// # Errors
/// Refused with `TOO_LARGE` where more act as it than change at once.
pub async fn lose(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    identity: &identity::Model,
) -> Result<(), Error> {
    let followers = followers(tx, identity).await?;
    followers.change(tx, clock, origin, None).await
}

/// The same where the organization's integrations act as the user, for one who leaves it.
///
/// # Errors
/// Refused with `TOO_LARGE`.
pub async fn lose_of_member(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), Error> {
    let rows = stored::acting_as_member_locked(tx, organization, user, LIMIT).await?;
    let followers = Followers { rows, user }.bounded()?;
    followers.change(tx, clock, origin, None).await
}

/// Integrations that act as an identity which gives way to another one.
#[derive(Debug)]
#[must_use = "they keep acting as the identity until they follow, or until it is deleted"]
pub struct Followers {
    rows: Vec<Model>,
    user: UserId,
}

/// Those that act as the identity, locked until the transaction ends. They can follow when it is
/// deleted already, to one of the same user's that could not stand beside it.
///
/// # Errors
/// Refused with `TOO_LARGE`.
pub async fn followers(tx: &Tx, from: &identity::Model) -> Result<Followers, Error> {
    let rows = stored::acting_as_locked(tx, from.id, LIMIT).await?;
    let user = from.user_id;
    Followers { rows, user }.bounded()
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
    fn bounded(self) -> Result<Self, Error> {
        if self.rows.len() <= MOST {
            return Ok(self);
        }
        Err(Error::refused(
            RefusalCode::TooLarge,
            &[],
            format!(
                "more than {MOST} organization integrations would change whom they act as: let \
                 some of them act as another identity first, or as nobody (setDefaultIdentity)"
            ),
        ))
    }

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
            let was = describe(&before);
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
                after: Some(describe(&after)),
                ..NewEvent::new(action)
            }
        };
        let events = self.rows.into_iter().map(event).collect();
        event::record_all(tx, clock, origin, events).await
    }
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
