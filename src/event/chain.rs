//! The chain of hashes over sealed events: each hash is an HMAC-SHA-256, under a key that only
//! this server has, of the hash before it and of the event. Whoever changes, removes or inserts
//! a sealed event without the key breaks every hash from there on.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::database::event::Model;

/// The hash of `event` behind `previous`, which is empty for the first event.
pub fn hash(key: &[u8], previous: &[u8], event: &Model) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    put(&mut mac, Some(previous));
    put(&mut mac, Some(event.id.0.as_bytes()));
    put(&mut mac, Some(&event.at.timestamp_micros().to_be_bytes()));
    for text in [&event.action, &event.actor_kind, &event.actor_name] {
        put(&mut mac, Some(text.as_bytes()));
    }
    for text in [
        &event.actor_id,
        &event.on_behalf_of_id,
        &event.on_behalf_of_name,
        &event.target_id,
        &event.user_id,
        &event.organization_id,
        &event.request_id,
    ] {
        put(&mut mac, text.as_deref().map(str::as_bytes));
    }
    for json in [&event.before_json, &event.after_json] {
        put(
            &mut mac,
            json.as_ref()
                .map(ToString::to_string)
                .as_deref()
                .map(str::as_bytes),
        );
    }
    mac.finalize().into_bytes().to_vec()
}

/// Every part stands behind a mark and its length, so that no two events hash alike.
fn put(mac: &mut Hmac<Sha256>, part: Option<&[u8]>) {
    match part {
        None => mac.update(&[0]),
        Some(bytes) => {
            mac.update(&[1]);
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        }
    }
}
