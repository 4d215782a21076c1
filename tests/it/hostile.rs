//! Hostile documents and variables, against the real binary: each is answered, shortly and without
//! anything of the inside, and the process stays.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::support::app::ADMIN;
use crate::support::hostile_documents::{documents, variables};
use crate::support::http::QUESTION;
use crate::support::process::Process;

const LONGEST: Duration = Duration::from_secs(5);
/// What the process may have taken at its peak: a few times of what it takes when idle.
const MOST_MEMORY_KIB: u64 = 256 * 1024;
/// At a time; more would only wait for each other.
const AT_ONCE: usize = 4;

/// Words that only the inside knows.
const INSIDE: [&str; 9] = [
    "panicked",
    "RUST_BACKTRACE",
    "sqlx",
    "sqlite",
    "SQLITE",
    "SELECT ",
    ".rs:",
    "/src/",
    "async_graphql",
];

/// A server that things are done to.
struct Victim {
    process: Process,
    http: reqwest::Client,
}

impl Victim {
    async fn new() -> Self {
        Self {
            process: Process::serve().await,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Sends the body, by the admin key or by nobody, and judges the answer.
    async fn send(&self, name: &str, body: String, key: Option<&str>) {
        let url = format!("{}/graphql", self.process.url);
        let mut request = self.http.post(url).body(body).timeout(LONGEST);
        request = request.header("content-type", "application/json");
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: no answer: {error:?}"));
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(
            status == 200 || status.is_client_error(),
            "{name}: {status} {text}"
        );
        assert!(text.len() < 64 * 1024, "{name}: {} bytes", text.len());
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{name}: {text}"));
        for error in json["errors"].as_array().into_iter().flatten() {
            let message = error["message"].as_str().unwrap();
            assert!(message.len() < 2048, "{name}: {message}");
            assert_ne!(error["extensions"]["code"], "INTERNAL", "{name}: {text}");
            let inside = INSIDE.iter().find(|word| message.contains(**word));
            assert_eq!(inside, None, "{name}: {message}");
        }
        let folder = self.process.folder.path().to_str().unwrap();
        assert!(!text.contains(folder), "{name}: {text}");
        assert!(
            status != 200 || json.get("errors").is_some() || json.get("data").is_some(),
            "{name}: {text}"
        );
    }

    /// Sends all of them, by the admin key and by nobody.
    async fn send_all(&self, bodies: impl IntoIterator<Item = (String, String)>) {
        let sends = bodies.into_iter().flat_map(|(name, body)| {
            [Some(ADMIN), None].map(|key| {
                let (name, body) = (name.clone(), body.clone());
                async move { self.send(&name, body, key).await }
            })
        });
        futures_util::stream::iter(sends)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<()>>()
            .await;
    }

    /// It is the same process, it answers, and it has not taken all memory.
    async fn stands(mut self) {
        let url = format!("{}/graphql", self.process.url);
        let request = self.http.post(url).bearer_auth(ADMIN).timeout(LONGEST);
        let answer = request
            .json(&json!({ "query": QUESTION }))
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(
            answer,
            json!({ "data": { "viewer": { "__typename": "ApiKey" } } })
        );
        let id = self.process.child.id().expect("it has not ended");
        assert_eq!(self.process.child.try_wait().unwrap(), None, "it runs");
        let peak = peak_memory_kib(id);
        assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
        let log = self.process.log();
        assert!(!log.contains("panicked"), "{log}");
        self.process.stop().await;
    }
}

/// The most that a process has ever held in memory.
fn peak_memory_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn body_of(query: &str) -> String {
    json!({ "query": query }).to_string()
}

#[tokio::test]
async fn hostile_documents_are_answered() {
    let victim = Victim::new().await;
    let bodies = documents()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), body_of(&text)));
    victim.send_all(bodies).await;
    victim.stands().await;
}

#[tokio::test]
async fn hostile_variables_are_answered() {
    let victim = Victim::new().await;
    let bodies = variables().into_iter().flat_map(|(name, text)| {
        [
            "query($a:JSON){linkPreview(input:{providerId:\"x\",userId:\"y\",externalId:\"z\",data:$a}){outcome}}",
            "query($a:[ID!]){users(filter:{ids:$a}){totalCount}}",
            "query($a:Int){users(first:$a){totalCount}}",
            "query($a:EntityRef){user(entityRef:$a){id}}",
            QUESTION,
        ]
        .map(|query| {
            let query = Value::from(query);
            let body = format!("{{\"query\":{query},\"variables\":{text}}}");
            (format!("{name} for {query}"), body)
        })
    });
    victim.send_all(bodies.collect::<Vec<_>>()).await;
    victim.stands().await;
}

