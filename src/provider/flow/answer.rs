//! What a provider's answer says: the parameters of a callback, by GET or by `form_post`.

use std::borrow::Cow;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use super::error::{FlowError, Refusal};
use crate::provider::relying_party::Step;

/// The longest form that a provider may post.
pub const MAX_FORM_BYTES: usize = 16 * 1024;

/// The parameters of a callback that mean something. Each was there once at most.
#[derive(Debug, Default)]
pub struct Answer {
    pub(super) state: Option<SecretString>,
    pub(super) code: Option<SecretString>,
    /// RFC 9207.
    pub(super) issuer: Option<String>,
    pub(super) error: Option<String>,
    pub(super) error_description: Option<String>,
}

impl Answer {
    /// Reads a query string, or the body of a form.
    ///
    /// # Errors
    /// `ANSWER_INVALID` where a parameter that matters is there twice (RFC 6749 §3.1): which one
    /// is meant is not for us to guess. Or where it is too long.
    pub fn parse(encoded: &[u8]) -> Result<Self, FlowError> {
        let invalid = |cause: String| Refusal::AnswerInvalid(Step::State).because(cause);
        if encoded.len() > MAX_FORM_BYTES {
            return Err(invalid(format!("an answer of {} bytes", encoded.len())));
        }
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            let (name, is_first) = match &*name {
                "state" => ("state", put(&mut answer.state, value)),
                "code" => ("code", put(&mut answer.code, value)),
                "iss" => ("iss", put(&mut answer.issuer, value)),
                "error" => ("error", put(&mut answer.error, value)),
                "error_description" => (
                    "error_description",
                    put(&mut answer.error_description, value),
                ),
                _ => continue,
            };
            if !is_first {
                return Err(invalid(format!("the parameter {name} is there twice")));
            }
        }
        Ok(answer)
    }

    /// Which flow it is for, if it says so.
    pub const fn state(&self) -> Option<&SecretString> {
        self.state.as_ref()
    }

    /// For the vault: the answer as [`Self::parse`] reads it.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        let secret = |value: &Option<SecretString>| {
            value.as_ref().map(|value| value.expose_secret().to_owned())
        };
        for (name, value) in [
            ("state", secret(&self.state)),
            ("code", secret(&self.code)),
            ("iss", self.issuer.clone()),
            ("error", self.error.clone()),
            ("error_description", self.error_description.clone()),
        ] {
            if let Some(value) = value {
                encoded.append_pair(name, &value);
            }
        }
        Zeroizing::new(encoded.finish().into_bytes())
    }

    /// Says nothing but which flow it is for: the answer itself came by POST and waits.
    pub(super) const fn is_pointer(&self) -> bool {
        self.code.is_none() && self.issuer.is_none() && self.error.is_none()
    }
}

/// Whether there was none yet. Empty is absent: RFC 6749 §3.1.
fn put<T: From<String>>(slot: &mut Option<T>, value: Cow<'_, str>) -> bool {
    if slot.is_some() {
        return false;
    }
    if !value.is_empty() {
        *slot = Some(T::from(value.into_owned()));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_twice_is_refused() {
        for query in [
            "state=a&state=a",
            "state=a&code=b&code=c",
            "iss=a&iss=a",
            "error=a&error=b",
            "error_description=a&error_description=b",
            "co%64e=a&code=b",
        ] {
            let refused = Answer::parse(query.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), "ANSWER_INVALID", "{query}");
            assert_eq!(refused.refusal.step(), Some(Step::State));
        }
        let long = format!("state=a&x={}", "y".repeat(MAX_FORM_BYTES));
        assert!(Answer::parse(long.as_bytes()).is_err());
        assert!(Answer::parse(b"state=a&session_state=b&session_state=c").is_ok());
    }

    #[test]
    fn an_answer_is_kept_as_it_came_and_shows_no_code() {
        let query = "state=a%26b&code=canary&iss=https%3A%2F%2Fa&error=e&error_description=d%0A";
        let answer = Answer::parse(query.as_bytes()).unwrap();
        let again = Answer::parse(&answer.encode()).unwrap();
        for answer in [&answer, &again] {
            let secret = |value: &Option<SecretString>| {
                value.as_ref().map(|value| value.expose_secret().to_owned())
            };
            assert_eq!(secret(&answer.state).as_deref(), Some("a&b"));
            assert_eq!(secret(&answer.code).as_deref(), Some("canary"));
            assert_eq!(answer.issuer.as_deref(), Some("https://a"));
            assert_eq!(answer.error.as_deref(), Some("e"));
            assert_eq!(answer.error_description.as_deref(), Some("d\n"));
            assert!(!format!("{answer:?}").contains("canary"));
        }
    }

    #[test]
    fn an_answer_that_only_names_its_flow_points_to_a_stored_one() {
        let answer = |query: &str| Answer::parse(query.as_bytes()).unwrap();
        assert!(answer("state=a&code=").is_pointer());
        assert!(!answer("state=a&code=b").is_pointer());
        assert!(!answer("state=a&error=b").is_pointer());
    }
}
