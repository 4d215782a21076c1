//! The catalogue of provider types: reads the TOML files that are compiled in, and refuses a wrong
//! one by file and line. Knows nothing of configured providers.

mod entry;

use serde::Deserialize;

/// A provider type is one file and one line here; they are listed in this order everywhere.
const ENTRIES: [(&str, &str); 6] = [
    ("github.toml", include_str!("catalog/github.toml")),
    ("gitlab.toml", include_str!("catalog/gitlab.toml")),
    ("google.toml", include_str!("catalog/google.toml")),
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each served as one"
)]
pub struct ProviderType {
    pub key: String,
    pub name: String,
    pub protocol: Protocol,
    /// Asked for where the provider's own config names no `scopes`.
    pub default_scopes: Vec<String>,
    /// PKCE (RFC 7636) is sent, always S256.
    pub uses_pkce: bool,
    /// Tokens can be refreshed, where the provider gives a refresh token.
    pub refreshes: bool,
    /// Tokens can be revoked, where the provider has a place for it.
    pub revokes: bool,
    /// A client may do without a secret (RFC 6749 §2.1); PKCE then stands in for it.
    pub public_clients: bool,
    pub config_fields: Vec<ConfigField>,
    /// What an identity's external id is.
    pub stable_subject: String,
    /// What tells providers of this type apart; `None` where there is only one.
    pub instance: Option<Instance>,
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
#[error("src/provider/catalog/{file}:{line}: {message}")]
pub struct CatalogError {
    pub file: &'static str,
    pub line: usize,
    pub message: String,
}

impl Catalog {
    /// The catalogue that is compiled in.
    pub fn builtin() -> Result<Self, CatalogError> {
        Self::read(&ENTRIES)
    }

    fn read(entries: &[(&'static str, &str)]) -> Result<Self, CatalogError> {
        let mut catalog = Self {
            types: Vec::with_capacity(entries.len()),
        };
        for &(file, text) in entries {
            let provider_type = entry::parse(file, text)?;
            if catalog.get(&provider_type.key).is_some() {
                let message = format!("`{}` is listed twice", provider_type.key);
                return Err(CatalogError {
                    file,
                    line: 1,
                    message,
                });
            }
            catalog.types.push(provider_type);
        }
        Ok(catalog)
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
