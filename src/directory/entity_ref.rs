//! Entity references: `kind:namespace/name`, in the form of Backstage's catalogue model.
//!
//! Only the first `:` and the first `/` count, and a `:` behind the `/` belongs to the name, as
//! in today's Backstage. References compare without case, so they are kept in lower case.

use std::fmt;
use std::str::FromStr;

use crate::limits;

const DEFAULT_NAMESPACE: &str = "default";

/// A reference in its canonical form: all three parts, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityRef(String);

/// Why a text is no entity reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntityRefError {
    #[error("is not of the form kind:namespace/name, such as user:default/jane")]
    Malformed,
    #[error("has more than {} bytes", limits::ENTITY_REF)]
    TooLong,
}

impl EntityRef {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes references with a kind; the namespace may be left out.
impl FromStr for EntityRef {
    type Err = EntityRefError;

    fn from_str(text: &str) -> Result<Self, EntityRefError> {
        let (kind, rest) = match (text.find(':'), text.find('/')) {
            (Some(colon), slash) if slash.is_none_or(|slash| colon < slash) => text
                .split_at_checked(colon)
                .map(|(kind, rest)| (kind, rest.get(1..).unwrap_or_default())),
            _ => None,
        }
        .ok_or(EntityRefError::Malformed)?;
        let (namespace, name) = rest.split_once('/').unwrap_or((DEFAULT_NAMESPACE, rest));
        let part_is_fine = |part: &&str| {
            !part.is_empty() && !part.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if ![kind, namespace, name].iter().all(part_is_fine) {
            return Err(EntityRefError::Malformed);
        }
        let canonical = format!("{kind}:{namespace}/{name}").to_lowercase();
        if canonical.len() > limits::ENTITY_REF {
            return Err(EntityRefError::TooLong);
        }
        Ok(Self(canonical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, EntityRefError> {
        text.parse().map(EntityRef::into_string)
    }

    #[test]
    fn the_forms_of_backstage() {
        for (text, expected) in [
            ("a:b/c", "a:b/c"),
            ("a:b", "a:default/b"),
            ("a:b:c", "a:default/b:c"),
            ("a:b/c/d", "a:b/c/d"),
            ("a:b/c:d", "a:b/c:d"),
            ("User:Default/Freben", "user:default/freben"),
            ("user:jane@example.org", "user:default/jane@example.org"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_an_empty_part_or_no_kind_is_refused() {
        for text in [
            "", "a", "b/c", "a/b:c", "a/b/c", ":a", "a:", "a:/b", "a:b/", "/x", ":", "a: b",
            "a:b\0",
        ] {
            assert_eq!(canonical(text), Err(EntityRefError::Malformed), "{text:?}");
        }
        assert_eq!(
            canonical(&format!("user:{}", "x".repeat(512))),
            Err(EntityRefError::TooLong)
        );
    }

    #[test]
    fn the_canonical_form_reads_as_itself() {
        for text in ["User:Default/İ", "a:B/c/D:e", "user:ẞ"] {
            let once = canonical(text).unwrap();
            assert_eq!(canonical(&once).as_deref(), Ok(once.as_str()));
        }
    }
}
