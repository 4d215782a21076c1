//! A provider made of switches: it says what it is told to, and remembers what it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64URL_NOPAD;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, Request, Response, Server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::jwt::{Key, at_hash};
use crate::clock::Clock;

/// What an endpoint answers instead of its own.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

/// The provider; clones are the same one.
#[derive(Clone)]
pub struct Fake {
    pub issuer: String,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By the endpoint's last word.
    replies: HashMap<&'static str, Reply>,
    metadata: Value,
    claims: Value,
    userinfo: Value,
    token_answer: Value,
    /// By the challenge that came with them.
    nonces: HashMap<String, String>,
    key: u8,
    asked: Vec<(String, String, Option<String>)>,
}

impl Fake {
    pub async fn start(clock: &Clock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let fake = Self {
            issuer: format!("http://{address}/issuer"),
            clock: clock.clone(),
            state: Arc::default(),
        };
        fake.state.lock().unwrap().key = 7;
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(fake.clone()));
        fake
    }

    /// From now on the endpoint answers with this.
    pub fn reply(
        &self,
        endpoint: &'static str,
        status: u16,
        content_type: &'static str,
        body: &str,
    ) {
        let reply = Reply {
            status,
            content_type,
            body: body.to_owned(),
        };
        self.state.lock().unwrap().replies.insert(endpoint, reply);
    }

    pub fn mend(&self, endpoint: &'static str) {
        self.state.lock().unwrap().replies.remove(endpoint);
    }

    /// What differs in the configuration; null takes a member away.
    pub fn metadata(&self, changes: Value) {
        self.state.lock().unwrap().metadata = changes;
    }

    pub fn claims(&self, changes: Value) {
        self.state.lock().unwrap().claims = changes;
    }

    pub fn userinfo(&self, changes: Value) {
        self.state.lock().unwrap().userinfo = changes;
    }

    pub fn token_answer(&self, changes: Value) {
        self.state.lock().unwrap().token_answer = changes;
    }

    /// Signs with another key, and publishes that one only.
    pub fn rotate(&self) {
        self.state.lock().unwrap().key += 1;
    }

    /// What a person at the page would have the browser bring back; the ID token will have the
    /// nonce that was asked for.
    pub fn authorize(&self, url: &Url) -> String {
        let parameter = |name: &str| {
            let found = url.query_pairs().find(|(found, _)| found == name);
            found.unwrap().1.into_owned()
        };
        let mut state = self.state.lock().unwrap();
        let (challenge, nonce) = (parameter("code_challenge"), parameter("nonce"));
        state.nonces.insert(challenge, nonce);
        format!("code=the-code&state={}", parameter("state"))
    }

    /// The bodies (and `Authorization`) that came to an endpoint.
    pub fn asked(&self, endpoint: &str) -> Vec<(String, Option<String>)> {
        let state = self.state.lock().unwrap();
        let of = state.asked.iter().filter(|(found, _, _)| found == endpoint);
        of.map(|(_, body, authorization)| (body.clone(), authorization.clone()))
            .collect()
    }

    fn answer(&self, endpoint: &str, body: &str) -> Option<Value> {
        let state = self.state.lock().unwrap();
        let key = Key::new(["a", "b", "c", "d"][usize::from(state.key) % 4], state.key);
        let url = |path: &str| format!("{}/{path}", self.issuer);
        let now = self.clock.now().timestamp();
        Some(match endpoint {
            "openid-configuration" => changed(
                json!({
                    "issuer": self.issuer, "authorization_endpoint": url("authorize"),
                    "token_endpoint": url("token"), "userinfo_endpoint": url("userinfo"),
                    "jwks_uri": url("jwks"), "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                }),
                &state.metadata,
            ),
            "jwks" => json!({"keys": [key.jwk()]}),
            "token" => {
                let claims = json!({
                    "iss": self.issuer, "aud": "us", "sub": "person-1", "iat": now,
                    "exp": now + 300, "nonce": state.nonce(body), "at_hash": at_hash("access-canary"),
                });
                let id_token = key.sign(&changed(claims, &state.claims));
                let answer = json!({
                    "access_token": "access-canary", "token_type": "Bearer", "expires_in": 300,
                    "refresh_token": "refresh-canary", "id_token": id_token,
                });
                changed(answer, &state.token_answer)
            }
            "userinfo" => changed(
                json!({"sub": "person-1", "email": "p@x.example", "email_verified": true}),
                &state.userinfo,
            ),
            _ => return None,
        })
    }
}

impl State {
    /// Of the flow whose verifier the form holds.
    fn nonce(&self, form: &str) -> Option<&String> {
        let mut fields = form_urlencoded::parse(form.as_bytes());
        let (_, verifier) = fields.find(|(name, _)| name == "code_verifier")?;
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes()));
        self.nonces.get(&challenge)
    }
}

impl Endpoint for Fake {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let path = request.uri().path().to_owned();
        let endpoint = path.rsplit('/').next().unwrap_or_default();
        let authorization = request.header("authorization").map(str::to_owned);
        let body = request.take_body().into_string().await.unwrap_or_default();
        let reply = {
            let mut state = self.state.lock().unwrap();
            let asked = (endpoint.to_owned(), body.clone(), authorization);
            state.asked.push(asked);
            state.replies.get(endpoint).cloned()
        };
        let reply = reply.or_else(|| {
            let body = self.answer(endpoint, &body)?.to_string();
            Some(Reply {
                status: 200,
                content_type: "application/json",
                body,
            })
        });
        let Some(reply) = reply else {
            return Ok(StatusCode::NOT_FOUND.into());
        };
        Ok(Response::builder()
            .status(StatusCode::from_u16(reply.status).unwrap())
            .content_type(reply.content_type)
            .header("location", "http://127.0.0.1:9/")
            .body(reply.body))
    }
}

fn changed(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().into_iter().flatten() {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
    value
}
