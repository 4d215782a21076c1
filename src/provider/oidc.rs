//! OpenID Connect as a relying party: discovery, the authorization request, the exchange of the
//! code, and the checks of what comes back. Knows neither flows nor people.

mod cache;
mod discovery;
mod exchange;
mod id_token;
mod profile;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    AuthType, AuthUrl, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse,
    TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use self::cache::Cache;
use self::discovery::Metadata;
use self::exchange::TokenAnswer;
use self::id_token::FurtherClaims;
pub use self::text::printable;
use super::egress::Egress;
use crate::clock::{Clock, Time};

/// The library's client with its endpoints set, as we use it. It lives for one request: keys and
/// endpoints are kept elsewhere.
type Client = openidconnect::Client<
    FurtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// Speaks with OpenID providers.
pub struct Oidc {
    egress: Arc<Egress>,
    clock: Clock,
    /// By issuer.
    metadata: Cache<Metadata>,
    /// By the address of the key set.
    keys: Cache<CoreJsonWebKeySet>,
}

/// What we are registered as at a provider.
pub struct Registration {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
    pub redirect_uri: Url,
}

/// What to ask for.
#[derive(Debug)]
pub struct Request<'a> {
    pub state: &'a SecretString,
    pub scopes: &'a [String],
    /// How the answer comes back, where it isn't the usual way (a query).
    pub response_mode: Option<&'a str>,
}

/// What a request is pinned to until its answer: whatever the provider publishes or an operator
/// changes meanwhile, the answer is taken to where the request was meant to go.
#[derive(Serialize, Deserialize)]
pub struct Pinned {
    pub issuer: String,
    pub client_id: String,
    /// The provider says that its answers name it: RFC 9207 §3.
    pub names_itself: bool,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
    userinfo_endpoint: Option<Url>,
    jwks_uri: Url,
    client_auth: ClientAuth,
    scopes: Vec<String>,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// How the token endpoint knows us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ClientAuth {
    Basic,
    Body,
    /// A client without a secret.
    Public,
}

/// An account, as its provider vouches for it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The claim `sub`.
    pub external_id: String,
    pub profile: Profile,
    pub tokens: Tokens,
}

/// What the provider says of an account. What doesn't fit our limits is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub email: Option<String>,
    /// Of this address; `None` where the provider doesn't say.
    pub email_verified: Option<bool>,
    pub username: Option<String>,
    pub display_name: Option<String>,
    /// `picture` and `profile`, both URLs.
    pub attributes: BTreeMap<String, String>,
}

/// The tokens that came with an account.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access_token: SecretString,
    pub refresh_token: Option<SecretString>,
    pub token_type: String,
    pub expires_at: Option<Time>,
    /// Granted, which may be fewer than were asked for.
    pub scopes: Vec<String>,
}

/// Why there is no account, or nowhere to ask for one. The cause is for the log: without codes,
/// tokens and secrets, and no longer than a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct OidcError {
    pub fault: Fault,
    pub cause: String,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The provider, or the way to it, fails, or it can't be used as it is configured.
    Unavailable,
    /// The provider says no.
    Refused,
    /// What came back is not to be trusted, or can't be understood.
    Invalid(Step),
}

/// Where an answer was found to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The parameters of the callback, or the route that they came to.
    State,
    Issuer,
    Exchange,
    IdToken,
    UserInfo,
}

impl Oidc {
    pub fn new(egress: Arc<Egress>, clock: Clock) -> Self {
        Self {
            egress,
            metadata: Cache::new(clock.clone()),
            keys: Cache::new(clock.clone()),
            clock,
        }
    }

    /// Where to send the browser, and what the answer will have to fit.
    ///
    /// # Errors
    /// The provider can't be asked what it needs.
    pub async fn request(
        &self,
        us: &Registration,
        request: &Request<'_>,
    ) -> Result<(Url, Pinned), OidcError> {
        let metadata = self.metadata(&us.issuer).await?;
        let pinned = Pinned {
            issuer: us.issuer.clone(),
            client_id: us.client_id.clone(),
            names_itself: metadata.names_itself,
            authorization_endpoint: metadata.authorization_endpoint.clone(),
            token_endpoint: metadata.token_endpoint.clone(),
            userinfo_endpoint: metadata.userinfo_endpoint.clone(),
            jwks_uri: metadata.jwks_uri.clone(),
            client_auth: metadata.client_auth(us.client_secret.is_some())?,
            scopes: request.scopes.to_vec(),
            nonce: Nonce::new(self.random_text()),
            // 43 characters, 256 bits: RFC 7636 §4.1.
            verifier: PkceCodeVerifier::new(self.random_text()),
        };
        let client = pinned.client(us, CoreJsonWebKeySet::default())?;
        let state = CsrfToken::new(request.state.expose_secret().to_owned());
        let nonce = pinned.nonce.clone();
        let mut asked = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(
                &pinned.verifier,
            ))
            .add_scopes(request.scopes.iter().cloned().map(Scope::new));
        if let Some(mode) = request.response_mode {
            asked = asked.add_extra_param("response_mode", mode);
        }
        let (url, _, _) = asked.url();
        Ok((url, pinned))
    }

    /// Exchanges the code, once, and says whose it is.
    ///
    /// # Errors
    /// Each as [`Fault`] has it.
    pub async fn account(
        &self,
        us: &Registration,
        pinned: &Pinned,
        code: &SecretString,
    ) -> Result<Account, OidcError> {
        let answer = self.exchange(us, pinned, code).await?;
        let claims = self.verified(pinned, &answer).await?;
        Ok(Account {
            profile: self.profile(us, pinned, &claims, &answer).await?,
            external_id: claims.subject().to_string(),
            tokens: answer.tokens(&pinned.scopes, self.clock.now()),
        })
    }

    fn random_text(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.clock.random::<32>())
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Oidc").field(&self.egress).finish()
    }
}

impl Pinned {
    fn client(&self, us: &Registration, keys: CoreJsonWebKeySet) -> Result<Client, OidcError> {
        let unusable = |what: &str| Fault::Unavailable.because(format!("the {what} is not a URL"));
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| unusable("issuer"))?;
        let redirect = RedirectUrl::from_url(us.redirect_uri.clone());
        let client =
            openidconnect::Client::new(ClientId::new(self.client_id.clone()), issuer, keys)
                .set_auth_uri(self.authorization_endpoint.clone())
                .set_token_uri(self.token_endpoint.clone())
                .set_redirect_uri(redirect)
                // The scopes are the configured ones, `openid` among them.
                .disable_openid_scope();
        let secret = || {
            let secret = us.client_secret.as_ref().map(ExposeSecret::expose_secret);
            let gone = || Fault::Unavailable.because("the client secret is gone");
            Ok::<_, OidcError>(ClientSecret::new(secret.ok_or_else(gone)?.to_owned()))
        };
        Ok(match self.client_auth {
            ClientAuth::Basic => client
                .set_client_secret(secret()?)
                .set_auth_type(AuthType::BasicAuth),
            ClientAuth::Body => client
                .set_client_secret(secret()?)
                .set_auth_type(AuthType::RequestBody),
            ClientAuth::Public => client,
        })
    }
}

impl Fault {
    fn because(self, cause: impl AsRef<str>) -> OidcError {
        OidcError {
            fault: self,
            cause: printable(cause.as_ref()),
        }
    }
}

impl Step {
    /// As pages and logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Issuer => "issuer",
            Self::Exchange => "exchange",
            Self::IdToken => "id_token",
            Self::UserInfo => "userinfo",
        }
    }
}

#[cfg(test)]
mod tests;
