//! Who may ask for which field: one row a field, checked over the whole document before anything
//! runs. A test fails on a field that has no row.

use super::{Scope, Viewer, unauthenticated};
use crate::error::Error;
use crate::id::Kind;

/// What a key needs to ask for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Open to all; or seen through its parent, whose own row has been checked.
    Nothing,
    /// Any key.
    Credential,
    Scope(Scope),
    /// Both scopes.
    Both(Scope, Scope),
    /// The scope of the rows that the ids in the arguments name: see [`rule_of_kind`].
    ScopeOfIds,
    /// No key will do: it is for people alone.
    Person,
}

/// What a signed-in person may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// May ask, and hears what everybody hears.
    All,
    /// May ask, and sees the own rows: see [`super::visible()`].
    Own,
    /// May not ask.
    Never,
}

/// Who may ask for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub need: Need,
    pub people: People,
    /// A key that is bound to an organization may not ask.
    pub server_wide: bool,
}

impl Rule {
    /// # Errors
    /// `UNAUTHENTICATED` or `FORBIDDEN`, where the viewer may not ask for `what`.
    pub fn check(self, viewer: &Viewer, what: &str) -> Result<(), Error> {
        if self.server_wide {
            viewer.require_unbound(what)?;
        }
        match (viewer, self.need) {
            (Viewer::Person(_), need) => match (self.people, need) {
                (People::All | People::Own, _) => Ok(()),
                (People::Never, Need::Scope(scope) | Need::Both(scope, _)) => {
                    viewer.require(scope, what)
                }
                (
                    People::Never,
                    Need::Nothing | Need::Credential | Need::ScopeOfIds | Need::Person,
                ) => Err(Error::Forbidden(format!(
                    "{what} needs an API key; a signed-in person may not"
                ))),
            },
            (_, Need::Nothing)
            | (Viewer::ApiKey(_) | Viewer::CommandLine, Need::Credential | Need::ScopeOfIds) => {
                Ok(())
            }
            (Viewer::Nobody, _) => Err(unauthenticated(what)),
            (_, Need::Scope(scope)) => viewer.require(scope, what),
            (_, Need::Both(one, other)) => {
                viewer.require(one, what)?;
                viewer.require(other, what)
            }
            (Viewer::ApiKey(_) | Viewer::CommandLine, Need::Person) => Err(Error::Forbidden(
                format!("{what} is for signed-in people: an API key is none"),
            )),
        }
    }
}

/// What a value in an argument needs beyond the field itself.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentRule {
    pub field: &'static str,
    /// Path of the value in the field's arguments.
    pub path: &'static [&'static str],
    /// Which value needs it; `None`: any that is given.
    pub value: Option<&'static str>,
    pub demand: Demand,
}

/// What it takes to give a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// A further scope.
    Scope(Scope),
    /// A key that is bound to no organization.
    Unbound,
}

impl Demand {
    /// # Errors
    /// `UNAUTHENTICATED` or `FORBIDDEN`, where the viewer may not give `what`.
    pub fn check(self, viewer: &Viewer, what: &str) -> Result<(), Error> {
        match self {
            Self::Scope(scope) => viewer.require(scope, what),
            Self::Unbound => viewer.require_unbound(what),
        }
    }
}

use Need::{Credential, Nothing, ScopeOfIds};
use People::{All, Never, Own};

const fn scope(scope: Scope) -> Need {
    Need::Scope(scope)
}

/// Whoever changes a sign-on changes who gets into an organization.
const SIGN_ON: Need = Need::Both(Scope::IntegrationWrite, Scope::IdentityWrite);

