//! Organizations, and what is within them: members, integrations, single sign-on; and users that
//! go into others, with all that they have there. Knows neither flows nor sessions of people who
//! are on their way in.

pub mod auth_identity;
pub mod auth_provider;
mod domain;
pub mod integration;
pub mod member;
pub mod merge;
pub mod organization;