/// Documents and variables that are small for themselves, and large when they are written out.
fn bombs() -> Vec<(String, String)> {
    let joined =
        |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    let with = |query: String, variables: Value| {
        json!({ "query": query, "variables": variables }).to_string()
    };
    let preview = |data: &str| {
        format!(
            "query($a:JSON){{linkPreview(input:{{providerId:\"x\" userId:\"y\" externalId:\"z\" data:[{data}]}}){{outcome}}}}"
        )
    };
    let text = json!({ "a": "x".repeat(1_000_000) });
    let values = json!({ "a": vec!["x"; 9_990] });
    let spread_twice = |levels: usize, on: &str, leaf: &str| {
        let fragments = joined(levels, &|i| {
            format!(
                "fragment f{i} on {on}{{...f{next} ...f{next}}}",
                next = i + 1
            )
        });
        format!("{fragments}fragment f{levels} on {on}{{{leaf}}}")
    };
    let many_arguments =
        |value: usize| format!("name({})", joined(900, &|i| format!("a{i}:{value} ")));
    let bodies = [
        (
            "a text used 4,000 times",
            with(preview(&"$a ".repeat(4_000)), text.clone()),
        ),
        (
            "a list used 4,000 times",
            with(preview(&"$a ".repeat(4_000)), values.clone()),
        ),
        (
            "a default used 2,000 times",
            body_of(
                &preview(&"$a ".repeat(2_000))
                    .replace("$a:JSON", &format!("$a:JSON=[{}]", "0 ".repeat(5_000))),
            ),
        ),
        (
            "a text in ids 4,000 times",
            with(
                format!(
                    "query($a:ID!){{nodes(ids:[{}]){{id}}}}",
                    "$a ".repeat(4_000)
                ),
                text.clone(),
            ),
        ),
        (
            "a text for pages, by fragments",
            with(
                format!(
                    "query($a:Int){{viewer{{...f0}}}}{}",
                    spread_twice(12, "User", "identities(first:$a){totalCount}")
                ),
                text.clone(),
            ),
        ),
        (
            "a text in directives",
            with(
                format!(
                    "query($a:Boolean!){{viewer{{...on ApiKey{{{}}}}}}}",
                    "id@skip(if:$a)".repeat(100)
                ),
                text,
            ),
        ),
        (
            "operations times unknown variables",
            body_of(&format!(
                "{}fragment f on Query{{node(id:[{}]){{id}}}}",
                joined(700, &|i| format!("query a{i}{{...f}}")),
                joined(2_400, &|i| format!("$v{i} "))
            )),
        ),
        (
            "operations times misplaced variables",
            body_of(&format!(
                "{}fragment f on Query{{nodes(ids:[{}]){{id}}}}",
                joined(400, &|i| format!("query a{i}($v:Int){{...f}}")),
                "$v ".repeat(2_400)
            )),
        ),
        (
            "arguments times selection sets",
            body_of(&format!(
                "{{viewer{{{}}}}}fragment f on ApiKey{{{}{}}}",
                "...{...f}".repeat(700),
                many_arguments(0),
                many_arguments(1)
            )),
        ),
        (
            "selections of introspection",
            body_of(&format!(
                "{{__schema{{types{{fields{{type{{{}}}}}}}}}}}",
                "name ".repeat(9_900)
            )),
        ),
        (
            "introspection of fields of types of fields",
            body_of(&format!(
                "{{__schema{{types{{...f0}}}}}}{}",
                spread_twice(12, "__Type", "fields{type{fields{type{name}}}}")
            )),
        ),
        (
            "a bomb in a query",
            body_of(&format!(
                "{{...f0}}{}",
                spread_twice(60, "Query", "viewer{__typename}")
            )),
        ),
        (
            "a bomb in an object",
            body_of(&format!(
                "{{viewer{{...f0}}}}{}",
                spread_twice(40, "ApiKey", "id")
            )),
        ),
        (
            "a bomb that nothing spreads",
            body_of(&format!("{QUESTION}{}", spread_twice(60, "ApiKey", "id"))),
        ),
        (
            "a bomb in many operations",
            body_of(&format!(
                "{}{}",
                joined(50, &|i| format!("query a{i}{{viewer{{...f0}}}}")),
                spread_twice(12, "ApiKey", "id")
            )),
        ),
        (
            "a list of a type that is not there",
            body_of("query($a:[Nope!]!=[1]){viewer{__typename}}"),
        ),
        (
            "pages in pages in pages",
            body_of(
                "{users(first:100){edges{node{identities(first:100){edges{node{user{identities(first:100){edges{node{id}}}}}}}}}}}",
            ),
        ),
    ];
    bodies.map(|(name, body)| (name.to_owned(), body)).into()
}

#[tokio::test]
async fn bombs_are_measured_and_not_set_off() {
    let victim = Victim::new().await;
    for _ in 0..3 {
        victim.send_all(bombs()).await;
    }
    victim.stands().await;
}