/// (type, field, what a key needs, what people may). `*` stands for all fields of the type that
/// have no row of their own.
#[rustfmt::skip] // A table: a row a line.
pub const ROWS: &[(&str, &str, Need, People)] = &[
    ("Query", "viewer", Nothing, All),
    ("Query", "providerTypes", Credential, All),
    ("Query", "node", ScopeOfIds, Own),
    ("Query", "nodes", ScopeOfIds, Own),
    ("Query", "identity", scope(Scope::IdentityRead), Own),
    ("Query", "identities", scope(Scope::IdentityRead), Own),
    ("Query", "userIdentities", scope(Scope::IdentityRead), Own),
    ("Query", "identityProvider", scope(Scope::ProviderRead), Own),
    ("Query", "identityProviders", scope(Scope::ProviderRead), Own),
    ("Query", "user", scope(Scope::DirectoryRead), Own),
    ("Query", "users", scope(Scope::DirectoryRead), Own),
    ("Query", "organization", scope(Scope::IntegrationRead), Own),
    ("Query", "organizations", scope(Scope::IntegrationRead), Own),
    ("Query", "linkPreview", scope(Scope::IdentityWrite), Never),
    ("Query", "mergePlan", scope(Scope::Admin), Never),
    ("Query", "auditEvents", scope(Scope::AuditRead), Never),
    ("Query", "apiKeys", scope(Scope::Admin), Never),
    ("Query", "integration", scope(Scope::IntegrationRead), Never),
    ("Query", "organizationIntegration", scope(Scope::IntegrationRead), Never),
    ("Query", "organizationIntegrations", scope(Scope::IntegrationRead), Never),
    ("Query", "defaultIdentity", Need::Both(Scope::IntegrationRead, Scope::IdentityRead), Never),
    ("Mutation", "linkIdentity", scope(Scope::IdentityWrite), Never),
    ("Mutation", "startLink", scope(Scope::IdentityWrite), Own),
    ("Mutation", "completeLink", scope(Scope::IdentityWrite), Never),
    ("Mutation", "updateIdentityData", scope(Scope::IdentityWrite), Never),
    ("Mutation", "createIdentityProvider", scope(Scope::ProviderWrite), Never),
    ("Mutation", "updateIdentityProvider", scope(Scope::ProviderWrite), Never),
    ("Mutation", "deleteIdentityProvider", scope(Scope::ProviderWrite), Never),
    ("Mutation", "upsertUser", scope(Scope::DirectoryWrite), Never),
    ("Mutation", "createOrganization", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "updateOrganization", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "addOrganizationMember", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "removeOrganizationMember", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "mergeUsers", scope(Scope::Admin), Never),
    ("Mutation", "undoMerge", scope(Scope::Admin), Never),
    ("Mutation", "createApiKey", scope(Scope::Admin), Never),
    // A key may revoke itself; for another one the mutation asks for admin.
    ("Mutation", "revokeApiKey", Credential, Never),
    ("Mutation", "installIntegration", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "setDefaultIdentity", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "updateOrganizationIntegration", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "updateIntegration", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "uninstallIntegration", scope(Scope::IntegrationWrite), Never),
    ("Mutation", "endSession", scope(Scope::Admin), Own),
    ("Mutation", "endOtherSessions", Need::Person, Own),
    ("Query", "authProvider", scope(Scope::IntegrationRead), Own),
    ("Mutation", "unlinkIdentity", scope(Scope::IdentityWrite), Own),
    ("Mutation", "setPrimaryIdentity", scope(Scope::IdentityWrite), Own),
    ("Mutation", "refreshIdentity", scope(Scope::IdentityWrite), Own),
    ("Mutation", "setAuthProvider", SIGN_ON, Never),
    ("Mutation", "removeAuthProvider", SIGN_ON, Never),
    ("Mutation", "linkAuthIdentity", SIGN_ON, Never),
    ("Mutation", "deleteAuthIdentity", SIGN_ON, Never),
    ("Mutation", "deleteAuthIdentities", SIGN_ON, Never),
    // Seen over an edge: key and name. All else is the row's own scope.
    // Whoever links has to know which identity came of it.
    ("Identity", "id", Nothing, Own),
    ("Identity", "defaultFor", scope(Scope::IntegrationRead), Never),
    ("Identity", "*", scope(Scope::IdentityRead), Own),
    ("Credential", "accessToken", scope(Scope::IdentityToken), Never),
    ("Credential", "*", scope(Scope::IdentityRead), Own),
    ("User", "id", Nothing, Own),
    ("User", "entityRef", Nothing, Own),
    ("User", "displayName", Nothing, Own),
    ("User", "picture", Nothing, Own),
    ("User", "identities", scope(Scope::IdentityRead), Own),
    ("User", "sessions", scope(Scope::Admin), Own),
    ("User", "authIdentities", scope(Scope::IntegrationRead), Own),
    ("User", "organizations", scope(Scope::IntegrationRead), Own),
    ("User", "*", scope(Scope::DirectoryRead), Own),
    ("IdentityProvider", "id", Nothing, Own),
    ("IdentityProvider", "slug", Nothing, Own),
    ("IdentityProvider", "name", Nothing, Own),
    ("IdentityProvider", "type", Nothing, Own),
    ("IdentityProvider", "externalId", Nothing, Own),
    ("IdentityProvider", "identities", scope(Scope::IdentityRead), Own),
    ("IdentityProvider", "*", scope(Scope::ProviderRead), Never),
    ("Organization", "id", Nothing, Own),
    ("Organization", "slug", Nothing, Own),
    ("Organization", "name", Nothing, Own),
    ("Organization", "authProvider", scope(Scope::IntegrationRead), Own),
    ("Organization", "members", scope(Scope::DirectoryRead), Never),
    ("Organization", "*", scope(Scope::IntegrationRead), Never),
    // Whoever installs has to know what came of it.
    ("Integration", "id", Nothing, Never),
    ("Integration", "*", scope(Scope::IntegrationRead), Never),
    ("OrganizationIntegration", "id", Nothing, Never),
    ("OrganizationIntegration", "*", scope(Scope::IntegrationRead), Never),
    ("AuthProvider", "*", scope(Scope::IntegrationRead), Own),
    ("AuthIdentity", "*", scope(Scope::IntegrationRead), Own),
    ("UserMerge", "*", scope(Scope::Admin), Never),
    ("Session", "*", scope(Scope::Admin), Own),
    // A key sees itself; others only through `apiKeys`.
    ("ApiKey", "*", Nothing, All),
    ("AuditEvent", "*", scope(Scope::AuditRead), Never),
    // What is seen through a parent, and tells nothing by itself.
    ("Node", "id", Nothing, All),
    ("NamedValue", "*", Nothing, All),
    ("ProviderType", "*", Nothing, All),
    ("ProviderHealth", "*", Nothing, All),
    ("ConfigField", "*", Nothing, All),
    ("Actor", "*", Nothing, All),
    ("LinkDecision", "*", Nothing, All),
    ("Refusal", "*", Nothing, All),
    ("PageInfo", "*", Nothing, All),
    ("IdentityConnection", "*", Nothing, All),
    ("IdentityEdge", "*", Nothing, All),
    ("IdentityProviderConnection", "*", Nothing, All),
    ("IdentityProviderEdge", "*", Nothing, All),
    ("UserConnection", "*", Nothing, All),
    ("UserEdge", "*", Nothing, All),
    ("OrganizationConnection", "*", Nothing, All),
    ("OrganizationEdge", "*", Nothing, All),
    ("AuditEventConnection", "*", Nothing, All),
    ("AuditEventEdge", "*", Nothing, All),
    ("ApiKeyConnection", "*", Nothing, All),
    ("ApiKeyEdge", "*", Nothing, All),
    ("OrganizationIntegrationConnection", "*", Nothing, All),
    ("OrganizationIntegrationEdge", "*", Nothing, All),
    ("InstallIntegrationPayload", "*", Nothing, All),
    ("OrganizationIntegrationPayload", "*", Nothing, All),
    ("IntegrationPayload", "*", Nothing, All),
    ("UninstallIntegrationPayload", "*", Nothing, All),
    ("LinkIdentityPayload", "*", Nothing, All),
    ("StartLinkPayload", "*", Nothing, All),
    ("IdentityPayload", "*", Nothing, All),
    ("IdentityProviderPayload", "*", Nothing, All),
    ("DeleteIdentityProviderPayload", "*", Nothing, All),
    ("UserPayload", "*", Nothing, All),
    ("OrganizationPayload", "*", Nothing, All),
    ("MergePlan", "*", Nothing, All),
    ("MergeItem", "*", Nothing, All),
    ("MergeUsersPayload", "*", Nothing, All),
    ("CreateApiKeyPayload", "*", Nothing, All),
    ("RevokeApiKeyPayload", "*", Nothing, All),
    ("EndSessionPayload", "*", Nothing, All),
    ("EndOtherSessionsPayload", "*", Nothing, All),
    ("AuthIdentityConnection", "*", Nothing, All),
    ("AuthIdentityEdge", "*", Nothing, All),
    ("UnlinkIdentityPayload", "*", Nothing, All),
    ("AuthProviderPayload", "*", Nothing, All),
    ("RemoveAuthProviderPayload", "*", Nothing, All),
    ("AuthIdentityPayload", "*", Nothing, All),
    ("DeleteAuthIdentityPayload", "*", Nothing, All),
    ("DeleteAuthIdentitiesPayload", "*", Nothing, All),
];

