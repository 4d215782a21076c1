//! How people prove who they are elsewhere: the provider types that Lanyard knows, as data, what
//! a configured provider may say, and how a person is sent there and comes back. Knows nothing
//! of HTTP routes, cookies and GraphQL.

pub mod account;
pub mod admin;
pub mod catalog;
pub mod client_key;
pub mod config;
pub mod egress;
mod extent;
pub mod flow;
pub mod mapping;
pub mod relying_party;

#[cfg(test)]
mod tests;
