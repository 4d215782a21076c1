//! What a type says of its flow: where people are sent, how tokens are asked for and come back,
//! and what makes the answers an account.

use chrono::TimeDelta;

use super::Template;
use crate::expression::Expression;

/// The flow of a type, as data.
#[derive(Debug)]
pub struct FlowRules {
    pub server: Server,
    pub authorization: Authorization,
    pub token: TokenRules,
    /// Tokens can be refreshed, where the provider gives a refresh token.
    pub refresh: Option<Refresh>,
    /// Tokens can be revoked, where the provider has a place for it.
    pub revocation: Option<Revocation>,
    pub user_info: Vec<UserInfoCall>,
    pub profile: ProfileRules,
    /// What an account has to be, beside who it is.
    pub requirements: Vec<Requirement>,
}

impl FlowRules {
    /// Whether an expression looks at the answer of this name.
    pub fn look_at(&self, answer: &str) -> bool {
        let queries = self.user_info.iter().flat_map(|call| &call.query);
        let queries = queries.map(|(_, expression)| expression);
        let succeeded = self
            .user_info
            .iter()
            .filter_map(|call| call.succeeded.as_ref());
        let requirements = self.requirements.iter().map(|must| &must.holds);
        self.profile
            .expressions()
            .chain(queries)
            .chain(succeeded)
            .chain(requirements)
            .any(|expression| expression.names(answer))
    }
}

impl ProfileRules {
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let fields = [
            &self.external_id,
            &self.instance,
            &self.email,
            &self.email_verified,
            &self.username,
            &self.display_name,
        ];
        let attributes = self.attributes.iter().map(|(_, value)| value);
        fields.into_iter().flatten().chain(attributes)
    }
}

/// Where the endpoints are known from.
#[derive(Debug)]
pub enum Server {
    /// An OpenID provider publishes them (OpenID Connect Discovery 1.0).
    Issuer {
        issuer: Template,
        /// The claim that says which tenant's issuer has signed, where the document has
        /// `{tenantid}` in its place.
        tenant_claim: Option<String>,
    },
    /// The catalogue, or the provider's config, names them.
    Endpoints {
        authorization: Template,
        token: Template,
        client_authentication: ClientAuthentication,
    },
}

/// How a client shows itself (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    Basic,
    Body,
}

/// The authorization request.
#[derive(Debug)]
pub struct Authorization {
    pub scope_parameter: String,
    pub scope_separator: String,
    /// Further parameters.
    pub parameters: Vec<(String, String)>,
}

/// The token endpoint's answer.
#[derive(Debug)]
pub struct TokenRules {
    /// The member that holds the tokens; `None`: the answer itself.
    pub within: Option<String>,
    /// The member with the granted scopes.
    pub scope_member: String,
    /// Between granted scopes.
    pub scope_separator: String,
    /// What it calls a Bearer token, where that isn't `Bearer`.
    pub token_type: Option<String>,
}

impl TokenRules {
    /// Whether JSON answers are as RFC 6749 §5.1 has them.
    pub fn is_standard(&self) -> bool {
        self.within.is_none()
            && self.scope_member == "scope"
            && self.scope_separator == " "
            && self.token_type.is_none()
    }
}

/// How tokens are refreshed (RFC 6749 §6).
#[derive(Debug)]
pub struct Refresh {
    /// `None`: the token endpoint.
    pub endpoint: Option<Template>,
    /// Errors beside `invalid_grant` that end the grant.
    pub dead_codes: Vec<String>,
    /// It wants to be told the redirect URI of the grant again.
    pub sends_redirect_uri: bool,
    /// How long before its end an access token is renewed.
    pub margin: TimeDelta,
    /// How long a refresh token may lie unused before the provider forgets it.
    pub idle: TimeDelta,
}

/// How tokens are revoked (RFC 7009, and what comes near it).
#[derive(Debug)]
pub struct Revocation {
    /// `None`: where the provider's discovery document says.
    pub endpoint: Option<Template>,
    pub method: RevocationMethod,
    pub authentication: RevocationAuthentication,
    /// What the token is called.
    pub parameter: String,
    pub format: BodyFormat,
    pub tokens: RevocableTokens,
    /// Errors beside `invalid_token` that say that the token is dead already.
    pub gone_codes: Vec<String>,
    /// Statuses that say the same.
    pub gone_statuses: Vec<u16>,
}

/// Which tokens can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocableTokens {
    #[default]
    Any,
    AccessToken,
    RefreshToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RevocationMethod {
    #[default]
    Post,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationAuthentication {
    /// As at the token endpoint (RFC 7009 §2.1).
    #[default]
    TokenEndpoint,
    Basic,
    Body,
    /// The token itself.
    Bearer,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    #[default]
    Form,
    Json,
}

/// A call with the access token that says something of the account.
#[derive(Debug)]
pub struct UserInfoCall {
    /// What expressions know the answer by.
    pub name: String,
    pub endpoint: Template,
    pub query: Vec<(String, Expression)>,
    pub headers: Vec<(String, String)>,
    /// 403 and 404 make it null.
    pub optional: bool,
    /// False: the provider has said no, whatever the status.
    pub succeeded: Option<Expression>,
}

/// What makes the answers an account. With OpenID Connect, what is left out is as the standard
/// claims say.
#[derive(Debug, Default)]
pub struct ProfileRules {
    pub external_id: Option<Expression>,
    /// Which instance of the type has answered.
    pub instance: Option<Expression>,
    pub email: Option<Expression>,
    pub email_verified: Option<Expression>,
    pub username: Option<Expression>,
    pub display_name: Option<Expression>,
    pub attributes: Vec<(String, Expression)>,
}

/// What has to hold of an account.
#[derive(Debug)]
pub struct Requirement {
    pub holds: Expression,
    /// What is said where it doesn't: a sentence without its full stop.
    pub otherwise: String,
}
