//! How people prove who they are elsewhere: the provider types that Lanyard knows, as data, and
//! what a configured provider may say. Knows nothing of HTTP and GraphQL.

pub mod admin;
pub mod catalog;
pub mod config;
