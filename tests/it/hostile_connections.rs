//! Hostile clients below GraphQL, against the real binary: slow ones, silent ones, and those that
//! don't speak HTTP. None of them stops the others.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::support::app::ADMIN;
use crate::support::http::{QUESTION, Wire, body};
use crate::support::process::Process;

const SOON: Duration = Duration::from_secs(15);

struct Victim {
    process: Process,
    address: SocketAddr,
}

impl Victim {
    async fn new() -> Self {
        let process = Process::serve().await;
        let address = process
            .url
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap();
        Self { process, address }
    }

    async fn wire(&self) -> Wire {
        Wire::open(self.address).await
    }

    /// Somebody else is answered, on a new connection.
    async fn answers(&self) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}/graphql", self.process.url));
        let request = request.bearer_auth(ADMIN).timeout(Duration::from_secs(5));
        let answer = request
            .json(&json!({ "query": QUESTION }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains("ApiKey"));
    }

    async fn stands(mut self) {
        self.answers().await;
        assert_eq!(self.process.child.try_wait().unwrap(), None, "it runs");
        let log = self.process.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[tokio::test]
async fn a_body_that_comes_a_byte_at_a_time_is_given_up() {
    let victim = Victim::new().await;
    let mut wire = victim.wire().await;
    wire.send_head("content-length: 1000\r\n").await;
    let trickle = async {
        for byte in body(QUESTION).bytes() {
            if !wire.send([byte]).await {
                break;
            }
            victim.answers().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    // The answer comes while the bytes still do.
    let _ = tokio::time::timeout(Duration::from_secs(12), trickle).await;
    assert_eq!(wire.status(Duration::from_secs(3)).await, Some(408));
    victim.stands().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let victim = Victim::new().await;
    let heads = [
        "content-length: 100\r\n",
        "content-length: 1048576\r\n",
        "transfer-encoding: chunked\r\n",
    ];
    let mut wires = Vec::new();
    for head in heads {
        let mut wire = victim.wire().await;
        wire.send_head(head).await;
        wires.push(wire);
    }
    victim.answers().await;
    for (mut wire, head) in wires.into_iter().zip(heads) {
        assert_eq!(wire.status(SOON).await, Some(408), "{head}");
    }
    victim.stands().await;
}

#[tokio::test]
async fn connections_that_say_nothing_or_not_enough_stop_nobody() {
    let victim = Victim::new().await;
    let mut wires = Vec::new();
    for number in 0..300 {
        let mut wire = victim.wire().await;
        match number % 3 {
            0 => {}
            1 => drop(wire.send("POST /graphql HT").await),
            _ => drop(wire.send_head("content-length: 100\r\n").await),
        }
        wires.push(wire);
    }
    for _ in 0..20 {
        victim.answers().await;
    }
    drop(wires);
    victim.stands().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_its_end() {
    let victim = Victim::new().await;
    let mut wire = victim.wire().await;
    wire.send_head("content-length: 1000000000000\r\n").await;
    wire.send(vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!(wire.status(SOON).await, Some(413));

    let mut wire = victim.wire().await;
    wire.send_head("transfer-encoding: chunked\r\n").await;
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    for _ in 0..17 {
        if !wire.send(&chunk).await {
            break;
        }
    }
    assert_eq!(wire.status(SOON).await, Some(413));

    let mut wire = victim.wire().await;
    wire.send_head("transfer-encoding: chunked\r\n").await;
    wire.send("ffffffffffffffff\r\n").await;
    wire.send(vec![b' '; 1024 * 1024 + 1]).await;
    let status = wire.status(SOON).await;
    assert!(matches!(status, None | Some(400 | 413)), "{status:?}");
    victim.stands().await;
}

#[tokio::test]
async fn heads_without_measure_are_refused() {
    let victim = Victim::new().await;
    let many: String = (0..200).map(|i| format!("x-{i}: 1\r\n")).collect();
    for (what, more) in [
        ("200 headers", many),
        (
            "a header of a mebibyte",
            format!("x: {}\r\n", "x".repeat(1024 * 1024)),
        ),
        (
            "a name of a mebibyte",
            format!("{}: x\r\n", "x".repeat(1024 * 1024)),
        ),
        (
            "a key of a mebibyte",
            format!("authorization: Bearer {}\r\n", "x".repeat(1024 * 1024)),
        ),
    ] {
        let mut wire = victim.wire().await;
        wire.send_head(&more).await;
        let status = wire.status(SOON).await;
        assert!(
            matches!(status, None | Some(400 | 431)),
            "{what}: {status:?}"
        );
        victim.answers().await;
    }
    victim.stands().await;
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let victim = Victim::new().await;
    let noise: Vec<u8> = (0..10_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for (what, bytes) in [
        ("noise", noise),
        ("zeros", vec![0; 10_000]),
        ("a greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(100)),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("HTTP/9", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        ("no version", b"GET /graphql\r\n\r\n".to_vec()),
        ("two lengths", b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}".to_vec()),
        ("a length below nothing", b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n{}".to_vec()),
        ("a length beyond all", b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n{}".to_vec()),
        ("a chunk without a length", b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nnope\r\n{}\r\n0\r\n\r\n".to_vec()),
        ("a header over two lines", b"GET /graphql HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n".to_vec()),
    ] {
        let mut wire = victim.wire().await;
        wire.send(bytes).await;
        let status = wire.status(SOON).await;
        assert!(status.is_none_or(|status| (400..500).contains(&status) || status == 505), "{what}: {status:?}");
        victim.answers().await;
    }
    victim.stands().await;
}

#[tokio::test]
async fn bodies_that_are_not_json_in_utf8_are_refused() {
    let victim = Victim::new().await;
    let question = body(QUESTION);
    let utf16: Vec<u8> = question.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // gzip of nothing, and a head of deflate.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    for (what, head, bytes, expected) in [
        (
            "not UTF-8",
            "",
            b"{\"query\":\"{viewer{\xff\xfe}}\"}".to_vec(),
            400,
        ),
        (
            "a surrogate",
            "",
            b"{\"query\":\"\xed\xa0\x80\"}".to_vec(),
            400,
        ),
        (
            "too long an A",
            "",
            b"{\"query\":\"\xc1\x81\"}".to_vec(),
            400,
        ),
        ("UTF-16", "", utf16, 400),
        ("gzip unsaid", "", gzip.to_vec(), 400),
        ("gzip", "content-encoding: gzip\r\n", gzip.to_vec(), 415),
        (
            "deflate",
            "content-encoding: deflate\r\n",
            b"x\x9c\x03\x00\x00\x00\x00\x01".to_vec(),
            415,
        ),
        (
            "said to be gzip",
            "content-encoding: gzip\r\n",
            question.clone().into_bytes(),
            415,
        ),
        (
            "said to be br",
            "content-encoding: br\r\n",
            question.into_bytes(),
            415,
        ),
    ] {
        let mut wire = victim.wire().await;
        wire.send_head(&format!("{head}content-length: {}\r\n", bytes.len()))
            .await;
        wire.send(bytes).await;
        assert_eq!(wire.status(SOON).await, Some(expected), "{what}");
    }
    victim.stands().await;
}
