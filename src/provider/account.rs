//! An account, as its provider vouches for it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use crate::clock::Time;
use crate::limits;

/// An account with what came along.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its stable subject within the instance.
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
    pub attributes: BTreeMap<String, String>,
}

/// The tokens that came with an account.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access_token: SecretString,
    pub refresh_token: Option<SecretString>,
    pub token_type: String,
    pub expires_at: Option<Time>,
    pub refresh_token_expires_at: Option<Time>,
    /// Granted, which may be fewer than were asked for.
    pub scopes: Vec<String>,
}

impl Tokens {
    /// The same by a clock that is so far ahead of the one they were told by.
    #[must_use]
    pub fn later_by(self, ahead: TimeDelta) -> Self {
        Self {
            expires_at: self.expires_at.map(|end| end + ahead),
            refresh_token_expires_at: self.refresh_token_expires_at.map(|end| end + ahead),
            ..self
        }
    }
}

impl Profile {
    /// Without what is no address, no name, no https URL where it is a URL, or can't be stored. A
    /// username is never cut: it would be another's.
    #[must_use]
    pub fn fitting(self) -> Self {
        let fits = |text: &String| limits::text("", text, limits::NAME).is_ok();
        let email = self.email.filter(|email| limits::email("", email).is_ok());
        let attributes = self.attributes.into_iter();
        Self {
            email_verified: self.email_verified.filter(|_| email.is_some()),
            email,
            username: self.username.filter(fits),
            display_name: self.display_name.map(|name| cut(name.trim())).filter(fits),
            attributes: attributes
                .filter(|(name, value)| {
                    limits::text("", name, limits::ATTRIBUTE_NAME).is_ok()
                        && limits::text("", value, limits::ATTRIBUTE).is_ok()
                        && is_harmless(value)
                })
                .take(limits::ATTRIBUTES)
                .collect(),
        }
    }
}

/// Whoever shows an attribute as a link must not come upon a script.
fn is_harmless(value: &str) -> bool {
    let scheme = Url::parse(value.trim()).map(|url| url.scheme().to_owned());
    !scheme.is_ok_and(|scheme| ["javascript", "data", "vbscript"].contains(&scheme.as_str()))
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(limits::NAME)].to_owned()
}
