//! A browser by the name that its user knows, for the list of sessions. A guess, and good enough:
//! nothing is decided by it.

use maud::{Markup, html};

use super::layout::clipped;

/// The first mark that is found counts: most browsers claim to be others as well.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Names the browser; what no mark fits shows as it was sent.
pub fn browser(user_agent: Option<&str>) -> Markup {
    let Some(sent) = user_agent.filter(|sent| !sent.trim().is_empty()) else {
        return html! { "Unknown browser" };
    };
    let known = sent.starts_with("Mozilla/");
    match (find(&BROWSERS, sent), find(&SYSTEMS, sent)) {
        (Some(browser), Some(system)) if known => {
            html! { span title=(sent) { (browser) " on " (system) } }
        }
        (Some(browser), None) if known => html! { span title=(sent) { (browser) } },
        (Some(_) | None, _) => clipped(sent),
    }
}

fn find(marks: &[(&str, &'static str)], sent: &str) -> Option<&'static str> {
    marks
        .iter()
        .find(|(mark, _)| sent.contains(mark))
        .map(|&(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_browsers_have_their_names() {
        for (sent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on macOS",
            ),
        ] {
            let html = browser(Some(sent)).into_string();
            assert!(html.contains(&format!(">{name}<")), "{html}");
        }
    }

    #[test]
    fn others_show_what_they_sent() {
        let html = browser(Some("curl/8.14 <b>")).into_string();
        assert!(html.contains(">curl/8.14 &lt;b&gt;<"), "{html}");
        for nothing in [None, Some(" ")] {
            assert_eq!(browser(nothing).into_string(), "Unknown browser");
        }
    }
}
