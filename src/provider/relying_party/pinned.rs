//! What a request is pinned to until its answer.

use oauth2::{EndpointNotSet, EndpointSet, StandardRevocableToken};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
};
use openidconnect::{
    AuthUrl, ClientId, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, StandardErrorResponse, TokenUrl,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::client_auth::ClientAuth;
use super::discovery::Metadata;
use super::id_token::FurtherClaims;
use super::token_answer::TokenAnswer;
use super::{Fault, Registration, RelyingPartyError, Request, Server};

/// The library's client as it asks for tokens; the same for both protocols.
pub(super) type OAuthClient = oauth2::Client<
    StandardErrorResponse<CoreErrorResponseType>,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    StandardRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The library's client as it asks people for their consent, and reads what OpenID providers say.
/// It lives for one request: keys and endpoints are kept elsewhere.
pub(super) type OpenIdClient = openidconnect::Client<
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
    EndpointNotSet,
    EndpointNotSet,
>;

/// What a request is pinned to until its answer: whatever the provider publishes or an operator
/// changes meanwhile, the answer is taken to where the request was meant to go.
#[derive(Serialize, Deserialize)]
pub struct Pinned {
    /// The issuer, or the token endpoint where there is none.
    pub server: String,
    pub client_id: String,
    pub(super) openid: Option<OpenId>,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
    /// The calls of the type, by name.
    pub(super) calls: Vec<(String, Url)>,
    pub(super) client_auth: ClientAuth,
    pub(super) scopes: Vec<String>,
    /// `None`: the provider doesn't take PKCE.
    pub(super) verifier: Option<PkceCodeVerifier>,
}

/// What belongs to OpenID Connect.
#[derive(Serialize, Deserialize)]
pub(super) struct OpenId {
    /// With `{tenantid}` in it where each tenant has its own.
    pub issuer: String,
    pub tenant_claim: Option<String>,
    /// The provider says that its answers name it: RFC 9207 §3.
    pub names_itself: bool,
    pub userinfo_endpoint: Option<Url>,
    pub jwks_uri: Url,
    pub nonce: Nonce,
}

impl Pinned {
    pub(super) fn by_metadata(
        us: &Registration<'_>,
        request: &Request<'_>,
        metadata: &Metadata,
        issuer: String,
        nonce: String,
        verifier: String,
    ) -> Result<Self, RelyingPartyError> {
        let Server::Issuer { tenant_claim, .. } = &us.rules.server else {
            return Err(Fault::Unavailable.because("the provider has no issuer"));
        };
        Ok(Self {
            openid: Some(OpenId {
                issuer,
                tenant_claim: tenant_claim.clone(),
                names_itself: metadata.names_itself,
                userinfo_endpoint: metadata.userinfo_endpoint.clone(),
                jwks_uri: metadata.jwks_uri.clone(),
                nonce: Nonce::new(nonce),
            }),
            client_auth: ClientAuth::choose(us, &metadata.client_auth)?,
            ..Self::at(
                us,
                request,
                metadata.authorization_endpoint.clone(),
                metadata.token_endpoint.clone(),
                verifier,
            )?
        })
    }

    pub(super) fn by_catalog(
        us: &Registration<'_>,
        request: &Request<'_>,
        verifier: String,
    ) -> Result<Self, RelyingPartyError> {
        let Server::Endpoints {
            authorization,
            token,
            client_authentication,
        } = &us.rules.server
        else {
            return Err(Fault::Unavailable.because("the provider has no endpoints"));
        };
        let url = |template: &crate::provider::catalog::Template, what: &str| {
            let url = template.url(|field| us.value(field));
            url.ok_or_else(|| unusable(what))
        };
        let authorization = url(authorization, "authorization endpoint")?;
        let token = url(token, "token endpoint")?;
        Ok(Self {
            client_auth: ClientAuth::by_catalog(us, *client_authentication),
            ..Self::at(
                us,
                request,
                AuthUrl::from_url(authorization),
                TokenUrl::from_url(token),
                verifier,
            )?
        })
    }

    fn at(
        us: &Registration<'_>,
        request: &Request<'_>,
        authorization_endpoint: AuthUrl,
        token_endpoint: TokenUrl,
        verifier: String,
    ) -> Result<Self, RelyingPartyError> {
        let calls = us.rules.user_info.iter().map(|call| {
            let url = call.endpoint.url(|field| us.value(field));
            Ok((call.name.clone(), url.ok_or_else(|| unusable(&call.name))?))
        });
        Ok(Self {
            server: us.server().ok_or_else(|| unusable("server"))?,
            client_id: us.client_id.clone(),
            openid: None,
            authorization_endpoint,
            token_endpoint,
            calls: calls.collect::<Result<_, RelyingPartyError>>()?,
            client_auth: ClientAuth::Public,
            scopes: request.scopes.to_vec(),
            // 43 characters, 256 bits: RFC 7636 §4.1.
            verifier: us
                .provider_type
                .uses_pkce
                .then(|| PkceCodeVerifier::new(verifier)),
        })
    }

    /// The issuer that an answer may name (RFC 9207), and whether it has to.
    pub fn named_issuer(&self) -> Option<(&str, bool)> {
        let openid = self.openid.as_ref()?;
        Some((&openid.issuer, openid.names_itself))
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Url> {
        let calls = self.calls.iter().map(|(_, url)| url);
        [self.authorization_endpoint.url(), self.token_endpoint.url()]
            .into_iter()
            .chain(calls)
    }

    /// Where the browser goes.
    pub(super) fn url(
        &self,
        us: &Registration<'_>,
        request: &Request<'_>,
    ) -> Result<Url, RelyingPartyError> {
        let rules = &us.rules.authorization;
        let state = CsrfToken::new(request.state.expose_secret().to_owned());
        let challenge = self
            .verifier
            .as_ref()
            .map(PkceCodeChallenge::from_code_verifier_sha256);
        let scopes = request.scopes.join(&rules.scope_separator);
        let scopes = (!scopes.is_empty()).then_some((rules.scope_parameter.as_str(), &*scopes));
        let mode = request.response_mode.map(|mode| ("response_mode", mode));
        let prompt = request.prompt.map(|prompt| ("prompt", prompt));
        let fixed = rules.parameters.iter();
        let fixed = fixed.map(|(name, value)| (name.as_str(), value.as_str()));
        let further = scopes.into_iter().chain(mode).chain(prompt).chain(fixed);
        let mut url = if let Some(openid) = &self.openid {
            let nonce = openid.nonce.clone();
            let flow = CoreAuthenticationFlow::AuthorizationCode;
            let client = self
                .openid_client(openid, CoreJsonWebKeySet::default())?
                .set_redirect_uri(RedirectUrl::from_url(us.redirect_uri.clone()));
            let mut asked = client.authorize_url(flow, move || state, move || nonce);
            if let Some(challenge) = challenge {
                asked = asked.set_pkce_challenge(challenge);
            }
            asked.url().0
        } else {
            let client = self.oauth_client(us)?;
            let mut asked = client.authorize_url(move || state);
            if let Some(challenge) = challenge {
                asked = asked.set_pkce_challenge(challenge);
            }
            asked.url().0
        };
        url.query_pairs_mut().extend_pairs(further);
        Ok(url)
    }

    pub(super) fn oauth_client(
        &self,
        us: &Registration<'_>,
    ) -> Result<OAuthClient, RelyingPartyError> {
        let client = oauth2::Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(self.authorization_endpoint.clone())
            .set_token_uri(self.token_endpoint.clone())
            .set_redirect_uri(RedirectUrl::from_url(us.redirect_uri.clone()));
        self.client_auth.set(client, us)
    }

    pub(super) fn openid_client(
        &self,
        openid: &OpenId,
        keys: CoreJsonWebKeySet,
    ) -> Result<OpenIdClient, RelyingPartyError> {
        let issuer = IssuerUrl::new(openid.issuer.clone()).map_err(|_| unusable("issuer"))?;
        let client =
            openidconnect::Client::new(ClientId::new(self.client_id.clone()), issuer, keys);
        Ok(client
            .set_auth_uri(self.authorization_endpoint.clone())
            // The scopes are the configured ones, `openid` among them.
            .disable_openid_scope())
    }
}

pub(super) fn unusable(what: &str) -> RelyingPartyError {
    Fault::Unavailable.because(format!("the provider's {what} is not a URL"))
}
