//! What the player knows of a provider type: the same file of the catalogue that the server
//! reads, by another reader.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

#[derive(Clone, Deserialize)]
pub struct Entry {
    pub protocol: String,
    pub default_scopes: Vec<String>,
    pub uses_pkce: bool,
    pub issuer: Option<String>,
    #[serde(default)]
    config_fields: Vec<Field>,
    #[serde(default)]
    pub authorization: Authorization,
    #[serde(default)]
    pub token: Token,
    pub revocation: Option<IgnoredAny>,
    #[serde(default)]
    pub user_info: Vec<UserInfo>,
}

#[derive(Clone, Deserialize)]
struct Field {
    name: String,
    default: Option<Value>,
}

#[derive(Clone, Default, Deserialize)]
pub struct Authorization {
    pub endpoint: Option<String>,
    scope_parameter: Option<String>,
    scope_separator: Option<String>,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
pub struct Token {
    pub endpoint: Option<String>,
    pub client_authentication: Option<String>,
    pub within: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct UserInfo {
    pub name: String,
    pub endpoint: String,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Entry {
    pub fn parse(text: &str) -> Self {
        toml::from_str(text).unwrap_or_else(|error| panic!("an entry: {error}"))
    }

    /// A config field's value, or what stands in for it.
    fn value<'a>(&'a self, config: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
        let field = || self.config_fields.iter().find(|field| field.name == name);
        let default = || field().and_then(|field| field.default.as_ref());
        config.get(name).or_else(default)
    }

    /// The config with what stands in for fields that are left out.
    pub fn whole(&self, config: &Map<String, Value>) -> Map<String, Value> {
        let names = self.config_fields.iter().map(|field| &field.name);
        names
            .filter_map(|name| Some((name.clone(), self.value(config, name)?.clone())))
            .collect()
    }

    /// A template, with the config's values in it.
    pub fn fill(&self, template: &str, config: &Map<String, Value>) -> String {
        let mut filled = template.to_owned();
        for (name, value) in &self.whole(config) {
            if let Some(text) = value.as_str() {
                filled = filled.replace(&format!("{{{name}}}"), text);
            }
        }
        filled
    }

    /// What the token endpoint's answer says of the tokens.
    pub fn tokens_in<'a>(&self, document: &'a Value) -> &'a Value {
        match &self.token.within {
            None => document,
            Some(within) => &document[within],
        }
    }

    /// The scopes that are asked for: the parameter's name and value.
    pub fn scopes(&self, config: &Map<String, Value>) -> (String, String) {
        let configured = config.get("scopes").and_then(Value::as_array);
        let configured = configured.map(|scopes| {
            let texts = scopes.iter().map(|scope| scope.as_str().unwrap());
            texts.map(str::to_owned).collect()
        });
        let scopes: Vec<String> = configured.unwrap_or_else(|| self.default_scopes.clone());
        let Authorization {
            scope_parameter,
            scope_separator,
            ..
        } = &self.authorization;
        (
            scope_parameter.as_deref().unwrap_or("scope").to_owned(),
            scopes.join(scope_separator.as_deref().unwrap_or(" ")),
        )
    }
}
