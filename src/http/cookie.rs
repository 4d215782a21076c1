//! Our cookies: their names, what a browser sends of them, what it is told to keep. Knows neither
//! sessions nor flows.

use chrono::TimeDelta;
use poem::http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

/// Digits of a flow's or a link's id that its cookie is named after.
const DIGITS: usize = 16;

/// The cookies of one public URL.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    /// Browsers refuse `__Host-` and `Secure` where the server is reached by plain http, which it
    /// is on loopback alone.
    secure: bool,
}

/// A cookie that a browser is to keep, or to forget.
struct SetCookie<'a> {
    name: &'a str,
    value: &'a str,
    max_age: TimeDelta,
    secure: bool,
}

impl Cookies {
    /// Those of a server that browsers reach there.
    pub fn of(public_url: &Url) -> Self {
        Self {
            secure: public_url.scheme() == "https",
        }
    }

    /// The session's token, as the browser sends it.
    pub fn session<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        find(headers, self.session_name())
    }

    /// Keeps a session's token.
    pub fn set_session(&self, token: &SecretString, max_age: TimeDelta) -> HeaderValue {
        self.set(self.session_name(), token.expose_secret(), max_age)
    }

    /// Forgets the session's token.
    pub fn remove_session(&self) -> HeaderValue {
        self.set(self.session_name(), "", TimeDelta::zero())
    }

    /// The secret of that flow, as the browser sends it: each has a cookie of its own, so that
    /// tabs don't get in each other's way.
    pub fn flow<'h>(&self, headers: &'h HeaderMap, flow: Uuid) -> Option<&'h str> {
        find(headers, &self.flow_name(flow))
    }

    /// Keeps a flow's secret.
    pub fn set_flow(&self, flow: Uuid, secret: &SecretString, max_age: TimeDelta) -> HeaderValue {
        self.set(&self.flow_name(flow), secret.expose_secret(), max_age)
    }

    /// Forgets a flow's secret.
    pub fn remove_flow(&self, flow: Uuid) -> HeaderValue {
        self.set(&self.flow_name(flow), "", TimeDelta::zero())
    }

    /// The secret of the page that shows this link's account, as the browser sends it.
    pub fn link<'h>(&self, headers: &'h HeaderMap, link: Uuid) -> Option<&'h str> {
        find(headers, &self.link_name(link))
    }

    /// Keeps a link's secret.
    pub fn set_link(&self, link: Uuid, secret: &SecretString, max_age: TimeDelta) -> HeaderValue {
        self.set(&self.link_name(link), secret.expose_secret(), max_age)
    }

    /// Forgets a link's secret.
    pub fn remove_link(&self, link: Uuid) -> HeaderValue {
        self.set(&self.link_name(link), "", TimeDelta::zero())
    }

    const fn session_name(self) -> &'static str {
        if self.secure {
            "__Host-lanyard-session"
        } else {
            "lanyard-session"
        }
    }

    fn flow_name(self, flow: Uuid) -> String {
        self.name_of("flow", flow)
    }

    fn link_name(self, link: Uuid) -> String {
        self.name_of("link", link)
    }

    fn name_of(self, what: &str, id: Uuid) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        let id = id.simple().to_string();
        format!("{prefix}lanyard-{what}-{}", &id[..DIGITS])
    }

    fn set(self, name: &str, value: &str, max_age: TimeDelta) -> HeaderValue {
        SetCookie {
            name,
            value,
            max_age,
            secure: self.secure,
        }
        .header()
    }
}

impl SetCookie<'_> {
    fn header(&self) -> HeaderValue {
        let seconds = self.max_age.num_seconds().max(0);
        let secure = if self.secure { "; Secure" } else { "" };
        // Lax: the way back from a provider is a navigation from another site.
        let text = format!(
            "{}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
            self.name, self.value
        );
        let mut header =
            HeaderValue::try_from(text).expect("names and values are of base64's characters");
        header.set_sensitive(true);
        header
    }
}

/// The value of a cookie; `None` where it is empty, too.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(url: &str) -> Cookies {
        Cookies::of(&Url::parse(url).unwrap())
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| line.parse().unwrap());
        lines.map(|line| (header::COOKIE, line)).collect()
    }

    #[test]
    fn a_cookie_says_all_that_protects_it() {
        let token = SecretString::from("dG9rZW4");
        let flow = Uuid::from_u128(0x0123_4567_89ab_7def_8123_4567_89ab_cdef);
        let week = TimeDelta::weeks(1);
        let secure = cookies("https://id.example.com");
        let plain = cookies("http://127.0.0.1:8080");
        for (made, expected) in [
            (
                secure.set_session(&token, week),
                "__Host-lanyard-session=dG9rZW4; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                secure.remove_session(),
                "__Host-lanyard-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                secure.set_flow(flow, &token, week),
                "__Host-lanyard-flow-0123456789ab7def=dG9rZW4; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                secure.remove_flow(flow),
                "__Host-lanyard-flow-0123456789ab7def=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                secure.set_link(flow, &token, week),
                "__Host-lanyard-link-0123456789ab7def=dG9rZW4; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                plain.remove_link(flow),
                "lanyard-link-0123456789ab7def=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
            ),
            (
                plain.set_session(&token, week),
                "lanyard-session=dG9rZW4; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax",
            ),
            (
                plain.remove_flow(flow),
                "lanyard-flow-0123456789ab7def=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
            ),
        ] {
            assert_eq!(made.to_str().unwrap(), expected);
            assert!(made.is_sensitive(), "logs don't show {expected}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_wherever_it_stands() {
        let (secure, plain) = (cookies("https://id.example.com"), cookies("http://[::1]:1"));
        let found = |lines: &[&str]| {
            let headers = headers(lines);
            secure.session(&headers).map(ToOwned::to_owned)
        };
        let token = Some("dG9r-_Zg".to_owned());
        assert_eq!(found(&["__Host-lanyard-session=dG9r-_Zg"]), token);
        assert_eq!(found(&["a=b; __Host-lanyard-session=dG9r-_Zg; c=d"]), token);
        assert_eq!(found(&["a=b", "c;__Host-lanyard-session=dG9r-_Zg"]), token);
        for lines in [
            &[][..],
            &[""],
            &["__Host-lanyard-session"],
            &["__Host-lanyard-session="],
            // Any subdomain may set what has no prefix.
            &["lanyard-session=dG9r-_Zg"],
            &["__host-lanyard-session=dG9r-_Zg"],
            &["__Host-lanyard-session-2=dG9r-_Zg"],
            &["a=__Host-lanyard-session=dG9r-_Zg"],
        ] {
            assert_eq!(found(lines), None, "{lines:?}");
        }
        let headers = headers(&["lanyard-session=here"]);
        assert_eq!(plain.session(&headers), Some("here"));
    }

    #[test]
    fn every_flow_has_its_own() {
        let cookies = cookies("https://id.example.com");
        let (one, other) = (Uuid::from_u128(1 << 64), Uuid::from_u128(2 << 64));
        let headers = headers(&[
            "__Host-lanyard-flow-0000000000000001=one; __Host-lanyard-flow-0000000000000002=other",
        ]);
        assert_eq!(cookies.flow(&headers, one), Some("one"));
        assert_eq!(cookies.flow(&headers, other), Some("other"));
        assert_eq!(cookies.flow(&headers, Uuid::from_u128(3 << 64)), None);
    }
}
