//! Where tokens are asked for, refreshed and revoked, and how this server shows itself there: as
//! it is now, for what no flow is pinned to.

use openidconnect::{AuthUrl, ClientId, RedirectUrl, TokenUrl};
use url::Url;

use super::client_auth::ClientAuth;
use super::pinned::{OAuthClient, unusable};
use super::{Fault, Registration, RelyingParty, RelyingPartyError, Server};
use crate::provider::catalog::Template;

/// A provider's endpoints.
pub(super) struct TokenServer {
    /// The issuer, or the token endpoint where there is none.
    pub name: String,
    pub client_auth: ClientAuth,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
}

impl RelyingParty {
    pub(super) async fn token_server(
        &self,
        us: &Registration<'_>,
    ) -> Result<TokenServer, RelyingPartyError> {
        let server = match &us.rules.server {
            Server::Issuer { tenant_claim, .. } => {
                let issuer = us.issuer()?;
                let metadata = self.metadata(&issuer).await?;
                metadata.issuer_of(&issuer, tenant_claim.is_some())?;
                TokenServer {
                    name: issuer,
                    client_auth: ClientAuth::choose(us, &metadata.client_auth)?,
                    authorization_endpoint: metadata.authorization_endpoint.clone(),
                    token_endpoint: metadata.token_endpoint.clone(),
                }
            }
            Server::Endpoints {
                authorization,
                token,
                client_authentication,
            } => TokenServer {
                name: us.server().ok_or_else(|| unusable("server"))?,
                client_auth: ClientAuth::by_catalog(us, *client_authentication),
                authorization_endpoint: AuthUrl::from_url(url(us, authorization)?),
                token_endpoint: TokenUrl::from_url(url(us, token)?),
            },
        };
        Ok(server)
    }
}

impl TokenServer {
    /// For refreshes, which may go to an endpoint of their own.
    pub fn for_refresh(self, us: &Registration<'_>) -> Result<Self, RelyingPartyError> {
        let own = us.rules.refresh.as_ref();
        let Some(endpoint) = own.and_then(|rules| rules.endpoint.as_ref()) else {
            return Ok(self);
        };
        Ok(Self {
            token_endpoint: TokenUrl::from_url(url(us, endpoint)?),
            ..self
        })
    }

    pub fn oauth_client(&self, us: &Registration<'_>) -> Result<OAuthClient, RelyingPartyError> {
        let client = oauth2::Client::new(ClientId::new(us.client_id.clone()))
            .set_auth_uri(self.authorization_endpoint.clone())
            .set_token_uri(self.token_endpoint.clone())
            .set_redirect_uri(RedirectUrl::from_url(us.redirect_uri.clone()));
        self.client_auth.set(client, us)
    }
}

fn url(us: &Registration<'_>, template: &Template) -> Result<Url, RelyingPartyError> {
    let url = template.url(|field| us.value(field));
    url.ok_or_else(|| Fault::Unavailable.because("an endpoint of the provider is not a URL"))
}
