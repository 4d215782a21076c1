//! The parts of a file that say how the type's flow goes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::TimeDelta;
use serde::Deserialize;
use toml::Spanned;

use super::{Mistake, require};
use crate::expression::Expression;
use crate::input::names_a_token;
use crate::provider::catalog::{
    Authorization, BodyFormat, ClientAuthentication, ConfigField, FlowRules, Kind, ProfileRules,
    Protocol, Refresh, Requirement, RevocableTokens, Revocation, RevocationAuthentication,
    RevocationMethod, Server, Template, TokenRules, UserInfoCall,
};

/// Names that the answers of every flow have.
const TOKEN: &str = "token";
const CONFIG: &str = "config";
const OF_OPENID: [&str; 2] = ["claims", "userinfo"];
/// Calls for one account: each takes up to ten seconds of a person's time.
const MOST_CALLS: usize = 4;

/// Before its end an access token is renewed, where the type doesn't say when.
const MARGIN_SECONDS: i64 = 60;
/// How long providers remember a refresh token that nobody uses, where the type doesn't say.
const IDLE_DAYS: i64 = 30;

/// What is said of the flow, as it is written.
pub(super) struct FlowEntry {
    pub issuer: Option<Spanned<String>>,
    pub issuer_tenant_claim: Option<Spanned<String>>,
    pub authorization: Option<Spanned<AuthorizationEntry>>,
    pub token: Option<Spanned<TokenEntry>>,
    pub refresh: Option<Spanned<RefreshEntry>>,
    pub revocation: Option<Spanned<RevocationEntry>>,
    pub user_info: Vec<Spanned<UserInfoEntry>>,
    pub profile: Option<Spanned<ProfileEntry>>,
    pub require: Vec<Spanned<RequireEntry>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorizationEntry {
    endpoint: Option<Spanned<String>>,
    scope_parameter: Option<String>,
    scope_separator: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    endpoint: Option<Spanned<String>>,
    client_authentication: Option<ClientAuthentication>,
    within: Option<String>,
    scope_member: Option<String>,
    scope_separator: Option<String>,
    token_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshEntry {
    endpoint: Option<Spanned<String>>,
    #[serde(default)]
    dead_codes: Vec<String>,
    #[serde(default)]
    sends_redirect_uri: bool,
    margin_seconds: Option<Spanned<i64>>,
    idle_days: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationEntry {
    endpoint: Option<Spanned<String>>,
    #[serde(default)]
    method: RevocationMethod,
    #[serde(default)]
    authentication: RevocationAuthentication,
    parameter: Option<String>,
    #[serde(default)]
    format: BodyFormat,
    #[serde(default)]
    tokens: RevocableTokens,
    #[serde(default)]
    gone_codes: Vec<String>,
    #[serde(default)]
    gone_statuses: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserInfoEntry {
    name: Spanned<String>,
    endpoint: Spanned<String>,
    #[serde(default)]
    query: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    optional: bool,
    succeeded: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileEntry {
    external_id: Option<Spanned<String>>,
    instance: Option<Spanned<String>>,
    email: Option<Spanned<String>>,
    email_verified: Option<Spanned<String>>,
    username: Option<Spanned<String>>,
    display_name: Option<Spanned<String>>,
    #[serde(default)]
    attributes: BTreeMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequireEntry {
    holds: Spanned<String>,
    otherwise: Spanned<String>,
}

impl FlowEntry {
    pub fn says_something(&self) -> bool {
        self.issuer.is_some()
            || self.issuer_tenant_claim.is_some()
            || self.authorization.is_some()
            || self.token.is_some()
            || self.refresh.is_some()
            || self.revocation.is_some()
            || !self.user_info.is_empty()
            || self.profile.is_some()
            || !self.require.is_empty()
    }

    /// Reads the flow of a type that has one.
    pub fn read(
        self,
        protocol: &Spanned<Protocol>,
        fields: &[Spanned<ConfigField>],
    ) -> Result<FlowRules, Mistake> {
        let fields = Fields(fields);
        let is_openid = *protocol.get_ref() == Protocol::Oidc;
        let authorization = self.authorization.map(Spanned::into_inner);
        let authorization = authorization.unwrap_or_default();
        let token = self.token.map(Spanned::into_inner).unwrap_or_default();
        let server = if is_openid {
            for endpoint in [&authorization.endpoint, &token.endpoint]
                .into_iter()
                .flatten()
            {
                require(false, endpoint, || {
                    "an OpenID provider's discovery document has its endpoints".to_owned()
                })?;
            }
            let issuer = present(self.issuer.as_ref(), protocol, "issuer")?;
            Server::Issuer {
                issuer: fields.template(issuer, "issuer")?,
                tenant_claim: self.issuer_tenant_claim.map(Spanned::into_inner),
            }
        } else {
            if let Some(issuer) = &self.issuer {
                require(false, issuer, || "OAuth 2.0 has no issuer".to_owned())?;
            }
            let (at, to) = (&authorization.endpoint, &token.endpoint);
            let at = present(at.as_ref(), protocol, "authorization.endpoint")?;
            let to = present(to.as_ref(), protocol, "token.endpoint")?;
            let shown = token.client_authentication.ok_or_else(|| Mistake {
                at: protocol.span(),
                message: "`token.client_authentication` is required".to_owned(),
            })?;
            Server::Endpoints {
                authorization: fields.template(at, "endpoint")?,
                token: fields.template(to, "endpoint")?,
                client_authentication: shown,
            }
        };
        let mut known = vec![TOKEN, CONFIG];
        if is_openid {
            known.extend(OF_OPENID);
        }
        let calls = &self.user_info;
        let user_info = read_calls(calls, &mut known, &fields)?;
        let profile = self.profile.as_ref().map(|entry| (entry, &known));
        let profile = match profile {
            Some((entry, known)) => entry.get_ref().read(known)?,
            None => ProfileRules::default(),
        };
        require(is_openid || profile.external_id.is_some(), protocol, || {
            "`profile.external_id` is required: OAuth 2.0 doesn't say whose a token is".to_owned()
        })?;
        let requirements = self.require.iter().map(Spanned::get_ref).map(|entry| {
            Ok(Requirement {
                holds: expression(&entry.holds, "holds", &known)?,
                otherwise: entry.otherwise.get_ref().clone(),
            })
        });
        let rules = FlowRules {
            server,
            authorization: Authorization {
                scope_parameter: authorization
                    .scope_parameter
                    .unwrap_or_else(|| "scope".into()),
                scope_separator: authorization.scope_separator.unwrap_or_else(|| " ".into()),
                parameters: authorization.parameters.into_iter().collect(),
            },
            token: TokenRules {
                within: token.within,
                scope_member: token.scope_member.unwrap_or_else(|| "scope".into()),
                token_type: token.token_type,
                scope_separator: token.scope_separator.unwrap_or_else(|| " ".into()),
            },
            refresh: self
                .refresh
                .map(|entry| entry.into_inner().read(&fields))
                .transpose()?,
            revocation: self
                .revocation
                .map(|entry| read_revocation(&entry, &fields, is_openid))
                .transpose()?,
            user_info,
            profile,
            requirements: requirements.collect::<Result<_, Mistake>>()?,
        };
        require(
            rules.profile.instance.is_none() || has_fixed_servers(&rules),
            protocol,
            || {
                "`profile.instance` makes providers share a client, whose secret and tokens have \
                 to go to the same servers for all of them: no issuer and no endpoint can be \
                 configured then"
                    .to_owned()
            },
        )?;
        Ok(rules)
    }
}

impl RefreshEntry {
    fn read(self, fields: &Fields) -> Result<Refresh, Mistake> {
        let endpoint = self.endpoint.as_ref();
        let within = |given: Option<Spanned<i64>>, name, default, range: RangeInclusive<i64>| {
            let Some(given) = given else {
                return Ok(default);
            };
            require(range.contains(given.get_ref()), &given, || {
                format!("`{name}` is from {} to {}", range.start(), range.end())
            })?;
            Ok(given.into_inner())
        };
        let margin = within(
            self.margin_seconds,
            "margin_seconds",
            MARGIN_SECONDS,
            1..=3600,
        )?;
        let idle = within(self.idle_days, "idle_days", IDLE_DAYS, 1..=3650)?;
        Ok(Refresh {
            endpoint: endpoint
                .map(|text| fields.template(text, "endpoint"))
                .transpose()?,
            dead_codes: self.dead_codes,
            sends_redirect_uri: self.sends_redirect_uri,
            margin: TimeDelta::seconds(margin),
            idle: TimeDelta::days(idle),
        })
    }
}

fn read_revocation(
    entry: &Spanned<RevocationEntry>,
    fields: &Fields,
    is_openid: bool,
) -> Result<Revocation, Mistake> {
    let said = entry.get_ref();
    require(is_openid || said.endpoint.is_some(), entry, || {
        "`endpoint` is required: OAuth 2.0 has no discovery document here".to_owned()
    })?;
    let endpoint = said.endpoint.as_ref();
    Ok(Revocation {
        endpoint: endpoint
            .map(|text| fields.template_with(text, "endpoint", &["client_id"]))
            .transpose()?,
        method: said.method,
        authentication: said.authentication,
        parameter: said.parameter.clone().unwrap_or_else(|| TOKEN.to_owned()),
        format: said.format,
        tokens: said.tokens,
        gone_codes: said.gone_codes.clone(),
        gone_statuses: said.gone_statuses.clone(),
    })
}

fn read_calls<'a>(
    calls: &'a [Spanned<UserInfoEntry>],
    known: &mut Vec<&'a str>,
    fields: &Fields,
) -> Result<Vec<UserInfoCall>, Mistake> {
    let mut read = Vec::with_capacity(calls.len());
    for call in calls {
        require(read.len() < MOST_CALLS, call, || {
            format!("a type has at most {MOST_CALLS} `user_info` calls")
        })?;
        let call = call.get_ref();
        let name = call.name.get_ref().as_str();
        require(is_name(name) && !known.contains(&name), &call.name, || {
            format!("`{name}` is no name of lower-case letters, digits and `_`, or is taken")
        })?;
        let query = call.query.iter().map(|(parameter, source)| {
            Ok((parameter.clone(), expression(source, parameter, known)?))
        });
        let query = query.collect::<Result<_, Mistake>>()?;
        known.push(name);
        let succeeded = call.succeeded.as_ref();
        read.push(UserInfoCall {
            name: name.to_owned(),
            endpoint: fields.template(&call.endpoint, "endpoint")?,
            query,
            headers: call.headers.clone().into_iter().collect(),
            optional: call.optional,
            succeeded: succeeded
                .map(|source| expression(source, "succeeded", known))
                .transpose()?,
        });
    }
    Ok(read)
}

impl ProfileEntry {
    fn read(&self, known: &[&str]) -> Result<ProfileRules, Mistake> {
        let read = |source: &Option<Spanned<String>>, name: &str| {
            let source = source.as_ref();
            source
                .map(|source| expression(source, name, known))
                .transpose()
        };
        let attributes = self.attributes.iter().map(|(name, source)| {
            require(!names_a_token(name), source, || {
                format!("`{name}` names a token or a secret: those are kept in the vault alone")
            })?;
            Ok((name.clone(), expression(source, name, known)?))
        });
        Ok(ProfileRules {
            external_id: read(&self.external_id, "external_id")?,
            instance: read(&self.instance, "instance")?,
            email: read(&self.email, "email")?,
            email_verified: read(&self.email_verified, "email_verified")?,
            username: read(&self.username, "username")?,
            display_name: read(&self.display_name, "display_name")?,
            attributes: attributes.collect::<Result<_, Mistake>>()?,
        })
    }
}

/// The config fields that templates may name.
struct Fields<'a>(&'a [Spanned<ConfigField>]);

impl Fields<'_> {
    /// A template that every config fills.
    fn template(&self, text: &Spanned<String>, what: &str) -> Result<Template, Mistake> {
        let template = self.template_with(text, what, &[])?;
        for field in self.0.iter().map(Spanned::get_ref) {
            let named = template.fields().any(|name| name == field.name);
            require(
                !named || field.required || field.default.is_some(),
                text,
                || {
                    let name = &field.name;
                    format!(
                        "`{what}` names `{name}`, which is neither required nor has a `default`"
                    )
                },
            )?;
        }
        Ok(template)
    }

    fn template_with(
        &self,
        text: &Spanned<String>,
        what: &str,
        further: &[&str],
    ) -> Result<Template, Mistake> {
        let wrong = |message: String| Mistake {
            at: text.span(),
            message: format!("`{what}` {message}"),
        };
        let template = Template::parse(text.get_ref()).map_err(wrong)?;
        for name in template.fields().filter(|name| !further.contains(name)) {
            let fields = self.0.iter().map(Spanned::get_ref);
            let field = fields.into_iter().find(|field| field.name == name);
            let Some(field) = field else {
                return Err(wrong(format!("names `{name}`, which is no config field")));
            };
            let may_be_a_url = matches!(field.kind, Kind::Url | Kind::BaseUrl | Kind::Issuer);
            if (template.server_field() == Some(name)) != may_be_a_url {
                return Err(wrong(format!(
                    "names `{name}`: a URL stands at the beginning, and nothing else does"
                )));
            }
        }
        Ok(template)
    }
}

/// Whether secrets and tokens go to the same servers whatever a provider's config says.
fn has_fixed_servers(rules: &FlowRules) -> bool {
    let asked = match &rules.server {
        Server::Issuer { issuer, .. } => vec![issuer],
        Server::Endpoints {
            authorization,
            token,
            ..
        } => vec![authorization, token],
    };
    let refresh = rules.refresh.as_ref().and_then(|it| it.endpoint.as_ref());
    let revocation = rules.revocation.as_ref();
    let revocation = revocation.and_then(|it| it.endpoint.as_ref());
    let calls = rules.user_info.iter().map(|call| &call.endpoint);
    let mut all = asked
        .into_iter()
        .chain(refresh)
        .chain(revocation)
        .chain(calls);
    all.all(Template::has_fixed_server)
}

fn expression(source: &Spanned<String>, name: &str, known: &[&str]) -> Result<Expression, Mistake> {
    Expression::read(source.get_ref(), known).map_err(|wrong| Mistake {
        at: source.span(),
        message: format!("`{name}` {wrong}"),
    })
}

fn present<'a>(
    text: Option<&'a Spanned<String>>,
    protocol: &Spanned<Protocol>,
    what: &str,
) -> Result<&'a Spanned<String>, Mistake> {
    text.ok_or_else(|| Mistake {
        at: protocol.span(),
        message: format!("`{what}` is required"),
    })
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    name.bytes()
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(fits)
}
