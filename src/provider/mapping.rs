//! What a provider's answers say of an account, by the expressions of its type. Knows nothing of
//! how the answers were got.

use serde_json::Value;

use super::account::Profile;
use super::catalog::{FlowRules, ProfileRules};
use crate::expression::{Documents, Evaluator, Expression, Failure};
use crate::limits;

/// What an account is, and which instance of the type it is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Never empty.
    pub external_id: Option<String>,
    pub instance: Option<String>,
    pub profile: Profile,
}

/// Why the answers make no account. Neither holds what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmapped {
    /// It can't be understood.
    Invalid(String),
    /// It is none that the provider is for.
    NotAllowed(String),
}

/// Makes an account of the answers. What the type says nothing of, is as `standard` has it.
pub async fn map(
    evaluator: &Evaluator,
    rules: &FlowRules,
    documents: Documents,
    standard: Mapped,
) -> Result<Mapped, Unmapped> {
    let values = evaluator.evaluate(all(rules), documents).await;
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Err(Failure::Missing));
    let ProfileRules {
        external_id,
        instance,
        email,
        email_verified,
        username,
        display_name,
        attributes,
    } = &rules.profile;
    let Mapped {
        external_id: standard_id,
        profile: mut said,
        ..
    } = standard;
    let mut text = |rule: &Option<Expression>, name: &str, standard: Option<String>| match rule {
        None => Ok(standard),
        Some(_) => match next() {
            // One word for many accounts is none for each.
            Ok(Value::Bool(_)) => Err(invalid(name, "is neither a text nor an integer")),
            said => text_of(said, name),
        },
    };
    let external_id = text(external_id, "external_id", standard_id)?;
    let instance = text(instance, "instance", None)?;
    if rules.profile.instance.is_some() && instance.is_none() {
        // Whose the account is can't be told: it is nobody's, not that of whoever was asked.
        return Err(invalid("instance", "is not said"));
    }
    said.email = text(email, "email", said.email)?;
    said.username = text(username, "username", said.username)?;
    said.display_name = text(display_name, "display_name", said.display_name)?;
    if email_verified.is_some() {
        said.email_verified = flag_of(next(), "email_verified")?;
    } else if email.is_some() {
        // What the standard claim says is of another address, perhaps.
        said.email_verified = None;
    }
    for (name, _) in attributes {
        if let Some(value) = text_of(next(), name)? {
            said.attributes.insert(name.clone(), value);
        }
    }
    for requirement in &rules.requirements {
        match next() {
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) | Err(Failure::Missing) => {
                return Err(Unmapped::NotAllowed(requirement.otherwise.clone()));
            }
            Ok(_) => return Err(invalid("a requirement", "is neither true nor false")),
            Err(Failure::Failed(why)) => return Err(invalid("a requirement", why)),
        }
    }
    let fits = |id: &String| id.len() <= limits::EXTERNAL_ID && !id.contains('\0');
    if external_id.as_ref().is_some_and(|id| !fits(id)) {
        return Err(invalid("external_id", "is too long, or no text"));
    }
    Ok(Mapped {
        external_id,
        instance,
        profile: said.fitting(),
    })
}

/// In the order in which [`map`] takes their values.
fn all(rules: &FlowRules) -> Vec<Expression> {
    let profile = &rules.profile;
    let fields = [
        &profile.external_id,
        &profile.instance,
        &profile.email,
        &profile.username,
        &profile.display_name,
        &profile.email_verified,
    ];
    let attributes = profile.attributes.iter().map(|(_, value)| value);
    let requirements = rules.requirements.iter().map(|must| &must.holds);
    let fields = fields.into_iter().flatten();
    fields
        .chain(attributes)
        .chain(requirements)
        .cloned()
        .collect()
}

/// What isn't there is null; an integer is its decimal text; an empty text says nothing.
fn text_of(value: Result<Value, Failure>, name: &str) -> Result<Option<String>, Unmapped> {
    match value {
        Err(Failure::Missing) | Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Ok(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Some(number.to_string()))
        }
        Ok(Value::Bool(yes)) => Ok(Some(yes.to_string())),
        Ok(Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(invalid(name, "is neither a text nor an integer"))
        }
        Err(Failure::Failed(why)) => Err(invalid(name, why)),
    }
}

/// Some say it in words.
fn flag_of(value: Result<Value, Failure>, name: &str) -> Result<Option<bool>, Unmapped> {
    match value {
        Err(Failure::Missing) | Ok(Value::Null) => Ok(None),
        Ok(Value::Bool(yes)) => Ok(Some(yes)),
        Ok(Value::String(word)) if word == "true" => Ok(Some(true)),
        Ok(Value::String(word)) if word == "false" => Ok(Some(false)),
        Ok(_) => Err(invalid(name, "is neither true nor false")),
        Err(Failure::Failed(why)) => Err(invalid(name, why)),
    }
}

fn invalid(name: &str, why: &str) -> Unmapped {
    Unmapped::Invalid(format!("{name}: {why}"))
}
