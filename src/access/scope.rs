//! Scopes: what an API key may do.

use std::fmt;
use std::str::FromStr;

/// One thing that a key may do. Names are part of the API: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    IdentityRead,
    IdentityWrite,
    IdentityAssert,
    IdentityReattach,
    IdentityToken,
    ProviderRead,
    ProviderWrite,
    IntegrationRead,
    IntegrationWrite,
    DirectoryRead,
    DirectoryWrite,
    AuditRead,
    UserActAs,
    Admin,
}

impl Scope {
    pub const ALL: [Self; 14] = [
        Self::IdentityRead,
        Self::IdentityWrite,
        Self::IdentityAssert,
        Self::IdentityReattach,
        Self::IdentityToken,
        Self::ProviderRead,
        Self::ProviderWrite,
        Self::IntegrationRead,
        Self::IntegrationWrite,
        Self::DirectoryRead,
        Self::DirectoryWrite,
        Self::AuditRead,
        Self::UserActAs,
        Self::Admin,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityRead => "identity:read",
            Self::IdentityWrite => "identity:write",
            Self::IdentityAssert => "identity:assert",
            Self::IdentityReattach => "identity:reattach",
            Self::IdentityToken => "identity:token",
            Self::ProviderRead => "provider:read",
            Self::ProviderWrite => "provider:write",
            Self::IntegrationRead => "integration:read",
            Self::IntegrationWrite => "integration:write",
            Self::DirectoryRead => "directory:read",
            Self::DirectoryWrite => "directory:write",
            Self::AuditRead => "audit:read",
            Self::UserActAs => "user:act_as",
            Self::Admin => "admin",
        }
    }

    /// What it allows, in half a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::IdentityRead => "look up identities",
            Self::IdentityWrite => "link and change identities",
            Self::IdentityAssert => "link identities at providers that people sign in with",
            Self::IdentityReattach => "take an account over from another user",
            Self::IdentityToken => "read the accounts' access tokens",
            Self::ProviderRead => "read identity providers and their configuration",
            Self::ProviderWrite => "create, change and delete identity providers",
            Self::IntegrationRead => "read organizations and their integrations",
            Self::IntegrationWrite => "change organizations and their integrations",
            Self::DirectoryRead => "read users and groups",
            Self::DirectoryWrite => "create and change users and groups",
            Self::AuditRead => "read the audit log",
            Self::UserActAs => "act as a user",
            Self::Admin => "everything, and API keys",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no scope of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}; the scopes are {list}", list = Scope::ALL.map(Scope::name).join(", "))]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == name);
        found.ok_or_else(|| UnknownScope(name.to_owned()))
    }
}
