//! Integrations that act as an identity, when the identity goes: they lose their default, or
//! follow to another one, and either leaves an event. Which of the two it is, is not known here.
//!
//! The foreign key empties a default with its identity, silently: so ask here before the identity
//! is deleted, with its row locked. Whoever makes an identity a default locks that row first.

use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::database::Tx;
use crate::database::organization_integration::{self as stored, Model};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{IdentityId, OrganizationId, UserId};

/// Whatever acts as one of the identities acts as nobody from now on, and knows since when.
pub async fn lose(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    identities: &[IdentityId],
) -> Result<(), Error> {
    let rows = stored::acting_as_locked(tx, identities).await?;
    empty(tx, clock, origin, rows).await
}

/// The same where the organization's integrations act as the user, for one who leaves it.
pub async fn lose_of_member(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), Error> {
    let rows = stored::acting_as_member_locked(tx, organization, user).await?;
    empty(tx, clock, origin, rows).await
}

/// Integrations that act as an identity which gives way to another one.
#[derive(Debug)]
#[must_use = "they keep acting as the identity until they follow, or until it is deleted"]
pub struct Followers(Vec<Model>);

/// Those that act as the identity, locked until the transaction ends. They can follow when it is
/// deleted already, to one that could not stand beside it.
pub async fn followers(tx: &Tx, from: IdentityId) -> Result<Followers, Error> {
    Ok(Followers(stored::acting_as_locked(tx, &[from]).await?))
}

/// They act as the identity `to` from now on.
pub async fn follow(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    followers: Followers,
    to: IdentityId,
) -> Result<(), Error> {
    let now = clock.now();
    for before in followers.0 {
        let after = Model {
            default_identity_id: Some(to),
            default_lost_at: None,
            date_updated: now,
            ..before.clone()
        };
        store(
            tx,
            clock,
            origin,
            Action::OrgIntegrationUpdated,
            before,
            after,
        )
        .await?;
    }
    Ok(())
}

async fn empty(tx: &Tx, clock: &Clock, origin: &Origin, rows: Vec<Model>) -> Result<(), Error> {
    let now = clock.now();
    for before in rows {
        let after = Model {
            default_identity_id: None,
            default_lost_at: Some(now),
            date_updated: now,
            ..before.clone()
        };
        store(
            tx,
            clock,
            origin,
            Action::OrgIntegrationDefaultLost,
            before,
            after,
        )
        .await?;
    }
    Ok(())
}

async fn store(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    action: Action,
    before: Model,
    after: Model,
) -> Result<(), Error> {
    let event = NewEvent {
        target: Some(after.id.any()),
        organization: Some(after.organization_id),
        before: Some(describe(&before)),
        after: Some(describe(&after)),
        ..NewEvent::new(action)
    };
    after.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, origin, event).await
}

fn describe(row: &Model) -> Value {
    let identity = row.default_identity_id.map(|id| id.to_string());
    json!({ "defaultIdentityId": identity })
}
