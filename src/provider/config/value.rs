//! What a config value has to be. Each check answers with the rest of a sentence: "must be …".

use serde_json::Value;
use url::{Host, Url};

use super::auth_method::AuthMethod;
use crate::limits;
use crate::provider::catalog::{Kind, Protocol};

const MAX_SCOPES: usize = 64;
const MAX_SCOPE_BYTES: usize = 256;
const MAX_TEXT_BYTES: usize = 1024;

/// What the checks look at beside the value.
pub(super) struct Rules<'a> {
    pub protocol: Protocol,
    pub allow_http: &'a dyn Fn(&Url) -> bool,
}

pub(super) fn check(kind: Kind, value: &Value, rules: &Rules) -> Result<(), String> {
    if kind == Kind::Scopes {
        let scopes = value.as_array().ok_or("must be a list of scopes")?;
        return check_scopes(rules.protocol, scopes.iter().map(Value::as_str));
    }
    let text = value.as_str().ok_or("must be a string")?;
    match kind {
        Kind::Url => check_url(text, rules).and_then(|url| without_fragment(&url)),
        Kind::BaseUrl | Kind::Issuer => check_url(text, rules).and_then(|url| plain(&url)),
        Kind::Domain => check_domain(text),
        Kind::Text => check_text(text),
        Kind::ResponseMode => check_response_mode(text),
        Kind::Tenant => check_tenant(text),
        Kind::AuthMethod => check_auth_method(text),
        Kind::Prompt => check_prompt(text),
        Kind::Scopes => Ok(()),
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`. `OpenID` Connect Core 1.0
/// §3.1.2.1: without `openid` there is no ID token.
pub(in crate::provider) fn check_scopes<'a>(
    protocol: Protocol,
    scopes: impl Iterator<Item = Option<&'a str>>,
) -> Result<(), String> {
    let mut seen = Vec::new();
    for scope in scopes {
        let scope = scope.ok_or("must be a list of strings, one scope each")?;
        let printable = scope.bytes().all(|byte| byte.is_ascii_graphic());
        if scope.is_empty() || !printable || scope.contains(['"', '\\']) {
            return Err(
                "must hold one scope in each string: visible ASCII without spaces, quotes and \
                 backslashes"
                    .to_owned(),
            );
        }
        if scope.len() > MAX_SCOPE_BYTES {
            return Err(format!(
                "must hold scopes of at most {MAX_SCOPE_BYTES} bytes"
            ));
        }
        if seen.contains(&scope) {
            return Err(format!("must name `{scope}` once only"));
        }
        seen.push(scope);
        if seen.len() > MAX_SCOPES {
            return Err(format!("must hold at most {MAX_SCOPES} scopes"));
        }
    }
    if protocol == Protocol::Oidc && !seen.contains(&"openid") {
        return Err("must hold `openid`: without it there is no ID token".to_owned());
    }
    Ok(())
}

/// An absolute URL that is read by everyone as it is by us: `Url::parse` alone would mend a missing
/// slash, a backslash or a line break, and the text is what is stored and compared.
fn check_url(text: &str, rules: &Rules) -> Result<Url, String> {
    if text.len() > limits::URL {
        let max = limits::URL;
        return Err(format!("must be at most {max} bytes long"));
    }
    let not_a_url = || "must be an absolute URL, such as https://login.example.com".to_owned();
    let (_, rest) = text.split_once("://").ok_or_else(not_a_url)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let odd = |char: char| char == '\\' || char.is_whitespace() || char.is_control();
    if authority.is_empty() || text.contains(odd) {
        return Err(not_a_url());
    }
    if authority.contains('@') {
        return Err("must not hold a user name or password".to_owned());
    }
    let url = Url::parse(text).map_err(|_| not_a_url())?;
    if host(&url).is_none_or(str::is_empty) {
        return Err(not_a_url());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) || (rules.allow_http)(&url) => Ok(url),
        _ => Err(
            "must be an https URL; http is only for this machine's own loopback addresses \
                  and for hosts in LANYARD_EGRESS_ALLOW"
                .to_owned(),
        ),
    }
}

/// RFC 6749 §3.1 and §3.2: an endpoint may have a query, never a fragment.
fn without_fragment(url: &Url) -> Result<(), String> {
    match url.fragment() {
        None => Ok(()),
        Some(_) => Err("must not have a fragment (`#…`)".to_owned()),
    }
}

/// RFC 8414 §2 and `OpenID` Connect Discovery 1.0 §3: an issuer has neither query nor fragment.
/// Nor has anything that paths are put behind.
fn plain(url: &Url) -> Result<(), String> {
    match (url.query(), url.fragment()) {
        (None, None) => Ok(()),
        _ => Err("must not have a query (`?…`) or a fragment (`#…`)".to_owned()),
    }
}

/// RFC 1035 §2.3.1 with RFC 1123 §2.1, of two labels or more.
fn check_domain(text: &str) -> Result<(), String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    // An address is no domain: no top-level domain is a number (RFC 3696 §2).
    let is_top = |label: &str| label.bytes().any(|byte| !byte.is_ascii_digit());
    let top = text.rsplit_once('.').map(|(_, top)| top);
    if text.len() <= 253 && text.split('.').all(is_label) && top.is_some_and(is_top) {
        Ok(())
    } else {
        Err("must be a domain name in lower case, such as example.com".to_owned())
    }
}

fn check_text(text: &str) -> Result<(), String> {
    if (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(())
    } else {
        Err(format!(
            "must be 1 to {MAX_TEXT_BYTES} bytes of text, without control characters"
        ))
    }
}

/// The tenants of the identity platform's endpoints:
/// <https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints>. A tenant's
/// domain is none: tokens name the tenant by its id.
fn check_tenant(text: &str) -> Result<(), String> {
    let is_id = uuid::Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text);
    if is_id || ["common", "organizations", "consumers"].contains(&text) {
        Ok(())
    } else {
        Err(
            "must be the tenant's id, a GUID in lower case, or common, organizations or consumers"
                .to_owned(),
        )
    }
}

/// OAuth 2.0 Multiple Response Types §2.1 and OAuth 2.0 Form Post Response Mode: those that bring
/// the code to a server. A fragment never leaves the browser.
fn check_response_mode(text: &str) -> Result<(), String> {
    match text {
        "query" | "form_post" => Ok(()),
        _ => Err("must be `query` or `form_post`".to_owned()),
    }
}

fn check_auth_method(text: &str) -> Result<(), String> {
    if AuthMethod::named(text).is_some() {
        return Ok(());
    }
    let names = AuthMethod::ALL.map(|method| format!("`{}`", method.name()));
    Err(format!("must be {}", names.join(" or ")))
}

/// OpenID Connect Core 1.0 §3.1.2.1, without `none`: nobody could sign in for the first time.
fn check_prompt(text: &str) -> Result<(), String> {
    let mut words: Vec<&str> = text.split(' ').collect();
    let is_known = |word: &&str| ["login", "consent", "select_account"].contains(word);
    let all_known = words.iter().all(is_known);
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    if all_known && words.len() == count {
        Ok(())
    } else {
        Err(
            "must be `login`, `consent` or `select_account`, or several with a space between"
                .to_owned(),
        )
    }
}

/// The URL's host as names are compared: in lower case (by `Url`), without the root's dot.
pub(super) fn host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.trim_end_matches('.'))
}

/// RFC 6761 §6.3: `localhost` and what is below it never leaves the machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) => {
            host(url).is_some_and(|name| name == "localhost" || name.ends_with(".localhost"))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;
