//! The rules of linking: which user has which account, and what stands in the way.

pub mod account;
mod data;
pub mod decision;
pub mod default;
pub mod give;
pub mod link;
pub mod remove;
mod told;

pub use data::update_data;
