//! The codes of errors, each with its name in answers. What callers do about them is in the
//! README, whose list a test compares with this one.

/// The code in an error's `extensions.code`. Part of the API: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    ParseFailed,
    ValidationFailed,
    Unauthenticated,
    Forbidden,
    NotFound,
    Ambiguous,
    IdentityNotFound,
    BadUserInput,
    LimitExceeded,
    RateLimited,
    CredentialInvalid,
    ProviderUnavailable,
    Timeout,
    Internal,
}

impl Code {
    pub const ALL: [Self; 14] = [
        Self::ParseFailed,
        Self::ValidationFailed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Ambiguous,
        Self::IdentityNotFound,
        Self::BadUserInput,
        Self::LimitExceeded,
        Self::RateLimited,
        Self::CredentialInvalid,
        Self::ProviderUnavailable,
        Self::Timeout,
        Self::Internal,
    ];

    /// As answers, logs and counters name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Ambiguous => "AMBIGUOUS",
            Self::IdentityNotFound => "IDENTITY_NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::CredentialInvalid => "CREDENTIAL_INVALID",
            Self::ProviderUnavailable => "PROVIDER_UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
}
