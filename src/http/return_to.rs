//! Where a browser goes when a flow has ended: a place of ours, or of those whom the operator
//! has named. Anything else would make the sign-in a way to send people astray.

use url::Url;

use super::site::Site;
use crate::limits;

/// Where it goes if nobody says.
pub const DEFAULT: &str = "/account";

/// The address in the form that a `Location` header takes; `None` where it is not allowed.
pub fn checked(site: &Site, given: Option<&str>) -> Option<String> {
    let given = match given {
        None | Some("") => return Some(DEFAULT.to_owned()),
        Some(given) => given,
    };
    // Browsers take a backslash for a slash, and leave out tabs and line ends.
    let odd = given.len() > limits::URL
        || given.contains('\\')
        || given.chars().any(|c| c.is_control() || c.is_whitespace());
    if odd {
        return None;
    }
    if given.starts_with('/') && !given.starts_with("//") {
        let joined = site.public_url().join(given).ok()?;
        // Dots go away in the join, and may leave `//` at the front: another host to browsers.
        let is_ours =
            joined.origin() == site.public_url().origin() && !joined.path().starts_with("//");
        return is_ours.then(|| joined[url::Position::BeforePath..].to_owned());
    }
    let url = Url::parse(given).ok()?;
    let is_plain = matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none();
    // Absolute, so `//` in its path is no host.
    let is_known = site.lets_return_to(&url.origin().ascii_serialization());
    (is_plain && is_known).then(|| url.to_string())
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
            let (site, wish) = (site(), pieces.concat());
            if let Some(to) = checked(&site, Some(&wish)) {
                let there = site.public_url().join(&to).unwrap();
                let origin = there.origin().ascii_serialization();
                let allowed = ["https://id.example.com", "https://app.example.com"];
                prop_assert!(allowed.contains(&origin.as_str()), "{wish:?} leads to {there}");
                let odd = |c: char| !c.is_ascii_graphic() || c == '\\';
                prop_assert!(!to.contains(odd) && !to.starts_with("//"), "{wish:?} is {to:?}");
            }
        }
    }

    fn site() -> Site {
        let url = Url::parse("https://id.example.com").unwrap();
        Site::new(url, vec!["https://app.example.com".to_owned()])
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
            assert_eq!(checked(&site(), given).as_deref(), Some(to), "{given:?}");
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
            assert_eq!(checked(&site(), Some(given)), None, "{given:?}");
        }
    }
}
