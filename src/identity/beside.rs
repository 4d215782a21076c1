//! Auth identities as they are stored beside identities: made, renewed, given to another user and
//! taken away, each with its event. Who may do so, and whether it may be, is decided elsewhere.

use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::database::auth_identity::{self, Model};
use crate::database::{Tx, auth_provider, identity};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{AuthIdentityId, AuthProviderId, UserId};

/// Links the user to the sign-on by this account, which nobody has there, nor the user another.
pub async fn insert(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    sign_on: &auth_provider::Model,
    user: UserId,
    ident: &str,
) -> Result<AuthIdentityId, Error> {
    let now = clock.now();
    let row = Model {
        id: AuthIdentityId::new(clock),
        auth_provider_id: sign_on.id,
        organization_id: sign_on.organization_id,
        user_id: user,
        ident: ident.to_owned(),
        date_added: now,
        last_verified: now,
        last_synced: now,
    };
    let id = row.id;
    restore(tx, clock, origin, row).await?;
    Ok(id)
}

/// Stores a link as it is: a new one, or one that was taken away, with its id and its dates.
/// Nobody has the account at the sign-on, nor the user another.
pub async fn restore(tx: &Tx, clock: &Clock, origin: &Origin, row: Model) -> Result<(), Error> {
    let event = new_event(Action::AuthIdentityLinked, &row, None, Some(describe(&row)));
    auth_identity::insert(tx, row).await?;
    event::record(tx, clock, origin, event).await
}

/// Makes the link the user's, who has none at the sign-on.
pub async fn give(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    stored: &Model,
    to: UserId,
) -> Result<(), Error> {
    let row = Model {
        user_id: to,
        ..stored.clone()
    };
    update(tx, clock, origin, stored, row).await
}

/// The link was shown to be good just now, by this account of the same user's.
pub async fn renew(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    stored: Model,
    ident: &str,
) -> Result<(), Error> {
    let now = clock.now();
    let row = Model {
        ident: ident.to_owned(),
        last_verified: now,
        last_synced: now,
        ..stored.clone()
    };
    update(tx, clock, origin, &stored, row).await
}

/// Takes the link away; says whether it was still there.
pub async fn remove(tx: &Tx, clock: &Clock, origin: &Origin, row: &Model) -> Result<bool, Error> {
    if !auth_identity::delete(tx, row.id).await? {
        return Ok(false);
    }
    let event = new_event(Action::AuthIdentityDeleted, row, Some(describe(row)), None);
    event::record(tx, clock, origin, event).await?;
    Ok(true)
}

/// Takes all links to the sign-on away, which are these: the caller holds its row's lock.
pub async fn remove_all(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    sign_on: AuthProviderId,
    rows: &[Model],
) -> Result<(), Error> {
    auth_identity::delete_of_auth_provider(tx, sign_on).await?;
    let gone = |row| new_event(Action::AuthIdentityDeleted, row, Some(describe(row)), None);
    event::record_all(tx, clock, origin, rows.iter().map(gone).collect()).await
}

/// Takes away the link that stands beside an identity which goes: the one of its user at its
/// provider, where that is an organization's sign-on. It stays where it is by another account
/// that the user has there.
pub async fn remove_with(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    identity: &identity::Model,
) -> Result<(), Error> {
    if identity.organization_id.is_none() {
        return Ok(());
    }
    let Some(sign_on) = auth_provider::by_provider(tx, identity.provider_id).await? else {
        return Ok(());
    };
    let own = auth_identity::of_user_at(tx, identity.user_id, &[sign_on.id]).await?;
    let Some(row) = own.into_iter().next() else {
        return Ok(());
    };
    let account = identity::by_account(tx, identity.provider_id, &row.ident).await?;
    if account.is_some_and(|other| other.id != identity.id && other.user_id == identity.user_id) {
        return Ok(());
    }
    remove(tx, clock, origin, &row).await?;
    Ok(())
}

async fn update(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    stored: &Model,
    row: Model,
) -> Result<(), Error> {
    let (before, after) = (Some(describe(stored)), Some(describe(&row)));
    let event = new_event(Action::AuthIdentityUpdated, &row, before, after);
    row.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, origin, event).await
}

fn new_event(action: Action, row: &Model, before: Option<Value>, after: Option<Value>) -> NewEvent {
    NewEvent {
        action,
        target: Some(row.id.any()),
        user: Some(row.user_id),
        organization: Some(row.organization_id),
        before,
        after,
    }
}

fn describe(row: &Model) -> Value {
    json!({
        "authProviderId": row.auth_provider_id.to_string(),
        "userId": row.user_id.to_string(),
        "ident": row.ident,
        "lastVerified": row.last_verified,
        "lastSynced": row.last_synced,
    })
}
