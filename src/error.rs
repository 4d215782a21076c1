//! What can go wrong, in words that a caller may read, and its stable code. Knows no transport.

mod code;

use std::fmt;
use std::sync::Arc;

pub use code::Code;

/// What went wrong. The code is part of the API: never rename one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Forbidden(String),
    /// Absent, or not for this caller: the two look the same.
    #[error("{what} {id} was not found")]
    NotFound { what: &'static str, id: String },
    #[error("{0}")]
    Ambiguous(String),
    /// An organization's integration acts as nobody.
    #[error("{0}")]
    IdentityNotFound(Box<NoDefault>),
    /// The request itself is wrong: a type, a size, an id. `field` is its path in the input.
    #[error("{field}: {message}")]
    BadInput { field: String, message: String },
    #[error("{0}")]
    LimitExceeded(String),
    /// Too much of it at once; the same request may succeed later.
    #[error("{0}")]
    RateLimited(String),
    /// The tokens of an account are of no use any more: only its owner can give others.
    #[error("{0}")]
    CredentialInvalid(String),
    /// A provider can't be reached, or refuses this server itself.
    #[error("{0}")]
    ProviderUnavailable(String),
    #[error("the operation took too long and was ended; ask for less at once")]
    Timeout,
    /// What was asked for is well-formed and stored data stands against it. A mutation's payload
    /// says so in `userErrors`; nothing was changed.
    #[error("refused: {}", .0.iter().map(|refusal| refusal.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// Ours to mend. The cause goes to the log, never to the caller.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// The code in `extensions.code`.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::Forbidden(_) => Code::Forbidden,
            Self::NotFound { .. } => Code::NotFound,
            Self::Ambiguous(_) => Code::Ambiguous,
            Self::IdentityNotFound(_) => Code::IdentityNotFound,
            Self::BadInput { .. } => Code::BadUserInput,
            Self::LimitExceeded(_) => Code::LimitExceeded,
            Self::RateLimited(_) => Code::RateLimited,
            Self::CredentialInvalid(_) => Code::CredentialInvalid,
            Self::ProviderUnavailable(_) => Code::ProviderUnavailable,
            Self::Timeout => Code::Timeout,
            Self::Refused(_) | Self::Internal(_) => Code::Internal,
        }
    }

    /// The request is wrong in `field`; `message` goes on from there: "is too long: …".
    pub fn bad_input(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::BadInput {
            field: field.into(),
            message: message.to_string(),
        }
    }

    /// The same failure, for each of those who have waited for one thing.
    pub fn shared(error: Arc<Self>) -> Self {
        match &*error {
            Self::Timeout => Self::Timeout,
            _ => Self::Internal(anyhow::Error::new(error)),
        }
    }

    /// A single refusal that no other try will change.
    pub fn refused(code: RefusalCode, field: &[&str], message: impl Into<String>) -> Self {
        Self::Refused(vec![Refusal::new(code, field, message)])
    }
}

/// Why an organization's integration acts as nobody, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoDefault {
    pub reason: NoDefaultReason,
    pub integration_provider: Option<String>,
    pub organization_integration_id: Option<String>,
    pub default_identity_id: Option<String>,
}

/// The reasons of [`NoDefault`]. Part of the API: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoDefaultReason {
    NoOrganizationIntegration,
    NoDefault,
    Dangling,
    Invalid,
    IntegrationDisabled,
    UserNotActive,
}

impl NoDefaultReason {
    pub const ALL: [Self; 6] = [
        Self::NoOrganizationIntegration,
        Self::NoDefault,
        Self::Dangling,
        Self::Invalid,
        Self::IntegrationDisabled,
        Self::UserNotActive,
    ];

    /// For programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoOrganizationIntegration => "NO_ORGANIZATION_INTEGRATION",
            Self::NoDefault => "NO_DEFAULT",
            Self::Dangling => "DANGLING",
            Self::Invalid => "INVALID",
            Self::IntegrationDisabled => "INTEGRATION_DISABLED",
            Self::UserNotActive => "USER_NOT_ACTIVE",
        }
    }
}

impl fmt::Display for NoDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            NoDefaultReason::NoOrganizationIntegration => {
                "the organization does not have this integration"
            }
            NoDefaultReason::NoDefault => {
                "the organization's integration has no default identity: set one"
            }
            NoDefaultReason::Dangling => {
                "the default identity of the organization's integration is gone: set another one"
            }
            NoDefaultReason::Invalid => {
                "the provider has ended the default identity's grant: link the account again"
            }
            NoDefaultReason::IntegrationDisabled => {
                "the integration, or the organization's share of it, is not in use"
            }
            NoDefaultReason::UserNotActive => "the default identity's user is not active",
        })
    }
}

/// An expected refusal of a mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
    /// Path of the input field that it is about; empty where it is about the whole.
    pub field: Vec<String>,
    /// The same request may succeed later, without any other change.
    pub retryable: bool,
}

impl Refusal {
    /// A refusal that no other try will change.
    pub fn new(code: RefusalCode, field: &[&str], message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: field.iter().map(|&part| part.to_owned()).collect(),
            retryable: false,
        }
    }
}

/// The codes of refusals. Part of the API: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    AccountOwnedByAnotherUser,
    UserHasAnotherAccount,
    NeededForGlobalAuth,
    NeededForOrgAuth,
    VersionConflict,
    IdempotencyKeyReused,
    SecretInData,
    AlreadyExists,
    InUse,
    Immutable,
    ManagedByConfiguration,
    InvalidConfiguration,
    UserNotInOrganization,
    UserNotActive,
    ReturnToNotAllowed,
    NotRefreshable,
    CredentialInvalid,
    ProviderUnavailable,
    ScopeNotHeld,
    PlanOutdated,
    NotUndoable,
    TooLarge,
}
