//! Integrations, what organizations have of them, and whom they act as.

mod bound;
mod change;
mod default;
mod install;
mod lists;
mod pipeline;
mod races;
mod reattach;
pub mod setting;
mod statements;
mod uninstall;
mod very_many;
