//! URLs with places that a provider's config fills.

use url::Url;

/// A URL such as `{base_url}/oauth/token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// # Errors
    /// The rest of a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (field, after) = after
                .split_once('}')
                .ok_or("has a `{` that nothing closes")?;
            parts.push(Part::Field(field.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let template = Self(parts);
        if let Some(Part::Text(text)) = template.0.first() {
            let scheme = text.split("://").next();
            if !matches!(scheme, Some("https" | "http")) || text.len() <= "https://".len() {
                return Err("must begin with https:// or with a field that is a URL".to_owned());
            }
        }
        Ok(template)
    }

    /// The config fields that it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(field) => Some(field.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The field that says which server it is, if one does.
    pub(super) fn server_field(&self) -> Option<&str> {
        match self.0.first() {
            Some(Part::Field(field)) => Some(field),
            Some(Part::Text(_)) | None => None,
        }
    }

    /// Whether a config can change which server it leads to.
    pub(super) fn has_fixed_server(&self) -> bool {
        match self.0.first() {
            Some(Part::Text(text)) => text
                .split_once("://")
                .is_some_and(|(_, rest)| rest.contains('/')),
            Some(Part::Field(_)) | None => false,
        }
    }

    /// The text with each field's value in its place; `None` where one has none. A URL at the
    /// beginning stands as it is, but for a slash at its end where more follows; whatever comes
    /// later is one segment of a path, or one value of a query.
    pub fn text(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut text = String::new();
        for (index, part) in self.0.iter().enumerate() {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Field(field) if index == 0 && self.0.len() == 1 => {
                    text.push_str(&value(field)?);
                }
                Part::Field(field) if index == 0 => {
                    text.push_str(value(field)?.trim_end_matches('/'));
                }
                Part::Field(field) => {
                    text.extend(url::form_urlencoded::byte_serialize(
                        value(field)?.as_bytes(),
                    ));
                }
            }
        }
        Some(text)
    }

    /// As [`Self::text`], where it makes a URL.
    pub fn url(&self, value: impl Fn(&str) -> Option<String>) -> Option<Url> {
        Url::parse(&self.text(value)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Option<String> {
        let value = |field: &str| match field {
            "base_url" => Some("https://git.example.org/gitlab/".to_owned()),
            "tenant" => Some("a/../b?c".to_owned()),
            _ => None,
        };
        Template::parse(template).unwrap().text(value)
    }

    #[test]
    fn fields_stand_where_they_are_named() {
        for (template, expected) in [
            ("https://a.example/x", Some("https://a.example/x")),
            (
                "{base_url}/oauth/token",
                Some("https://git.example.org/gitlab/oauth/token"),
            ),
            ("{base_url}", Some("https://git.example.org/gitlab/")),
            (
                "https://a.example/{tenant}/v2.0",
                Some("https://a.example/a%2F..%2Fb%3Fc/v2.0"),
            ),
            ("https://a.example/{unknown}", None),
        ] {
            assert_eq!(filled(template).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for wrong in [
            "a.example",
            "ftp://a.example/",
            "https://",
            "{base_url",
            "/x",
        ] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        assert!(
            Template::parse("https://a.example/{x}")
                .unwrap()
                .has_fixed_server()
        );
        assert!(
            !Template::parse("https://x-{x}.example/")
                .unwrap()
                .has_fixed_server()
        );
        assert!(!Template::parse("{x}/y").unwrap().has_fixed_server());
    }
}
