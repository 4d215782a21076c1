//! `lanyard demo` as a process, and its API with the key that it leaves in its folder.

use serde_json::{Value, json};

use super::process::Process;
use super::site::Site;

/// Starts it on the site's folder, the make-believe provider on this port; 0 takes a free one.
pub async fn start(site: &Site, port: u16) -> Process {
    let port = port.to_string();
    let command = site.lanyard(&["demo", "--provider-port", &port]);
    // The process has a folder to itself; the site's outlives it.
    Process::spawn(command, tempfile::TempDir::new().unwrap()).await
}

/// The API key of the demo on this folder.
pub fn key(site: &Site) -> String {
    let key = std::fs::read_to_string(site.path("lanyard-demo/demo.key")).unwrap();
    key.trim().to_owned()
}

/// The data of an answer without errors.
pub async fn ask(process: &Process, key: &str, query: &str) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(format!("{}/graphql", process.url));
    let request = request.bearer_auth(key).json(&json!({ "query": query }));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"].clone()
}