/// Fields that reach beyond an organization: keys that are bound to one may not ask for them. The
/// directory is one for the whole server, and so are its people's ways in.
pub const SERVER_WIDE: &[(&str, &str)] = &[
    ("Query", "mergePlan"),
    ("Mutation", "upsertUser"),
    ("Mutation", "createOrganization"),
    ("Mutation", "addOrganizationMember"),
    ("Mutation", "removeOrganizationMember"),
    ("Mutation", "mergeUsers"),
    ("Mutation", "undoMerge"),
    ("Mutation", "endSession"),
    ("User", "sessions"),
];

/// Further demands by what the arguments say. The capabilities ask again, since some of it
/// depends on what is stored; here it is refused before anything else in the document runs.
pub const ARGUMENTS: &[ArgumentRule] = &[
    ArgumentRule {
        field: "installIntegration",
        path: &["input", "defaultIdentityId"],
        value: None,
        demand: Demand::Scope(Scope::IdentityWrite),
    },
    ArgumentRule {
        field: "setDefaultIdentity",
        path: &["identityId"],
        value: None,
        demand: Demand::Scope(Scope::IdentityWrite),
    },
    ArgumentRule {
        field: "linkIdentity",
        path: &["input", "onConflict"],
        value: Some("REATTACH"),
        demand: Demand::Scope(Scope::IdentityReattach),
    },
    ArgumentRule {
        field: "linkPreview",
        path: &["input", "onConflict"],
        value: Some("REATTACH"),
        demand: Demand::Scope(Scope::IdentityReattach),
    },
    ArgumentRule {
        field: "unlinkIdentity",
        path: &["input", "force"],
        value: Some("true"),
        demand: Demand::Scope(Scope::Admin),
    },
    ArgumentRule {
        field: "createIdentityProvider",
        path: &["input", "allowsSignIn"],
        value: Some("true"),
        demand: Demand::Scope(Scope::Admin),
    },
    ArgumentRule {
        field: "createIdentityProvider",
        path: &["input", "signIn"],
        value: None,
        demand: Demand::Scope(Scope::Admin),
    },
    ArgumentRule {
        field: "updateIdentityProvider",
        path: &["input", "signIn"],
        value: None,
        demand: Demand::Scope(Scope::Admin),
    },
    ArgumentRule {
        field: "updateIdentityProvider",
        path: &["input", "allowsSignIn"],
        value: None,
        demand: Demand::Scope(Scope::Admin),
    },
    ArgumentRule {
        field: "createIdentityProvider",
        path: &["input", "allowsSignIn"],
        value: Some("true"),
        demand: Demand::Unbound,
    },
    ArgumentRule {
        field: "createIdentityProvider",
        path: &["input", "signIn"],
        value: None,
        demand: Demand::Unbound,
    },
    ArgumentRule {
        field: "updateIdentityProvider",
        path: &["input", "signIn"],
        value: None,
        demand: Demand::Unbound,
    },
    ArgumentRule {
        field: "updateIdentityProvider",
        path: &["input", "allowsSignIn"],
        value: None,
        demand: Demand::Unbound,
    },
    ArgumentRule {
        field: "updateOrganization",
        path: &["input", "domains"],
        value: None,
        demand: Demand::Unbound,
    },
];

