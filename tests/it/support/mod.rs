//! What tests stand on: a server, a database, a client.

pub mod app;
pub mod canary;
pub mod client;
pub mod connecting;
pub mod demo;
pub mod dump;
pub mod fixtures;
pub mod hostile_documents;
pub mod http;
pub mod marks;
pub mod peer;
pub mod player;
pub mod postgres;
pub mod process;
pub mod repository;
pub mod sign_on;
pub mod site;
pub mod stored;
pub mod tenancy;
pub mod tenants;
pub mod until;
pub mod walker;
pub mod world;
