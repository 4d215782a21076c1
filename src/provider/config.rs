//! Checks a configured provider against its type, and says which instance it is. Pure: the caller
//! reads and writes the row, keeps secrets out of the config, and compares before with after.

mod auth_method;
mod instance;
pub mod sign_in;
pub(in crate::provider) mod value;

use serde_json::{Map, Value};
use url::Url;

pub use self::auth_method::{AuthMethod, TOKEN_ENDPOINT_AUTH_METHOD};
pub use self::instance::{derived_external_id, instance_fields};
use crate::limits;

use super::catalog::{Instance, Protocol, ProviderType};

const MAX_CLIENT_ID_BYTES: usize = 1024;

/// A provider as it would be after the create or update.
pub struct ProviderInput<'a> {
    pub slug: &'a str,
    pub config: &'a Map<String, Value>,
    pub client_id: Option<&'a str>,
    pub has_client_secret: bool,
    /// The row uses the client of another one (`clientOf`).
    pub borrows_client: bool,
    /// As it was given; `None` to derive it.
    pub external_id: Option<&'a str>,
    /// Whether the operator allows plain http to this URL's host; loopback needs no leave.
    pub allow_http: &'a dyn Fn(&Url) -> bool,
}

/// What the check found out.
#[derive(Debug, PartialEq, Eq)]
pub struct Checked {
    /// '' where the type has one instance.
    pub external_id: String,
}

/// One thing that is wrong, and where in the API's input.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    pub field: Vec<String>,
    pub message: String,
}

/// All that is wrong with the provider, or its external id.
pub fn check(
    provider_type: &ProviderType,
    input: &ProviderInput,
) -> Result<Checked, Vec<ConfigProblem>> {
    let mut problems = check_config(provider_type, input);
    problems.extend(check_client(provider_type, input));
    let wrong = |field: &String| {
        problems
            .iter()
            .any(|other| other.field == ["config", field])
    };
    // What a wrong field stands for isn't worth a word, and may hold a password.
    if instance_fields(provider_type).iter().any(wrong) {
        return Err(problems);
    }
    match external_id(provider_type, input) {
        Ok(external_id) if problems.is_empty() => return Ok(Checked { external_id }),
        Ok(_) => {}
        Err(problem) => problems.push(problem),
    }
    Err(problems)
}

fn check_config(provider_type: &ProviderType, input: &ProviderInput) -> Vec<ConfigProblem> {
    let rules = value::Rules {
        protocol: provider_type.protocol,
        allow_http: input.allow_http,
    };
    let known = provider_type.config_fields.iter().filter_map(|field| {
        let name = &field.name;
        let said = match input.config.get(name) {
            Some(value) => value::check(field.kind, value, &rules).err()?,
            None if field.required => "is required".to_owned(),
            None => return None,
        };
        Some(problem(&["config", name], format!("{name} {said}")))
    });
    let unknown = input.config.keys().filter_map(|key| {
        let is_known = provider_type
            .config_fields
            .iter()
            .any(|field| field.name == *key);
        (!is_known).then(|| problem(&["config", key], unknown_key(provider_type, key)))
    });
    known.chain(unknown).collect()
}

