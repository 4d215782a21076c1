//! `oidc-provider` from npm as a process: a provider that nobody here wrote.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use url::Url;

/// A running peer; it ends when this is dropped.
pub struct Peer {
    pub origin: Url,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    log: Arc<Mutex<String>>,
    _child: Child,
}

/// One of its issuers, with its one client.
#[derive(Debug, Clone, Deserialize)]
pub struct Issuer {
    /// The slug that its client is registered for.
    pub name: String,
    pub title: String,
    pub issuer: String,
    pub client: Client,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Client {
    pub client_id: String,
    pub client_secret: Option<String>,
    pub token_endpoint_auth_method: String,
}

impl Peer {
    /// By the command that runs `peer.mjs`. It answers when it knows where Lanyard is.
    pub async fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js is installed");
        let log = Arc::new(Mutex::new(String::new()));
        let (mut errors, written) = (child.stderr.take().unwrap(), Arc::clone(&log));
        tokio::spawn(async move {
            let mut text = [0; 1024];
            while let Ok(count @ 1..) = errors.read(&mut text).await {
                *written.lock().unwrap() += &String::from_utf8_lossy(&text[..count]);
            }
        });
        let mut peer = Self {
            origin: Url::parse("http://localhost").unwrap(),
            input: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            log,
            _child: child,
        };
        let said = peer.line().await;
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        peer.origin = said["origin"].as_str().unwrap().parse().unwrap();
        peer
    }

    /// Tells it where Lanyard is: the issuers that Lanyard's people can sign in at.
    pub async fn serve(&mut self, lanyard: &str) -> Vec<Issuer> {
        let said = format!("{}\n", json!({ "lanyard": lanyard }));
        self.input.write_all(said.as_bytes()).await.unwrap();
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// What lets the server speak to it.
    pub fn allow(&self) -> String {
        format!("localhost:{}", self.origin.port().unwrap())
    }

    /// What it says next, apart from its library's notices.
    async fn line(&mut self) -> String {
        let line = async {
            loop {
                match self.lines.next_line().await.unwrap() {
                    Some(line) if line.starts_with("oidc-provider ") => {}
                    other => return other,
                }
            }
        };
        let line = tokio::time::timeout(Duration::from_secs(60), line).await;
        let line = line.expect("the peer says something within 60 s");
        line.unwrap_or_else(|| panic!("the peer has ended: {}", self.log.lock().unwrap()))
    }
}
