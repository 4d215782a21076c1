//! A client that costs little: HTTP/1.1 by hand, one request after the other on each connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it goes over the wire.
pub struct Request(Vec<u8>);

impl Request {
    pub fn new(path: &str, key: Option<&str>, body: &Value) -> Self {
        let body = body.to_string();
        let key = key.map_or_else(String::new, |key| {
            format!("authorization: Bearer {key}\r\n")
        });
        Self(
            format!(
                "POST {path} HTTP/1.1\r\nhost: bench\r\n{key}content-type: application/json\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
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

/// How many answers came between `begin` and `end`.
async fn ask(mut stream: TcpStream, requests: &[Request], begin: Instant, end: Instant) -> u64 {
    stream.set_nodelay(true).unwrap();
    let mut answer = Vec::with_capacity(4096);
    let mut answers = 0;
    for request in requests.iter().cycle() {
        stream.write_all(&request.0).await.unwrap();
        answer.clear();
        while !is_whole(&answer) {
            assert!(
                stream.read_buf(&mut answer).await.unwrap() > 0,
                "the server hung up"
            );
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 200") && text.contains("\"id\":"),
            "{text}"
        );
        let now = Instant::now();
        if now >= end {
            break;
        }
        answers += u64::from(now >= begin);
    }
    answers
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
