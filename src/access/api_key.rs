//! API keys: made, known again, revoked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DurationRound, TimeDelta};
use sea_orm::{EntityTrait, IntoActiveModel, ModelTrait};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Caller, Scope, sees};
use crate::clock::{Clock, Time};
use crate::database::api_key::{self, Model};
use crate::database::json::Texts;
use crate::database::{Database, Lock, Tx, organization};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{ApiKeyId, OrganizationId};
use crate::limits;
use crate::settings::Origin;
use crate::token;

/// What every key begins with, so that secret scanners find one that leaked.
pub const PREFIX: &str = "lyd_";

/// How many characters of a key are kept to tell keys apart: the prefix and four more.
const HINT: usize = 8;

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub name: String,
    pub scopes: Vec<Scope>,
    /// Default: the name.
    pub application: Option<String>,
    pub expires_at: Option<Time>,
    /// The organization that the key is bound to; left out by a key that is bound itself: its
    /// own.
    pub organization_id: Option<OrganizationId>,
    /// Where links that it starts may lead back to.
    pub return_origins: Vec<String>,
}

/// A key that was made; its secret is shown this once.
#[derive(Debug)]
pub struct Created {
    pub row: Model,
    pub secret: SecretString,
}

/// Makes a key. A caller gives no scope that it lacks.
///
/// # Errors
/// Refused with `SCOPE_NOT_HELD`; `BAD_USER_INPUT` for a name, an expiry, an origin or a list of
/// scopes that is none.
pub async fn create(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    new: NewApiKey,
) -> Result<Created, Error> {
    let lacking = new.scopes.iter().find(|&&scope| !caller.viewer.has(scope));
    if let Some(scope) = lacking {
        return Err(Error::refused(
            RefusalCode::ScopeNotHeld,
            &["input", "scopes"],
            format!("this key lacks the scope {scope}, so it can't give it"),
        ));
    }
    let new = NewApiKey {
        organization_id: new.organization_id.or_else(|| caller.viewer.bound_to()),
        ..new
    };
    caller.viewer.require_within(
        new.organization_id,
        "a key that is bound to no organization",
    )?;
    let secret = new_secret(clock);
    let row = new_row(clock, caller, &new, &secret)?;
    let new_row = &row;
    database
        .write(|tx| async move { insert(&tx, clock, caller, new_row.clone()).await })
        .await?;
    Ok(Created { row, secret })
}

/// Makes the first admin key, where the database has no key at all: the one that is given, or a
/// new one. Processes that start together make one.
///
/// # Errors
/// What [`create`] says.
pub async fn bootstrap(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    given: Option<&SecretString>,
) -> Result<Option<Created>, Error> {
    if api_key::any(database.reader()).await? {
        return Ok(None);
    }
    let secret = given.cloned().unwrap_or_else(|| new_secret(clock));
    let new = NewApiKey {
        name: "first admin key".to_owned(),
        scopes: vec![Scope::Admin],
        application: Some("admin".to_owned()),
        expires_at: None,
        organization_id: None,
        return_origins: Vec::new(),
    };
    let row = new_row(clock, caller, &new, &secret)?;
    let new_row = &row;
    let made = database
        .write(|tx| async move {
            let tx = &*tx;
            Lock::FirstApiKey.take(tx).await?;
            if api_key::any(tx).await? {
                return Ok(false);
            }
            insert(tx, clock, caller, new_row.clone()).await?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(Created { row, secret }))
}

/// Deletes the key: its next request is refused.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn revoke(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    id: ApiKeyId,
) -> Result<(), Error> {
    database
        .write(|tx| async move {
            let tx = &*tx;
            let row = api_key::Entity::find_by_id(id).one(tx).await?;
            let row = row.ok_or_else(|| not_found(id))?;
            if !sees(&caller.viewer, tx, &row).await? {
                return Err(not_found(id));
            }
            if row.clone().delete(tx).await?.rows_affected == 0 {
                return Err(not_found(id));
            }
            let event = NewEvent {
                target: Some(id.any()),
                organization: row.organization_id,
                before: Some(describe(&row)),
                ..NewEvent::new(Action::ApiKeyRevoked)
            };
            event::record(tx, clock, &caller.origin(), event).await
        })
        .await
}

pub fn not_found(id: ApiKeyId) -> Error {
    Error::NotFound {
        what: "API key",
        id: id.to_string(),
    }
}

