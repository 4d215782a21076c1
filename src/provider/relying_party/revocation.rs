//! Tokens are given back (RFC 7009, and what comes near it), as their type says. What comes of it
//! is told by codes alone: nothing that was sent is ever in an error.

mod answer;

use chrono::TimeDelta;
use data_encoding::BASE64;
use openidconnect::HttpRequest;
use openidconnect::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use openidconnect::http::{self, HeaderValue, Method};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

use self::answer::{Said, read};
use super::call::reason_of;
use super::client_auth::ClientAuth;
use super::retry_after::retry_after;
use super::{Registration, RelyingParty, RelyingPartyError, Server};
use crate::provider::catalog::{
    BodyFormat, RevocableTokens, Revocation, RevocationAuthentication, RevocationMethod,
};
use crate::provider::client_key::ASSERTION_TYPE;

/// The tokens of a grant that is to end.
pub struct Revocable {
    pub access_token: SecretString,
    pub refresh_token: Option<SecretString>,
}

/// Why tokens were not revoked, or are not known to be. The reasons are codes for events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// Neither the type nor the provider says where.
    #[error("the provider has nowhere to revoke tokens")]
    Unsupported,
    /// Another try may do better: the provider, the way to it, or our client fails.
    #[error("{cause}")]
    Later {
        reason: String,
        /// For the log.
        cause: String,
        /// What the provider asks for.
        retry_after: Option<TimeDelta>,
    },
    /// Only access tokens can be revoked here. This one is dead already, and the refresh token beside
    /// it may not be: a fresh access token would do.
    #[error("the access token is dead, and the refresh token may live")]
    AccessTokenDead,
    /// The provider says no, and will say so again.
    #[error("the provider says no: {reason}")]
    Refused { reason: String },
}

/// How a request shows who asks.
enum Shown {
    Client(ClientAuth),
    /// By the token itself.
    Bearer,
    Nobody,
}

/// The token that is sent.
struct Chosen<'a> {
    token: &'a SecretString,
    /// RFC 7009 §2.1.
    hint: &'static str,
}

impl RelyingParty {
    /// Ends the grant, as far as the type has a way: by the refresh token where there is one, else
    /// by the access token (RFC 7009 §2.1). A token that the provider doesn't know any more is
    /// revoked already.
    ///
    /// # Errors
    /// Each as [`RevokeError`] has it.
    pub async fn revoke(
        &self,
        us: &Registration<'_>,
        tokens: &Revocable,
    ) -> Result<(), RevokeError> {
        let rules = us.rules.revocation.as_ref();
        let rules = rules.ok_or(RevokeError::Unsupported)?;
        let (endpoint, shown) = self.revocation_endpoint(us, rules).await?;
        let chosen = tokens.choose(rules.tokens);
        let chosen = chosen.ok_or_else(|| RevokeError::refused("no_token_to_revoke"))?;
        let request = self.revocation_request(us, rules, &endpoint, &shown, &chosen)?;
        let answer = self.egress.send(request).await;
        let answer = answer.map_err(|error| RevokeError::later(reason_of(&error), &error))?;
        let mut sent = tokens.texts();
        sent.extend(us.client_secret.as_ref().map(ExposeSecret::expose_secret));
        let said = read(rules, &shown, &answer, &sent).map_err(|error| match error {
            RevokeError::Later { reason, cause, .. } => RevokeError::Later {
                reason,
                cause,
                retry_after: retry_after(answer.headers(), self.clock.now()),
            },
            other @ (RevokeError::Unsupported
            | RevokeError::AccessTokenDead
            | RevokeError::Refused { .. }) => other,
        })?;
        match said {
            // Nothing follows from it for a refresh token that can't be sent.
            Said::Gone
                if rules.tokens == RevocableTokens::AccessToken
                    && tokens.refresh_token.is_some() =>
            {
                Err(RevokeError::AccessTokenDead)
            }
            Said::Revoked | Said::Gone => Ok(()),
        }
    }

    async fn revocation_endpoint(
        &self,
        us: &Registration<'_>,
        rules: &Revocation,
    ) -> Result<(Url, Shown), RevokeError> {
        let configured = rules.endpoint.as_ref().map(|template| {
            let value = |field: &str| match field {
                "client_id" => Some(us.client_id.clone()),
                field => us.value(field),
            };
            template.url(value).ok_or(RevokeError::Unsupported)
        });
        let configured = configured.transpose()?;
        let by_secret =
            |method: ClientAuth| match (&us.client_secret, us.provider_type.public_clients) {
                (Some(_), _) => Ok(Shown::Client(method)),
                (None, true) => Ok(Shown::Client(ClientAuth::Public)),
                (None, false) => Err(no_secret()),
            };
        let metadata = match &us.rules.server {
            Server::Issuer { .. } => Some(self.metadata(&us.issuer()?).await?),
            Server::Endpoints { .. } => None,
        };
        let shown = match (rules.authentication, &us.rules.server) {
            (RevocationAuthentication::None, _) => Shown::Nobody,
            (RevocationAuthentication::Bearer, _) => Shown::Bearer,
            (RevocationAuthentication::Basic, _) => by_secret(ClientAuth::Basic)?,
            (RevocationAuthentication::Body, _) => by_secret(ClientAuth::Body)?,
            (
                RevocationAuthentication::TokenEndpoint,
                Server::Endpoints {
                    client_authentication,
                    ..
                },
            ) => Shown::Client(ClientAuth::by_catalog(us, *client_authentication)),
            (RevocationAuthentication::TokenEndpoint, Server::Issuer { .. }) => {
                let takes = metadata.as_ref().map(|metadata| &metadata.client_auth);
                let takes = takes.ok_or(RevokeError::Unsupported)?;
                Shown::Client(ClientAuth::choose(us, takes)?)
            }
        };
        let published = || metadata.as_ref()?.revocation_endpoint.clone();
        let endpoint = configured.or_else(published);
        Ok((endpoint.ok_or(RevokeError::Unsupported)?, shown))
    }

