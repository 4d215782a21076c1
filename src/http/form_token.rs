//! What the forms of our pages carry, so that nobody else's page can send them: a token for one
//! purpose in one session, or about one thing.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use uuid::Uuid;

use crate::id::SessionId;

/// What a form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Begins to link an account.
    Link,
    /// Ends the session.
    SignOut,
    /// Disconnects an account.
    Disconnect,
    /// Ends the person's other sessions.
    SignOutElsewhere,
    /// Begins a link of an application's, or ends it.
    Connect,
    /// Lets a link go on with the account that was found, or ends it.
    Found,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::SignOut => "sign_out",
            Self::Disconnect => "disconnect",
            Self::SignOutElsewhere => "sign_out_elsewhere",
            Self::Connect => "connect",
            Self::Found => "found",
        }
    }
}

/// Makes and checks tokens, under a key that all processes share.
pub struct FormTokens {
    key: Zeroizing<Vec<u8>>,
}

impl FormTokens {
    /// Tokens under this key.
    pub const fn new(key: Zeroizing<Vec<u8>>) -> Self {
        Self { key }
    }

    /// The token of a form that this session is shown.
    pub fn make(&self, purpose: Purpose, session: SessionId) -> String {
        self.make_for(purpose, session.0)
    }

    /// Whether this session was shown a form for this purpose with this token.
    pub fn is_good(&self, purpose: Purpose, session: SessionId, token: &str) -> bool {
        self.is_good_for(purpose, session.0, token)
    }

    /// The token of a form about one thing, where there may be no session.
    pub fn make_for(&self, purpose: Purpose, about: Uuid) -> String {
        let bytes = self.sign(purpose, about).finalize().into_bytes();
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Whether this is the token of the form about that. Takes as long whichever characters are
    /// wrong.
    pub fn is_good_for(&self, purpose: Purpose, about: Uuid, token: &str) -> bool {
        let Ok(bytes) = BASE64URL_NOPAD.decode(token.as_bytes()) else {
            return false;
        };
        self.sign(purpose, about).verify_slice(&bytes).is_ok()
    }

    fn sign(&self, purpose: Purpose, about: Uuid) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        // Ids have one length, so no two inputs are the same bytes.
        mac.update(b"form");
        mac.update(about.as_bytes());
        mac.update(purpose.name().as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_token_is_good_for_its_own_purpose_and_session_only() {
        let tokens = |key: u8| FormTokens::new(Zeroizing::new(vec![key; 32]));
        let clock = Clock::default();
        let (session, other) = (SessionId::new(&clock), SessionId::new(&clock));
        let token = tokens(1).make(Purpose::Link, session);
        assert!(tokens(1).is_good(Purpose::Link, session, &token));
        assert!(!tokens(1).is_good(Purpose::SignOut, session, &token));
        assert!(!tokens(1).is_good(Purpose::Link, other, &token));
        assert!(!tokens(2).is_good(Purpose::Link, session, &token));
        for wrong in ["", "A", &token[1..], &format!("{token}A"), "é"] {
            assert!(!tokens(1).is_good(Purpose::Link, session, wrong), "{wrong}");
        }
        for index in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(
                !tokens(1).is_good(Purpose::Link, session, &forged),
                "{index}"
            );
        }
    }
}
