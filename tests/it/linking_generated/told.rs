//! What events tell, against the rows that they tell of.

use lanyard::database::{event, identity};
use serde_json::{Value, json};

use super::model::Share;
use crate::support::stored::Stored;

/// The parts of an identity that events tell of and this test knows.
fn parts(row: &identity::Model) -> Value {
    json!({
        "providerId": row.provider_id.to_string(), "userId": row.user_id.to_string(),
        "externalId": row.external_id, "isPrimary": row.is_primary, "version": row.version,
        "data": row.data_json.0, "email": row.email, "scopes": row.scopes_json.0,
    })
}

/// Each event of an identity since `before` says how its row was and how it is; and every row that
/// has changed has one.
#[track_caller]
pub fn assert_events_tell_the_change(before: &Stored, after: &Stored, what: &str) {
    let events = &after.events[before.events.len()..];
    let find = |stored: &Stored, id: &str| {
        let row = stored
            .identities
            .iter()
            .find(|row| row.id.to_string() == id);
        row.map(parts)
    };
    for event in events {
        let id = event.target_id.as_deref().unwrap();
        if !id.starts_with("identity_") {
            continue;
        }
        let (was, is) = (find(before, id), find(after, id));
        for (told, row) in [(&event.before_json, &was), (&event.after_json, &is)] {
            let told = told.as_ref().map(|json| &json.0);
            assert_eq!(told.is_some(), row.is_some(), "{what}: {event:?}");
            for (name, value) in row.iter().flat_map(|row| row.as_object().unwrap()) {
                assert_eq!(&told.unwrap()[name], value, "{what}: {name} in {event:?}");
            }
        }
        let whose = is.as_ref().or(was.as_ref()).unwrap()["userId"].clone();
        assert_eq!(json!(event.user_id), whose, "{what}");
        assert!(
            event.request_id.is_some() && event.actor_id.is_some(),
            "{what}"
        );
        let told = format!("{:?}{:?}", event.before_json, event.after_json);
        assert!(!told.contains("a token"), "{what}: {told}");
    }
    let told = |id: &str| {
        events
            .iter()
            .any(|event| event.target_id.as_deref() == Some(id))
    };
    for row in before.identities.iter().chain(&after.identities) {
        let id = row.id.to_string();
        let changed = find(before, &id) != find(after, &id);
        assert!(!changed || told(&id), "{what}: nothing tells of {row:?}");
    }
}

/// Each event of an integration since `before` says whom it acted as and whom it acts as.
#[track_caller]
pub fn assert_events_tell_the_shares(
    before: &[Share],
    after: &[Share],
    events: &[event::Model],
    what: &str,
) {
    let acts_as = |shares: &[Share], id: &str| {
        let share = shares.iter().find(|share| share.id == id).unwrap();
        json!({ "defaultIdentityId": share.acts_as })
    };
    for event in events {
        let id = event.target_id.as_deref().unwrap();
        if !id.starts_with("org_integration_") {
            continue;
        }
        for (told, shares) in [(&event.before_json, before), (&event.after_json, after)] {
            let told = &told.as_ref().unwrap().0["defaultIdentityId"];
            assert_eq!(*told, acts_as(shares, id)["defaultIdentityId"], "{what}");
        }
        assert!(event.organization_id.is_some(), "{what}: {event:?}");
        assert!(
            event.request_id.is_some() && event.actor_id.is_some(),
            "{what}"
        );
    }
}

/// Whoever follows the events from the first to the last has the rows in the end.
#[track_caller]
pub fn assert_events_tell_the_rows(stored: &Stored) {
    let mut rows = std::collections::BTreeMap::new();
    for event in &stored.events {
        let Some(id) = event
            .target_id
            .clone()
            .filter(|id| id.starts_with("identity_"))
        else {
            continue;
        };
        match (event.action.as_str(), &event.after_json) {
            ("identity.unlinked", None) => {
                assert!(rows.remove(&id).is_some(), "unlinked once: {event:?}");
            }
            ("identity.linked", Some(after)) => {
                assert!(rows.insert(id, after.0.clone()).is_none(), "{event:?}");
            }
            // updateIdentityData tells of the data alone.
            ("identity.updated", Some(after)) => {
                let row = rows.get_mut(&id).unwrap().as_object_mut().unwrap();
                row.extend(after.0.as_object().unwrap().clone());
            }
            other => panic!("{other:?}"),
        }
    }
    let told: Vec<_> = rows.keys().cloned().collect();
    let mut there: Vec<_> = stored
        .identities
        .iter()
        .map(|row| row.id.to_string())
        .collect();
    there.sort();
    assert_eq!(told, there);
    for row in &stored.identities {
        let told = &rows[&row.id.to_string()];
        for name in ["userId", "providerId", "externalId", "isPrimary", "data"] {
            assert_eq!(told[name], parts(row)[name], "{name} of {row:?}");
        }
    }
}
