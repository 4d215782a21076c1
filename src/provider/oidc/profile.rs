//! What a provider says of an account besides who it is: from the ID token, and from the
//! userinfo endpoint where that says too little.

use std::collections::BTreeMap;

use openidconnect::OAuth2TokenResponse;
use serde::{Deserialize, Serialize};
use url::Url;

use super::exchange::TokenAnswer;
use super::id_token::AllClaims;
use super::{Oidc, OidcError, Pinned, Profile};
use crate::limits;

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

impl Oidc {
    /// The account's profile; the userinfo endpoint is asked where the ID token leaves out an
    /// address, whether it is verified, or a name.
    pub(super) async fn profile(
        &self,
        pinned: &Pinned,
        claims: &AllClaims,
        answer: &TokenAnswer,
    ) -> Result<Profile, OidcError> {
        let said = Said::of(claims);
        let Some(endpoint) = pinned
            .userinfo_endpoint
            .as_ref()
            .filter(|_| said.lacks_something())
        else {
            return Ok(said.checked());
        };
        let (token, subject) = (answer.access_token(), claims.subject());
        let further = self.userinfo(endpoint, pinned, token, subject).await?;
        Ok(said.with(Said::of(&further)).checked())
    }
}

impl Said {
    /// ID token and userinfo have the same claims, by getters that share no trait.
    fn of(claims: &impl Serialize) -> Self {
        serde_json::to_value(claims)
            .and_then(serde_json::from_value)
            .unwrap_or_default()
    }

    const fn lacks_something(&self) -> bool {
        self.email.is_none()
            || self.email_verified.is_none()
            || self.name.is_none()
            || self.preferred_username.is_none()
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

    /// Without what is no address, no name, no URL, or can't be stored. A username is never cut:
    /// it would be another's.
    fn checked(self) -> Profile {
        let fits = |text: &String| limits::text("", text, limits::NAME).is_ok();
        let email = self.email.filter(|email| limits::email("", email).is_ok());
        let url = |text: &String| {
            let scheme = Url::parse(text).map(|url| url.scheme().to_owned());
            text.len() <= limits::URL && scheme.is_ok_and(|scheme| scheme == "https")
        };
        let attributes = [("picture", self.picture), ("profile", self.profile)];
        Profile {
            email_verified: self.email_verified.filter(|_| email.is_some()),
            email,
            username: self.preferred_username.filter(fits),
            display_name: self.name.map(|name| cut(name.trim())).filter(fits),
            attributes: attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value.filter(url)?)))
                .collect::<BTreeMap<_, _>>(),
        }
    }
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(limits::NAME)].to_owned()
}

#[cfg(test)]
mod tests {
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
        .checked();
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
        assert_eq!(nul.checked(), Profile::default());
    }
}
