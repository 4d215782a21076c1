//! Organizations, and what is within them: members, integrations, single sign-on. Knows neither
//! flows nor sessions of people who are on their way in.

pub mod auth_identity;
pub mod auth_provider;
mod domain;
pub mod member;
pub mod organization;