    fn revocation_request(
        &self,
        us: &Registration<'_>,
        rules: &Revocation,
        endpoint: &Url,
        shown: &Shown,
        chosen: &Chosen<'_>,
    ) -> Result<HttpRequest, RevokeError> {
        let token = chosen.token.expose_secret();
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        let mut authorization = None;
        let assertion;
        if !matches!(shown, Shown::Bearer) {
            parameters.push((&rules.parameter, token));
            if rules.tokens == RevocableTokens::Any && rules.format == BodyFormat::Form {
                parameters.push(("token_type_hint", chosen.hint));
            }
        }
        match shown {
            Shown::Nobody => {}
            Shown::Bearer => authorization = Some(Zeroizing::new(format!("Bearer {token}"))),
            Shown::Client(ClientAuth::Basic) => {
                authorization = Some(basic(&us.client_id, secret_of(us)?));
            }
            Shown::Client(ClientAuth::Body) => {
                parameters.push(("client_id", &us.client_id));
                parameters.push(("client_secret", secret_of(us)?));
            }
            Shown::Client(auth @ (ClientAuth::PrivateKey | ClientAuth::Public)) => {
                parameters.push(("client_id", &us.client_id));
                let server = us.server().unwrap_or_default();
                assertion = auth.assertion(us, &server, &self.clock)?;
                if let Some(assertion) = &assertion {
                    parameters.push(("client_assertion_type", ASSERTION_TYPE));
                    parameters.push(("client_assertion", assertion.expose_secret()));
                }
            }
        }
        let (media_type, body) = match rules.format {
            BodyFormat::Form => (
                "application/x-www-form-urlencoded",
                form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(parameters)
                    .finish()
                    .into_bytes(),
            ),
            BodyFormat::Json => {
                let members = parameters.into_iter();
                let members = members.map(|(name, value)| (name.to_owned(), Value::from(value)));
                let body = Value::Object(members.collect()).to_string();
                ("application/json", body.into_bytes())
            }
        };
        let unsendable = || RevokeError::refused("token_unsendable");
        let mut request = http::Request::builder()
            .method(match rules.method {
                RevocationMethod::Post => Method::POST,
                RevocationMethod::Delete => Method::DELETE,
            })
            .uri(endpoint.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, media_type)
            .body(body)
            .map_err(|_| unsendable())?;
        if let Some(text) = authorization {
            let mut value = HeaderValue::from_str(&text).map_err(|_| unsendable())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

impl Revocable {
    fn choose(&self, takes: RevocableTokens) -> Option<Chosen<'_>> {
        let access_token = || Chosen {
            token: &self.access_token,
            hint: "access_token",
        };
        let refresh_token = self.refresh_token.as_ref().map(|token| Chosen {
            token,
            hint: "refresh_token",
        });
        match takes {
            RevocableTokens::Any => refresh_token.or_else(|| Some(access_token())),
            RevocableTokens::AccessToken => Some(access_token()),
            RevocableTokens::RefreshToken => refresh_token,
        }
    }

    fn texts(&self) -> Vec<&str> {
        let refresh_token = self.refresh_token.as_ref();
        let tokens = [Some(&self.access_token), refresh_token];
        let tokens = tokens.into_iter().flatten();
        tokens.map(ExposeSecret::expose_secret).collect()
    }
}

impl RevokeError {
    fn later(reason: impl Into<String>, cause: &impl ToString) -> Self {
        Self::Later {
            reason: reason.into(),
            cause: cause.to_string(),
            retry_after: None,
        }
    }

    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
        }
    }
}

/// Before anything is sent: the provider's configuration, or ours, is not there.
impl From<RelyingPartyError> for RevokeError {
    fn from(error: RelyingPartyError) -> Self {
        Self::later("unusable", &error)
    }
}

fn no_secret() -> RevokeError {
    RevokeError::later("client_secret_missing", &"the client secret is gone")
}

fn secret_of<'a>(us: &'a Registration<'_>) -> Result<&'a str, RevokeError> {
    let secret = us.client_secret.as_ref().map(ExposeSecret::expose_secret);
    secret.ok_or_else(no_secret)
}

/// Each is form-encoded before they are joined: RFC 6749 §2.3.1.
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let encode =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let both = Zeroizing::new(format!("{}:{}", encode(id), encode(secret)));
    Zeroizing::new(format!("Basic {}", BASE64.encode(both.as_bytes())))
}
