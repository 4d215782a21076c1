//! The userinfo endpoint: what it says of the account, plain or signed (OpenID Connect Core 1.0
//! §5.3). The library can ask too, but would take no other signature than RS256.

mod signed;

use openidconnect::core::{CoreGenderClaim, CoreJsonWebKeySet};
use openidconnect::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use openidconnect::http::{HeaderValue, Request, StatusCode};
use openidconnect::{AccessToken, AsyncHttpClient, HttpResponse, SubjectIdentifier, UserInfoError};
use url::Url;

use super::id_token::FurtherClaims;
use super::pinned::OpenId;
use super::{Fault, Pinned, RelyingParty, RelyingPartyError, Step};

pub(super) type UserInfo = openidconnect::UserInfoClaims<FurtherClaims, CoreGenderClaim>;

impl RelyingParty {
    /// What the endpoint says of this subject.
    pub(super) async fn userinfo(
        &self,
        endpoint: &Url,
        pinned: &Pinned,
        openid: &OpenId,
        access_token: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> Result<UserInfo, RelyingPartyError> {
        let invalid = |cause: &str| Fault::Invalid(Step::UserInfo).because(cause);
        let answer = self.ask(endpoint, access_token).await?;
        let json = match essence(&answer).as_str() {
            "" | "application/json" => answer.into_body(),
            "application/jwt" => {
                let token = std::str::from_utf8(answer.body());
                let token = token.map_err(|_| invalid("userinfo is no text"))?;
                self.verified_userinfo(pinned, openid, token).await?
            }
            _ => return Err(invalid("userinfo is no JSON")),
        };
        let read = UserInfo::from_json::<std::convert::Infallible>(&json, Some(subject));
        read.map_err(|error| match &error {
            UserInfoError::ClaimsVerification(error) => invalid(&format!("userinfo: {error}")),
            UserInfoError::Parse(error) => {
                invalid(&format!("userinfo can't be read, at {}", error.path()))
            }
            _ => invalid("userinfo is no JSON"),
        })
    }

    async fn ask(
        &self,
        endpoint: &Url,
        access_token: &AccessToken,
    ) -> Result<HttpResponse, RelyingPartyError> {
        let unable = |_| Fault::Unavailable.because("the userinfo endpoint can't be asked");
        let bearer = format!("Bearer {}", access_token.secret());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|error| unable(error.into()))?;
        bearer.set_sensitive(true);
        let request = Request::get(endpoint.as_str())
            .header(ACCEPT, "application/json, application/jwt")
            .header(AUTHORIZATION, bearer)
            .body(Vec::new())
            .map_err(unable)?;
        let answer = self.caller(None).call(request).await;
        let answer = answer.map_err(|error| {
            error
                .fault()
                .because(format!("the userinfo endpoint failed: {error}"))
        })?;
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let fault = if status.is_client_error() {
            Fault::Refused
        } else {
            Fault::Invalid(Step::UserInfo)
        };
        let status = status.as_u16();
        Err(fault.because(format!(
            "the userinfo endpoint answered with the status {status}"
        )))
    }

    /// The claims of a signed answer.
    async fn verified_userinfo(
        &self,
        pinned: &Pinned,
        openid: &OpenId,
        token: &str,
    ) -> Result<Vec<u8>, RelyingPartyError> {
        let invalid =
            |cause: String| Fault::Invalid(Step::UserInfo).because(format!("userinfo: {cause}"));
        let now = self.clock.now();
        let check =
            |keys: &CoreJsonWebKeySet| signed::verify(token, keys, &pinned.client_id, openid, now);
        self.by_keys(openid, check).await?.map_err(invalid)
    }
}

/// The media type without its parameters.
fn essence(answer: &HttpResponse) -> String {
    let header = answer.headers().get(CONTENT_TYPE);
    let text = header.map_or(Ok(""), HeaderValue::to_str);
    let essence = text.unwrap_or("?").split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}
