//! The parameters of a request, as received and in their order.

use url::form_urlencoded;

/// Names and values of a query or a form.
#[derive(Clone, Default)]
pub struct Parameters(pub Vec<(String, String)>);

impl Parameters {
    /// Reads a query or a body, `application/x-www-form-urlencoded`.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of that name; an empty one counts as left out (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A name that is there more than once, which no request may have (RFC 6749 §3.1).
    pub fn repeated(&self) -> Option<&str> {
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names
            .clone()
            .enumerate()
            .find(|(index, name)| names.clone().skip(index + 1).any(|other| other == *name))
            .map(|(_, name)| name)
    }
}
