//! How a provider's accounts become users: the JSON of `signIn`, checked.

use serde_json::{Map, Value};

/// The resolvers that this server has, by the names of Backstage's.
const RESOLVERS: [(&str, Resolver); 1] = [(
    "emailMatchingUserEntityProfileEmail",
    Resolver::EmailMatchingUserEntityProfileEmail,
)];
/// Resolvers that one provider may try.
const MOST_RESOLVERS: usize = 20;

/// How a provider's accounts become users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignInConfig {
    /// Tried in order; only "not found" moves on.
    pub resolvers: Vec<Resolver>,
    pub first_link: FirstLink,
}

/// Finds the user that an account belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// The one user who has the account's e-mail address.
    EmailMatchingUserEntityProfileEmail,
}

/// What becomes of an account that a resolver gives to a user who can sign in already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstLink {
    /// The person signs in with what they have first, and links the account then.
    #[default]
    Confirm,
    /// It is linked at once, as Backstage would: whoever has the address has the user.
    Allow,
}

/// What is wrong with a `signIn`, and where in it.
#[derive(Debug, PartialEq, Eq)]
pub struct SignInProblem {
    /// Keys and places, from `signIn` inwards.
    pub path: Vec<String>,
    pub message: String,
}

impl SignInConfig {
    /// Reads the JSON of `signIn`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(value: &Value) -> Result<Self, Vec<SignInProblem>> {
        let mut reading = Reading::default();
        let read = reading.sign_in(value);
        if reading.problems.is_empty() {
            Ok(read)
        } else {
            Err(reading.problems)
        }
    }
}

#[derive(Default)]
struct Reading {
    problems: Vec<SignInProblem>,
}

impl Reading {
    fn wrong(&mut self, path: &[&str], message: impl Into<String>) {
        self.problems.push(SignInProblem {
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            message: message.into(),
        });
    }

    fn sign_in(&mut self, value: &Value) -> SignInConfig {
        let Some(object) = value.as_object() else {
            self.wrong(&[], "must be an object like {\"resolvers\": []}");
            return SignInConfig::default();
        };
        self.only(object, &[], &["resolvers", "first_link"]);
        SignInConfig {
            resolvers: object
                .get("resolvers")
                .map(|list| self.resolvers(list))
                .unwrap_or_default(),
            first_link: object
                .get("first_link")
                .map(|value| self.first_link(value))
                .unwrap_or_default(),
        }
    }

    fn resolvers(&mut self, list: &Value) -> Vec<Resolver> {
        let Some(list) = list.as_array().filter(|list| list.len() <= MOST_RESOLVERS) else {
            let message = format!("must be a list of {MOST_RESOLVERS} resolvers at most");
            self.wrong(&["resolvers"], message);
            return Vec::new();
        };
        let entries = list.iter().enumerate();
        entries
            .filter_map(|(index, entry)| self.resolver(&index.to_string(), entry))
            .collect()
    }

    fn resolver(&mut self, index: &str, entry: &Value) -> Option<Resolver> {
        let path = ["resolvers", index];
        let Some(entry) = entry.as_object() else {
            self.wrong(&path, "must be an object like {\"resolver\": name}");
            return None;
        };
        self.only(entry, &path, &["resolver"]);
        let name = entry.get("resolver").and_then(Value::as_str);
        let found = RESOLVERS.iter().find(|(known, _)| Some(*known) == name);
        if found.is_none() {
            let known = RESOLVERS.map(|(known, _)| known).join(", ");
            let message = format!("must be the name of a resolver; there is {known}");
            self.wrong(&["resolvers", index, "resolver"], message);
        }
        found.map(|(_, resolver)| *resolver)
    }

    fn first_link(&mut self, value: &Value) -> FirstLink {
        match value.as_str() {
            Some("confirm") => FirstLink::Confirm,
            Some("allow") => FirstLink::Allow,
            Some(_) | None => {
                self.wrong(&["first_link"], "must be \"confirm\" or \"allow\"");
                FirstLink::default()
            }
        }
    }

    /// A key that nothing reads would be a wish that nothing fulfils.
    fn only(&mut self, object: &Map<String, Value>, path: &[&str], known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
            let message = format!("is not known here; there is {}", known.join(", "));
            self.wrong(&path, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_right_is_read() {
        let email = || vec![Resolver::EmailMatchingUserEntityProfileEmail];
        let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
        for (value, resolvers, first_link) in [
            (json!({}), vec![], FirstLink::Confirm),
            (json!({ "resolvers": [] }), vec![], FirstLink::Confirm),
            (
                json!({ "resolvers": by_email }),
                email(),
                FirstLink::Confirm,
            ),
            (
                json!({ "resolvers": by_email, "first_link": "allow" }),
                email(),
                FirstLink::Allow,
            ),
            (
                json!({ "first_link": "confirm" }),
                vec![],
                FirstLink::Confirm,
            ),
        ] {
            let expected = SignInConfig {
                resolvers,
                first_link,
            };
            assert_eq!(SignInConfig::read(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (value, paths) in [
            (json!([]), vec![""]),
            (json!("x"), vec![""]),
            (json!({ "resolver": [] }), vec!["resolver"]),
            (json!({ "resolvers": {} }), vec!["resolvers"]),
            (
                json!({ "resolvers": vec![json!({}); 21] }),
                vec!["resolvers"],
            ),
            (json!({ "resolvers": ["x"] }), vec!["resolvers.0"]),
            (
                json!({ "resolvers": [{}, { "resolver": "no" }, { "resolver": 1 }] }),
                vec![
                    "resolvers.0.resolver",
                    "resolvers.1.resolver",
                    "resolvers.2.resolver",
                ],
            ),
            (
                json!({ "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail", "domain": "x" }] }),
                vec!["resolvers.0.domain"],
            ),
            (
                json!({ "first_link": "never", "more": 1 }),
                vec!["more", "first_link"],
            ),
        ] {
            let problems = SignInConfig::read(&value).unwrap_err();
            let found: Vec<String> = problems.iter().map(|p| p.path.join(".")).collect();
            assert_eq!(found, paths, "{value}");
        }
    }
}
