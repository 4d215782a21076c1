//! Replacing an identity's free data.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::{Value, json};

use super::elsewhere::may_change;
use super::link;
use crate::access::{Caller, sees};
use crate::clock::Clock;
use crate::database::json::Json;
use crate::database::{Database, identity, identity_provider};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::IdentityId;
use crate::input::check_data;

/// Replaces the data wholesale; where a version is expected, it must be the current one.
///
/// # Errors
/// `NOT_FOUND`, `FORBIDDEN` where the provider asks for a further scope, `BAD_USER_INPUT`; refused
/// with `SECRET_IN_DATA` or `VERSION_CONFLICT`, and with `IN_USE` for a key that is bound to an
/// organization, where another one's integration acts as the identity.
pub async fn update_data(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    id: IdentityId,
    data: Value,
    expected_version: Option<i64>,
) -> Result<(), Error> {
    check_data("input.data", &data)?;
    let data = &data;
    database
        .write(|tx| async move {
            let tx = &*tx;
            let row = identity::locked(tx, id).await?;
            let row = row.ok_or_else(|| link::not_found(id))?;
            if !sees(&caller.viewer, tx, &row).await? {
                return Err(link::not_found(id));
            }
            let provider = identity_provider::Entity::find_by_id(row.provider_id);
            if let Some(provider) = provider.one(tx).await? {
                link::may_assert(caller, &provider)?;
            }
            if let Some(expected) = expected_version.filter(|&expected| expected != row.version) {
                return Err(Error::refused(
                    RefusalCode::VersionConflict,
                    &["input", "expectedVersion"],
                    format!("the identity is at version {}, not {expected}", row.version),
                ));
            }
            if row.data_json.0 == *data {
                return Ok(());
            }
            may_change(tx, caller, &[id]).await?;
            let event = NewEvent {
                target: Some(id.any()),
                user: Some(row.user_id),
                organization: row.organization_id,
                before: Some(json!({ "data": row.data_json.0 })),
                after: Some(json!({ "data": data })),
                ..NewEvent::new(Action::IdentityUpdated)
            };
            let version = row.version + 1;
            let mut row = row.into_active_model();
            row.data_json = Set(Json(data.clone()));
            row.version = Set(version);
            row.date_updated = Set(clock.now());
            row.update(tx).await?;
            event::record(tx, clock, &caller.origin(), event).await
        })
        .await
}
