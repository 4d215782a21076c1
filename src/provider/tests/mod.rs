//! What tests of providers share: tokens made by hand, a provider made of switches.

mod client_auth;
mod fake;
mod faults;
mod flows;
pub mod jwt;
mod userinfo;
mod world;