fn unknown_key(provider_type: &ProviderType, key: &str) -> String {
    /// Where "did you mean" begins to help; `clap` draws the same line.
    const ALIKE: f64 = 0.7;
    let names = provider_type
        .config_fields
        .iter()
        .map(|field| field.name.as_str());
    // Nobody means a name by a text of this length, and the message repeats it.
    let key: String = key.chars().take(64).collect();
    let nearest = names
        .clone()
        .map(|name| (strsim::jaro(&key, name), name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let known = names.collect::<Vec<_>>().join(", ");
    let type_key = &provider_type.key;
    match nearest {
        Some((_, name)) => {
            format!("`{key}` is no config key of {type_key}: did you mean `{name}`?")
        }
        None if known.is_empty() => format!("`{key}` is unknown: {type_key} takes no config"),
        None => format!("`{key}` is no config key of {type_key}, which takes {known}"),
    }
}

fn check_client(provider_type: &ProviderType, input: &ProviderInput) -> Vec<ConfigProblem> {
    let name = &provider_type.name;
    let given = [
        ("clientId", input.client_id.is_some()),
        ("clientSecret", input.has_client_secret),
        ("clientOf", input.borrows_client),
    ];
    let refuse = |fields: &[(&str, bool)], why: &str| {
        let given = fields.iter().filter(|(_, given)| *given);
        given
            .map(|(field, _)| problem(&[field], format!("{field} {why}")))
            .collect()
    };
    if provider_type.protocol == Protocol::None {
        return refuse(&given, &format!("must be left out: {name} has no flow"));
    }
    if input.borrows_client && !provider_type.shares_clients() {
        let why = format!(
            "must be left out: {name} doesn't say which provider an account is of, so each has a \
             client of its own"
        );
        return refuse(&given[2..], &why);
    }
    if input.borrows_client {
        let why = "must be left out: the row that clientOf names has it";
        let mut problems: Vec<_> = refuse(&given[..2], why);
        if input.config.contains_key(TOKEN_ENDPOINT_AUTH_METHOD) {
            let message = format!("{TOKEN_ENDPOINT_AUTH_METHOD} {why}");
            problems.push(problem(&["config", TOKEN_ENDPOINT_AUTH_METHOD], message));
        }
        return problems;
    }
    let mut problems = Vec::new();
    match input.client_id {
        None => problems.push(problem(&["clientId"], "clientId is required".to_owned())),
        // RFC 6749 appendix A.1: visible ASCII and spaces.
        Some(id)
            if !(1..=MAX_CLIENT_ID_BYTES).contains(&id.len())
                || !id.bytes().all(|byte| matches!(byte, b' '..=b'~')) =>
        {
            let message = format!("clientId must be 1 to {MAX_CLIENT_ID_BYTES} ASCII characters");
            problems.push(problem(&["clientId"], message));
        }
        Some(_) => {}
    }
    let needed_for = match AuthMethod::of(input.config) {
        None if provider_type.public_clients => None,
        None => Some(format!("{name} has no public clients")),
        Some(method @ (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost)) => {
            let method = method.name();
            Some(format!("{TOKEN_ENDPOINT_AUTH_METHOD} is {method}"))
        }
        // The key is made here. A secret may stay for the way back.
        Some(AuthMethod::PrivateKeyJwt) => None,
    };
    if let Some(why) = needed_for.filter(|_| !input.has_client_secret) {
        let message = format!("clientSecret is required: {why}");
        problems.push(problem(&["clientSecret"], message));
    }
    problems
}

fn external_id(
    provider_type: &ProviderType,
    input: &ProviderInput,
) -> Result<String, ConfigProblem> {
    let derived = || {
        let fields = instance_fields(provider_type);
        let source = fields.first().map_or("slug", String::as_str);
        let at = if fields.is_empty() {
            vec![source]
        } else {
            vec!["config", source]
        };
        let derived = derived_external_id(provider_type, input.slug, input.config)
            .ok_or_else(|| problem(&at, format!("{source} is required")))?;
        if derived.len() > limits::EXTERNAL_ID {
            let max = limits::EXTERNAL_ID;
            return Err(problem(
                &at,
                format!("{source} makes an external id over {max} bytes"),
            ));
        }
        Ok(derived)
    };
    let Some(given) = input.external_id else {
        return derived();
    };
    let refused = |message| Err(problem(&["externalId"], message));
    let blank = given.trim().is_empty();
    if blank || given.len() > limits::EXTERNAL_ID || given.contains('\0') {
        let max = limits::EXTERNAL_ID;
        return refused(format!(
            "externalId must be 1 to {max} bytes, not blank, without U+0000"
        ));
    }
    match &provider_type.instance {
        None => {
            let name = &provider_type.name;
            refused(format!(
                "externalId must be left out: there is only one {name}"
            ))
        }
        Some(Instance { or_given: true, .. }) => Ok(given.to_owned()),
        // Anything else would let a provider pass for another one.
        Some(_) => match derived()? {
            derived if derived == given => Ok(derived),
            derived => refused(format!(
                "externalId must be left out or be what config says: {derived}"
            )),
        },
    }
}

fn problem(field: &[&str], message: String) -> ConfigProblem {
    ConfigProblem {
        field: field.iter().map(|&part| part.to_owned()).collect(),
        message,
    }
}

#[cfg(test)]
mod tests;
