//! What tests of providers share: tokens made by hand, a provider made of switches.

mod client_auth;
mod fake;
mod faults;
mod flows;
mod hostile;
pub mod jwt;
pub mod raw;
mod renewal;
mod revocation;
mod userinfo;
mod world;
