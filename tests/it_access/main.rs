#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::pedantic, reason = "tests read better plain")]
#![allow(dead_code)]
#[path = "../it/api_keys.rs"]
mod api_keys;
#[path = "../it/audit/mod.rs"]
mod audit;
#[path = "../it/permissions/mod.rs"]
mod permissions;
#[path = "../it/secrets/mod.rs"]
mod secrets;
#[path = "../it/support/mod.rs"]
mod support;
