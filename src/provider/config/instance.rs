//! Which instance of its type a provider is: the external id that its config stands for.

use serde_json::{Map, Value};
use url::Url;

use super::value;
use crate::provider::catalog::{ProviderType, Source};

/// The config fields that the external id comes from. What they say of it never changes: compare
/// [`derived_external_id`] before and after, since a slash at the end of a URL says nothing.
pub fn instance_fields(provider_type: &ProviderType) -> &[String] {
    let field = provider_type
        .instance
        .as_ref()
        .and_then(|instance| instance.from.field());
    field.map_or(&[], std::slice::from_ref)
}

/// The external id that slug and config stand for, whichever was given; `None` where the config
/// doesn't say.
pub fn derived_external_id(
    provider_type: &ProviderType,
    slug: &str,
    config: &Map<String, Value>,
) -> Option<String> {
    let Some(instance) = &provider_type.instance else {
        return Some(String::new());
    };
    let text = |field: &str| match config.get(field) {
        Some(value) => value.as_str().map(str::to_owned),
        None => instance.default.clone(),
    };
    let url = |field: &str| config.get(field).and_then(Value::as_str).map(Url::parse);
    match &instance.from {
        Source::Slug => Some(slug.to_owned()),
        Source::Value(field) => text(field),
        Source::Host(field) => match url(field) {
            Some(url) => host_and_port(&url.ok()?),
            None => text(field),
        },
        Source::HostAndPath(field) => match url(field) {
            Some(url) => {
                let url = url.ok()?;
                Some(host_and_port(&url)? + url.path().trim_end_matches('/'))
            }
            None => text(field),
        },
    }
}

fn host_and_port(url: &Url) -> Option<String> {
    let host = value::host(url)?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::catalog::Catalog;

    #[test]
    fn a_move_is_seen_and_another_spelling_is_none() {
        let catalog = Catalog::builtin().unwrap();
        let derived = |key: &str, config: &str| {
            let config = serde_json::from_str(config).unwrap();
            derived_external_id(catalog.get(key).unwrap(), "acme", &config)
        };
        let before = derived("gitlab", r#"{"base_url": "https://a.example"}"#);
        assert_eq!(
            derived("gitlab", r#"{"base_url": "https://A.example/"}"#),
            before
        );
        assert_ne!(
            derived("gitlab", r#"{"base_url": "https://b.example"}"#),
            before
        );
        assert_ne!(derived("gitlab", "{}"), before);
        assert_ne!(
            derived("oidc", r#"{"issuer": "https://a.example"}"#),
            derived("oidc", r#"{"issuer": "https://a.example/"}"#)
        );
        let me = |url: &str| derived("oauth2", &format!(r#"{{"userinfo_endpoint": "{url}"}}"#));
        assert_eq!(me("https://a.example/me"), me("https://a.example/v2/me?x"));
        assert_ne!(me("https://a.example/me"), me("https://b.example/me"));
        for config in ["{}", r#"{"issuer": 1}"#] {
            assert_eq!(derived("oidc", config), None);
        }
    }

    #[test]
    fn what_the_external_id_came_from_is_known() {
        let catalog = Catalog::builtin().unwrap();
        let fields = |key: &str| instance_fields(catalog.get(key).unwrap()).to_vec();
        assert_eq!(fields("oidc"), ["issuer"]);
        assert_eq!(fields("gitlab"), ["base_url"]);
        assert_eq!(fields("oauth2"), ["userinfo_endpoint"]);
        for key in ["github", "google", "custom"] {
            assert!(fields(key).is_empty(), "{key}");
        }
    }
}
