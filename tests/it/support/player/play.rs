//! One case while it is played: what was asked and answered so far.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use poem::Response;
use poem::http::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Stage;
use super::asked::Asked;
use super::checks;
use super::recording::{Case, Revocation};

/// How long an ID token is good.
const LIFE: TimeDelta = TimeDelta::hours(1);

pub struct Play {
    case: Case,
    pub code: String,
    pub config: Map<String, Value>,
    pub authorized: Option<Authorized>,
    /// How many of the case's answers were given.
    answered: usize,
    /// What comes after them.
    revocation: Option<Revocation>,
    /// What the token endpoint said; null where that can't be read.
    pub token_answer: Value,
    /// What the calls for the account said, by their names.
    pub documents: BTreeMap<String, Value>,
    /// Further texts that must not show up anywhere.
    pub secrets: Vec<String>,
    pub problems: Vec<String>,
}

/// What a person was sent to the provider with.
pub struct Authorized {
    pub state: String,
    pub challenge: Option<String>,
    pub nonce: Option<String>,
    pub redirect_uri: String,
}

impl Play {
    pub fn new(stage: &Stage, name: &str) -> Self {
        let code = format!("canary-code-of-{name}");
        Self {
            case: stage.recording.cases[name].clone(),
            config: stage.recording.config_of(name).clone(),
            authorized: None,
            answered: 0,
            revocation: None,
            token_answer: Value::Null,
            documents: BTreeMap::new(),
            secrets: vec![code.clone()],
            problems: Vec::new(),
            code,
        }
    }

    /// The account is unlinked from now on.
    pub fn revoke(&mut self, revocation: &Revocation) {
        self.case.answers.extend(revocation.answers.clone());
        self.revocation = Some(revocation.clone());
    }

    /// The parameters that a person comes back with.
    pub fn way_back(&self, stage: &Stage) -> Vec<(String, String)> {
        let state = self.authorized.as_ref().map(|asked| asked.state.clone());
        let mut parameters = self.case.come_back();
        if !self.case.is_denied() {
            parameters.push(("code".to_owned(), self.code.clone()));
        }
        parameters.push(("state".to_owned(), state.unwrap_or_default()));
        if stage.names_itself() {
            parameters.push(("iss".to_owned(), stage.issuer()));
        }
        parameters
    }

    /// The answer that is due, if it is the one that was asked for.
    pub fn answer(&mut self, stage: &Stage, asked: &Asked) -> Response {
        let line = asked.line();
        let Some(name) = self.case.answers.get(self.answered).cloned() else {
            return self.nothing(format!("{line} was asked, and no answer is left"));
        };
        let due = &stage.recording.answers[&name];
        if due.request != line {
            return self.nothing(format!("{line} was asked, {} is due", due.request));
        }
        let wrong = if let Some(revocation) = &self.revocation {
            let refreshes = asked.url == stage.token_endpoint(&self.config);
            let wrong = if refreshes {
                checks::refresh(stage, self, asked)
            } else {
                checks::revocation(stage, self, revocation, asked)
            };
            if refreshes {
                self.token_answer = due.document();
            }
            wrong
        } else if self.answered == 0 {
            let wrong = checks::exchange(stage, self, asked);
            self.token_answer = due.document();
            wrong
        } else {
            checks::call(stage, self, asked)
        };
        self.problems.extend(wrong);
        if let Some(call) = stage.call(&self.config, &asked.url) {
            self.documents.insert(call.name.clone(), due.document());
        }
        self.answered += 1;
        let mut body = due.body.clone();
        if body.contains("{id_token}") {
            body = body.replace("{id_token}", &self.id_token(stage));
        }
        let mut response = Response::builder().status(StatusCode::from_u16(due.status).unwrap());
        for (name, value) in &due.headers {
            response = response.header(name, value);
        }
        response.body(body)
    }

    fn nothing(&mut self, problem: String) -> Response {
        let response = Response::builder().status(StatusCode::NOT_IMPLEMENTED);
        let response = response.body(problem.clone());
        self.problems.push(problem);
        response
    }

    /// The case's claims, and those that nobody could write down in advance.
    fn id_token(&mut self, stage: &Stage) -> String {
        let name = self.case.id_token.clone();
        let recorded = name.and_then(|name| stage.recording.id_tokens.get(&name));
        let claims = recorded.map(|recorded| serde_json::from_str(&recorded.claims));
        let Some(Ok(Value::Object(mut claims))) = claims else {
            self.problems
                .push("the case has no ID token that can be read".to_owned());
            return String::new();
        };
        let now = stage.clock.now();
        let nonce = self
            .authorized
            .as_ref()
            .and_then(|asked| asked.nonce.clone());
        let tenant = claims.get("tid").and_then(Value::as_str);
        let issuer = stage.issuer();
        let issuer = issuer.replace("{tenantid}", tenant.unwrap_or("{tenantid}"));
        for (name, value) in [
            ("iss", json!(issuer)),
            ("aud", json!(stage.recording.client_id)),
            ("iat", json!(now.timestamp())),
            ("exp", json!((now + LIFE).timestamp())),
            ("nonce", json!(nonce)),
        ] {
            claims.entry(name).or_insert(value);
        }
        if let Some(issuer) = claims["iss"].as_str() {
            claims["iss"] = json!(stage.here(issuer));
        }
        if claims.contains_key("at_hash") {
            let tokens = stage.entry.tokens_in(&self.token_answer);
            let hash = Sha256::digest(tokens["access_token"].as_str().unwrap_or_default());
            claims["at_hash"] = json!(BASE64URL_NOPAD.encode(&hash[..hash.len() / 2]));
        }
        let id_token = stage.key.sign(&Value::Object(claims));
        self.secrets.push(id_token.clone());
        id_token
    }

    /// Everything that went wrong, at its end.
    pub fn all_problems(mut self) -> Vec<String> {
        for name in self.case.answers.iter().skip(self.answered) {
            self.problems
                .push(format!("the answer `{name}` was never asked for"));
        }
        self.problems
    }
}
