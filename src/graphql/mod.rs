//! The schema: types and resolvers. No SQL, no HTTP, no rules.

mod absent;
mod api_key;
mod audit;
mod auth_provider;
mod auth_provider_write;
mod connect;
mod context;
mod credential;
mod document;
mod engine;
pub mod error;
mod identity;
mod integration;
mod link;
mod loader;
mod merge;
mod node;
mod organization;
mod organization_write;
mod page;
mod permission;
mod provider;
mod provider_health;
mod provider_write;
mod scalar;
mod session;
mod shape;
mod types;
mod unlink;
mod user;
mod viewer;

use async_graphql::{
    EmptySubscription, MergedObject, SDLExportOptions, SchemaBuilder, ValidationMode,
};

pub use context::{App, Parts};
pub use engine::{Answer, Engine, Operation};
pub use loader::Loader;
pub use page::Cursors;
pub use types::Types;

/// Depth of fields; GraphiQL's introspection needs 15.
const DEPTH: usize = 20;
/// Fields, with the size of pages as a factor.
const COMPLEXITY: usize = 10_000;
/// What a field counts that may hold tens of kilobytes.
const LARGE: usize = 10;
/// Nesting of selections that is followed at all, fragments included.
const RECURSION: usize = 64;
/// Directives on one field.
const DIRECTIVES: usize = 100;

/// Ids and `nodes` that one field takes.
const MOST_IDS: usize = 100;
/// Texts that one filter takes.
const MOST_TEXTS: usize = 1000;

#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct Query(
    viewer::ViewerQuery,
    node::NodeQuery,
    identity::IdentityQuery,
    link::LinkQuery,
    provider::ProviderQuery,
    user::UserQuery,
    organization::OrganizationQuery,
    merge::MergeQuery,
    api_key::ApiKeyQuery,
    audit::AuditQuery,
    auth_provider::AuthProviderQuery,
    integration::IntegrationQuery,
    integration::DefaultIdentityQuery,
);

#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct Mutation(
    link::LinkMutation,
    connect::ConnectMutation,
    provider_write::ProviderMutation,
    user::UserMutation,
    organization_write::OrganizationMutation,
    merge::MergeMutation,
    api_key::ApiKeyMutation,
    session::SessionMutation,
    auth_provider_write::AuthProviderMutation,
    unlink::UnlinkMutation,
    credential::CredentialMutation,
    integration::IntegrationMutation,
);

pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
        .limit_recursive_depth(RECURSION)
        .limit_directives(DIRECTIVES)
        .disable_suggestions()
}

/// The schema, ready to execute.
pub fn schema(app: App) -> Schema {
    builder().data(app).finish()
}

/// The same, for documents that have been validated.
pub fn schema_of_the_validated(app: App) -> Schema {
    builder()
        .validation_mode(ValidationMode::Fast)
        .data(app)
        .finish()
}

/// The schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_enum_items()
        .use_space_ident();
    builder().finish().sdl_with_options(options)
}
