//! Flows through a real process at its most talkative, well and badly: what browser and provider
//! hold of secrets is looked for in its log. The server's own secrets are `secrets::canaries`'.

use std::collections::{BTreeMap, BTreeSet};

use lanyard::clock::Clock;
use lanyard::demo::provider::{
    Broken, CallbackFault, Endpoint, Handle, IdTokenFault, Issuer, ProfileFault, Provider, Times,
    TokenFault,
};
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{Url, form_urlencoded};

use crate::flows::{ACME, HUB};
use crate::support::app::{ADMIN, MASTER_KEY};
use crate::support::process::{Process, command};
use crate::support::world::hidden_fields;

/// A process, the provider beside it, and a browser between them.
struct Way {
    process: Process,
    provider: Handle,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
    /// All that was seen on the way and must not be logged.
    secrets: BTreeSet<String>,
}

impl Way {
    async fn start() -> Self {
        let address = ([127, 0, 0, 1], 0).into();
        let provider = Provider::bind(address, Clock::default()).await.unwrap();
        let (handle, port) = (provider.handle(), provider.address().port());
        tokio::spawn(provider.run(std::future::pending()));
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path(), &["serve"]);
        command
            .env("LANYARD_LOG", "trace")
            .env("LANYARD_MASTER_KEY", MASTER_KEY)
            .env("LANYARD_BOOTSTRAP_API_KEY", ADMIN)
            .env("LANYARD_EGRESS_ALLOW", format!("localhost:{port}"));
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let mut way = Self {
            process: Process::spawn(command, folder).await,
            provider: handle,
            http: http.unwrap(),
            cookies: BTreeMap::new(),
            secrets: BTreeSet::new(),
        };
        for issuer in [ACME, HUB] {
            way.configure(issuer).await;
        }
        way
    }

    async fn configure(&mut self, issuer: Issuer) {
        let (slug, client) = (issuer.slug(), self.provider.client(issuer));
        let way_back = format!("{}/auth/{slug}/callback", self.process.url);
        self.provider.allow_redirect(issuer, way_back);
        let by_email = json!([{ "resolver": "emailMatchingUserEntityProfileEmail" }]);
        let secret = client.secret.expose_secret().to_owned();
        let input = json!({
            "slug": slug, "type": "oidc", "allowsSignIn": true,
            "config": {
                "issuer": self.provider.issuer(issuer).as_str(),
                "scopes": ["openid", "profile", "email", "offline_access"],
            },
            "clientId": client.id, "clientSecret": secret, "signIn": { "resolvers": by_email },
        });
        self.secrets.insert(secret);
        self.ask(
            "mutation($input: CreateIdentityProviderInput!) {
                createIdentityProvider(input: $input) { identityProvider { id } } }",
            input,
        )
        .await;
    }

    async fn ask(&self, query: &str, input: Value) {
        let request = self.http.post(format!("{}/graphql", self.process.url));
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer = request.bearer_auth(ADMIN).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["errors"].is_null(), "{answer}");
    }

    async fn send(&mut self, method: Method, url: &str, form: &[(String, String)]) -> Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = self
            .http
            .request(method.clone(), url)
            .header("accept", "text/html")
            .header("cookie", cookies.join("; "));
        if method == Method::POST {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(form);
            request = request
                .header("origin", &self.process.url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.finish());
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
            self.secrets.insert(value.to_owned());
        }
        response
    }

    async fn get(&mut self, path: &str) -> Response {
        let url = format!("{}{path}", self.process.url);
        self.send(Method::GET, &url, &[]).await
    }

    /// To the provider and back: what the way back ends in.
    async fn go(&mut self, issuer: Issuer, username: &str) -> Response {
        let path = format!("/auth/{}/start?intent=sign_in", issuer.slug());
        let response = self.get(&path).await;
        let to = response.headers()[LOCATION].to_str().unwrap().to_owned();
        self.come_back(&to, username).await
    }

    async fn link(&mut self, issuer: Issuer, username: &str) -> Response {
        let path = format!("/auth/{}/start", issuer.slug());
        let page = self.get(&format!("{path}?intent=link")).await;
        let fields = hidden_fields(&page.text().await.unwrap());
        let token = fields.iter().find(|(name, _)| name == "form_token");
        self.secrets.insert(token.unwrap().1.clone());
        let url = format!("{}{path}", self.process.url);
        let leave = self.send(Method::POST, &url, &fields).await;
        let leave = leave.text().await.unwrap();
        let to = leave.split("0; url=").nth(1).unwrap();
        let to = to.split('"').next().unwrap().replace("&amp;", "&");
        self.come_back(&to, username).await
    }

    async fn come_back(&mut self, to: &str, username: &str) -> Response {
        let to = Url::parse(to).unwrap();
        let back = self.provider.decide(&to, username).unwrap();
        for (name, value) in to.query_pairs().chain(back.query_pairs()) {
            if ["state", "nonce", "code"].contains(&&*name) {
                self.secrets.insert(value.into_owned());
            }
        }
        self.send(Method::GET, back.as_str(), &[]).await
    }

    /// What the provider was sent.
    fn seen_by_provider(&mut self) {
        for record in self.provider.records() {
            let named = ["code", "code_verifier", "client_secret", "state", "nonce"];
            let sent = named.iter().filter_map(|name| record.get(name));
            self.secrets.extend(sent.map(str::to_owned));
            let shown = record.authorization.as_deref().unwrap_or_default();
            self.secrets
                .extend(shown.split(' ').nth(1).map(str::to_owned));
        }
    }
}

