//! Answers in the shape of a provider's documentation, and the cases that are made of them:
//! `tests/recorded/<type>.toml`. A file is held to what every type has to show.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::entry::Entry;
use crate::support::repository::read;

/// Cases that every type has, and the pages that they may end in; none: the account is linked.
const REQUIRED: [(&str, &[&str]); 9] = [
    ("success", &[]),
    ("denied", &["ACCESS_DENIED"]),
    ("expired_code", &["PROVIDER_REFUSED"]),
    ("rate_limited", &["PROVIDER_UNAVAILABLE"]),
    ("missing_email", &[]),
    ("unverified_email", &[]),
    ("integer_id", &[]),
    ("malformed_json", &["ANSWER_INVALID"]),
    ("html_error", &["ANSWER_INVALID", "PROVIDER_UNAVAILABLE"]),
];
/// The same at a call for the account; types that make one have it too.
const RATE_LIMITED_LATER: (&str, &[&str]) = ("user_rate_limited", &["PROVIDER_UNAVAILABLE"]);

/// A file.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Where the shapes of the answers are from.
    pub documentation: Vec<String>,
    #[serde(default = "some_client")]
    pub client_id: String,
    #[serde(default)]
    pub config: Map<String, Value>,
    #[serde(default)]
    pub answers: BTreeMap<String, Answer>,
    #[serde(default)]
    pub id_tokens: BTreeMap<String, IdToken>,
    pub discovery: Option<Discovery>,
    pub cases: BTreeMap<String, Case>,
    #[serde(default)]
    pub revocations: BTreeMap<String, Revocation>,
}

/// What the provider answers to one request.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Method and URL, without the query.
    pub request: String,
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `{id_token}` stands for the case's.
    #[serde(default)]
    pub body: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdToken {
    /// An object of JSON.
    pub claims: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// The document as the provider publishes it.
    pub body: String,
}

/// One way that a link can go.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// In the order in which they are asked for.
    #[serde(default)]
    pub answers: Vec<String>,
    pub id_token: Option<String>,
    /// What the way back says beside the state, where it isn't just a code.
    pub come_back: Option<String>,
    /// What the provider is configured with, where it isn't what the file says.
    pub config: Option<Map<String, Value>>,
    /// The code of the page that it ends in; otherwise the account is linked.
    pub page: Option<String>,
    pub expect: Option<Expect>,
}

/// One way that it can go when an account is unlinked and its tokens are given back.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Whose account it is: a case that links one.
    pub case: String,
    /// What the provider answers, in order; left out: it isn't asked. Tokens that it is asked for
    /// in between are for a refresh token.
    #[serde(default)]
    pub answers: Vec<String>,
    /// How the client has to show itself: `basic`, `body`, or `none`.
    #[serde(default)]
    pub client: String,
    /// What has to be asked, but for the client: a form, or an object of JSON; `{access_token}` and
    /// `{refresh_token}` stand for those of the case.
    #[serde(default)]
    pub body: String,
    /// Whether the tokens are revoked then.
    #[serde(default)]
    pub revoked: bool,
    /// Why not, as the event says.
    pub reason: Option<String>,
}

/// What is known of the account then. A profile's field that is left out is null; what is left
/// out of the rest isn't looked at, or is what the token endpoint's answer says.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub external_id: String,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub instance: Option<String>,
    pub refresh_token: Option<bool>,
    pub expires_in: Option<i64>,
    pub attributes: Option<Map<String, Value>>,
}

impl Recording {
    /// That of a type of the catalogue.
    pub fn of(key: &str) -> Self {
        let file = format!("tests/recorded/{key}.toml");
        Self::parse(&file, &read(&file))
    }

    pub fn parse(file: &str, text: &str) -> Self {
        toml::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The same, with every `https://` of what the server is to ask for being `base`.
    pub fn at(mut self, base: &str) -> Self {
        let here = |text: &str| text.replace("https://", base);
        let config_here = |config: &Map<String, Value>| {
            serde_json::from_str(&here(&Value::Object(config.clone()).to_string())).unwrap()
        };
        for answer in self.answers.values_mut() {
            answer.request = here(&answer.request);
        }
        if let Some(discovery) = &mut self.discovery {
            discovery.body = here(&discovery.body);
        }
        self.config = config_here(&self.config);
        for case in self.cases.values_mut() {
            case.config = case.config.as_ref().map(config_here);
        }
        self
    }

    /// What the provider is configured with for a case.
    pub fn config_of(&self, case: &str) -> &Map<String, Value> {
        let own = self.cases.get(case).and_then(|case| case.config.as_ref());
        own.unwrap_or(&self.config)
    }

    /// The texts of all tokens that some answer gives.
    pub fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        for answer in self.answers.values() {
            collect_tokens(&answer.document(), &mut tokens);
        }
        tokens.retain(|token| token != "{id_token}");
        tokens
    }

