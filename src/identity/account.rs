//! What is known of an account at a provider, checked before it is stored.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::clock::Time;
use crate::error::Error;
use crate::id::IdentityId;
use crate::input::{Change, check_attributes, check_scopes};
use crate::limits;
use crate::vault::Place;

/// What the provider, or an application, says of an account.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub email: Change<String>,
    pub email_verified: Change<bool>,
    pub username: Change<String>,
    pub display_name: Change<String>,
    /// Further attributes, an object of texts.
    pub attributes: Change<Value>,
}

impl Profile {
    /// # Errors
    /// `BAD_USER_INPUT`; refused with `SECRET_IN_DATA`.
    pub fn check(&self, field: &str) -> Result<(), Error> {
        if let Some(email) = self.email.set() {
            limits::email(&format!("{field}.email"), email)?;
        }
        for (name, value) in [
            ("username", &self.username),
            ("displayName", &self.display_name),
        ] {
            if let Some(value) = value.set() {
                limits::text(&format!("{field}.{name}"), value, limits::NAME)?;
            }
        }
        match self.attributes.set() {
            None => Ok(()),
            Some(attributes) => check_attributes(&format!("{field}.attributes"), attributes),
        }
    }
}

/// Where an identity's access token is sealed.
pub const fn access_token_place(id: &IdentityId) -> Place<'_> {
    Place {
        table: "credential",
        row: id.0.as_bytes(),
        column: "access_token_sealed",
    }
}

/// Where an identity's refresh token is sealed.
pub const fn refresh_token_place(id: &IdentityId) -> Place<'_> {
    Place {
        column: "refresh_token_sealed",
        ..access_token_place(id)
    }
}

/// Tokens that come with a link.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access_token: SecretString,
    pub refresh_token: Change<SecretString>,
    pub token_type: Option<String>,
    pub expires_at: Option<Time>,
    pub refresh_token_expires_at: Option<Time>,
    pub scopes: Option<Vec<String>>,
}

impl Tokens {
    /// # Errors
    /// `BAD_USER_INPUT`.
    pub fn check(&self, field: &str) -> Result<(), Error> {
        let tokens = [
            ("accessToken", Some(&self.access_token)),
            ("refreshToken", self.refresh_token.set()),
        ];
        for (name, token) in tokens {
            if let Some(token) = token {
                limits::text(
                    &format!("{field}.{name}"),
                    token.expose_secret(),
                    limits::TOKEN,
                )?;
            }
        }
        if self.refresh_token_expires_at.is_some() && self.refresh_token.set().is_none() {
            return Err(Error::bad_input(
                format!("{field}.refreshTokenExpiresAt"),
                "is said of a refreshToken: give both, or neither",
            ));
        }
        if let Some(token_type) = &self.token_type {
            limits::text(&format!("{field}.tokenType"), token_type, limits::NAME)?;
        }
        match &self.scopes {
            None => Ok(()),
            Some(scopes) => check_scopes(&format!("{field}.scopes"), scopes),
        }
    }
}