#[tokio::test]
async fn no_code_state_token_verifier_or_cookie_is_logged() {
    let mut way = Way::start().await;
    for (name, email) in [("ada", "ada@acme.example"), ("bo", "bo@acme.example")] {
        let input = json!({ "entityRef": format!("user:default/{name}"), "email": email });
        let upsert =
            "mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { id } } }";
        way.ask(upsert, input).await;
    }
    let unsaid = ProfileFault::VerificationUnsaid;
    way.provider.fault(ACME, unsaid, Times::Once);
    assert_eq!(way.go(ACME, "ada").await.status(), 303);
    assert_eq!(way.link(HUB, "amarlow").await.status(), 303);
    assert_eq!(way.get("/account").await.status(), 200);
    badly(&mut way).await;
    way.seen_by_provider();
    let secrets = std::mem::take(&mut way.secrets);
    assert!(secrets.len() > 60, "{} were seen", secrets.len());
    let log = way.process.last_log().await;
    for said in [
        "\"DEBUG\"",
        "/auth/{slug}/callback",
        "a flow was refused",
        "invalid_grant",
    ] {
        assert!(log.contains(said), "the log lacks {said}:\n{log}");
    }
    for secret in secrets.iter().filter(|secret| secret.len() > 5) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret, &encoded] {
            let line = log.lines().find(|line| line.contains(form.as_str()));
            assert!(line.is_none(), "{secret} is logged: {line:?}");
        }
    }
    for line in log.lines() {
        assert!(
            looks_random(line).is_none(),
            "{:?} in {line}",
            looks_random(line)
        );
    }
}

/// Every end that a flow may have, with the secrets that were about.
async fn badly(way: &mut Way) {
    for fault in IdTokenFault::ALL {
        way.provider.fault(ACME, fault, Times::Once);
        assert_eq!(way.go(ACME, "ada").await.status(), 502, "{fault:?}");
    }
    for fault in [
        CallbackFault::WrongIssuer,
        CallbackFault::NoCode,
        CallbackFault::WrongCode,
        CallbackFault::WrongState,
        CallbackFault::Twice("code"),
        CallbackFault::Error("access_denied", "no".to_owned()),
    ] {
        way.provider.fault(ACME, fault.clone(), Times::Once);
        let status = way.go(ACME, "ada").await.status();
        assert!(
            status.is_client_error() || status == 502,
            "{fault:?}: {status}"
        );
    }
    for fault in [TokenFault::NoAccessToken, TokenFault::NoIdToken] {
        way.provider.fault(ACME, fault, Times::Once);
        assert_eq!(way.go(ACME, "ada").await.status(), 502, "{fault:?}");
    }
    for endpoint in [Endpoint::Token, Endpoint::UserInfo] {
        for broken in [
            Broken::Down,
            Broken::Closes,
            Broken::Html(200),
            Broken::Html(400),
            Broken::BrokenJson,
            Broken::Error(400, "invalid_grant"),
            Broken::Error(200, "invalid_grant"),
        ] {
            let unsaid = ProfileFault::VerificationUnsaid;
            way.provider.fault(ACME, unsaid, Times::Once);
            let fault = (endpoint, broken.clone());
            way.provider.fault(ACME, fault, Times::Once);
            assert_eq!(way.go(ACME, "ada").await.status(), 502, "{broken:?}");
            way.provider.clear_faults(ACME);
        }
    }
    assert_eq!(way.go(ACME, "sam").await.status(), 403);
    // Sent where they don't belong.
    for path in [
        "/account",
        "/nowhere",
        "/auth/acme/start",
        "/auth/nobody/callback",
    ] {
        let secret = "canary-code-0123456789-ABCDEF";
        way.secrets.insert(secret.to_owned());
        way.get(&format!("{path}?code={secret}&state={secret}"))
            .await;
    }
}

/// What is as long and as mixed as a secret of ours or the provider's: 256 bits in base64.
fn looks_random(line: &str) -> Option<&str> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    line.split(|c: char| !is_base64(c)).find(|word| {
        let has = |what: fn(&char) -> bool| word.chars().any(|c| what(&c));
        word.len() >= 40
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_digit)
    })
}
