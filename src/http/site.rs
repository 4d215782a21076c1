//! What browsers know this server as, and which pages' requests it takes for a person's own.

use poem::http::{HeaderMap, HeaderName, header};
use url::Url;

use super::cookie::Cookies;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SAME_ORIGIN: &str = "same-origin";

/// Our place on the web.
#[derive(Debug)]
pub struct Site {
    public_url: Url,
    origin: String,
    /// Other origins whose pages may call the API.
    others: Vec<String>,
    pub cookies: Cookies,
}

impl Site {
    /// The site at this URL; `others` may call it as well.
    pub fn new(public_url: Url, others: Vec<String>) -> Self {
        Self {
            origin: public_url.origin().ascii_serialization(),
            cookies: Cookies::of(&public_url),
            others,
            public_url,
        }
    }

    /// Where browsers and providers reach this server. It has no path but `/`.
    pub const fn public_url(&self) -> &Url {
        &self.public_url
    }

    /// The origins that CORS is for; none where there is no other one. Ours is among them:
    /// browsers name it too.
    pub fn cors_origins(&self) -> Vec<String> {
        if self.others.is_empty() {
            return Vec::new();
        }
        let mut origins = self.others.clone();
        origins.push(self.origin.clone());
        origins
    }

    /// Whether a page of ours sent the form. Browsers say where a POST comes from.
    pub fn sent_the_form(&self, headers: &HeaderMap) -> bool {
        let same_site = only(headers, &SEC_FETCH_SITE) == Ok(Some(SAME_ORIGIN));
        match only(headers, &header::ORIGIN) {
            // What a page that sends no referrer has for its origin, too.
            Ok(None | Some("null")) => same_site,
            Ok(Some(origin)) => origin == self.origin,
            Err(Repeated) => false,
        }
    }

    /// Whether the page that calls the API with a cookie, if a page does, may do so.
    pub fn lets_call(&self, headers: &HeaderMap) -> bool {
        match only(headers, &header::ORIGIN) {
            Ok(None) => true,
            Ok(Some(origin)) => {
                origin == self.origin || self.others.iter().any(|other| other == origin)
            }
            Err(Repeated) => false,
        }
    }
}

/// A header is there twice, or is no text: whoever stands in between may have looked at another
/// part of it.
#[derive(Debug, PartialEq)]
struct Repeated;

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Repeated),
        (Some(_), Some(_)) => Err(Repeated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let url = Url::parse("https://id.example.com").unwrap();
        Site::new(url, vec!["https://app.example.com".to_owned()])
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn forms_come_from_our_own_pages() {
        for (lines, ours) in [
            (&[("origin", "https://id.example.com")][..], true),
            (
                &[("origin", "null"), ("sec-fetch-site", "same-origin")],
                true,
            ),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[], false),
            (&[("origin", "null")], false),
            (
                &[("origin", "null"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            // Others may call the API; our forms are ours.
            (&[("origin", "https://app.example.com")], false),
            (
                &[
                    ("origin", "https://evil.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                false,
            ),
            (&[("origin", "http://id.example.com")], false),
            (&[("origin", "https://id.example.com:8443")], false),
            (
                &[
                    ("origin", "https://id.example.com"),
                    ("origin", "https://evil.example"),
                ],
                false,
            ),
        ] {
            assert_eq!(site().sent_the_form(&headers(lines)), ours, "{lines:?}");
        }
    }

    #[test]
    fn the_api_is_called_by_us_and_by_those_who_are_named() {
        for (lines, may) in [
            (&[][..], true),
            (&[("origin", "https://id.example.com")], true),
            (&[("origin", "https://app.example.com")], true),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "https://app.example.com.evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
        ] {
            assert_eq!(site().lets_call(&headers(lines)), may, "{lines:?}");
        }
    }

    #[test]
    fn cors_is_for_others() {
        assert_eq!(
            site().cors_origins(),
            ["https://app.example.com", "https://id.example.com"]
        );
        let alone = Site::new(Url::parse("http://127.0.0.1:8080").unwrap(), Vec::new());
        assert!(alone.cors_origins().is_empty());
    }
}
