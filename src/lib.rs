//! Lanyard, a GraphQL identity server: one person, many accounts.
//!
//! From the outside in:
//!
//! * [`cli`]: the command line, one file a command.
//! * [`server`]: the only place where parts are put together, started and stopped.
//! * [`demo`]: a make-believe OpenID provider and a sample organization, to try things out with.
//! * [`http`]: requests that are not resolvers: the routes, the GraphQL endpoint, health.
//! * [`graphql`]: the schema: types and resolvers; every read of a row goes through its loader.
//! * [`sign_in`]: how a person becomes the one who calls: sessions; and links that go by pages.
//! * [`tenancy`]: organizations: their members, integrations and single sign-on; users that go
//!   into others.
//! * [`credential`]: the tokens of linked accounts: kept fresh, given out, given back.
//! * [`identity`]: the rules of linking: one pure decision, and what carries it out.
//! * [`directory`]: people, and references to them.
//! * [`provider`]: the catalogue of provider types, the providers that are configured, and the
//!   way of a person there and back.
//! * [`access`]: who may call, API keys, scopes, and the one function that lets a row through.
//! * [`event`]: what happened: one log, and the chain that seals it.
//! * [`vault`]: encryption of secrets and tokens, and the keys for it.
//! * [`database`]: both databases behind one face; one file a table.
//! * [`settings`]: what the process was told to be: name, default, meaning, check.
//! * [`metrics`]: what the server counts of itself.
//! * [`expression`]: expressions of catalogue and configuration, bounded.
//! * [`batch`]: puts together what waits for the database at the same time.
//! * [`token`]: secrets of our own making, as they leave and as they are kept.
//! * [`input`]: checks that every edge makes of what it is given.
//! * [`limits`]: the sizes that are allowed, in one place.
//! * [`id`]: ids as the API shows them.
//! * [`clock`]: time and chance, passed in.
//! * [`error`]: what can go wrong, and its stable code.
//!
//! # Who may use whom
//!
//! A module may use what stands behind an arrow to its right, and nothing else; those in one
//! brace don't know each other. A test reads the sources and this list.
//!
//! ```text
//! main → cli → { server, demo } → http → graphql
//!   → sign_in → { tenancy, credential } → { identity, directory, provider }
//!   → access → vault → event → database
//!   → { settings, metrics, input, expression, token, batch } → limits → id → { clock, error }
//! ```
//!
//! Three rules go beyond it, and the same test holds them: only `database` names columns and
//! writes SQL; `cli`, `server`, `http` and `graphql` run no statements of their own; nothing
//! but a test unwraps or panics.

pub mod access;
pub mod batch;
pub mod cli;
pub mod clock;
pub mod credential;
pub mod database;
pub mod demo;
pub mod directory;
pub mod error;
pub mod event;
pub mod expression;
pub mod graphql;
pub mod http;
pub mod id;
pub mod identity;
pub mod input;
pub mod limits;
pub mod metrics;
pub mod provider;
pub mod server;
pub mod settings;
pub mod sign_in;
pub mod tenancy;
pub mod token;
pub mod vault;
