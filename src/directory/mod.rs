//! The directory: people, and how they are named.

pub mod entity_ref;
pub mod merged;
pub mod user;