/// The key, unless its time is over.
pub fn unless_expired(row: Arc<Model>, now: Time) -> Option<Arc<Model>> {
    row.expires_at
        .is_none_or(|expires_at| now < expires_at)
        .then_some(row)
}

/// When keys were used, to the minute: the first use of a key in a minute is noted in its row,
/// and this process notes it once.
#[derive(Debug, Default)]
pub struct KeyUses {
    noted: Mutex<HashMap<ApiKeyId, Time>>,
}

impl KeyUses {
    /// The minute to note, where neither the row nor this process has noted one as late.
    pub fn to_note(&self, row: &Model, now: Time) -> Option<Time> {
        let minute = now.duration_trunc(TimeDelta::minutes(1)).ok()?;
        if row.last_used_at.is_some_and(|noted| noted >= minute) {
            return None;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = noted.insert(row.id, minute);
        before
            .is_none_or(|before| before < minute)
            .then_some(minute)
    }
}

/// A key as `create` makes it up, for those that keep it before there is a database.
pub fn new_secret(clock: &Clock) -> SecretString {
    format!("{PREFIX}{}", token::random(clock).expose_secret()).into()
}

fn new_row(
    clock: &Clock,
    caller: &Caller,
    new: &NewApiKey,
    secret: &SecretString,
) -> Result<Model, Error> {
    limits::text("input.name", &new.name, limits::NAME)?;
    if let Some(application) = &new.application {
        limits::text("input.application", application, limits::NAME)?;
    }
    if new.scopes.is_empty() {
        return Err(Error::bad_input(
            "input.scopes",
            "is empty: a key without scopes can do nothing",
        ));
    }
    let now = clock.now();
    if new.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Error::bad_input(
            "input.expiresAt",
            "is over already: give a time to come",
        ));
    }
    let actor = caller.origin().actor;
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    Ok(Model {
        id: ApiKeyId::new(clock),
        name: new.name.clone(),
        application: new.application.clone().unwrap_or_else(|| new.name.clone()),
        hash: token::hash(secret.expose_secret()),
        hint: secret.expose_secret().chars().take(HINT).collect(),
        scopes_json: Texts(
            scopes
                .into_iter()
                .map(|scope| scope.name().to_owned())
                .collect(),
        ),
        return_origins_json: Texts(return_origins(&new.return_origins)?),
        organization_id: new.organization_id,
        expires_at: new.expires_at,
        last_used_at: None,
        created_by_kind: actor.kind.name().to_owned(),
        created_by_id: actor.id,
        created_by_name: actor.name,
        date_added: now,
    })
}

/// The origins as browsers write them, each once.
fn return_origins(given: &[String]) -> Result<Vec<String>, Error> {
    let field = "input.returnOrigins";
    if given.len() > limits::RETURN_ORIGINS {
        let (found, most) = (given.len(), limits::RETURN_ORIGINS);
        let message = format!("has {found} entries, {most} at most");
        return Err(Error::bad_input(field, message));
    }
    let mut origins = Vec::with_capacity(given.len());
    for text in given {
        limits::text(field, text, limits::ORIGIN)?;
        let origin = Origin::of_application(text)
            .map_err(|problem| Error::bad_input(field, format!("{text:?} {problem}")))?;
        let origin = origin.as_str().to_owned();
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    Ok(origins)
}

async fn insert(tx: &Tx, clock: &Clock, caller: &Caller, row: Model) -> Result<(), Error> {
    if let Some(id) = row.organization_id
        && organization::by_ids(tx, &[id]).await?.is_empty()
    {
        return Err(Error::NotFound {
            what: "organization",
            id: id.to_string(),
        });
    }
    let event = NewEvent {
        target: Some(row.id.any()),
        organization: row.organization_id,
        after: Some(describe(&row)),
        ..NewEvent::new(Action::ApiKeyCreated)
    };
    api_key::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    event::record(tx, clock, &caller.origin(), event).await
}

fn describe(row: &Model) -> serde_json::Value {
    json!({
        "name": row.name,
        "application": row.application,
        "hint": row.hint,
        "scopes": row.scopes_json.0,
        "expiresAt": row.expires_at,
        "organizationId": row.organization_id.map(|id| id.to_string()),
        "returnOrigins": row.return_origins_json.0,
    })
}
