//! Where a browser goes when a flow has ended: a place of ours, or of those whom the operator has
//! named; an application's own, for a link that it has begun. Anything else would make the sign-in
//! a way to send people astray.

use url::Url;

use crate::limits;

/// Where it goes if nobody says.
pub const DEFAULT: &str = "/account";

/// The parameter with the code that completes an application's link.
pub const LINK_CODE: &str = "link_code";
/// The parameter that says why there is no link.
pub const LINK_ERROR: &str = "link_error";

/// Our own place on the web, and the others' that people may be sent back to.
#[derive(Debug, Clone)]
pub struct ReturnPlaces {
    ours: Url,
    /// Origins.
    others: Vec<String>,
}

impl ReturnPlaces {
    pub const fn new(ours: Url, others: Vec<String>) -> Self {
        Self { ours, others }
    }

    /// The address in the form that a `Location` header takes; `None` where it is not allowed.
    pub fn checked(&self, given: Option<&str>) -> Option<String> {
        let given = match given {
            None | Some("") => return Some(DEFAULT.to_owned()),
            Some(given) => given,
        };
        if is_odd(given) {
            return None;
        }
        if given.starts_with('/') && !given.starts_with("//") {
            let joined = self.ours.join(given).ok()?;
            // Dots go away in the join, and may leave `//` at the front: another host to browsers.
            let is_ours = joined.origin() == self.ours.origin() && !joined.path().starts_with("//");
            return is_ours.then(|| joined[url::Position::BeforePath..].to_owned());
        }
        let ours = self.ours.origin().ascii_serialization();
        let url = at(given, |origin| {
            origin == ours || self.others.iter().any(|other| other == origin)
        });
        url.map(String::from)
    }
}

/// The same for a link of an application's, which may lead back to these origins; `None` where it
/// is not allowed. The parameters that we add must not be there already: which one counts would be
/// for the application to guess.
pub fn of_application(origins: &[String], given: &str) -> Option<String> {
    if is_odd(given) {
        return None;
    }
    let url = at(given, |origin| origins.iter().any(|known| known == origin))?;
    let has_ours = url
        .query_pairs()
        .any(|(name, _)| name == LINK_CODE || name == LINK_ERROR);
    (!has_ours).then(|| url.into())
}

/// An application's address with what it is told.
pub fn told(address: &str, name: &str, value: &str) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    url.query_pairs_mut().append_pair(name, value);
    Some(url)
}

