//! A GraphQL client.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::app::{ADMIN, App};
use super::marks;

/// An operation that is about to be sent.
pub struct Ask<'a> {
    app: &'a App,
    query: String,
    variables: Value,
    operation_name: Option<String>,
    caller: Caller,
    accept: &'static str,
}

/// Who asks.
enum Caller {
    Nobody,
    Key(String),
    /// By the token in the cookie.
    Person(String),
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl<'a> Ask<'a> {
    pub fn new(app: &'a App, query: &str) -> Self {
        Self {
            app,
            query: query.to_owned(),
            variables: json!({}),
            operation_name: None,
            caller: Caller::Key(ADMIN.to_owned()),
            accept: "application/graphql-response+json",
        }
    }

    pub fn variables(mut self, variables: Value) -> Self {
        self.variables = variables;
        self
    }

    /// Which of the document's operations is meant.
    pub fn operation(mut self, name: &str) -> Self {
        self.operation_name = Some(name.to_owned());
        self
    }

    pub fn by(mut self, key: &str) -> Self {
        self.caller = Caller::Key(key.to_owned());
        self
    }

    /// A signed-in person, as a page of ours sends it.
    pub fn by_person(mut self, token: &str) -> Self {
        self.caller = Caller::Person(token.to_owned());
        self
    }

    pub fn by_nobody(mut self) -> Self {
        self.caller = Caller::Nobody;
        self
    }

    pub async fn send(self) -> Answer {
        let mut body = json!({ "query": self.query, "variables": self.variables });
        if let Some(name) = self.operation_name {
            body["operationName"] = json!(name);
        }
        let mut request = self
            .app
            .http()
            .post(self.app.url("/graphql"))
            .header("accept", self.accept)
            .json(&body);
        request = match &self.caller {
            Caller::Nobody => request,
            Caller::Key(key) => request.bearer_auth(key),
            Caller::Person(token) => request
                .header("cookie", format!("lanyard-session={token}"))
                .header("x-requested-with", "XMLHttpRequest"),
        };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.json().await.unwrap();
        let key = match &self.caller {
            Caller::Key(key) => Some(key.as_str()),
            Caller::Person(_) | Caller::Nobody => None,
        };
        let asked = self.app.asked(&self.query, key).await;
        marks::answers::check_answer(asked, &headers, &body);
        Answer {
            status,
            headers,
            body,
        }
    }

    /// The data of an operation that must succeed.
    pub async fn data(self) -> Value {
        self.send().await.data()
    }

    /// The code of the first error of an operation that must fail.
    pub async fn code(self) -> String {
        self.send().await.code()
    }
}

impl Answer {
    #[track_caller]
    pub fn data(self) -> Value {
        assert!(self.body.get("errors").is_none(), "{:#}", self.body);
        self.body["data"].clone()
    }

    /// The code of the first error.
    #[track_caller]
    pub fn code(&self) -> String {
        let code = self.body["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("no error: {:#}", self.body))
            .to_owned()
    }

    /// The message of the first error.
    #[track_caller]
    pub fn message(&self) -> String {
        let message = self.body["errors"][0]["message"].as_str();
        message
            .unwrap_or_else(|| panic!("no error: {:#}", self.body))
            .to_owned()
    }
}

/// The text at a path of JSON, such as `/user/id`.
#[track_caller]
pub fn text(value: &Value, path: &str) -> String {
    let found = value.pointer(path).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no text at {path} in {value:#}"))
        .to_owned()
}
