//! What a provider publishes of itself: its configuration and its keys.

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::http::header::ACCEPT;
use openidconnect::http::{self, StatusCode};
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, HttpResponse, ProviderMetadata, TokenUrl,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use url::Url;

use super::client_auth::Takes;
use super::id_token::{TENANT, Wrong};
use super::pinned::OpenId;
use super::{Fault, RelyingParty, RelyingPartyError};
use crate::provider::extent::is_bounded;

/// Many times what providers publish: these documents are kept.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const MOST_KEYS: usize = 100;

/// What we need of a provider's configuration.
pub(super) struct Metadata {
    /// As the document has it.
    issuer: String,
    pub authorization_endpoint: AuthUrl,
    pub token_endpoint: TokenUrl,
    pub userinfo_endpoint: Option<Url>,
    pub revocation_endpoint: Option<Url>,
    pub jwks_uri: Url,
    pub names_itself: bool,
    pub client_auth: Takes,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FurtherMetadata {
    /// RFC 9207 §3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    /// RFC 8414 §2.
    #[serde(default, deserialize_with = "url")]
    revocation_endpoint: Option<Url>,
}

impl AdditionalProviderMetadata for FurtherMetadata {}

type Document = ProviderMetadata<
    FurtherMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

impl Metadata {
    /// The issuer of its tokens: the one that was asked, byte for byte (OpenID Connect Discovery
    /// 1.0 §4.3). A provider of many tenants says `{tenantid}` where the tenant stands, or the id
    /// of the one that a name such as `consumers` stands for.
    pub fn issuer_of(&self, asked: &str, has_tenants: bool) -> Result<String, RelyingPartyError> {
        let found = &self.issuer;
        if found == asked || (has_tenants && is_of_a_tenant(asked, found)) {
            return Ok(found.clone());
        }
        Err(Fault::Unavailable.because(format!(
            "the configuration of {asked} is that of another issuer: {found}"
        )))
    }
}

/// Whether the two differ in one segment of their paths, which is no tenant's id in what was asked.
fn is_of_a_tenant(asked: &str, found: &str) -> bool {
    let is_id = |segment: &str| uuid::Uuid::try_parse(segment).is_ok();
    let (asked, found) = (asked.split('/'), found.split('/'));
    if asked.clone().count() != found.clone().count() {
        return false;
    }
    let mut different = asked.zip(found).filter(|(asked, found)| asked != found);
    different.next().is_some_and(|(asked, found)| {
        !asked.contains('.') && !is_id(asked) && (found == TENANT || is_id(found))
    }) && different.next().is_none()
}

impl RelyingParty {
    pub(super) async fn metadata(&self, issuer: &str) -> Result<Arc<Metadata>, RelyingPartyError> {
        self.metadata.get(issuer, || self.discover(issuer)).await
    }

    /// What the check makes of the provider's keys; of newer ones, where the known ones don't do.
    /// Inside, what is wrong with what was checked; there are no newer keys where the provider has
    /// no others, or was asked too often.
    pub(super) async fn by_keys<T>(
        &self,
        openid: &OpenId,
        check: impl Fn(&CoreJsonWebKeySet) -> Result<T, Wrong>,
    ) -> Result<Result<T, String>, RelyingPartyError> {
        let key = keys_of(openid);
        let fetch = || self.fetch_keys(&openid.jwks_uri);
        let keys = self.keys.get(&key, fetch).await?;
        let cause = match check(&keys) {
            Ok(checked) => return Ok(Ok(checked)),
            Err(Wrong::Token(cause)) => return Ok(Err(cause)),
            Err(Wrong::Key(cause)) => cause,
        };
        let fits = |keys: &CoreJsonWebKeySet| !matches!(check(keys), Err(Wrong::Key(_)));
        let Some(newer) = self.keys.newer(&key, &keys, fits, fetch).await? else {
            return Ok(Err(cause));
        };
        Ok(check(&newer).map_err(|(Wrong::Key(cause) | Wrong::Token(cause))| cause))
    }

    async fn fetch_keys(&self, url: &Url) -> Result<CoreJsonWebKeySet, RelyingPartyError> {
        let keys: CoreJsonWebKeySet = self.fetch(url).await?;
        let found = keys.keys().len();
        if found > MOST_KEYS {
            return Err(Fault::Unavailable.because(format!(
                "{url} has {found} keys, and {MOST_KEYS} at most are kept"
            )));
        }
        Ok(keys)
    }

    async fn discover(&self, issuer: &str) -> Result<Metadata, RelyingPartyError> {
        let unavailable = |cause: String| Fault::Unavailable.because(cause);
        // OpenID Connect Discovery 1.0 §4.1.
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let address =
            Url::parse(&address).map_err(|_| unavailable("the issuer is no URL".into()))?;
        let document: Document = self.fetch(&address).await?;
        let token_endpoint = document
            .token_endpoint()
            .ok_or_else(|| unavailable("the provider has no token endpoint".into()))?;
        let userinfo_endpoint = document.userinfo_endpoint().map(|url| url.url().clone());
        let further = document.additional_metadata();
        let revocation_endpoint = further.revocation_endpoint.clone();
        let jwks_uri = document.jwks_uri().url().clone();
        for url in [
            Some(document.authorization_endpoint().url()),
            Some(token_endpoint.url()),
            userinfo_endpoint.as_ref(),
            revocation_endpoint.as_ref(),
            Some(&jwks_uri),
        ]
        .into_iter()
        .flatten()
        {
            self.egress
                .check(url)
                .map_err(|refused| unavailable(refused.to_string()))?;
        }
        Ok(Metadata {
            issuer: document.issuer().as_str().to_owned(),
            authorization_endpoint: document.authorization_endpoint().clone(),
            token_endpoint: token_endpoint.clone(),
            userinfo_endpoint,
            revocation_endpoint,
            jwks_uri,
            names_itself: further.authorization_response_iss_parameter_supported,
            client_auth: Takes {
                methods: document
                    .token_endpoint_auth_methods_supported()
                    .cloned()
                    .unwrap_or_default(),
                algorithms: document
                    .token_endpoint_auth_signing_alg_values_supported()
                    .cloned()
                    .unwrap_or_default(),
            },
        })
    }

    /// A public JSON document.
    async fn fetch<T: DeserializeOwned>(&self, url: &Url) -> Result<T, RelyingPartyError> {
        let unavailable = |cause: String| Fault::Unavailable.because(cause);
        let request = http::Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| unavailable(format!("{url} can't be asked")))?;
        let answer: HttpResponse = self
            .egress
            .send(request)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            let status = answer.status().as_u16();
            return Err(unavailable(format!(
                "{url} answered with the status {status}"
            )));
        }
        if answer.body().len() > MAX_DOCUMENT_BYTES || !is_bounded(answer.body()) {
            return Err(unavailable(format!(
                "{url} answered with more than is kept"
            )));
        }
        serde_json::from_slice(answer.body()).map_err(|error| {
            unavailable(format!("{url} answered with what can't be read: {error}"))
        })
    }
}

/// What is no URL is left out: nobody signs in by it.
fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| Url::parse(text).ok()))
}

/// Each issuer's keys are its own: one that names another's address uses up none of the tries
/// that the other has.
fn keys_of(openid: &OpenId) -> String {
    format!("{} {}", openid.issuer, openid.jwks_uri)
}
