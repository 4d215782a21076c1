//! The provider over HTTP, as a relying party and a browser meet it.

mod answers;
mod authorization;
mod id_tokens;
mod refresh;
mod tokens;

use std::net::SocketAddr;

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Fault, Handle, Issuer, Provider, Times};
use crate::clock::Clock;

const CALLBACK: &str = "http://127.0.0.1:8080/auth/acme/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-7636";
const NONCE: &str = "a nonce";

/// A provider that runs, and a relying party of it.
struct World {
    handle: Handle,
    http: reqwest::Client,
    clock: Clock,
}

impl World {
    async fn start() -> Self {
        let clock = Clock::default();
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let provider = Provider::bind(address, clock.clone()).await.unwrap();
        let handle = provider.handle();
        for issuer in Issuer::ALL {
            handle.allow_redirect(issuer, CALLBACK);
        }
        tokio::spawn(provider.run(std::future::pending()));
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            handle,
            http,
            clock,
        }
    }

    fn at(&self, issuer: Issuer, path: &str) -> String {
        format!("{}{path}", self.handle.issuer(issuer))
    }

    fn fault(&self, fault: impl Into<Fault>) {
        self.handle.fault(Issuer::Acme, fault, Times::Once);
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = self.at(Issuer::Acme, path);
        self.http.get(url).send().await.unwrap()
    }

    /// What a browser is sent to, with parameters that are added, changed or (empty) left out.
    fn question(&self, issuer: Issuer, changes: &[(&str, &str)]) -> Url {
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER.as_bytes()));
        let client = self.handle.client(issuer);
        let mut parameters = vec![
            ("client_id", client.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email offline_access"),
            ("state", "a state"),
            ("nonce", NONCE),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            parameters.retain(|(found, _)| found != name);
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        Url::parse_with_params(&self.at(issuer, "/authorize"), parameters).unwrap()
    }

    /// A code for that person at Acme.
    fn code(&self, username: &str) -> String {
        let question = self.question(Issuer::Acme, &[]);
        let callback = self.handle.decide(&question, username).unwrap();
        parameter(&callback, "code").unwrap()
    }

    /// A form to one of Acme's endpoints, from its client.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let client = self.handle.client(Issuer::Acme);
        let encode = |text: &str| -> String {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
        };
        let secret = encode(client.secret.expose_secret());
        let request = self.http.post(self.at(Issuer::Acme, path));
        let request = request.basic_auth(encode(&client.id), Some(secret));
        request.form(form).send().await.unwrap()
    }

    async fn redeem(&self, code: &str) -> reqwest::Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", &form).await
    }

    async fn refresh(&self, refresh_token: &str) -> reqwest::Response {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.post("/token", &form).await
    }

    /// The token endpoint's answer to a new code of that person.
    async fn tokens(&self, username: &str) -> Value {
        json(self.redeem(&self.code(username)).await).await
    }

    async fn userinfo(&self, access_token: &str) -> reqwest::Response {
        let request = self.http.get(self.at(Issuer::Acme, "/userinfo"));
        request.bearer_auth(access_token).send().await.unwrap()
    }

    /// Whether a key that Acme publishes has signed the token, and is named by it.
    async fn is_signed(&self, token: &str) -> bool {
        let keys = json(self.get("/jwks").await).await;
        let (input, signature) = token.rsplit_once('.').unwrap();
        let kid = &part(token, 0)["kid"];
        let keys = keys["keys"].as_array().unwrap().iter();
        let Some(key) = keys.clone().find(|key| key["kid"] == *kid) else {
            return false;
        };
        let coordinate = |name: &str| {
            let text = key[name].as_str().unwrap();
            BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
        };
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let key = VerifyingKey::from_sec1_bytes(&point).unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        Signature::from_slice(&signature)
            .is_ok_and(|signature| key.verify(input.as_bytes(), &signature).is_ok())
    }
}

/// The header (0) or the claims (1) of a token.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(found, _)| found == name);
    found.map(|(_, value)| value.into_owned())
}

async fn json(response: reqwest::Response) -> Value {
    response.json().await.unwrap()
}

#[track_caller]
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key}: {value}"))
}
