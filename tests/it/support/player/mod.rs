//! The player: a provider that answers as another one's documentation shows it, on this machine,
//! and looks at everything that it is asked. What a recording names as `https://host/path` it
//! serves as `http://127.0.0.1:<port>/host/path`; the server reads its types from a folder where
//! they say the same. Each case is asked for what it has, in that order, once: anything else is
//! a problem, and so is a request that a real provider would refuse.

mod asked;
mod checks;
mod entry;
mod play;
mod recording;

use std::sync::{Arc, Mutex, MutexGuard};

use lanyard::clock::Clock;
use lanyard::demo::provider::Key;
use poem::http::Method;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, Request, Response, Server};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use self::asked::Asked;
pub use self::entry::Entry;
use self::entry::UserInfo;
use self::play::Play;
pub use self::recording::{Case, Expect, Recording, Revocation};

/// The secret of the client, with characters that have to be encoded.
pub const CLIENT_SECRET: &str = "canary-client-secret+100% /é";

/// Plays the cases of a recording, one after the other.
pub struct Player {
    stage: Arc<Stage>,
}

/// What stays the same from case to case, and the case that is played.
struct Stage {
    /// `http://127.0.0.1:<port>/`.
    base: String,
    /// With addresses of the player's.
    entry: Entry,
    recording: Recording,
    /// The discovery document; null where there is none.
    document: Value,
    key: Key,
    clock: Clock,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    play: Option<Play>,
    /// Of what came while no case was played.
    problems: Vec<String>,
}

/// A case that was played.
pub struct Played {
    pub problems: Vec<String>,
    /// What must show up nowhere, beside what says `canary`.
    pub secrets: Vec<String>,
}

impl Player {
    /// Of the type that this file of the catalogue describes.
    pub async fn start(entry: &str, recording: Recording) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let recording = recording.at(&base);
        let discovery = recording.discovery.as_ref();
        let document = discovery.map(|discovery| serde_json::from_str(&discovery.body).unwrap());
        let clock = Clock::default();
        let stage = Arc::new(Stage {
            entry: Entry::parse(&here(&base, entry)),
            recording,
            document: document.unwrap_or_default(),
            key: Key::new(&clock),
            clock,
            now: Mutex::default(),
            base,
        });
        let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
        // It ends with the test.
        tokio::spawn(Server::new_with_acceptor(acceptor).run(Listening(Arc::clone(&stage))));
        Self { stage }
    }

    /// With addresses of the player's.
    pub fn recording(&self) -> &Recording {
        &self.stage.recording
    }

    /// A folder of provider types with addresses of the player's: these files, by name and text.
    pub fn types(&self, files: &[(String, String)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), here(&self.stage.base, text)).unwrap();
        }
        folder
    }

    /// The text with the addresses that the provider has in the world.
    pub fn there(&self, text: &str) -> String {
        let host = self.stage.base.trim_start_matches("http://");
        text.replace(&self.stage.base, "https://").replace(host, "")
    }

    /// Whether an instance that is told apart by its host is that of this address: here all of
    /// them share one.
    pub fn is_instance(&self, found: &str, instance: &str) -> bool {
        let host = self.stage.base.trim_start_matches("http://");
        self.there(found) == instance || format!("{found}/") == host && !instance.contains('/')
    }

    /// From now on this case is played.
    pub fn begin(&self, case: &str) {
        self.stage.lock().play = Some(Play::new(&self.stage, case));
    }

    /// Where the browser ends up of a person who was sent to this address and has decided.
    pub fn decide(&self, authorization: &Url, redirect_uri: &str) -> Url {
        let mut now = self.stage.lock();
        let play = now.play.as_mut().expect("a case is played");
        let wrong = checks::authorization(&self.stage, play, authorization, redirect_uri);
        play.problems.extend(wrong);
        let mut callback = Url::parse(redirect_uri).unwrap();
        callback
            .query_pairs_mut()
            .extend_pairs(play.way_back(&self.stage));
        callback
    }

    /// What the token endpoint has said in this case of the tokens.
    pub fn tokens(&self) -> Value {
        let now = self.stage.lock();
        let play = now.play.as_ref().expect("a case is played");
        self.stage.entry.tokens_in(&play.token_answer).clone()
    }

    /// The account of the case is unlinked next, as the revocation of this name has it.
    pub fn revoke(&self, revocation: &str) {
        let mut now = self.stage.lock();
        let play = now.play.as_mut().expect("a case is played");
        play.revoke(&self.stage.recording.revocations[revocation]);
    }

    /// The case is over.
    pub fn end(&self) -> Played {
        let mut now = self.stage.lock();
        let play = now.play.take().expect("a case is played");
        let mut problems = std::mem::take(&mut now.problems);
        let secrets = play.secrets.clone();
        problems.extend(play.all_problems());
        Played { problems, secrets }
    }

    /// What came while no case was played.
    pub fn strays(&self) -> Vec<String> {
        self.stage.lock().problems.clone()
    }
}

