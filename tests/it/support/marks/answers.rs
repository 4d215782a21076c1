//! What clients get: a token only where one was asked for by its name, by a key that may have it.

use lanyard::database::api_key;
use lanyard::token;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use super::marked;
use crate::support::app::{ADMIN, App};

/// The field of the schema that is a token.
const TOKEN: &str = "accessToken";

/// The scopes that tokens are given out by.
const SCOPES: [&str; 2] = ["identity:token", "admin"];

/// What an answer answers.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Empty where there was none.
    pub document: &'a str,
    /// Whether tokens are given out to whoever asks.
    pub may_have_tokens: bool,
}

impl App {
    /// What this document is, where it is asked by that key; `None`: by a person, or by nobody.
    pub async fn asked<'a>(&self, document: &'a str, key: Option<&str>) -> Asked<'a> {
        let may_have_tokens = match key {
            Some(key) if document.contains(TOKEN) => self.may_have_tokens(key).await,
            Some(_) | None => false,
        };
        Asked {
            document,
            may_have_tokens,
        }
    }

    /// As its row says; one that is unknown or gone may have nothing.
    async fn may_have_tokens(&self, key: &str) -> bool {
        if key == ADMIN {
            return true;
        }
        let hashes = [token::hash(key)];
        let rows = api_key::by_hashes(self.database.reader(), &hashes).await;
        let rows = rows.unwrap();
        let mut scopes = rows.iter().flat_map(|row| &row.scopes_json.0);
        scopes.any(|scope| SCOPES.contains(&scope.as_str()))
    }
}

/// A page, or whatever else is no answer of GraphQL's.
///
/// # Panics
/// There is a marked token in it, or in the headers that came with it.
#[track_caller]
pub fn check_page(headers: &HeaderMap, text: &str) {
    refuse("a page", text);
    check_headers(headers);
}

/// An answer of GraphQL's to what was asked.
///
/// # Panics
/// There is a marked token in it that isn't the value of a field `accessToken`, by this or
/// another name, one that whoever asks may not have, or one in the headers.
#[track_caller]
pub fn check_answer(asked: Asked<'_>, headers: &HeaderMap, answer: &Value) {
    check_headers(headers);
    let names = if asked.may_have_tokens {
        names(asked.document)
    } else {
        Vec::new()
    };
    let Some(members) = answer.as_object().filter(|_| !names.is_empty()) else {
        return refuse("an answer", &answer.to_string());
    };
    for (name, value) in members {
        if name == "data" {
            check_data(&names, value);
        } else {
            refuse("an answer", &value.to_string());
        }
    }
}

/// What came back for a request, whatever it was.
///
/// # Panics
/// As [`check_answer`] and [`check_page`].
#[track_caller]
pub fn check_reply(asked: Asked<'_>, headers: &HeaderMap, text: &str) {
    match serde_json::from_str(text) {
        Ok(answer) => check_answer(asked, headers, &answer),
        Err(_) => check_page(headers, text),
    }
}

/// The document that a request sends, in its body or in its address; empty where there is none.
pub fn document(request: &Request) -> String {
    let body = request.body().and_then(|body| body.as_bytes());
    let body: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    let sent = body.and_then(|body| Some(body.get("query")?.as_str()?.to_owned()));
    let asked = || {
        let mut pairs = request.url().query_pairs();
        let (_, found) = pairs.find(|(name, _)| name == "query")?;
        Some(found.into_owned())
    };
    sent.or_else(asked).unwrap_or_default()
}

/// Whether a request comes with [`ADMIN`].
pub fn is_by_admin(request: &Request) -> bool {
    let sent = request.headers().get(AUTHORIZATION);
    sent.is_some_and(|sent| sent.as_bytes() == format!("Bearer {ADMIN}").as_bytes())
}

#[track_caller]
fn check_headers(headers: &HeaderMap) {
    for (name, value) in headers {
        if let Some(found) = marked(value.as_bytes()) {
            panic!("the header {name} has a token in clear: {found}");
        }
    }
}

#[track_caller]
fn check_data(names: &[&str], value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if !(names.contains(&name.as_str()) && value.is_string()) {
                    check_data(names, value);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check_data(names, item)),
        other => refuse("an answer", &other.to_string()),
    }
}

#[track_caller]
fn refuse(what: &str, text: &str) {
    if let Some(found) = marked(text.as_bytes()) {
        panic!("{what} has a token in clear: {found}");
    }
}

/// What the token is called in an answer to the document; nothing where it doesn't ask for it.
fn names(document: &str) -> Vec<&str> {
    let mut parts = document.split(TOKEN);
    let mut before = parts.next().unwrap_or_default();
    let mut names = Vec::new();
    for after in parts {
        // With a colon behind it, it is a field of an input.
        if !after.trim_start().starts_with(':') {
            let alias = before.trim_end().strip_suffix(':').map(|alias| {
                let alias = alias.trim_end();
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let begin = alias.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
                &alias[begin..]
            });
            names.push(alias.unwrap_or(TOKEN));
        }
        before = after;
    }
    names
}
