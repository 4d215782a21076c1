//! The rules of linking: which user has which account, and what stands in the way.

pub mod account;
pub mod beside;
mod data;
pub mod decision;
pub mod default;
pub mod disconnect;
mod elsewhere;
pub mod give;
mod hold;
pub mod link;
mod primary;
pub mod remove;
pub mod revocation;
mod told;
mod unlink;

pub use data::update_data;
pub use primary::set_primary;
pub use unlink::{Unlink, unlink};
