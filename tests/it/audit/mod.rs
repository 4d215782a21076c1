//! The audit log: what leaves an event, the chain that they are sealed into, and reading it.

pub mod chain;
mod events;
mod mutations;
mod reading;
