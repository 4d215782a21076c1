//! What tests stand on: a server, a database, a client.

pub mod app;
pub mod client;
pub mod fixtures;
pub mod hostile_documents;
pub mod postgres;
pub mod process;
