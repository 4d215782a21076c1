//! A client that costs little: HTTP/1.1 by hand, one request after the other on each connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it goes over the wire.
pub struct Request {
    bytes: Vec<u8>,
    /// What an answer has that is one.
    expected: &'static str,
}

impl Request {
    pub fn new(path: &str, key: Option<&str>, body: &Value) -> Self {
        let body = body.to_string();
        let key = key.map_or_else(String::new, |key| {
            format!("authorization: Bearer {key}\r\n")
        });
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\n{key}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            bytes: bytes.into_bytes(),
            expected: "\"id\":",
        }
    }

    /// An answer without this is none.
    pub const fn expecting(mut self, expected: &'static str) -> Self {
        self.expected = expected;
        self
    }
}

/// Answers per second, after a warm-up of a tenth of the time.
pub async fn measure(
    address: SocketAddr,
    connections: u32,
    time: Duration,
    request: impl Fn(u32) -> Request,
) -> f64 {
    let mut clients = Vec::new();
    for number in 0..connections {
        let requests: Vec<Request> = (0..500)
            .map(|index| request((number * 500 + index).wrapping_mul(7919)))
            .collect();
        clients.push((TcpStream::connect(address).await.unwrap(), requests));
    }
    let begin = Instant::now() + time / 10;
    let end = begin + time;
    let running = clients.into_iter().map(|(stream, requests)| {
        tokio::spawn(async move { ask(stream, &requests, begin, end).await })
    });
    let answers: u64 = join_all(running)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "no more than millions")]
    let rate = answers as f64 / time.as_secs_f64();
    rate
}

/// How long it takes until each of the requests is answered.
pub async fn answer_all(
    address: SocketAddr,
    connections: usize,
    requests: Vec<Request>,
) -> Duration {
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    let mut requests = requests.into_iter();
    let most = requests.len().div_ceil(connections);
    let begin = Instant::now();
    let running = streams.into_iter().map(|mut stream| {
        let share: Vec<Request> = requests.by_ref().take(most).collect();
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            let mut answer = Vec::with_capacity(4096);
            for request in &share {
                exchange(&mut stream, request, &mut answer).await;
            }
        })
    });
    for done in join_all(running.collect::<Vec<_>>()).await {
        done.unwrap();
    }
    begin.elapsed()
}

/// How many answers came between `begin` and `end`.
async fn ask(mut stream: TcpStream, requests: &[Request], begin: Instant, end: Instant) -> u64 {
    stream.set_nodelay(true).unwrap();
    let mut answer = Vec::with_capacity(4096);
    let mut answers = 0;
    for request in requests.iter().cycle() {
        exchange(&mut stream, request, &mut answer).await;
        let now = Instant::now();
        if now >= end {
            break;
        }
        answers += u64::from(now >= begin);
    }
    answers
}

/// A request and its answer, which must be a good one.
async fn exchange(stream: &mut TcpStream, request: &Request, answer: &mut Vec<u8>) {
    stream.write_all(&request.bytes).await.unwrap();
    answer.clear();
    while !is_whole(answer) {
        assert!(
            stream.read_buf(answer).await.unwrap() > 0,
            "the server hung up"
        );
    }
    let text = String::from_utf8_lossy(answer);
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains(request.expected),
        "{text}"
    );
}

fn is_whole(answer: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(answer) else {
        return false;
    };
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    length.is_some_and(|length: usize| body.len() >= length)
}
