//! The catalogue of provider types: reads the TOML files that are compiled in and those that the
//! operator adds, and refuses a wrong one by file and line. Knows nothing of configured providers.

mod entry;
mod rules;
mod template;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::rules::{
    Authorization, BodyFormat, ClientAuthentication, FlowRules, ProfileRules, Refresh, Requirement,
    RevocableTokens, Revocation, RevocationAuthentication, RevocationMethod, Server, TokenRules,
    UserInfoCall,
};
pub use self::template::Template;
use crate::settings::TypeFile;

/// A provider type is one file and one line here; they are listed in this order everywhere.
const ENTRIES: [(&str, &str); 17] = [
    ("github.toml", include_str!("catalog/github.toml")),
    (
        "github_enterprise.toml",
        include_str!("catalog/github_enterprise.toml"),
    ),
    ("gitlab.toml", include_str!("catalog/gitlab.toml")),
    ("google.toml", include_str!("catalog/google.toml")),
    ("slack.toml", include_str!("catalog/slack.toml")),
    (
        "azure_devops.toml",
        include_str!("catalog/azure_devops.toml"),
    ),
    ("entra_id.toml", include_str!("catalog/entra_id.toml")),
    ("bitbucket.toml", include_str!("catalog/bitbucket.toml")),
    ("discord.toml", include_str!("catalog/discord.toml")),
    ("vercel.toml", include_str!("catalog/vercel.toml")),
    ("okta.toml", include_str!("catalog/okta.toml")),
    ("auth0.toml", include_str!("catalog/auth0.toml")),
    ("keycloak.toml", include_str!("catalog/keycloak.toml")),
    ("atlassian.toml", include_str!("catalog/atlassian.toml")),
    ("oidc.toml", include_str!("catalog/oidc.toml")),
    ("oauth2.toml", include_str!("catalog/oauth2.toml")),
    ("custom.toml", include_str!("catalog/custom.toml")),
];

/// The provider types that this server knows.
#[derive(Debug)]
pub struct Catalog {
    types: Vec<ProviderType>,
}

/// What is true of every provider of one type.
#[derive(Debug)]
pub struct ProviderType {
    pub key: String,
    pub name: String,
    pub protocol: Protocol,
    /// Asked for where the provider's own config names no `scopes`.
    pub default_scopes: Vec<String>,
    /// PKCE (RFC 7636) is sent, always S256.
    pub uses_pkce: bool,
    /// A client may do without a secret (RFC 6749 §2.1); PKCE then stands in for it.
    pub public_clients: bool,
    pub config_fields: Vec<ConfigField>,
    /// What an identity's external id is.
    pub stable_subject: String,
    /// What tells providers of this type apart; `None` where there is only one.
    pub instance: Option<Instance>,
    /// `None`: no flow, accounts are linked through the API only.
    pub flow: Option<FlowRules>,
}

/// How accounts of a type are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    #[serde(rename = "OIDC")]
    Oidc,
    #[serde(rename = "OAUTH2")]
    OAuth2,
    /// No flow: through the API only.
    #[serde(rename = "NONE")]
    None,
}

/// One key of a provider's config.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigField {
    pub name: String,
    pub kind: Kind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub secret: bool,
    /// What templates and expressions see where it is left out.
    pub default: Option<String>,
    pub description: String,
}

/// What a config value has to be; `config::value` checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Url,
    BaseUrl,
    Issuer,
    Scopes,
    Domain,
    Text,
    /// How an authorization answer comes back.
    ResponseMode,
    /// A tenant of Microsoft Entra: a GUID, or one of the names that stand for many.
    Tenant,
    /// How the client shows itself at the token endpoint.
    AuthMethod,
    /// What the provider is to ask the person.
    Prompt,
}

/// Where a provider's external id comes from.
#[derive(Debug, PartialEq, Eq)]
pub struct Instance {
    pub from: Source,
    /// The external id where the config leaves the field out.
    pub default: Option<String>,
    /// Whoever creates the provider may name another: what is derived is only a guess at what tells
    /// it apart. Otherwise it is a fact, and nobody may claim another one's.
    pub or_given: bool,
}

