//! Lanyard as it is started by default, in this process, with the make-believe provider beside it.

use std::net::SocketAddr;

use lanyard::clock::Clock;
use lanyard::demo::provider::{Handle, Provider};
use lanyard::server::Server;
use lanyard::settings::{Settings, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const ADMIN: &str = "lyd_admin-key-of-the-bench-0123456789";
const MASTER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// It answers as long as this process runs.
pub struct Lanyard {
    pub address: SocketAddr,
    pub provider: Handle,
    http: reqwest::Client,
}

impl Lanyard {
    pub async fn start(folder: &TempDir, url: &str) -> Self {
        let provider = Provider::bind(([127, 0, 0, 1], 0).into(), Clock::default());
        let provider = provider.await.unwrap();
        let allowed = format!("localhost:{}", provider.address().port());
        let environment = [
            ("LANYARD_LISTEN", "127.0.0.1:0"),
            ("LANYARD_DATABASE_URL", url),
            ("LANYARD_MASTER_KEY", MASTER_KEY),
            ("LANYARD_BOOTSTRAP_API_KEY", ADMIN),
            ("LANYARD_EGRESS_ALLOW", &allowed),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let source = Source::new(environment, None, folder.path());
        let settings = Settings::from_source(source).unwrap();
        let server = Server::bind(&settings, Clock::default()).await.unwrap();
        let address = server.address();
        let handle = provider.handle();
        tokio::spawn(server.run(std::future::pending()));
        tokio::spawn(provider.run(std::future::pending()));
        Self {
            address,
            provider: handle,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// The text at this place of the answer to an operation of the admin's.
    pub async fn ask(&self, query: &str, input: Value, place: &str) -> String {
        let url = format!("http://{}/graphql", self.address);
        let body = json!({ "query": query, "variables": { "input": input } });
        let request = self.http.post(url).bearer_auth(ADMIN).json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let found = answer.pointer(place).and_then(Value::as_str);
        found
            .unwrap_or_else(|| panic!("nothing at {place}: {answer:#}"))
            .to_owned()
    }
}
