//! What tests of providers share: tokens made by hand, a provider made of switches.

pub mod fake;
mod flows;
pub mod jwt;
