//! What callers send: values left out, cleared or set, and the checks of JSON before it is
//! stored.

use serde_json::{Map, Value};

use crate::error::{Error, Refusal, RefusalCode};
use crate::limits;

/// Keys that name tokens. Their values belong into the credential, sealed.
const TOKEN_KEYS: [&str; 5] = [
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "private_key",
];

/// How deep data may nest: what a GraphQL document and its variables may.
const DATA_NESTING: usize = 64;

/// A value that a caller may leave out, clear or set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// What is stored stays.
    #[default]
    Keep,
    Clear,
    Set(T),
}

/// Whether the address that is stored afterwards is proven. The proof belongs to the address that
/// it was given for: another one begins without, unless the input brings its own.
pub fn proof_of_address(
    given: &Change<bool>,
    address: Option<&str>,
    (stored_address, stored_proof): (Option<&str>, Option<bool>),
) -> Option<bool> {
    let stays = address.is_some() && address == stored_address;
    given.clone().or(stored_proof.filter(|_| stays))
}

impl<T> Change<T> {
    /// What is stored afterwards, where `None` is a value too.
    pub fn or(self, stored: Option<T>) -> Option<T> {
        match self {
            Self::Keep => stored,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    pub const fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(value),
        }
    }

    /// The new value, where cleared means empty.
    pub fn or_default(self) -> Option<T>
    where
        T: Default,
    {
        self.or_with(T::default)
    }

    /// The new value, where cleared means what `empty` makes.
    pub fn or_with(self, empty: impl FnOnce() -> T) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(empty()),
            Self::Set(value) => Some(value),
        }
    }

    /// The new value, where there is one.
    pub fn set(&self) -> Option<&T> {
        match self {
            Self::Keep | Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// An object of texts: attributes of an account, annotations of a user.
///
/// # Errors
/// `BAD_USER_INPUT`; refused with `SECRET_IN_DATA`.
pub fn check_attributes(field: &str, value: &Value) -> Result<(), Error> {
    let Value::Object(attributes) = value else {
        return Err(Error::bad_input(
            field,
            "must be an object of texts: {\"company\": \"Acme\"}",
        ));
    };
    if attributes.len() > limits::ATTRIBUTES {
        let (found, most) = (attributes.len(), limits::ATTRIBUTES);
        return Err(Error::bad_input(
            field,
            format!("has {found} entries, {most} at most"),
        ));
    }
    for (name, value) in attributes {
        limits::text(&format!("{field}: a name"), name, limits::ATTRIBUTE_NAME)?;
        let Value::String(value) = value else {
            return Err(Error::bad_input(
                format!("{field}.{name}"),
                "must be a text",
            ));
        };
        limits::optional_text(&format!("{field}.{name}"), value, limits::ATTRIBUTE)?;
    }
    no_tokens(field, value)
}

/// An object of whatever an application likes, except tokens.
///
/// # Errors
/// `BAD_USER_INPUT`; refused with `SECRET_IN_DATA`.
pub fn check_data(field: &str, value: &Value) -> Result<(), Error> {
    if !value.is_object() {
        return Err(Error::bad_input(
            field,
            "must be an object: {\"key\": \"value\"}",
        ));
    }
    let bytes = value.to_string().len();
    if bytes > limits::DATA {
        let most = limits::DATA;
        return Err(Error::bad_input(
            field,
            format!("has {bytes} bytes as JSON, {most} at most"),
        ));
    }
    walk(field, value, |key, value| {
        for text in [key, value.as_str()].into_iter().flatten() {
            limits::no_nul(field, text)?;
        }
        Ok(())
    })
    .and_then(|()| no_tokens(field, value))
}

/// # Errors
/// `BAD_USER_INPUT`.
pub fn check_scopes(field: &str, scopes: &[String]) -> Result<(), Error> {
    if scopes.len() > limits::SCOPES {
        let (found, most) = (scopes.len(), limits::SCOPES);
        return Err(Error::bad_input(
            field,
            format!("has {found} entries, {most} at most"),
        ));
    }
    scopes
        .iter()
        .try_for_each(|scope| limits::text(field, scope, limits::SCOPE))
}

fn no_tokens(field: &str, value: &Value) -> Result<(), Error> {
    let mut found = None;
    walk(field, value, |key, _| {
        if let Some(key) = key.filter(|key| names_a_token(key)) {
            found.get_or_insert_with(|| key.to_owned());
        }
        Ok(())
    })?;
    let Some(key) = found else { return Ok(()) };
    Err(Error::Refused(vec![Refusal {
        code: RefusalCode::SecretInData,
        message: format!(
            "{field} has a key {key:?}, which names a token; tokens belong into credential, \
             where they are kept sealed"
        ),
        field: field.split('.').map(str::to_owned).collect(),
        retryable: false,
    }]))
}

/// Whether a key names a token, which belongs into the vault alone: `accessToken` and
/// `Access-Token` are the same name.
pub fn names_a_token(key: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    let key = bare(key);
    TOKEN_KEYS.iter().any(|token| key == bare(token))
}

/// Visits every value with its key, down to [`DATA_NESTING`].
fn walk<'a>(
    field: &str,
    value: &'a Value,
    mut visit: impl FnMut(Option<&'a str>, &'a Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut waiting: Vec<(Option<&'a str>, &'a Value, usize)> = vec![(None, value, 1)];
    while let Some((key, value, depth)) = waiting.pop() {
        if depth > DATA_NESTING {
            return Err(Error::bad_input(
                field,
                format!("nests more than {DATA_NESTING} deep"),
            ));
        }
        visit(key, value)?;
        match value {
            Value::Object(entries) => waiting.extend(children(entries, depth)),
            Value::Array(entries) => {
                waiting.extend(entries.iter().map(|entry| (None, entry, depth + 1)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

fn children(
    entries: &Map<String, Value>,
    depth: usize,
) -> impl Iterator<Item = (Option<&str>, &Value, usize)> {
    entries
        .iter()
        .map(move |(key, value)| (Some(key.as_str()), value, depth + 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_that_name_tokens_are_refused_at_any_depth_and_in_any_spelling() {
        for data in [
            json!({"access_token": "x"}),
            json!({"a": [{"b": {"refreshToken": "x"}}]}),
            json!({"ID-Token": null}),
            json!({"oauth": {"client_secret": "x"}}),
            json!({"PRIVATE_KEY": {}}),
        ] {
            let refused = check_data("input.data", &data);
            assert!(
                matches!(&refused, Err(Error::Refused(all)) if all[0].code == RefusalCode::SecretInData),
                "{data}: {refused:?}"
            );
        }
        assert!(check_data("input.data", &json!({"token": "x", "secret_santa": 1})).is_ok());
    }

    #[test]
    fn what_is_too_large_too_deep_or_no_object_is_refused() {
        let deep = (0..64).fold(json!({}), |inner, _| json!({ "a": inner }));
        for data in [
            json!([]),
            json!("x"),
            json!(null),
            json!({"a": "\0"}),
            json!({"\0": 1}),
            deep,
            json!({ "a": "x".repeat(limits::DATA) }),
        ] {
            assert!(matches!(
                check_data("data", &data),
                Err(Error::BadInput { .. })
            ));
        }
    }
}
