//! Who may ask for which field: one row a field, checked over the whole document before anything
//! runs. A test fails on a field that has no row.

use super::Scope;

/// What a caller needs to ask for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Open to all; or seen through its parent, whose own row has been checked.
    Nothing,
    /// Any key.
    Credential,
    Scope(Scope),
    /// The scope of the rows that the ids in the arguments name: see [`scope_of_kind`].
    ScopeOfIds,
}

/// A further scope that a value in an argument needs.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentRule {
    pub field: &'static str,
    /// Path of the value in the field's arguments.
    pub path: &'static [&'static str],
    /// Which value needs the scope; `None`: any that is given.
    pub value: Option<&'static str>,
    pub scope: Scope,
}

use Need::{Credential, Nothing, ScopeOfIds};

const fn scope(scope: Scope) -> Need {
    Need::Scope(scope)
}

/// (type, field, need). `*` stands for all fields of the type that have no row of their own.
pub const ROWS: &[(&str, &str, Need)] = &[
    ("Query", "viewer", Nothing),
    ("Query", "providerTypes", Credential),
    ("Query", "node", ScopeOfIds),
    ("Query", "nodes", ScopeOfIds),
    ("Query", "identity", scope(Scope::IdentityRead)),
    ("Query", "identities", scope(Scope::IdentityRead)),
    ("Query", "userIdentities", scope(Scope::IdentityRead)),
    ("Query", "identityProvider", scope(Scope::ProviderRead)),
    ("Query", "identityProviders", scope(Scope::ProviderRead)),
    ("Query", "user", scope(Scope::DirectoryRead)),
    ("Query", "users", scope(Scope::DirectoryRead)),
    ("Query", "linkPreview", scope(Scope::IdentityWrite)),
    ("Query", "auditEvents", scope(Scope::AuditRead)),
    ("Query", "apiKeys", scope(Scope::Admin)),
    ("Mutation", "linkIdentity", scope(Scope::IdentityWrite)),
    (
        "Mutation",
        "updateIdentityData",
        scope(Scope::IdentityWrite),
    ),
    (
        "Mutation",
        "createIdentityProvider",
        scope(Scope::ProviderWrite),
    ),
    (
        "Mutation",
        "updateIdentityProvider",
        scope(Scope::ProviderWrite),
    ),
    (
        "Mutation",
        "deleteIdentityProvider",
        scope(Scope::ProviderWrite),
    ),
    ("Mutation", "upsertUser", scope(Scope::DirectoryWrite)),
    ("Mutation", "createApiKey", scope(Scope::Admin)),
    // A key may revoke itself; for another one the mutation asks for admin.
    ("Mutation", "revokeApiKey", Credential),
    // Seen over an edge: key and name. All else is the row's own scope.
    // Whoever links has to know which identity came of it.
    ("Identity", "id", Nothing),
    ("Identity", "*", scope(Scope::IdentityRead)),
    ("Credential", "*", scope(Scope::IdentityRead)),
    ("User", "id", Nothing),
    ("User", "entityRef", Nothing),
    ("User", "displayName", Nothing),
    ("User", "picture", Nothing),
    ("User", "identities", scope(Scope::IdentityRead)),
    ("User", "*", scope(Scope::DirectoryRead)),
    ("IdentityProvider", "id", Nothing),
    ("IdentityProvider", "slug", Nothing),
    ("IdentityProvider", "name", Nothing),
    ("IdentityProvider", "type", Nothing),
    ("IdentityProvider", "externalId", Nothing),
    ("IdentityProvider", "identities", scope(Scope::IdentityRead)),
    ("IdentityProvider", "*", scope(Scope::ProviderRead)),
    // A key sees itself; others only through `apiKeys`.
    ("ApiKey", "*", Nothing),
    ("AuditEvent", "*", scope(Scope::AuditRead)),
    // What is seen through a parent, and tells nothing by itself.
    ("Node", "id", Nothing),
    ("NamedValue", "*", Nothing),
    ("ProviderType", "*", Nothing),
    ("ConfigField", "*", Nothing),
    ("Actor", "*", Nothing),
    ("LinkDecision", "*", Nothing),
    ("Refusal", "*", Nothing),
    ("PageInfo", "*", Nothing),
    ("IdentityConnection", "*", Nothing),
    ("IdentityEdge", "*", Nothing),
    ("IdentityProviderConnection", "*", Nothing),
    ("IdentityProviderEdge", "*", Nothing),
    ("UserConnection", "*", Nothing),
    ("UserEdge", "*", Nothing),
    ("AuditEventConnection", "*", Nothing),
    ("AuditEventEdge", "*", Nothing),
    ("ApiKeyConnection", "*", Nothing),
    ("ApiKeyEdge", "*", Nothing),
    ("LinkIdentityPayload", "*", Nothing),
    ("IdentityPayload", "*", Nothing),
    ("IdentityProviderPayload", "*", Nothing),
    ("DeleteIdentityProviderPayload", "*", Nothing),
    ("UserPayload", "*", Nothing),
    ("CreateApiKeyPayload", "*", Nothing),
    ("RevokeApiKeyPayload", "*", Nothing),
];

/// Further scopes by what the arguments say. The capabilities ask again, since some of it
/// depends on what is stored; here it is refused before anything else in the document runs.
pub const ARGUMENTS: &[ArgumentRule] = &[
    ArgumentRule {
        field: "linkIdentity",
        path: &["input", "onConflict"],
        value: Some("REATTACH"),
        scope: Scope::IdentityReattach,
    },
    ArgumentRule {
        field: "linkPreview",
        path: &["input", "onConflict"],
        value: Some("REATTACH"),
        scope: Scope::IdentityReattach,
    },
    ArgumentRule {
        field: "createIdentityProvider",
        path: &["input", "allowsSignIn"],
        value: Some("true"),
        scope: Scope::Admin,
    },
    ArgumentRule {
        field: "updateIdentityProvider",
        path: &["input", "allowsSignIn"],
        value: None,
        scope: Scope::Admin,
    },
];

/// The row of a field: its own, or its type's.
pub fn need(type_name: &str, field: &str) -> Option<Need> {
    let row = |name: &str| {
        ROWS.iter()
            .find(|row| row.0 == type_name && row.1 == name)
            .map(|row| row.2)
    };
    row(field).or_else(|| row("*"))
}

/// What it takes to ask for a row by its id alone.
pub const fn scope_of_kind(kind: crate::id::Kind) -> Scope {
    use crate::id::Kind;
    match kind {
        Kind::Identity => Scope::IdentityRead,
        Kind::Provider => Scope::ProviderRead,
        Kind::User => Scope::DirectoryRead,
        Kind::ApiKey => Scope::Admin,
        Kind::Event => Scope::AuditRead,
    }
}
