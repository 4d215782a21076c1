//! A request as it came, and the comparison of its parameters with those that it must have.

use std::collections::BTreeMap;

use poem::http::{HeaderMap, Method};
use poem::{Body, Request};
use url::form_urlencoded;

/// The most that is read of a body.
const LARGEST_BODY: usize = 64 * 1024;

pub type Pairs = Vec<(String, String)>;

/// A request to the player.
pub struct Asked {
    pub method: Method,
    /// Without the query.
    pub url: String,
    pub query: Pairs,
    pub form: Pairs,
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked {
    /// `base` ends in the slash that paths begin with.
    pub async fn read(mut request: Request, base: &str) -> Self {
        let body: Body = request.take_body();
        let body = body.into_bytes_limit(LARGEST_BODY).await.unwrap();
        let uri = request.uri();
        let path = uri.path().strip_prefix('/').unwrap_or_default();
        Self {
            method: request.method().clone(),
            url: format!("{base}{path}"),
            query: pairs(uri.query().unwrap_or_default()),
            form: form_urlencoded::parse(&body).into_owned().collect(),
            headers: request.headers().clone(),
            body: body.to_vec(),
        }
    }

    /// As recordings name it.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    /// A header's value; texts only.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub fn pairs(query: &str) -> Pairs {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// What a parameter has to be.
pub enum Must {
    Be(String),
    /// Anything that could not be guessed: 128 bits and more.
    BeRandom,
    /// A SHA-256 hash in base64url.
    BeHash,
    /// Anything.
    BeThere,
}

/// What the parameters must be, by their names: these, each once, and no other.
pub type Musts = BTreeMap<String, Must>;

/// What is wrong with the parameters of `what`.
pub fn compare(what: &str, found: &Pairs, musts: &Musts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, must) in musts {
        let values: Vec<&String> = found
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value)
            .collect();
        match values[..] {
            [] => wrong.push(format!("{what} lacks `{name}`")),
            [value] => {
                let said = must.said_of(value);
                wrong.extend(said.map(|said| format!("{what}: `{name}` is {value:?}, {said}")));
            }
            _ => wrong.push(format!("{what} has `{name}` more than once")),
        }
    }
    for (name, value) in found {
        if !musts.contains_key(name) {
            wrong.push(format!("{what} has `{name}` ({value:?}) for no reason"));
        }
    }
    wrong
}

impl Must {
    /// What it is instead of what it must be.
    fn said_of(&self, value: &str) -> Option<String> {
        let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_text = value.bytes().all(url_safe);
        match self {
            Self::Be(wanted) => (value != wanted).then(|| format!("not {wanted:?}")),
            Self::BeRandom => {
                (value.len() < 22 || !is_text).then(|| "which can be guessed".to_owned())
            }
            Self::BeHash => (value.len() != 43 || !is_text).then(|| "which is no hash".to_owned()),
            Self::BeThere => None,
        }
    }
}

/// By names and values.
pub fn musts<const N: usize>(pairs: [(&str, Must); N]) -> Musts {
    pairs
        .into_iter()
        .map(|(name, must)| (name.to_owned(), must))
        .collect()
}
