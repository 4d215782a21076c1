//! What has been given: codes, access tokens, refresh tokens. Each belongs to the grant of one
//! person's one decision, and dies with it.
//!
//! What each of them is shows in how it begins, as with GitHub's tokens: `mbc_` is a code, `mba_`
//! an access token, `mbr_` a refresh token. `makebelieve` follows, which nothing else has in it by
//! chance: who looks for secrets in a log or a repository finds them, however they are encoded.

use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::bounded::Bounded;
use crate::clock::{Clock, Time};

/// How long a code is good.
const CODE: TimeDelta = TimeDelta::minutes(5);
/// How long an access token is good, unless a fault says otherwise.
pub const ACCESS_TOKEN: TimeDelta = TimeDelta::hours(1);

/// How a code begins.
const CODE_PREFIX: &str = "mbc_makebelieve_";
/// How an access token begins.
const ACCESS_TOKEN_PREFIX: &str = "mba_makebelieve_";
/// How a refresh token begins.
const REFRESH_TOKEN_PREFIX: &str = "mbr_makebelieve_";

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

/// What comes of a refresh token.
pub enum Refreshed {
    /// It is good; this is its grant, by name.
    Good(String, Grant),
    /// It was spent, is forgiven, and this refresh token took its place then.
    Again(String, Grant, String),
    /// It was spent; the grant has ended now (RFC 9700 §4.14.2).
    Reused,
    /// It was never given, is too old, or its grant has ended.
    Unknown,
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
    /// The refresh token that took this one's place.
    successor: Option<String>,
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

    /// A grant that nothing was given for yet: its name.
    pub fn open(&mut self, clock: &Clock, grant: Grant) -> String {
        let id = secret(clock, "");
        let given = Given {
            grant,
            revoked: false,
        };
        self.given.insert(id.clone(), given);
        id
    }

    /// A code for the grant.
    pub fn begin(&mut self, clock: &Clock, grant: Grant) -> String {
        let id = self.open(clock, grant);
        let code = secret(clock, CODE_PREFIX);
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

    /// An access token for the grant, good for as long as that.
    pub fn access_token(&mut self, clock: &Clock, id: &str, life: TimeDelta) -> String {
        let token = secret(clock, ACCESS_TOKEN_PREFIX);
        let expires_at = Some(clock.now() + life);
        self.access_tokens
            .insert(token.clone(), Token::new(id.to_owned(), expires_at));
        token
    }

    /// A refresh token for the grant, in the place of another where it comes of one; good until
    /// it is used, or for as long as that.
    pub fn refresh_token(
        &mut self,
        clock: &Clock,
        id: &str,
        life: Option<TimeDelta>,
        before: Option<&str>,
    ) -> String {
        let token = secret(clock, REFRESH_TOKEN_PREFIX);
        let expires_at = life.map(|life| clock.now() + life);
        self.refresh_tokens
            .insert(token.clone(), Token::new(id.to_owned(), expires_at));
        let before = before.and_then(|before| self.refresh_tokens.get_mut(before));
        if let Some(before) = before {
            before.successor = Some(token.clone());
        }
        token
    }

    /// Whether a refresh token was used before.
    pub fn is_spent(&self, refresh_token: &str) -> bool {
        let token = self.refresh_tokens.get(refresh_token);
        token.is_some_and(|token| token.spent)
    }

    /// Uses a refresh token. It is spent by this, unless it is `kept`; a spent one ends the grant,
    /// unless that is `forgiven`.
    pub fn refresh(
        &mut self,
        refresh_token: &str,
        now: Time,
        kept: bool,
        forgiven: bool,
    ) -> Refreshed {
        let Some(token) = self.refresh_tokens.get_mut(refresh_token) else {
            return Refreshed::Unknown;
        };
        let id = token.grant.clone();
        let before = token.spent.then(|| token.successor.clone());
        if before.is_some() && !forgiven {
            self.revoke_grant(&id);
            return Refreshed::Reused;
        }
        let in_time = token.is_in_time(now);
        token.spent |= !kept;
        let Some(grant) = self.alive(&id).filter(|_| in_time).cloned() else {
            return Refreshed::Unknown;
        };
        match before.flatten() {
            Some(successor) => Refreshed::Again(id, grant, successor),
            None => Refreshed::Good(id, grant),
        }
    }

    /// The grant that an access token stands for.
    pub fn bearer(&self, access_token: &str, now: Time) -> Option<&Grant> {
        let token = self.access_tokens.get(access_token)?;
        let usable = !token.spent && token.is_in_time(now);
        self.alive(&token.grant).filter(|_| usable)
    }

    /// Ends an access token, or with a refresh token the whole grant (RFC 7009 §2.1). False where
    /// nothing has ended by it.
    pub fn revoke(&mut self, token: &str) -> bool {
        if let Some(access_token) = self.access_tokens.get_mut(token) {
            !std::mem::replace(&mut access_token.spent, true)
        } else if let Some(refresh_token) = self.refresh_tokens.get(token) {
            let id = refresh_token.grant.clone();
            let was_alive = self.alive(&id).is_some();
            self.revoke_grant(&id);
            was_alive
        } else {
            false
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
            successor: None,
        }
    }

    fn is_in_time(&self, now: Time) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

fn secret(clock: &Clock, prefix: &str) -> String {
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&clock.random::<32>()))
}

/// S256 (RFC 7636 §4.2).
fn code_challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes()))
}
