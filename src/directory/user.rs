//! Creating and changing people in the directory.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use super::entity_ref::EntityRef;
use super::merged;
use crate::access::{Caller, session};
use crate::clock::Clock;
use crate::database::json::Json;
use crate::database::user::{Entity, Model, Status, by_entity_refs, fold_case, lock};
use crate::database::{Database, Tx};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::UserId;
use crate::input::{Change, check_attributes, proof_of_address};
use crate::limits;

/// The only kind of reference that names a person.
const KIND: &str = "user";

/// What to store of a person.
#[derive(Debug, Clone)]
pub struct UpsertUser {
    pub entity_ref: EntityRef,
    /// Renames: the user with this id takes the reference.
    pub id: Option<UserId>,
    pub display_name: Change<String>,
    pub email: Change<String>,
    pub email_verified: Change<bool>,
    pub picture: Change<String>,
    pub annotations: Change<Value>,
    pub status: Option<Status>,
    pub has_other_sign_in: Option<bool>,
}

/// Creates the user of that reference, or changes it; what is left out stays.
///
/// # Errors
/// `BAD_USER_INPUT`; `NOT_FOUND` for an id that no user has; refused with `ALREADY_EXISTS` where
/// another user has the reference, and with `USER_NOT_ACTIVE` for a user that was merged away.
pub async fn upsert(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    input: &UpsertUser,
) -> Result<UserId, Error> {
    input.check()?;
    database
        .write(|tx| async move { write(&tx, clock, caller, input).await })
        .await
}

async fn write(
    tx: &Tx,
    clock: &Clock,
    caller: &Caller,
    input: &UpsertUser,
) -> Result<UserId, Error> {
    let now = clock.now();
    let Some(stored) = find(tx, clock, input).await? else {
        let blank = Model {
            id: UserId::new(clock),
            entity_ref: String::new(),
            display_name: None,
            email: None,
            email_folded: None,
            email_verified: None,
            picture: None,
            annotations_json: Json(json!({})),
            status: Status::Active,
            merged_into: None,
            has_other_sign_in: false,
            date_added: now,
            date_updated: now,
        };
        let row = input.changed(blank);
        let event = event(Action::UserCreated, &row, None);
        let id = row.id;
        Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await?;
        event::record(tx, clock, &caller.origin(), event).await?;
        return Ok(id);
    };
    if stored.status == Status::Merged {
        return Err(Error::refused(
            RefusalCode::UserNotActive,
            &["input", "entityRef"],
            "the user was merged into another one and can't be changed",
        ));
    }
    let id = stored.id;
    let row = input.changed(stored.clone());
    if row != stored {
        let event = event(Action::UserUpdated, &row, Some(&stored));
        if row.status != Status::Active {
            // They don't come back with the status.
            session::end_of_user(tx, clock, &caller.origin(), id, None).await?;
        }
        Model {
            date_updated: now,
            ..row
        }
        .into_active_model()
        .reset_all()
        .update(tx)
        .await?;
        event::record(tx, clock, &caller.origin(), event).await?;
    }
    Ok(id)
}

/// The user to change, locked; `None` where one is to be made. A user that was merged away, and
/// whose time is over, is met as if it were gone already.
async fn find(tx: &Tx, clock: &Clock, input: &UpsertUser) -> Result<Option<Model>, Error> {
    let entity_ref = input.entity_ref.as_str().to_owned();
    let same_ref = by_entity_refs(tx, &[entity_ref]).await?.into_iter().next();
    let same_ref = same_ref.map(|row| row.id);
    let ids: Vec<UserId> = input.id.into_iter().chain(same_ref).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let mut rows = lock(tx, &ids).await?;
    // Renamed while we waited, it is not the one that is meant.
    let has_it = |row: &Model| row.entity_ref == input.entity_ref.as_str();
    let holder = rows.iter().position(has_it);
    let holder = holder.map(|place| rows.swap_remove(place));
    let Some(id) = input.id else {
        return match holder {
            Some(row) if is_over(tx, clock, &row).await? => Ok(None),
            other => Ok(other),
        };
    };
    let holder = match holder {
        Some(row) if row.id == id => return Ok(Some(row)),
        other => other,
    };
    let row = rows.into_iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| Error::NotFound {
        what: "user",
        id: id.to_string(),
    })?;
    if let Some(other) = holder
        && !is_over(tx, clock, &other).await?
    {
        return Err(Error::refused(
            RefusalCode::AlreadyExists,
            &["input", "entityRef"],
            format!("another user is {}", input.entity_ref),
        ));
    }
    Ok(Some(row))
}

async fn is_over(tx: &Tx, clock: &Clock, row: &Model) -> Result<bool, Error> {
    match row.status {
        Status::Merged => merged::delete_if_over(tx, clock, row).await,
        Status::Active | Status::Disabled => Ok(false),
    }
}

impl UpsertUser {
    fn check(&self) -> Result<(), Error> {
        if self.entity_ref.kind() != KIND {
            return Err(Error::bad_input(
                "input.entityRef",
                format!(
                    "{} is not a user: a reference like user:default/jane is needed",
                    self.entity_ref
                ),
            ));
        }
        if let Some(name) = self.display_name.set() {
            limits::text("input.displayName", name, limits::NAME)?;
        }
        if let Some(email) = self.email.set() {
            limits::email("input.email", email)?;
        }
        if let Some(picture) = self.picture.set() {
            limits::text("input.picture", picture, limits::URL)?;
            let is_web =
                url::Url::parse(picture).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            if !is_web {
                return Err(Error::bad_input("input.picture", "is not an http(s) URL"));
            }
        }
        if let Some(annotations) = self.annotations.set() {
            check_attributes("input.annotations", annotations)?;
        }
        match self.status {
            Some(Status::Merged) => Err(Error::bad_input(
                "input.status",
                "MERGED is set by mergeUsers alone; give ACTIVE or DISABLED",
            )),
            Some(Status::Active | Status::Disabled) | None => Ok(()),
        }
    }

    fn changed(&self, stored: Model) -> Model {
        let email = self.email.clone().or(stored.email.clone());
        let known = (stored.email.as_deref(), stored.email_verified);
        let email_verified = proof_of_address(&self.email_verified, email.as_deref(), known);
        Model {
            entity_ref: self.entity_ref.as_str().to_owned(),
            display_name: self.display_name.clone().or(stored.display_name),
            email_folded: email.as_deref().map(fold_case),
            email,
            email_verified,
            picture: self.picture.clone().or(stored.picture),
            annotations_json: self
                .annotations
                .clone()
                .or(Some(stored.annotations_json.0))
                .map_or_else(|| Json(json!({})), Json),
            status: self.status.unwrap_or(stored.status),
            has_other_sign_in: self.has_other_sign_in.unwrap_or(stored.has_other_sign_in),
            ..stored
        }
    }
}

/// A user as events tell of it.
pub fn describe(row: &Model) -> Value {
    json!({
        "entityRef": row.entity_ref,
        "displayName": row.display_name,
        "email": row.email,
        "emailVerified": row.email_verified,
        "picture": row.picture,
        "annotations": row.annotations_json.0,
        "status": sea_orm::ActiveEnum::to_value(&row.status),
        "mergedInto": row.merged_into.map(|id| id.to_string()),
        "hasOtherSignIn": row.has_other_sign_in,
    })
}

fn event(action: Action, row: &Model, before: Option<&Model>) -> NewEvent {
    NewEvent {
        action,
        target: Some(row.id.any()),
        user: Some(row.id),
        organization: None,
        before: before.map(describe),
        after: Some(describe(row)),
    }
}
