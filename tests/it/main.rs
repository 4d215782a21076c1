//! The tests over real HTTP: one binary, one module a capability, every test on both databases
//! where both have the behaviour.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::pedantic, reason = "tests read better plain")]
#![expect(
    clippy::cloned_ref_to_slice_refs,
    clippy::manual_is_multiple_of,
    clippy::zombie_processes,
    reason = "plain comparisons; and the database's shell ends with this process, not before"
)]

mod support;

mod api_keys;
mod attacks;
mod audit;
mod auth_identities;
mod auth_providers;
mod both_databases_alike;
mod cases_of_sentry;
mod catalogue;
mod client_keys;
mod command_line;
mod connect;
mod cursors;
mod demo;
mod doctor;
mod e2e;
mod flows;
mod generated;
mod hostile;
mod hostile_connections;
mod http_edge;
mod http_edge_complexity;
mod http_edge_errors;
mod http_edge_limits;
mod http_edge_mutations;
mod integrations;
mod keys;
mod linking;
mod linking_aftermath;
mod linking_generated;
mod linking_input;
mod linking_preview;
mod linking_races;
mod linking_refused;
mod linking_repeated;
mod linking_sentry;
mod lookups;
mod lookups_of_kinds;
mod lookups_sentry;
mod lookups_within_organizations;
mod merging;
mod migrations;
mod organization_members;
mod organizations;
mod pages;
mod people;
mod permissions;
mod plans;
mod primary;
mod provider_changes;
mod provider_deletion;
mod provider_lookups;
mod providers;
mod refresh;
mod repository;
mod revocation;
mod running;
mod secrets;
mod sessions;
mod sessions_by_cookie;
mod startup;
mod statements;
mod tenancy_attacks;
mod tenancy_bola;
mod tenancy_filters;
mod tenancy_keys;
mod tokens;
mod unknown_types;
mod unlinking;
mod user_lookups;
mod users;
