//! Organizations: made, renamed, given their mail domains.

use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::domain;
use crate::access::{Caller, sees};
use crate::clock::Clock;
use crate::database::organization::{self, Model};
use crate::database::{Database, Tx};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::OrganizationId;
use crate::limits;

#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Its name in URLs, for ever.
    pub slug: String,
    pub name: String,
}

/// What is left out stays.
#[derive(Debug, Clone)]
pub struct OrganizationChange {
    pub id: OrganizationId,
    pub name: Option<String>,
    /// Mail domains that are proven to be its own; they replace those that it has.
    pub domains: Option<Vec<String>>,
}

/// # Errors
/// `BAD_USER_INPUT`, `FORBIDDEN` for a key that is bound to an organization; refused with
/// `ALREADY_EXISTS` for a slug that another one has.
pub async fn create(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    new: &NewOrganization,
) -> Result<OrganizationId, Error> {
    limits::slug("input.slug", &new.slug)?;
    limits::text("input.name", &new.name, limits::NAME)?;
    caller.viewer.require_unbound("creating an organization")?;
    let row = &Model {
        id: OrganizationId::new(clock),
        slug: new.slug.clone(),
        name: new.name.clone(),
        date_added: clock.now(),
    };
    database
        .write(|tx| async move {
            let tx = &*tx;
            let slug = std::slice::from_ref(&row.slug);
            if !organization::by_slugs(tx, slug).await?.is_empty() {
                return Err(Error::refused(
                    RefusalCode::AlreadyExists,
                    &["input", "slug"],
                    format!("another organization has the slug {}", row.slug),
                ));
            }
            organization::insert(tx, row.clone()).await?;
            let event = NewEvent {
                after: Some(describe(row, &[])),
                ..about(row.id, Action::OrganizationCreated)
            };
            event::record(tx, clock, &caller.origin(), event).await
        })
        .await?;
    Ok(row.id)
}

/// # Errors
/// `NOT_FOUND`, `BAD_USER_INPUT`, `FORBIDDEN` for the domains where the key is bound to an
/// organization; refused with `ALREADY_EXISTS` for a domain that another one has.
pub async fn update(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    change: &OrganizationChange,
) -> Result<(), Error> {
    if let Some(name) = &change.name {
        limits::text("input.name", name, limits::NAME)?;
    }
    let domains = match &change.domains {
        None => None,
        Some(texts) => {
            // Who has a domain decides whom its sign-on may make: nobody proves it to themselves.
            caller.viewer.require_unbound("setting mail domains")?;
            Some(domain::read_all(texts)?)
        }
    };
    let domains = domains.as_deref();
    database
        .write(|tx| async move { write(&tx, clock, caller, change, domains).await })
        .await
}

async fn write(
    tx: &Tx,
    clock: &Clock,
    caller: &Caller,
    change: &OrganizationChange,
    domains: Option<&[String]>,
) -> Result<(), Error> {
    let stored = find(tx, caller, change.id).await?;
    let had = organization::domains_of(tx, &[stored.id]).await?;
    let had: Vec<String> = had.into_iter().map(|row| row.domain).collect();
    let domains = domains.unwrap_or(&had);
    let row = Model {
        name: change.name.clone().unwrap_or_else(|| stored.name.clone()),
        ..stored.clone()
    };
    if row == stored && domains == had {
        return Ok(());
    }
    nobody_elses(tx, row.id, domains).await?;
    organization::replace_domains(tx, row.id, domains, clock.now()).await?;
    let event = NewEvent {
        before: Some(describe(&stored, &had)),
        after: Some(describe(&row, domains)),
        ..about(row.id, Action::OrganizationUpdated)
    };
    row.into_active_model().reset_all().update(tx).await?;
    event::record(tx, clock, &caller.origin(), event).await
}

async fn nobody_elses(tx: &Tx, id: OrganizationId, domains: &[String]) -> Result<(), Error> {
    let owners = organization::owners_of(tx, domains).await?;
    let Some(taken) = owners.iter().find(|row| row.organization_id != id) else {
        return Ok(());
    };
    Err(Error::refused(
        RefusalCode::AlreadyExists,
        &["input", "domains"],
        format!("another organization has the domain {}", taken.domain),
    ))
}

/// The organization, if the caller may see it, locked until the transaction ends.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn find(tx: &Tx, caller: &Caller, id: OrganizationId) -> Result<Model, Error> {
    let row = organization::locked(tx, id).await?;
    let row = row.ok_or_else(|| not_found(id))?;
    if !sees(&caller.viewer, tx, &row).await? {
        return Err(not_found(id));
    }
    Ok(row)
}

/// There is no such organization, or none that the caller may see.
pub fn not_found(id: OrganizationId) -> Error {
    Error::NotFound {
        what: "organization",
        id: id.to_string(),
    }
}

/// An event of the organization itself.
pub(super) fn about(id: OrganizationId, action: Action) -> NewEvent {
    NewEvent {
        target: Some(id.any()),
        organization: Some(id),
        ..NewEvent::new(action)
    }
}

fn describe(row: &Model, domains: &[String]) -> Value {
    json!({ "slug": row.slug, "name": row.name, "domains": domains })
}
