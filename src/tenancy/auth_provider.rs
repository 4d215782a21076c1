//! Auth providers: which of its identity providers is an organization's single sign-on.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait};
use serde_json::{Value, json};

use super::organization::find;
use crate::access::{Caller, sees};
use crate::clock::Clock;
use crate::database::auth_provider::{self, Entity, Model};
use crate::database::{Database, Tx, auth_identity, identity_provider};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{AuthProviderId, OrganizationId, ProviderId};
use crate::identity::beside;
use crate::provider::admin;

/// Members' links that go with a sign-on in one transaction, each with its event.
const MOST_LINKS: u64 = 10_000;

/// What an organization's sign-on is to be.
#[derive(Debug, Clone)]
pub struct SetAuthProvider {
    pub organization: OrganizationId,
    pub provider: ProviderId,
    /// Members may be without a link to it.
    pub allow_unlinked: bool,
}

/// Makes one of the organization's own providers its sign-on. Where another one is it, that goes
/// with its links.
///
/// # Errors
/// `NOT_FOUND`; refused with `INVALID_CONFIGURATION` where the provider is not the organization's
/// own, or signs nobody in although every member is to be linked; and with `TOO_LARGE` where more
/// links would go than can at once.
pub async fn set(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    input: &SetAuthProvider,
) -> Result<AuthProviderId, Error> {
    database
        .write(|tx| async move {
            let tx = &*tx;
            // Held until the end: an organization has one sign-on.
            find(tx, caller, input.organization).await?;
            own_provider(tx, caller, input).await?;
            match of_organization(tx, input.organization).await? {
                Some(stored) if stored.provider_id == input.provider => {
                    update(tx, clock, caller, stored, input.allow_unlinked).await
                }
                Some(stored) => {
                    delete(tx, clock, caller, stored).await?;
                    insert(tx, clock, caller, input).await
                }
                None => insert(tx, clock, caller, input).await,
            }
        })
        .await
}

/// Takes the organization's sign-on away, with its links. The provider and the identities there
/// stay.
///
/// # Errors
/// `NOT_FOUND`; refused with `TOO_LARGE`.
pub async fn remove(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    organization: OrganizationId,
) -> Result<AuthProviderId, Error> {
    database
        .write(|tx| async move {
            let tx = &*tx;
            find(tx, caller, organization).await?;
            let stored = of_organization(tx, organization).await?;
            let stored = stored.ok_or_else(|| Error::NotFound {
                what: "auth provider of",
                id: organization.to_string(),
            })?;
            let id = stored.id;
            delete(tx, clock, caller, stored).await?;
            Ok(id)
        })
        .await
}

async fn of_organization(tx: &Tx, id: OrganizationId) -> Result<Option<Model>, Error> {
    let found = auth_provider::by_organizations(tx, &[id]).await?;
    Ok(found.into_iter().next())
}

/// The provider is the organization's own and does what is asked of it. It can't be changed or
/// deleted until the end.
async fn own_provider(tx: &Tx, caller: &Caller, input: &SetAuthProvider) -> Result<(), Error> {
    let id = input.provider;
    let row = identity_provider::locked(tx, id).await?;
    let row = row.ok_or_else(|| admin::not_found(id))?;
    if !sees(&caller.viewer, tx, &row).await? {
        return Err(admin::not_found(id));
    }
    let Some(reason) = unfit(&row, input) else {
        return Ok(());
    };
    Err(Error::refused(
        RefusalCode::InvalidConfiguration,
        &["input", "providerId"],
        format!("{} {reason}", row.slug),
    ))
}

/// Why the provider can't be the sign-on.
fn unfit(row: &identity_provider::Model, input: &SetAuthProvider) -> Option<&'static str> {
    if row.organization_id != Some(input.organization) {
        return Some(
            "is not the organization's own: members sign on by a provider that belongs to it",
        );
    }
    // Members would be asked for a link that they have no way to get.
    if !input.allow_unlinked && !row.enabled {
        return Some("is not enabled: enable it first, or allow members to be unlinked");
    }
    if !input.allow_unlinked && !row.allows_sign_in {
        return Some(
            "signs nobody in: set allowsSignIn of it first, or allow members to be unlinked",
        );
    }
    None
}

async fn insert(
    tx: &Tx,
    clock: &Clock,
    caller: &Caller,
    input: &SetAuthProvider,
) -> Result<AuthProviderId, Error> {
    let row = Model {
        id: AuthProviderId::new(clock),
        organization_id: input.organization,
        provider_id: input.provider,
        allow_unlinked: input.allow_unlinked,
        date_added: clock.now(),
    };
    let id = row.id;
    let event = new_event(
        Action::AuthProviderCreated,
        &row,
        None,
        Some(describe(&row)),
    );
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    event::record(tx, clock, &caller.origin(), event).await?;
    Ok(id)
}

async fn update(
    tx: &Tx,
    clock: &Clock,
    caller: &Caller,
    stored: Model,
    allow_unlinked: bool,
) -> Result<AuthProviderId, Error> {
    let id = stored.id;
    if stored.allow_unlinked == allow_unlinked {
        return Ok(id);
    }
    let row = Model {
        allow_unlinked,
        ..stored.clone()
    };
    let (before, after) = (Some(describe(&stored)), Some(describe(&row)));
    let event = new_event(Action::AuthProviderUpdated, &row, before, after);
    row.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, &caller.origin(), event).await?;
    Ok(id)
}

async fn delete(tx: &Tx, clock: &Clock, caller: &Caller, row: Model) -> Result<(), Error> {
    let Some(row) = auth_provider::locked(tx, row.id).await? else {
        return Ok(());
    };
    let links = auth_identity::of_auth_provider_locked(tx, row.id, MOST_LINKS + 1).await?;
    if links.len() as u64 > MOST_LINKS {
        return Err(Error::refused(
            RefusalCode::TooLarge,
            &[],
            format!(
                "more than {MOST_LINKS} members are linked to the sign-on: delete links first \
                 (deleteAuthIdentities)"
            ),
        ));
    }
    beside::remove_all(tx, clock, &caller.origin(), row.id, &links).await?;
    let event = new_event(
        Action::AuthProviderDeleted,
        &row,
        Some(describe(&row)),
        None,
    );
    row.delete(tx).await?;
    event::record(tx, clock, &caller.origin(), event).await
}

fn new_event(action: Action, row: &Model, before: Option<Value>, after: Option<Value>) -> NewEvent {
    NewEvent {
        target: Some(row.id.any()),
        organization: Some(row.organization_id),
        before,
        after,
        ..NewEvent::new(action)
    }
}

fn describe(row: &Model) -> Value {
    json!({
        "organizationId": row.organization_id.to_string(),
        "providerId": row.provider_id.to_string(),
        "allowUnlinked": row.allow_unlinked,
    })
}

/// There is no such auth provider, or none that the caller may see.
pub fn not_found(id: AuthProviderId) -> Error {
    Error::NotFound {
        what: "auth provider",
        id: id.to_string(),
    }
}
