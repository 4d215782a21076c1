#![allow(warnings, clippy::all)]
#[path = "../it/e2e.rs"]
mod e2e;
#[path = "../it/hostile.rs"]
mod hostile;
#[path = "../it/hostile_connections.rs"]
mod hostile_connections;
#[path = "../it/http_edge.rs"]
mod http_edge;
#[path = "../it/http_edge_errors.rs"]
mod http_edge_errors;
#[path = "../it/http_edge_limits.rs"]
mod http_edge_limits;
#[path = "../it/http_edge_mutations.rs"]
mod http_edge_mutations;
#[path = "../it/support/mod.rs"]
mod support;
#[path = "../it/http_edge_complexity.rs"]
mod http_edge_complexity;
