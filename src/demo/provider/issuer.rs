//! The two issuers, their endpoints, and the client that each of them knows.

use std::fmt;

use secrecy::SecretString;

/// Who issues: two providers that have nothing in common but the process they run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    Acme,
    Hub,
}

impl Issuer {
    pub const ALL: [Self; 2] = [Self::Acme, Self::Hub];

    /// Its name in URLs.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Hub => "hub",
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acme => "Acme",
            Self::Hub => "Hub",
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an issuer answers at; the page and its form are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Discovery,
    Jwks,
    Authorize,
    Token,
    UserInfo,
    Revoke,
}

/// The one relying party that an issuer knows.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub secret: SecretString,
}

impl Client {
    /// The client that an issuer begins with, the same at every start. Its secret guards
    /// nothing; its characters are those that HTTP Basic needs encoded (RFC 6749 §2.3.1).
    pub fn of(issuer: Issuer) -> Self {
        let slug = issuer.slug();
        Self {
            id: format!("lanyard-at-{slug}"),
            secret: format!("make-believe: {slug} + 100% no secret/é").into(),
        }
    }
}
