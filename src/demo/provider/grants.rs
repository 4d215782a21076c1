//! What has been given: codes, access tokens, refresh tokens. Each belongs to the grant of one
//! person's one decision, and dies with it.

use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::bounded::Bounded;
use crate::clock::{Clock, Time};

/// How long a code is good.
const CODE: TimeDelta = TimeDelta::minutes(5);
/// How long an access token is good.
pub const ACCESS_TOKEN: TimeDelta = TimeDelta::hours(1);

/// A person's consent.
#[derive(Clone)]
pub struct Grant {
    pub sub: String,
    pub scopes: Vec<String>,
    pub nonce: String,
    pub redirect_uri: String,
    pub code_challenge: String,
}

impl Grant {
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

/// All that an issuer has given.
pub struct Grants {
    given: Bounded<Given>,
    codes: Bounded<Token>,
    access_tokens: Bounded<Token>,
    refresh_tokens: Bounded<Token>,
}

struct Given {
    grant: Grant,
    revoked: bool,
}

struct Token {
    grant: String,
    expires_at: Option<Time>,
    /// A code was redeemed, a refresh token rotated, an access token revoked.
    spent: bool,
}

impl Grants {
    pub fn new() -> Self {
        Self {
            given: Bounded::new(),
            codes: Bounded::new(),
            access_tokens: Bounded::new(),
            refresh_tokens: Bounded::new(),
        }
    }

    /// A code for the grant.
    pub fn begin(&mut self, clock: &Clock, grant: Grant) -> String {
        let id = secret(clock);
        let given = Given {
            grant,
            revoked: false,
        };
        self.given.insert(id.clone(), given);
        let code = secret(clock);
        let expires_at = Some(clock.now() + CODE);
        self.codes.insert(code.clone(), Token::new(id, expires_at));
        code
    }

    /// The grant's name and the grant, if the code is good, and the verifier, where one is asked
    /// for. One try is all that a code has; a second one ends the grant and what came of it
    /// (RFC 6749 §4.1.2).
    pub fn redeem(
        &mut self,
        clock: &Clock,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Option<(String, Grant)> {
        let token = self.codes.get_mut(code)?;
        let id = token.grant.clone();
        if token.spent {
            self.revoke_grant(&id);
            return None;
        }
        token.spent = true;
        let in_time = token.is_in_time(clock.now());
        let grant = self.alive(&id)?;
        let proven =
            verifier.is_none_or(|verifier| code_challenge(verifier) == grant.code_challenge);
        (in_time && proven && grant.redirect_uri == redirect_uri).then(|| (id, grant.clone()))
    }

    /// An access token for the grant.
    pub fn access_token(&mut self, clock: &Clock, id: &str) -> String {
        let token = secret(clock);
        let expires_at = Some(clock.now() + ACCESS_TOKEN);
        self.access_tokens
            .insert(token.clone(), Token::new(id.to_owned(), expires_at));
        token
    }

    /// A refresh token for the grant.
    pub fn refresh_token(&mut self, clock: &Clock, id: &str) -> String {
        let token = secret(clock);
        self.refresh_tokens
            .insert(token.clone(), Token::new(id.to_owned(), None));
        token
    }

    /// The grant of a refresh token. It is spent by this, unless it is `kept`; using a spent one
    /// ends the grant (RFC 9700 §4.14.2).
    pub fn refresh(&mut self, refresh_token: &str, kept: bool) -> Option<(String, Grant)> {
        let token = self.refresh_tokens.get_mut(refresh_token)?;
        let id = token.grant.clone();
        if token.spent {
            self.revoke_grant(&id);
            return None;
        }
        token.spent = !kept;
        self.alive(&id).cloned().map(|grant| (id, grant))
    }

    /// The grant that an access token stands for.
    pub fn bearer(&self, access_token: &str, now: Time) -> Option<&Grant> {
        let token = self.access_tokens.get(access_token)?;
        let usable = !token.spent && token.is_in_time(now);
        self.alive(&token.grant).filter(|_| usable)
    }

    /// Ends an access token, or with a refresh token the whole grant (RFC 7009 §2.1).
    pub fn revoke(&mut self, token: &str) {
        if let Some(access_token) = self.access_tokens.get_mut(token) {
            access_token.spent = true;
        } else if let Some(refresh_token) = self.refresh_tokens.get(token) {
            let id = refresh_token.grant.clone();
            self.revoke_grant(&id);
        }
    }

    fn revoke_grant(&mut self, id: &str) {
        if let Some(given) = self.given.get_mut(id) {
            given.revoked = true;
        }
    }

    fn alive(&self, id: &str) -> Option<&Grant> {
        let given = self.given.get(id).filter(|given| !given.revoked);
        given.map(|given| &given.grant)
    }
}

impl Token {
    const fn new(grant: String, expires_at: Option<Time>) -> Self {
        Self {
            grant,
            expires_at,
            spent: false,
        }
    }

    fn is_in_time(&self, now: Time) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

fn secret(clock: &Clock) -> String {
    BASE64URL_NOPAD.encode(&clock.random::<32>())
}

/// S256 (RFC 7636 §4.2).
fn code_challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes()))
}
