//! OpenID Connect as a relying party: discovery, the authorization request, the exchange of the
//! code, and the checks of what comes back. Knows neither flows nor people.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::clock::Time;

/// An account, as its provider vouches for it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The claim `sub`.
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
    /// `picture` and `profile`, both URLs.
    pub attributes: BTreeMap<String, String>,
}

/// The tokens that came with an account.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access_token: SecretString,
    pub refresh_token: Option<SecretString>,
    pub token_type: String,
    pub expires_at: Option<Time>,
    /// Granted, which may be fewer than were asked for.
    pub scopes: Vec<String>,
}

/// Where an answer was found to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The parameters of the callback, or the route that they came to.
    State,
    Issuer,
    Exchange,
    IdToken,
    UserInfo,
}

impl Step {
    /// As pages and logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Issuer => "issuer",
            Self::Exchange => "exchange",
            Self::IdToken => "id_token",
            Self::UserInfo => "userinfo",
        }
    }
}