/// Browsers take a backslash for a slash, and leave out tabs and line ends.
fn is_odd(given: &str) -> bool {
    given.len() > limits::URL
        || given.contains('\\')
        || given.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// An absolute address of the web at such an origin. `//` in its path is no host.
fn at(given: &str, is_known: impl Fn(&str) -> bool) -> Option<Url> {
    let url = Url::parse(given).ok()?;
    let is_plain = matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none();
    (is_plain && is_known(&url.origin().ascii_serialization())).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// What addresses are made of, and what makes them look like others.
    const PIECES: [&str; 44] = [
        "/",
        "/",
        "//",
        "\\",
        ".",
        "..",
        "./",
        "../",
        "%2e",
        "%2E%2e",
        "%2f",
        "%2F",
        "%5c",
        "%09",
        "%00",
        "\t",
        "\n",
        "\r",
        " ",
        "\u{a0}",
        "\u{feff}",
        "\u{ff0f}",
        "\u{2044}",
        "\u{ff3c}",
        "\u{ff20}",
        "\u{3002}",
        "\u{200b}",
        "@",
        ":",
        ";",
        "?",
        "#",
        "&",
        "https:",
        "HTTP:",
        "javascript:",
        "data:",
        "id.example.com",
        "app.example.com",
        "evil.example",
        ":443",
        ":8443",
        "a",
        "[::1]",
    ];

    proptest! {
        #[test]
        fn whatever_is_wished_for_ends_at_an_origin_that_is_allowed(
            pieces in vec(select(&PIECES[..]), 0..10),
        ) {
            let (places, wish) = (places(), pieces.concat());
            if let Some(to) = places.checked(Some(&wish)) {
                let there = places.ours.join(&to).unwrap();
                let origin = there.origin().ascii_serialization();
                let allowed = ["https://id.example.com", "https://app.example.com"];
                prop_assert!(allowed.contains(&origin.as_str()), "{wish:?} leads to {there}");
                let odd = |c: char| !c.is_ascii_graphic() || c == '\\';
                prop_assert!(!to.contains(odd) && !to.starts_with("//"), "{wish:?} is {to:?}");
            }
        }
    }

    fn places() -> ReturnPlaces {
        let url = Url::parse("https://id.example.com").unwrap();
        ReturnPlaces::new(url, vec!["https://app.example.com".to_owned()])
    }

    #[test]
    fn places_of_ours_and_of_those_who_are_named_are_returned_to() {
        for (given, to) in [
            (None, "/account"),
            (Some(""), "/account"),
            (Some("/"), "/"),
            (Some("/graphiql?query=%7B%7D#x"), "/graphiql?query=%7B%7D#x"),
            (Some("/a/../b"), "/b"),
            (Some("/ü"), "/%C3%BC"),
            (
                Some("https://app.example.com/done?x=1"),
                "https://app.example.com/done?x=1",
            ),
            (Some("https://app.example.com"), "https://app.example.com/"),
            (
                Some("https://id.example.com/account"),
                "https://id.example.com/account",
            ),
        ] {
            assert_eq!(places().checked(given).as_deref(), Some(to), "{given:?}");
        }
    }

    #[test]
    fn nothing_else_is() {
        let long = "/".to_owned() + &"a".repeat(2048);
        for given in [
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/%2e//evil.example",
            "/%2E%2e//evil.example/x",
            "\\/evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            " /account",
            "/a\r\nset-cookie: x",
            "https://evil.example",
            "https://app.example.com.evil.example",
            "https://app.example.com@evil.example",
            "https://user@app.example.com/",
            "https:app.example.com@evil.example",
            "http://app.example.com",
            "https://app.example.com:8443",
            "javascript:alert(1)",
            "data:text/html,x",
            "account",
            "?x",
            &long,
        ] {
            assert_eq!(places().checked(Some(given)), None, "{given:?}");
        }
    }

    #[test]
    fn an_application_is_returned_to_at_its_own_origins_alone() {
        let origins = [
            "https://app.example.com".to_owned(),
            "http://localhost:3000".to_owned(),
        ];
        for (given, to) in [
            ("https://app.example.com", "https://app.example.com/"),
            ("https://APP.example.com:443/x", "https://app.example.com/x"),
            (
                "https://app.example.com/a/../../b?c=d#e",
                "https://app.example.com/b?c=d#e",
            ),
            ("https://app.example.com//x", "https://app.example.com//x"),
            ("http://localhost:3000/x", "http://localhost:3000/x"),
        ] {
            assert_eq!(of_application(&origins, given).as_deref(), Some(to));
        }
        for given in [
            "",
            "/account",
            "//app.example.com",
            "https:/\\app.example.com",
            "https://app.example.com@evil.example",
            "https://app.example.com:x@evil.example",
            "https://user@app.example.com",
            "https://app.example.com.evil.example",
            "https://evil.app.example.com",
            "https://app.example.com.",
            "https://app.example.com:8443",
            "http://app.example.com",
            "https://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:3000",
            "https://\u{430}pp.example.com",
            "https://app.example.com\n.evil.example",
            "https://app.example.com\\.evil.example",
            "https://app.example.com%2eevil.example",
            "blob:https://app.example.com/x",
            "javascript://app.example.com/%0aalert(1)",
            "custom://app.example.com",
            "https://app.example.com/?link_code=x",
            "https://app.example.com/?a=b&link%5Ferror=x",
        ] {
            assert_eq!(of_application(&origins, given), None, "{given:?}");
        }
    }

    #[test]
    fn what_an_application_is_told_stands_behind_its_own_parameters() {
        let of = |address, value| told(address, LINK_CODE, value).map(String::from);
        for (address, value, whole) in [
            (
                "https://a.example/x",
                "c_-1",
                "https://a.example/x?link_code=c_-1",
            ),
            (
                "https://a.example/?b=c#d",
                "&=",
                "https://a.example/?b=c&link_code=%26%3D#d",
            ),
        ] {
            assert_eq!(of(address, value).as_deref(), Some(whole));
        }
    }
}
