//! Integrations, what organizations have of them, and whom they act as.

mod bound;
mod change;
mod default;
mod events;
mod install;
mod lists;
mod pipeline;
mod races;
mod reattach;
mod setting;
mod uninstall;
