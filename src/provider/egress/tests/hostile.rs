//! Servers that do anything but answer: bounded in time, in memory, and in nobody else's way.

use std::time::Instant;

use data_encoding::HEXLOWER;

use super::*;
use crate::provider::tests::raw::{Raw, Way, ways};

const PATIENCE: Duration = Duration::from_millis(300);
/// What lies in the buffers of the system's sockets counts as sent.
const BUFFERS: usize = 12 * 1024 * 1024;

fn impatient() -> Egress {
    egress(vec![network("127.0.0.0/8")]).patient_for(PATIENCE)
}

#[tokio::test]
async fn whatever_a_server_does_costs_bounded_time_and_memory() {
    let egress = impatient();
    let raw = Raw::start(Way::Hangs).await;
    for (name, way) in ways() {
        raw.now(way);
        let began = Instant::now();
        let answer = egress.send(get(&raw.url())).await;
        let took = began.elapsed();
        assert!(took < PATIENCE * 10, "{name}: {took:?}");
        if name == "informs without end" {
            // Each of these is read and forgotten: they cost time alone.
            continue;
        }
        assert!(
            raw.said() < MAX_BODY_BYTES + BUFFERS,
            "{name}: {}",
            raw.said()
        );
        if let Ok(answer) = answer {
            assert!(answer.body().len() <= MAX_BODY_BYTES, "{name}");
        }
    }
}

/// What would be a bomb stays as small as it came.
#[tokio::test]
async fn nothing_is_unpacked() {
    // 64 KiB of zeros.
    let packed = HEXLOWER.decode(
        b"1f8b08000000000002ffedc101010000008090feafee080a\
          000000000000000000000000000000000000000000000000\
          000000000000000000000000000000000000000000000000\
          0000000000000000000000000000006aeb8e97d700000100",
    );
    let packed = packed.unwrap();
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
            packed.len()
        );
        let raw = Raw::start(Way::Says([head.as_bytes(), &packed].concat())).await;
        let answer = impatient().send(get(&raw.url())).await.unwrap();
        assert_eq!(answer.body(), &packed, "{encoding}");
        let asked = raw.heads().remove(0).to_ascii_lowercase();
        assert!(!asked.contains("accept-encoding"), "{asked}");
    }
}

#[tokio::test]
async fn what_hangs_at_one_path_holds_up_no_other_of_the_same_host() {
    let hanging = Raw::start(Way::Hangs).await;
    let egress = Arc::new(impatient().patient_for(Duration::from_secs(20)));
    let send = |path: String| {
        let (egress, url) = (Arc::clone(&egress), format!("{}{path}", hanging.url()));
        tokio::spawn(async move { egress.send(get(&url)).await })
    };
    let waiting: Vec<_> = (0..IN_FLIGHT * 3)
        .map(|number| send(format!("one/token?{number}")))
        .collect();
    while hanging.heads().len() < IN_FLIGHT {
        tokio::task::yield_now().await;
    }
    hanging.now(Way::Says(
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
    ));
    let others = (0..IN_FLIGHT * 2).map(|_| send("other/token".to_owned()));
    for answer in futures_util::future::join_all(others).await {
        answer.unwrap().unwrap();
    }
    let asked = hanging.heads();
    let in_flight = asked.iter().filter(|head| head.contains("/one/token"));
    assert_eq!(
        in_flight.count(),
        IN_FLIGHT,
        "the others wait for their turn"
    );
    for request in waiting {
        request.abort();
    }
}

/// The wait for a turn counts: however many wait, nobody does so for longer than for one answer.
#[tokio::test]
async fn a_crowd_before_a_host_that_hangs_waits_no_longer_than_one() {
    let raw = Raw::start(Way::Hangs).await;
    let egress = impatient();
    let began = Instant::now();
    let all = (0..IN_FLIGHT * 6).map(|_| egress.send(get(&raw.url())));
    for answer in futures_util::future::join_all(all).await {
        let error = answer.unwrap_err();
        assert!(matches!(error, EgressError::TimedOut { .. }), "{error}");
    }
    assert!(began.elapsed() < PATIENCE * 10, "{:?}", began.elapsed());
}