/// The row of a field: its own, or its type's.
pub fn rule(type_name: &str, field: &str) -> Option<Rule> {
    let row = |name: &str| {
        let mut rows = ROWS.iter();
        rows.find(|row| row.0 == type_name && row.1 == name)
    };
    let row = row(field).or_else(|| row("*"))?;
    Some(Rule {
        need: row.2,
        people: row.3,
        server_wide: SERVER_WIDE.contains(&(type_name, field)),
    })
}

/// What it takes to ask for a row by its id alone.
pub const fn rule_of_kind(kind: Kind) -> Rule {
    let (held, people) = match kind {
        Kind::Identity => (Scope::IdentityRead, Own),
        Kind::Provider => (Scope::ProviderRead, Own),
        Kind::User => (Scope::DirectoryRead, Own),
        Kind::Organization | Kind::AuthProvider | Kind::AuthIdentity => {
            (Scope::IntegrationRead, Own)
        }
        Kind::Integration | Kind::OrganizationIntegration => (Scope::IntegrationRead, Never),
        Kind::Session => (Scope::Admin, Own),
        Kind::ApiKey | Kind::Merge => (Scope::Admin, Never),
        Kind::Event => (Scope::AuditRead, Never),
    };
    Rule {
        need: scope(held),
        people,
        server_wide: false,
    }
}
