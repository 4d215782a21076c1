//! The switches: all that a provider can do wrong, by its endpoint or by what it says.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::issuer::Endpoint;

/// Something that an issuer does wrong. Several may be set at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The endpoint does not answer as it should, and does nothing else.
    Endpoint(Endpoint, Broken),
    Discovery(DiscoveryFault),
    Callback(CallbackFault),
    Token(TokenFault),
    Refresh(RefreshFault),
    IdToken(IdTokenFault),
    Profile(ProfileFault),
}

/// How often a fault happens. `Once` is once where it applies: in one ID token, in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Once,
    Always,
}

/// How an endpoint answers instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It takes this long, and then answers as it should (or as other faults say).
    Delay(Duration),
    /// 503, with a text.
    Down,
    /// The connection ends without an answer.
    Closes,
    /// No answer, ever.
    Hangs,
    /// 200, and then a byte of JSON now and then, without end.
    Drips,
    /// 200, and more than 2 MiB of JSON.
    Huge,
    /// A page, with this status.
    Html(u16),
    /// 302 to there.
    Redirect(Url),
    /// 200 and JSON that breaks off.
    BrokenJson,
    /// 429, with `Retry-After` in seconds.
    TooMany(u32),
    /// 401, with nothing that says why.
    BareUnauthorized,
    /// An OAuth error of this code, with this status: providers answer errors with 200 too. Its
    /// description is hostile.
    Error(u16, &'static str),
}

/// What the discovery document has wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum DiscoveryFault {
    /// It is another issuer's.
    OtherIssuer,
    /// This key is missing.
    Without(&'static str),
    /// This key has this value.
    With(&'static str, Value),
    /// All endpoints are at this origin: another host, or plain http.
    EndpointsAt(Url),
}

/// What is wrong with how a person is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackFault {
    WrongIssuer,
    NoIssuer,
    NoCode,
    /// A code that was never given.
    WrongCode,
    WrongState,
    NoState,
    /// This parameter is there twice.
    Twice(&'static str),
    /// No code but this error, with a description.
    Error(&'static str, String),
}

/// What is wrong with a good answer of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    FormEncoded,
    NoIdToken,
    NoAccessToken,
    /// No refresh token, though it was asked for.
    NoRefreshToken,
    /// A refresh is answered without a new refresh token; the one that was used stays good.
    KeepsRefreshToken,
    /// The granted scopes aren't said.
    NoScope,
    NoExpiry,
    /// Another type than Bearer.
    OtherType,
    /// A code is redeemed whatever the verifier is, against RFC 7636 §4.6.
    AnyVerifier,
    /// The access token is good for that many seconds only; it says so.
    ExpiresIn(u32),
    /// The refresh token is good for that many seconds; it says so, in
    /// `refresh_token_expires_in`.
    RefreshTokenExpiresIn(u32),
}

/// What is wrong with refreshes only; codes are redeemed as ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshFault {
    /// The token endpoint does not answer as it should, and does nothing else.
    Broken(Broken),
    /// The refresh token is spent, and the connection ends without an answer.
    LosesAnswer,
    /// The refresh token is spent at once, and the answer takes this long.
    AnswersLate(Duration),
    /// A spent refresh token doesn't end the grant: what it brought before comes again, with
    /// another access token.
    SpentIsForgiven,
}

/// What is wrong with an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTokenFault {
    WrongNonce,
    NoNonce,
    WrongIssuer,
    WrongAudience,
    /// Ours and another, and no `azp` that says whose it is.
    ExtraAudience,
    WrongAuthorizedParty,
    BadSignature,
    /// `alg` is none; unsigned.
    AlgNone,
    /// HMAC with the client's secret.
    AlgHs256,
    /// HMAC with the published key, which everybody knows.
    AlgHs256PublicKey,
    /// Signed with a key that is not published.
    UnknownKey,
    /// The same, and the header brings the key along, and says where there are more.
    KeyInHeader,
    Expired,
    IssuedInFuture,
    NotYetValid,
    NoSubject,
    WrongAccessTokenHash,
    NotAToken,
}

impl IdTokenFault {
    pub const ALL: [Self; 18] = [
        Self::WrongNonce,
        Self::NoNonce,
        Self::WrongIssuer,
        Self::WrongAudience,
        Self::ExtraAudience,
        Self::WrongAuthorizedParty,
        Self::BadSignature,
        Self::AlgNone,
        Self::AlgHs256,
        Self::AlgHs256PublicKey,
        Self::UnknownKey,
        Self::KeyInHeader,
        Self::Expired,
        Self::IssuedInFuture,
        Self::NotYetValid,
        Self::NoSubject,
        Self::WrongAccessTokenHash,
        Self::NotAToken,
    ];
}

/// What is wrong with what is said of a person, in the ID token and the user info.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileFault {
    NoEmail,
    Unverified,
    /// Nothing is said of verification.
    VerificationUnsaid,
    /// `email_verified` is the text "true", as Apple has it.
    VerifiedAsText,
    /// `sub` is a number, against the specification.
    NumericSubject,
    /// The user info is somebody else's.
    OtherSubjectInUserInfo,
}

/// The faults that are set.
#[derive(Default)]
pub struct Faults(Vec<(Fault, Times)>);

impl Faults {
    pub fn set(&mut self, fault: Fault, times: Times) {
        self.0.push((fault, times));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The faults that `applies` picks, in the order in which they were set; those that are to
    /// happen once have happened then.
    pub fn take<T>(&mut self, applies: impl Fn(&Fault) -> Option<T>) -> Vec<T> {
        let mut taken = Vec::new();
        self.0.retain(|(fault, times)| match applies(fault) {
            None => true,
            Some(found) => {
                taken.push(found);
                *times == Times::Always
            }
        });
        taken
    }
}

impl From<(Endpoint, Broken)> for Fault {
    fn from((endpoint, broken): (Endpoint, Broken)) -> Self {
        Self::Endpoint(endpoint, broken)
    }
}

impl From<DiscoveryFault> for Fault {
    fn from(fault: DiscoveryFault) -> Self {
        Self::Discovery(fault)
    }
}

impl From<CallbackFault> for Fault {
    fn from(fault: CallbackFault) -> Self {
        Self::Callback(fault)
    }
}

impl From<TokenFault> for Fault {
    fn from(fault: TokenFault) -> Self {
        Self::Token(fault)
    }
}

impl From<RefreshFault> for Fault {
    fn from(fault: RefreshFault) -> Self {
        Self::Refresh(fault)
    }
}

impl From<IdTokenFault> for Fault {
    fn from(fault: IdTokenFault) -> Self {
        Self::IdToken(fault)
    }
}

impl From<ProfileFault> for Fault {
    fn from(fault: ProfileFault) -> Self {
        Self::Profile(fault)
    }
}