fn here(base: &str, text: &str) -> String {
    text.replace("https://", base)
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap()
    }

    fn here(&self, text: &str) -> String {
        here(&self.base, text)
    }

    fn is_oidc(&self) -> bool {
        self.entry.protocol == "OIDC"
    }

    /// As the discovery document has it.
    fn issuer(&self) -> String {
        self.published("issuer").unwrap_or_default()
    }

    fn published(&self, name: &str) -> Option<String> {
        self.document[name].as_str().map(str::to_owned)
    }

    /// RFC 9207 §3.
    fn names_itself(&self) -> bool {
        self.document["authorization_response_iss_parameter_supported"] == json!(true)
    }

    fn authorization_endpoint(&self, config: &Map<String, Value>) -> String {
        self.endpoint(
            config,
            "authorization_endpoint",
            self.entry.authorization.endpoint.as_ref(),
        )
    }

    fn token_endpoint(&self, config: &Map<String, Value>) -> String {
        self.endpoint(config, "token_endpoint", self.entry.token.endpoint.as_ref())
    }

    fn endpoint(
        &self,
        config: &Map<String, Value>,
        name: &str,
        template: Option<&String>,
    ) -> String {
        let found = match template {
            Some(template) => Some(self.entry.fill(template, config)),
            None => self.published(name),
        };
        found.unwrap_or_else(|| panic!("nothing says the {name}"))
    }

    fn userinfo_endpoint(&self) -> Option<String> {
        self.published("userinfo_endpoint")
    }

    /// The ways in which a client with a secret may show itself: as the entry says, or the
    /// config, or else the discovery document.
    fn client_authentication(&self, config: &Map<String, Value>) -> Vec<String> {
        if let Some(way) = &self.entry.token.client_authentication {
            return vec![way.clone()];
        }
        let configured = config.get("token_endpoint_auth_method");
        let published = self.document["token_endpoint_auth_methods_supported"].as_array();
        let basic = vec![json!("client_secret_basic")];
        let methods = match configured {
            Some(method) => vec![method.clone()],
            None => published.cloned().unwrap_or(basic),
        };
        [
            ("client_secret_basic", "basic"),
            ("client_secret_post", "body"),
        ]
        .into_iter()
        .filter(|(method, _)| methods.iter().any(|found| found == method))
        .map(|(_, way)| way.to_owned())
        .collect()
    }

    /// The call for the account that goes there.
    fn call(&self, config: &Map<String, Value>, url: &str) -> Option<&UserInfo> {
        let mut calls = self.entry.user_info.iter();
        calls.find(|call| self.entry.fill(&call.endpoint, config) == url)
    }

    fn answer(&self, asked: &Asked) -> Response {
        let mut now = self.lock();
        let config = match &now.play {
            Some(play) => &play.config,
            None => &self.recording.config,
        };
        if let Some(published) = self.published_at(asked, config) {
            return Response::builder()
                .content_type("application/json")
                .body(published.to_string());
        }
        if let Some(play) = &mut now.play {
            return play.answer(self, asked);
        }
        let problem = format!("{} was asked while no case was played", asked.line());
        now.problems.push(problem.clone());
        let response = Response::builder().status(poem::http::StatusCode::NOT_IMPLEMENTED);
        response.body(problem)
    }

    /// What anybody may ask an OpenID provider for: its configuration and its keys.
    fn published_at(&self, asked: &Asked, config: &Map<String, Value>) -> Option<Value> {
        if asked.method != Method::GET || !asked.query.is_empty() {
            return None;
        }
        let issuer = self.entry.fill(self.entry.issuer.as_ref()?, config);
        let issuer = issuer.trim_end_matches('/');
        if asked.url == format!("{issuer}/.well-known/openid-configuration") {
            return Some(self.document.clone());
        }
        let is_keys = self.published("jwks_uri").as_deref() == Some(&asked.url);
        is_keys.then(|| json!({ "keys": [self.key.jwk()] }))
    }
}

/// What listens.
struct Listening(Arc<Stage>);

impl Endpoint for Listening {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let asked = Asked::read(request, &self.0.base).await;
        Ok(self.0.answer(&asked))
    }
}
