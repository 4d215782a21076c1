//! Reads one file of the catalogue. What can be wrong with it is said by line.

mod flow;

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use self::flow::FlowEntry;
use super::{CatalogError, ConfigField, Instance, Kind, Protocol, ProviderType, Source};
use crate::provider::config::value;

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: Spanned<String>,
    name: Spanned<String>,
    protocol: Spanned<Protocol>,
    default_scopes: Spanned<Vec<String>>,
    uses_pkce: bool,
    public_clients: bool,
    #[serde(default)]
    config_fields: Vec<Spanned<ConfigField>>,
    stable_subject: Spanned<String>,
    instance: Option<Spanned<InstanceEntry>>,
    issuer: Option<Spanned<String>>,
    issuer_tenant_claim: Option<Spanned<String>>,
    authorization: Option<Spanned<flow::AuthorizationEntry>>,
    token: Option<Spanned<flow::TokenEntry>>,
    refresh: Option<Spanned<flow::RefreshEntry>>,
    revocation: Option<Spanned<flow::RevocationEntry>>,
    #[serde(default)]
    user_info: Vec<Spanned<flow::UserInfoEntry>>,
    profile: Option<Spanned<flow::ProfileEntry>>,
    #[serde(default)]
    require: Vec<Spanned<flow::RequireEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceEntry {
    from: String,
    default: Option<String>,
    #[serde(default)]
    or_given: bool,
}

struct Mistake {
    at: Range<usize>,
    message: String,
}

pub(super) fn parse(path: &str, text: &str) -> Result<ProviderType, CatalogError> {
    let file = Path::new(path).file_name().and_then(|name| name.to_str());
    read(file.unwrap_or(path), text).map_err(|Mistake { at, message }| {
        let before = text.bytes().take(at.start);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        CatalogError {
            file: path.to_owned(),
            line,
            message,
        }
    })
}

fn read(file: &str, text: &str) -> Result<ProviderType, Mistake> {
    let entry: Entry = toml::from_str(text).map_err(|error| Mistake {
        at: error.span().unwrap_or_default(),
        message: error.message().to_owned(),
    })?;
    require(
        file.strip_suffix(".toml") == Some(entry.key.get_ref()),
        &entry.key,
        || format!("`key` is `{}`, but the file is {file}", entry.key.get_ref()),
    )?;
    for (name, text) in [
        ("name", &entry.name),
        ("stable_subject", &entry.stable_subject),
    ] {
        require(!text.get_ref().trim().is_empty(), text, || {
            format!("`{name}` is empty")
        })?;
    }
    check_protocol(&entry)?;
    check_config_fields(&entry.config_fields)?;
    let instance = entry
        .instance
        .map(|instance| read_instance(instance, &entry.config_fields))
        .transpose()?;
    let said = FlowEntry {
        issuer: entry.issuer,
        issuer_tenant_claim: entry.issuer_tenant_claim,
        authorization: entry.authorization,
        token: entry.token,
        refresh: entry.refresh,
        revocation: entry.revocation,
        user_info: entry.user_info,
        profile: entry.profile,
        require: entry.require,
    };
    let flow = if *entry.protocol.get_ref() == Protocol::None {
        require(!said.says_something(), &entry.protocol, || {
            "without a flow there is nothing to say of issuer, endpoints and answers".to_owned()
        })?;
        None
    } else {
        Some(said.read(&entry.protocol, &entry.config_fields)?)
    };
    Ok(ProviderType {
        key: entry.key.into_inner(),
        name: entry.name.into_inner(),
        protocol: entry.protocol.into_inner(),
        default_scopes: entry.default_scopes.into_inner(),
        uses_pkce: entry.uses_pkce,
        public_clients: entry.public_clients,
        instance,
        flow,
        config_fields: entry
            .config_fields
            .into_iter()
            .map(Spanned::into_inner)
            .collect(),
        stable_subject: entry.stable_subject.into_inner(),
    })
}

/// What a flow needs, and what can't be without one.
fn check_protocol(entry: &Entry) -> Result<(), Mistake> {
    let protocol = *entry.protocol.get_ref();
    let scopes = &entry.default_scopes;
    if protocol == Protocol::None {
        let flags = [entry.uses_pkce, entry.public_clients];
        require(
            !flags.contains(&true) && scopes.get_ref().is_empty(),
            &entry.protocol,
            || "without a flow there is no PKCE, client or scope".to_owned(),
        )?;
    }
    value::check_scopes(
        protocol,
        scopes.get_ref().iter().map(|scope| Some(scope.as_str())),
    )
    .map_err(|message| Mistake {
        at: scopes.span(),
        message: format!("`default_scopes` {message}"),
    })
}

fn check_config_fields(fields: &[Spanned<ConfigField>]) -> Result<(), Mistake> {
    for (index, spanned) in fields.iter().enumerate() {
        let field = spanned.get_ref();
        let twice = fields
            .iter()
            .take(index)
            .any(|other| other.get_ref().name == field.name);
        require(!twice, spanned, || {
            format!("config field `{}` is listed twice", field.name)
        })?;
        for (what, text) in [("name", &field.name), ("description", &field.description)] {
            require(!text.trim().is_empty(), spanned, || {
                format!("`{what}` of a config field is empty")
            })?;
        }
    }
    Ok(())
}

fn read_instance(
    entry: Spanned<InstanceEntry>,
    fields: &[Spanned<ConfigField>],
) -> Result<Instance, Mistake> {
    let from = entry.get_ref().from.as_str();
    let source = if let Some(field) = from.strip_prefix("host and path of ") {
        Source::HostAndPath(field.to_owned())
    } else if let Some(field) = from.strip_prefix("host of ") {
        Source::Host(field.to_owned())
    } else if from == "slug" {
        Source::Slug
    } else {
        Source::Value(from.to_owned())
    };
    let kinds: &[Kind] = match &source {
        Source::Value(_) => &[Kind::Issuer, Kind::Text, Kind::Tenant],
        Source::Host(_) | Source::HostAndPath(_) => &[Kind::Url, Kind::BaseUrl],
        Source::Slug => &[],
    };
    let default = entry.get_ref().default.is_some();
    if let Some(name) = source.field() {
        let field = fields
            .iter()
            .map(Spanned::get_ref)
            .find(|field| field.name == *name);
        require(
            field.is_some_and(|field| kinds.contains(&field.kind)),
            &entry,
            || {
                format!(
                    "`instance` comes from `{name}`, which is no config field of a fitting kind"
                )
            },
        )?;
        let always = field.is_some_and(|field| field.required);
        require(always != default, &entry, || {
            format!("`{name}` is either required, or has a `default` in `instance`")
        })?;
    } else {
        require(!default, &entry, || {
            "a slug is always there: no `default`".to_owned()
        })?;
    }
    let InstanceEntry {
        default, or_given, ..
    } = entry.into_inner();
    Ok(Instance {
        from: source,
        default,
        or_given,
    })
}

fn require<T>(
    holds: bool,
    at: &Spanned<T>,
    message: impl FnOnce() -> String,
) -> Result<(), Mistake> {
    if holds {
        Ok(())
    } else {
        Err(Mistake {
            at: at.span(),
            message: message(),
        })
    }
}
