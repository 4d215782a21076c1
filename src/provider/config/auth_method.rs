//! How a client shows itself at the token endpoint, where its provider's config says so.

use serde_json::{Map, Value};

/// The config key; its values are those of OpenID Connect Discovery 1.0 §3 and Dynamic Client
/// Registration 1.0 §2.
pub const TOKEN_ENDPOINT_AUTH_METHOD: &str = "token_endpoint_auth_method";

/// A way to show who we are: OpenID Connect Core 1.0 §9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
    /// By an assertion that a key of the client's own has signed. Nobody else has the key, so
    /// there is nothing to be stolen from the provider.
    PrivateKeyJwt,
}

impl AuthMethod {
    pub const ALL: [Self; 3] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// What a config asks for; `None` where it leaves that to the provider.
    pub fn of(config: &Map<String, Value>) -> Option<Self> {
        let name = config.get(TOKEN_ENDPOINT_AUTH_METHOD)?;
        Self::named(name.as_str()?)
    }
}
