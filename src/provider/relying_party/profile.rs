//! What a provider says of an account besides who it is: from the ID token, and from the
//! userinfo endpoint where that says too little.

use openidconnect::OAuth2TokenResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::calls::Answers;
use super::id_token::AllClaims;
use super::pinned::OpenId;
use super::token_answer::TokenAnswer;
use super::{Mapped, Pinned, Registration, RelyingParty, RelyingPartyError};
use crate::limits;
use crate::provider::account::Profile;
use crate::provider::catalog::ProfileRules;

/// What expressions know the answer of the userinfo endpoint by.
const USERINFO: &str = "userinfo";

/// The claims of a profile, as they were said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Said {
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    preferred_username: Option<String>,
    picture: Option<String>,
    profile: Option<String>,
}

impl RelyingParty {
    /// What the standard claims say of the account. The userinfo endpoint is asked where the ID
    /// token leaves out an address, whether it is verified, or a name, and the type doesn't take
    /// that from elsewhere; and where the type looks at its answer. It may not take the token of
    /// a type that asks for one for another server.
    pub(super) async fn standard(
        &self,
        us: &Registration<'_>,
        pinned: &Pinned,
        openid: &OpenId,
        claims: &AllClaims,
        answer: &TokenAnswer,
        answers: &mut Answers,
    ) -> Result<Mapped, RelyingPartyError> {
        let mut said = Said::of(claims);
        answers.add("claims", serde_json::to_value(claims).unwrap_or_default());
        let endpoint = openid.userinfo_endpoint.as_ref();
        let is_asked = said.lacks_something(&us.rules.profile) || us.rules.look_at(USERINFO);
        let further = match endpoint.filter(|_| is_asked) {
            None => Value::Object(Map::new()),
            Some(endpoint) => {
                let (token, subject) = (answer.access_token(), claims.subject());
                let further = self
                    .userinfo(endpoint, pinned, openid, token, subject)
                    .await?;
                said = said.with(Said::of(&further));
                serde_json::to_value(&further).unwrap_or_default()
            }
        };
        answers.add(USERINFO, further);
        Ok(Mapped {
            external_id: Some(claims.subject().to_string()),
            instance: None,
            profile: said.profile(),
        })
    }
}

impl Said {
    /// ID token and userinfo have the same claims, by getters that share no trait.
    fn of(claims: &impl Serialize) -> Self {
        serde_json::to_value(claims)
            .and_then(serde_json::from_value)
            .unwrap_or_default()
    }

    const fn lacks_something(&self, rules: &ProfileRules) -> bool {
        let address = rules.email.is_none() && self.email.is_none();
        let verified = rules.email.is_none()
            && rules.email_verified.is_none()
            && self.email_verified.is_none();
        let name = rules.display_name.is_none() && self.name.is_none();
        let username = rules.username.is_none() && self.preferred_username.is_none();
        address || verified || name || username
    }

    /// What was said first stands. Address and verification go together: that one address is
    /// verified says nothing of another.
    fn with(self, further: Self) -> Self {
        let takes_email =
            self.email.is_none() || (self.email_verified.is_none() && self.email == further.email);
        let (email, email_verified) = if takes_email {
            (further.email, further.email_verified)
        } else {
            (self.email, self.email_verified)
        };
        Self {
            email,
            email_verified,
            name: self.name.or(further.name),
            preferred_username: self.preferred_username.or(further.preferred_username),
            picture: self.picture.or(further.picture),
            profile: self.profile.or(further.profile),
        }
    }

    fn profile(self) -> Profile {
        let url = |text: &String| {
            let scheme = Url::parse(text).map(|url| url.scheme().to_owned());
            text.len() <= limits::URL && scheme.is_ok_and(|scheme| scheme == "https")
        };
        let attributes = [("picture", self.picture), ("profile", self.profile)];
        Profile {
            email: self.email,
            email_verified: self.email_verified,
            username: self.preferred_username,
            display_name: self.name,
            attributes: attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value.filter(url)?)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn said(email: Option<&str>, email_verified: Option<bool>) -> Said {
        Said {
            email: email.map(str::to_owned),
            email_verified,
            ..Said::default()
        }
    }

    #[test]
    fn an_address_is_verified_by_whoever_names_it() {
        let (a, b) = (Some("a@x.example"), Some("b@x.example"));
        for (first, further, expected) in [
            (said(None, None), said(a, Some(true)), said(a, Some(true))),
            (said(a, None), said(a, Some(true)), said(a, Some(true))),
            (said(a, None), said(b, Some(true)), said(a, None)),
            (
                said(a, Some(false)),
                said(a, Some(true)),
                said(a, Some(false)),
            ),
            (said(a, None), said(None, Some(true)), said(a, None)),
            (said(None, Some(true)), said(a, None), said(a, None)),
            (
                said(None, Some(true)),
                said(a, Some(false)),
                said(a, Some(false)),
            ),
        ] {
            assert_eq!(first.clone().with(further), expected, "{first:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let profile = Said {
            email: Some("no address".to_owned()),
            email_verified: Some(true),
            name: Some(format!(" {}", "é".repeat(limits::NAME))),
            preferred_username: Some("x".repeat(limits::NAME + 1)),
            picture: Some("javascript:alert(1)".to_owned()),
            profile: Some("https://x.example/me".to_owned()),
        }
        .profile()
        .fitting();
        assert_eq!((profile.email, profile.email_verified), (None, None));
        assert_eq!(profile.username, None);
        assert_eq!(profile.display_name, Some("é".repeat(limits::NAME / 2)));
        assert_eq!(
            profile.attributes,
            BTreeMap::from([("profile".to_owned(), "https://x.example/me".to_owned())])
        );
        let nul = Said {
            name: Some("a\0b".to_owned()),
            preferred_username: Some("\0".to_owned()),
            ..Said::default()
        };
        assert_eq!(nul.profile().fitting(), Profile::default());
    }
}
