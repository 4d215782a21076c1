//! How the token endpoint knows us: chosen when a flow begins, carried out when it ends.

use openidconnect::core::{CoreClientAuthMethod, CoreJwsSigningAlgorithm};
use openidconnect::{AuthType, ClientSecret};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::pinned::OAuthClient;
use super::{Fault, Registration, RelyingPartyError};
use crate::clock::Clock;
use crate::provider::catalog::ClientAuthentication;
use crate::provider::config::AuthMethod;

/// How the token endpoint knows us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ClientAuth {
    Basic,
    Body,
    /// By what our own key has signed.
    PrivateKey,
    /// A client without a secret.
    Public,
}

/// What a provider says that its token endpoint takes; empty where it doesn't say.
#[derive(Debug, Default)]
pub(super) struct Takes {
    pub methods: Vec<CoreClientAuthMethod>,
    /// How assertions may be signed.
    pub algorithms: Vec<CoreJwsSigningAlgorithm>,
}

impl ClientAuth {
    /// What the config says, whatever the provider says of itself; else what the provider takes,
    /// and basic where it says nothing (OpenID Connect Discovery 1.0 §3).
    pub fn choose(us: &Registration<'_>, takes: &Takes) -> Result<Self, RelyingPartyError> {
        let unavailable = |cause: &str| Err(Fault::Unavailable.because(cause));
        let (says, any) = (&takes.methods, takes.methods.is_empty());
        match us.auth_method {
            Some(AuthMethod::ClientSecretBasic) => Ok(Self::Basic),
            Some(AuthMethod::ClientSecretPost) => Ok(Self::Body),
            Some(AuthMethod::PrivateKeyJwt) => {
                let signed = CoreJwsSigningAlgorithm::EcdsaP256Sha256;
                if takes.algorithms.is_empty() || takes.algorithms.contains(&signed) {
                    Ok(Self::PrivateKey)
                } else {
                    unavailable("the provider takes no assertion that is signed with ES256")
                }
            }
            None if us.client_secret.is_none() => Ok(Self::Public),
            None if any || says.contains(&CoreClientAuthMethod::ClientSecretBasic) => {
                Ok(Self::Basic)
            }
            None if says.contains(&CoreClientAuthMethod::ClientSecretPost) => Ok(Self::Body),
            None => {
                unavailable("the provider takes neither client_secret_basic nor client_secret_post")
            }
        }
    }

    /// What the type says, for a client that has a secret.
    pub fn by_catalog(us: &Registration<'_>, says: ClientAuthentication) -> Self {
        match (says, &us.client_secret) {
            (_, None) => Self::Public,
            (ClientAuthentication::Basic, Some(_)) => Self::Basic,
            (ClientAuthentication::Body, Some(_)) => Self::Body,
        }
    }

    /// The client with the secret that it shows, if it shows one.
    pub fn set(
        self,
        client: OAuthClient,
        us: &Registration<'_>,
    ) -> Result<OAuthClient, RelyingPartyError> {
        let secret = || {
            let secret = us.client_secret.as_ref().map(ExposeSecret::expose_secret);
            let gone = || Fault::Unavailable.because("the client secret is gone");
            Ok::<_, RelyingPartyError>(ClientSecret::new(secret.ok_or_else(gone)?.to_owned()))
        };
        Ok(match self {
            Self::Basic => client
                .set_client_secret(secret()?)
                .set_auth_type(AuthType::BasicAuth),
            Self::Body => client
                .set_client_secret(secret()?)
                .set_auth_type(AuthType::RequestBody),
            Self::PrivateKey | Self::Public => client,
        })
    }

    /// What goes with a request to the token endpoint, as `client_assertion`, where a key of ours
    /// shows who we are. Good for one request.
    pub fn assertion(
        self,
        us: &Registration<'_>,
        server: &str,
        clock: &Clock,
    ) -> Result<Option<SecretString>, RelyingPartyError> {
        match self {
            Self::Basic | Self::Body | Self::Public => Ok(None),
            Self::PrivateKey => {
                let gone = || Fault::Unavailable.because("the client's key is gone");
                let key = us.client_key.as_ref().ok_or_else(gone)?;
                Ok(Some(key.assertion(&us.client_id, server, clock)))
            }
        }
    }
}