    /// What is wrong with the file itself.
    pub fn mistakes(&self, entry: &Entry) -> Vec<String> {
        let mut mistakes = Vec::new();
        let is_address = |text: &String| text.starts_with("https://");
        if self.documentation.is_empty() || !self.documentation.iter().all(is_address) {
            mistakes.push("`documentation` names no page, or something else".to_owned());
        }
        if (entry.protocol == "OIDC") != self.discovery.is_some() {
            mistakes.push("`discovery` goes with OIDC, and with nothing else".to_owned());
        }
        let later = (!entry.user_info.is_empty()).then_some(RATE_LIMITED_LATER);
        for (name, pages) in REQUIRED.into_iter().chain(later) {
            match self.cases.get(name) {
                None => mistakes.push(format!("there is no case `{name}`")),
                Some(case) => mistakes.extend(case.strays(name, pages)),
            }
        }
        for (name, case) in &self.cases {
            mistakes.extend(self.mistakes_of(name, case));
        }
        if entry.revocation.is_some() == self.revocations.is_empty() {
            mistakes.push("`revocations` go with a type that revokes, and no other".to_owned());
        }
        for (name, revocation) in &self.revocations {
            mistakes.extend(self.mistakes_of_revocation(name, revocation));
        }
        mistakes.extend(self.unused());
        let told = |token: &&String| !token.contains("canary");
        for token in self.tokens().iter().filter(told) {
            mistakes.push(format!("the token {token:?} has no `canary` to look for"));
        }
        mistakes
    }

    fn mistakes_of(&self, name: &str, case: &Case) -> Vec<String> {
        let mut mistakes = Vec::new();
        if case.page.is_some() == case.expect.is_some() {
            mistakes.push(format!("case `{name}` needs a `page`, or what to `expect`"));
        }
        for answer in &case.answers {
            if !self.answers.contains_key(answer) {
                mistakes.push(format!("case `{name}`: there is no answer `{answer}`"));
            }
        }
        if let Some(id_token) = &case.id_token
            && !self.id_tokens.contains_key(id_token)
        {
            mistakes.push(format!("case `{name}`: there is no ID token `{id_token}`"));
        }
        if case.is_denied() != case.answers.is_empty() {
            mistakes.push(format!(
                "case `{name}` comes back with an error, or has answers"
            ));
        }
        mistakes
    }

    fn mistakes_of_revocation(&self, name: &str, revocation: &Revocation) -> Vec<String> {
        let mut mistakes = Vec::new();
        let case = self.cases.get(&revocation.case);
        if case.is_none_or(|case| case.expect.is_none()) {
            mistakes.push(format!(
                "revocation `{name}`: no such case links an account"
            ));
        }
        if revocation.revoked == revocation.reason.is_some() {
            mistakes.push(format!(
                "revocation `{name}` is `revoked`, or has a `reason`"
            ));
        }
        for answer in &revocation.answers {
            if !self.answers.contains_key(answer) {
                mistakes.push(format!(
                    "revocation `{name}`: there is no answer `{answer}`"
                ));
            }
        }
        mistakes
    }

    fn unused(&self) -> Vec<String> {
        let cases = || self.cases.values();
        let revoked = self.revocations.values().flat_map(|one| &one.answers);
        let answers = cases().flat_map(|case| &case.answers).chain(revoked);
        let answers: BTreeSet<&String> = answers.collect();
        let id_tokens: BTreeSet<&String> = cases().flat_map(|case| &case.id_token).collect();
        let spare = self.answers.keys().filter(|name| !answers.contains(name));
        let spare_tokens = self.id_tokens.keys();
        spare
            .chain(spare_tokens.filter(|name| !id_tokens.contains(name)))
            .map(|name| format!("`{name}` is in no case"))
            .collect()
    }
}

impl Case {
    /// The provider sends the person back with an error instead of a code.
    pub fn is_denied(&self) -> bool {
        self.come_back().iter().any(|(name, _)| name == "error")
    }

    /// The parameters of the way back, beside what every one has.
    pub fn come_back(&self) -> Vec<(String, String)> {
        let said = self.come_back.as_deref().unwrap_or_default();
        form_urlencoded::parse(said.as_bytes())
            .into_owned()
            .collect()
    }

    /// Where a case that every type has isn't what its name says.
    fn strays(&self, name: &str, pages: &[&str]) -> Option<String> {
        let strays = match (&self.page, &self.expect) {
            (Some(page), _) => !pages.contains(&page.as_str()),
            (None, Some(_)) if !pages.is_empty() => true,
            (None, Some(expect)) => match name {
                "missing_email" => expect.email.is_some(),
                "unverified_email" => expect.email_verified == Some(true),
                _ => false,
            },
            (None, None) => false,
        };
        strays.then(|| format!("case `{name}` is not what its name says"))
    }
}

impl Answer {
    pub fn is_form(&self) -> bool {
        let media_type = self.headers.iter().find_map(|(name, value)| {
            let is_it = name.eq_ignore_ascii_case("content-type");
            is_it.then_some(value)
        });
        media_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
    }

    /// What the body says; null where that can't be read.
    pub fn document(&self) -> Value {
        if !self.is_form() {
            return serde_json::from_str(&self.body).unwrap_or_default();
        }
        let pairs = form_urlencoded::parse(self.body.as_bytes()).into_owned();
        Value::Object(
            pairs
                .map(|(name, value)| (name, Value::String(value)))
                .collect(),
        )
    }
}

fn collect_tokens(document: &Value, tokens: &mut Vec<String>) {
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                let is_token = ["access_token", "refresh_token", "id_token"].contains(&&**name);
                match value {
                    Value::String(text) if is_token => tokens.push(text.clone()),
                    other => collect_tokens(other, tokens),
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                collect_tokens(value, tokens);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn some_client() -> String {
    "client-of-the-tests".to_owned()
}