/// What the external id is derived from; the names are those of config fields.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// `"issuer"`: the value, character for character.
    Value(String),
    /// `"host of userinfo_endpoint"`: host, and port unless it is the usual one.
    Host(String),
    /// `"host and path of base_url"`: the same, and the path if there is one.
    HostAndPath(String),
    /// `"slug"`: the provider's own.
    Slug,
}

/// A file of the catalogue that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct CatalogError {
    /// Its path.
    pub file: String,
    pub line: usize,
    pub message: String,
}

impl Catalog {
    /// The catalogue that is compiled in.
    pub fn builtin() -> Result<Self, CatalogError> {
        Self::with(&[])
    }

    /// The same, with the operator's own types behind; one with the key of a built-in type takes
    /// its place.
    pub fn with(own: &[TypeFile]) -> Result<Self, CatalogError> {
        let mut catalog = Self {
            types: Vec::with_capacity(ENTRIES.len() + own.len()),
        };
        for (file, text) in ENTRIES {
            let path = format!("src/provider/catalog/{file}");
            catalog.take(entry::parse(&path, text)?);
        }
        for TypeFile { path, text } in own {
            catalog.take(entry::parse(&path.display().to_string(), text)?);
        }
        Ok(catalog)
    }

    fn take(&mut self, provider_type: ProviderType) {
        let key = &provider_type.key;
        match self.types.iter_mut().find(|known| known.key == *key) {
            Some(known) => *known = provider_type,
            None => self.types.push(provider_type),
        }
    }

    pub fn get(&self, key: &str) -> Option<&ProviderType> {
        self.types
            .iter()
            .find(|provider_type| provider_type.key == key)
    }

    /// In the order of the list above.
    pub fn iter(&self) -> impl Iterator<Item = &ProviderType> {
        self.types.iter()
    }
}

impl ProviderType {
    pub fn refreshes(&self) -> bool {
        self.flow
            .as_ref()
            .is_some_and(|flow| flow.refresh.is_some())
    }

    pub fn revokes(&self) -> bool {
        let flow = self.flow.as_ref();
        flow.is_some_and(|flow| flow.revocation.is_some())
    }

    /// Whether providers of this type may share a client: the answer says which one it is of.
    pub fn shares_clients(&self) -> bool {
        let flow = self.flow.as_ref();
        flow.is_some_and(|flow| flow.profile.instance.is_some())
    }

    /// Which servers are shown the client's secret and people's refresh tokens, by this config:
    /// their origins. What an issuer publishes is the issuer's.
    pub fn token_servers(&self, config: &Value) -> BTreeSet<String> {
        let config = self.completed(config);
        let value = |field: &str| match config.get(field) {
            Some(value) => value.as_str().map(str::to_owned),
            // Part of a path alone.
            None => (field == "client_id").then(String::new),
        };
        let Some(flow) = &self.flow else {
            return BTreeSet::new();
        };
        let first = match &flow.server {
            Server::Issuer { issuer, .. } => issuer,
            Server::Endpoints { token, .. } => token,
        };
        let refresh = flow.refresh.as_ref();
        let refresh = refresh.and_then(|rules| rules.endpoint.as_ref());
        let revocation = flow.revocation.as_ref();
        let revocation = revocation.and_then(|rules| rules.endpoint.as_ref());
        let all = [Some(first), refresh, revocation].into_iter().flatten();
        all.filter_map(|template| template.url(value))
            .map(|url| url.origin().ascii_serialization())
            .collect()
    }

    /// A provider's config, with the defaults of what it leaves out.
    pub fn completed(&self, config: &Value) -> Map<String, Value> {
        let mut completed = config.as_object().cloned().unwrap_or_default();
        for field in &self.config_fields {
            if let Some(default) = &field.default
                && !completed.contains_key(&field.name)
            {
                completed.insert(field.name.clone(), default.as_str().into());
            }
        }
        completed
    }
}

impl Source {
    /// The config field that it looks at.
    pub fn field(&self) -> Option<&String> {
        match self {
            Self::Value(field) | Self::Host(field) | Self::HostAndPath(field) => Some(field),
            Self::Slug => None,
        }
    }
}

#[cfg(test)]
mod tests;
