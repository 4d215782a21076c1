//! A relying party: the authorization request, the exchange of the code, and the checks of what
//! comes back; by OpenID Connect, and by OAuth 2.0 with the calls that a type has for it. Knows
//! neither flows nor people.

mod cache;
mod call;
mod calls;
mod client_auth;
mod discovery;
mod exchange;
mod id_token;
mod pinned;
mod profile;
mod refresh;
mod refusal;
mod retry_after;
mod revocation;
mod text;
mod token_answer;
mod token_server;
mod userinfo;

use std::fmt;
use std::sync::Arc;

use openidconnect::OAuth2TokenResponse;
use openidconnect::core::CoreJsonWebKeySet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use self::cache::Cache;
use self::calls::Answers;
use self::discovery::Metadata;
pub use self::pinned::Pinned;
pub use self::refresh::{RATE_LIMITED, RefreshError, RefreshFault};
pub use self::revocation::{Revocable, RevokeError};
pub use self::text::printable;
use super::account::Account;
use super::catalog::{FlowRules, ProviderType, Server};
use super::client_key::ClientKey;
use super::config::AuthMethod;
use super::egress::Egress;
use super::mapping::{self, Mapped, Unmapped};
use crate::clock::Clock;
use crate::expression::Evaluator;
use crate::token;

/// Speaks with providers.
pub struct RelyingParty {
    egress: Arc<Egress>,
    evaluator: Evaluator,
    clock: Clock,
    /// By issuer.
    metadata: Cache<Metadata>,
    /// By the address of the key set.
    keys: Cache<CoreJsonWebKeySet>,
}

/// What we are registered as at a provider, and what its type says of it.
pub struct Registration<'a> {
    pub provider_type: &'a ProviderType,
    pub rules: &'a FlowRules,
    /// With the defaults of what it leaves out.
    pub config: Map<String, Value>,
    pub client_id: String,
    /// Left out, the provider's configuration says.
    pub auth_method: Option<AuthMethod>,
    pub client_secret: Option<SecretString>,
    pub client_key: Option<ClientKey>,
    pub redirect_uri: Url,
}

/// What to ask for.
#[derive(Debug)]
pub struct Request<'a> {
    pub state: &'a SecretString,
    pub scopes: &'a [String],
    /// How the answer comes back, where it isn't the usual way (a query).
    pub response_mode: Option<&'a str>,
    /// What the provider is to ask the person, where it isn't left to it.
    pub prompt: Option<&'a str>,
}

/// Whose account it is that has been asked for.
#[derive(Debug)]
pub struct Answered {
    pub account: Account,
    /// Which instance of the type has answered, where the type says.
    pub instance: Option<String>,
}

/// Why there is no account, or nowhere to ask for one. The cause is for the log: without codes,
/// tokens and secrets, and no longer than a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct RelyingPartyError {
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
    /// The account is none that the provider is for.
    NotAllowed,
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

impl RelyingParty {
    pub fn new(egress: Arc<Egress>, clock: Clock) -> Self {
        Self {
            egress,
            evaluator: Evaluator::default(),
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
        us: &Registration<'_>,
        request: &Request<'_>,
    ) -> Result<(Url, Pinned), RelyingPartyError> {
        let random = || token::random(&self.clock).expose_secret().to_owned();
        let pinned = match &us.rules.server {
            Server::Issuer { tenant_claim, .. } => {
                let issuer = us.issuer()?;
                let metadata = self.metadata(&issuer).await?;
                let issuer = metadata.issuer_of(&issuer, tenant_claim.is_some())?;
                let (nonce, verifier) = (random(), random());
                Pinned::by_metadata(us, request, &metadata, issuer, nonce, verifier)?
            }
            Server::Endpoints { .. } => {
                let pinned = Pinned::by_catalog(us, request, random())?;
                for url in pinned.endpoints() {
                    let checked = self.egress.check(url);
                    checked.map_err(|refused| Fault::Unavailable.because(refused.to_string()))?;
                }
                pinned
            }
        };
        Ok((pinned.url(us, request)?, pinned))
    }

    /// Exchanges the code, once, and says whose it is.
    ///
    /// # Errors
    /// Each as [`Fault`] has it.
    pub async fn account(
        &self,
        us: &Registration<'_>,
        pinned: &Pinned,
        code: &SecretString,
    ) -> Result<Answered, RelyingPartyError> {
        let answer = self.exchange(us, pinned, code).await?;
        let mut answers = Answers::default();
        let standard = match &pinned.openid {
            None => Mapped::default(),
            Some(openid) => {
                let claims = self.verified(pinned, openid, &answer).await?;
                self.standard(us, pinned, openid, &claims, &answer, &mut answers)
                    .await?
            }
        };
        answers.add("config", Value::Object(us.config.clone()));
        answers.add("token", answer.further());
        self.call_all(us, pinned, answer.access_token(), &mut answers)
            .await?;
        let documents = answers.documents()?;
        let mapped = mapping::map(&self.evaluator, us.rules, documents, standard).await;
        let mapped = mapped.map_err(|unmapped| match unmapped {
            Unmapped::Invalid(cause) => Fault::Invalid(Step::UserInfo).because(cause),
            Unmapped::NotAllowed(why) => Fault::NotAllowed.because(why),
        })?;
        let nobody = || Fault::Invalid(Step::UserInfo).because("the answer says nobody's id");
        Ok(Answered {
            instance: mapped.instance,
            account: Account {
                external_id: mapped.external_id.ok_or_else(nobody)?,
                profile: mapped.profile,
                tokens: answer.tokens(&pinned.scopes, self.clock.now()),
            },
        })
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RelyingParty").field(&self.egress).finish()
    }
}

impl Registration<'_> {
    /// What the config says, for templates.
    fn value(&self, field: &str) -> Option<String> {
        let value = self.config.get(field)?;
        value.as_str().map(str::to_owned)
    }

    fn issuer(&self) -> Result<String, RelyingPartyError> {
        let Server::Issuer { issuer, .. } = &self.rules.server else {
            return Err(Fault::Unavailable.because("the provider has no issuer"));
        };
        let unnamed = || Fault::Unavailable.because("the provider's config names no issuer");
        issuer.text(|field| self.value(field)).ok_or_else(unnamed)
    }

    /// Which server we are registered at, for the same registration to be known again.
    pub fn server(&self) -> Option<String> {
        match &self.rules.server {
            Server::Issuer { issuer, .. } => issuer.text(|field| self.value(field)),
            Server::Endpoints { token, .. } => token.text(|field| self.value(field)),
        }
    }
}

impl Fault {
    pub(super) fn because(self, cause: impl AsRef<str>) -> RelyingPartyError {
        RelyingPartyError {
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
