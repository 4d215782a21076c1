//! HTTP below GraphQL: requests whose every part is the test's choice.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::app::{ADMIN, App};
use super::marks;
use super::marks::answers::Asked;

/// What anybody may ask.
pub const QUESTION: &str = "{viewer{__typename}}";

/// An answer, as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl App {
    /// A request to `/graphql` by the admin key.
    pub fn request(&self, method: Method) -> RequestBuilder {
        self.http()
            .request(method, self.url("/graphql"))
            .bearer_auth(ADMIN)
            .header("accept", "application/graphql-response+json")
    }

    /// A POST of JSON text by the admin key.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.request(Method::POST).body(body);
        reply(request.header("content-type", "application/json")).await
    }

    /// Sends a document at a limit, which runs, and one over it, which doesn't.
    pub async fn post_at_and_over(&self, limit: &str, at: String, over: String) {
        self.post(body(&at)).await.is_ok();
        self.post(body(&over)).await.is_over(limit);
    }

    /// A GET by the admin key.
    pub async fn get(&self, parameters: &[(&str, &str)]) -> Reply {
        reply(self.request(Method::GET).query(parameters)).await
    }
}

pub async fn reply(request: RequestBuilder) -> Reply {
    let (http, request) = request.build_split();
    let request = request.unwrap();
    let document = marks::answers::document(&request);
    let may_have_tokens = marks::answers::is_by_admin(&request);
    let response = http.execute(request).await.unwrap();
    let reply = Reply {
        status: response.status(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    };
    let asked = Asked {
        document: &document,
        may_have_tokens,
    };
    marks::answers::check_reply(asked, &reply.headers, &reply.text);
    reply
}

/// The body of an operation without variables.
pub fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}

impl Reply {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The code of the first error.
    #[track_caller]
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("no error: {json:#}"))
            .to_owned()
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
            .to_str()
            .unwrap()
    }

    /// It was over a limit and did not run, as the message says.
    #[track_caller]
    pub fn is_over(&self, limit: &str) {
        assert_eq!(self.status, 400, "{self:?}");
        assert_eq!(self.code(), "LIMIT_EXCEEDED", "{self:?}");
        assert!(self.text.contains(limit), "{self:?}");
        assert!(self.json().get("data").is_none(), "{self:?}");
    }

    /// It ran, without an error.
    #[track_caller]
    pub fn is_ok(&self) {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.json().get("errors").is_none(), "{self:?}");
    }
}

/// A connection on which every byte is the test's choice.
pub struct Wire(TcpStream);

impl Wire {
    pub async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Whether the other side still takes bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// The head of a POST of JSON to `/graphql`, with further header lines.
    pub async fn send_head(&mut self, more: &str) -> bool {
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: lanyard\r\ncontent-type: application/json\r\n{more}\r\n"
        );
        self.send(head).await
    }

    /// The status of what comes within that time; `None` where the connection ends without.
    ///
    /// # Panics
    /// Neither an answer nor an end within that time.
    pub async fn status(&mut self, within: Duration) -> Option<u16> {
        let mut head = Vec::new();
        let read = async {
            while !head.ends_with(b"\r\n") {
                match self.0.read_u8().await {
                    Ok(byte) => head.push(byte),
                    // Closed, or reset.
                    Err(_) => break,
                }
            }
        };
        let read = tokio::time::timeout(within, read).await;
        read.unwrap_or_else(|_| panic!("neither an answer nor an end within {within:?}"));
        let head = String::from_utf8(head).unwrap();
        head.split(' ').nth(1).map(|status| status.parse().unwrap())
    }
}
