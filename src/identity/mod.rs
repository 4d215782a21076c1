//! The rules of linking: which user has which account, and what stands in the way.

pub mod account;
pub mod beside;
mod data;
pub mod decision;
pub mod disconnect;
pub mod link;

pub use data::update_data;
