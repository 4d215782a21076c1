//! The code for tokens, once.

use openidconnect::{AuthorizationCode, PkceCodeVerifier};
use secrecy::{ExposeSecret, SecretString};

use super::refusal::refusal;
use super::token_answer::TokenAnswer;
use super::{Pinned, Registration, RelyingParty, RelyingPartyError};
use crate::provider::client_key::ASSERTION_TYPE;

impl RelyingParty {
    pub(super) async fn exchange(
        &self,
        us: &Registration<'_>,
        pinned: &Pinned,
        code: &SecretString,
    ) -> Result<TokenAnswer, RelyingPartyError> {
        let client = pinned.oauth_client(us)?;
        let exchanged = AuthorizationCode::new(code.expose_secret().to_owned());
        let mut request = client.exchange_code(exchanged);
        if let Some(verifier) = &pinned.verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.secret().clone()));
        }
        let assertion = pinned
            .client_auth
            .assertion(us, &pinned.server, &self.clock)?;
        if let Some(assertion) = &assertion {
            request = request
                .add_extra_param("client_assertion_type", ASSERTION_TYPE)
                .add_extra_param("client_assertion", assertion.expose_secret());
        }
        let caller = self.caller(Some(&us.rules.token));
        let answer = request.request_async(&caller).await.map_err(|error| {
            let secret = us.client_secret.as_ref().map(ExposeSecret::expose_secret);
            let verifier = pinned.verifier.as_ref().map(PkceCodeVerifier::secret);
            let verifier = verifier.map_or("", String::as_str);
            let assertion = assertion.as_ref().map(ExposeSecret::expose_secret);
            let sent = [
                code.expose_secret(),
                verifier,
                secret.unwrap_or_default(),
                assertion.unwrap_or_default(),
            ];
            RelyingPartyError::from(refusal(error, &sent))
        })?;
        answer.check()?;
        Ok(answer)
    }
}
