mod addresses;
mod hostile;

use std::net::SocketAddr;

use openidconnect::http::Request;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Host;

use super::*;
use crate::settings::{CaFile, EgressRule};

fn egress(allow: Vec<EgressRule>) -> Egress {
    Egress::new(&settings::Egress {
        allow,
        ca_file: None,
    })
    .unwrap()
}

fn host(host: &str) -> EgressRule {
    EgressRule::Host(Host::parse(host).unwrap(), None)
}

fn network(network: &str) -> EgressRule {
    EgressRule::Network(network.parse().unwrap())
}

fn get(url: &str) -> HttpRequest {
    Request::get(url).body(Vec::new()).unwrap()
}

/// Answers every connection with these bytes and closes it, after it has read the head.
async fn server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

#[rstest]
#[case("http://id.example", "is plain http")]
#[case("ftp://id.example", "is neither")]
#[case("https://me@id.example", "holds a user name")]
#[case("https://:secret@id.example", "holds a user name")]
#[case("https://127.0.0.1", "is a private address")]
#[case("https://2130706433", "is a private address")]
#[case("https://0x7f.1", "is a private address")]
#[case("https://[::1]", "is a private address")]
#[case("https://[::ffff:10.0.0.1]", "is a private address")]
#[case("https://169.254.169.254", "is a private address")]
#[case("https://10.1.2.3", "is a private address")]
fn a_url_is_refused_before_anything_is_sent(#[case] url: &str, #[case] why: &str) {
    let refused = egress(Vec::new())
        .check(&url.parse().unwrap())
        .unwrap_err()
        .to_string();
    assert!(refused.contains(why), "{refused}");
    assert!(refused.contains("LANYARD_EGRESS_ALLOW"), "{refused}");
    assert!(!refused.contains("secret"), "{refused}");
}

#[rstest]
#[case("http://git.corp.example:8080/x", host("git.corp.example"))]
#[case("http://10.1.2.3", network("10.0.0.0/8"))]
#[case("https://10.1.2.3", host("10.1.2.3"))]
#[case("https://[::ffff:10.1.2.3]", network("10.0.0.0/8"))]
#[case("http://169.254.169.254", host("169.254.169.254"))]
fn a_rule_lets_a_url_through(#[case] url: &str, #[case] rule: EgressRule) {
    let url = url.parse().unwrap();
    assert!(egress(Vec::new()).check(&url).is_err());
    assert_eq!(egress(vec![rule]).check(&url), Ok(()));
}

#[rstest]
// A range never means the metadata service in it, nor does the name of a host that others rule.
#[case("https://169.254.169.254", network("169.254.0.0/16"))]
#[case("https://[64:ff9b::a9fe:a9fe]", network("0.0.0.0/0"))]
#[case("https://[2002:a9fe:a9fe::]", network("2002::/16"))]
#[case("http://a.example.", host("a.example"))]
#[case("http://b.a.example", host("a.example"))]
#[case("https://10.1.2.3:444", EgressRule::Host(Host::parse("10.1.2.3").unwrap(), Some(443)))]
fn a_rule_means_no_more_than_it_says(#[case] url: &str, #[case] rule: EgressRule) {
    assert!(egress(vec![rule]).check(&url.parse().unwrap()).is_err());
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_not_connected_to() {
    let address = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let url = format!("http://localhost:{}/", address.port());
    let refused = egress(Vec::new()).send(get(&url)).await.unwrap_err();
    assert!(matches!(refused, EgressError::Refused { .. }), "{refused}");
    let by_tls = egress(Vec::new())
        .send(get("https://localhost:9/"))
        .await
        .unwrap_err();
    assert!(
        by_tls
            .to_string()
            .contains("resolves to private addresses only"),
        "{by_tls}"
    );
    let answer = egress(vec![host("localhost")])
        .send(get(&url))
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"ok"[..])
    );
}

#[tokio::test]
async fn a_name_that_a_rule_means_still_does_not_mean_a_metadata_service() {
    let guard = Guard::new(vec![host("inside.example"), host("100.100.100.200")]);
    let named = |address: &str| {
        guard.lets_through(address::reached(address.parse().unwrap()), Trust::Named)
    };
    assert!(named("10.0.0.1"));
    assert!(!named("169.254.169.254"));
    assert!(!named("64:ff9b::a9fe:a9fe"));
    assert!(named("100.100.100.200"), "a rule names it by its address");
}

#[tokio::test]
async fn redirects_are_errors_and_bodies_have_an_end() {
    type Expected = fn(&EgressError) -> bool;
    let cases: [(&'static [u8], Expected); 4] = [
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
            |error| matches!(error, EgressError::Redirected { status: 302, .. }),
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n",
            |error| matches!(error, EgressError::TooLarge { .. }),
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            |error| matches!(error, EgressError::Unreachable { .. }),
        ),
        (b"", |error| {
            matches!(error, EgressError::Unreachable { .. })
        }),
    ];
    for (answer, expected) in cases {
        let address = server(answer).await;
        let egress = egress(vec![network("127.0.0.0/8")]);
        let error = egress
            .send(get(&format!("http://{address}/path?canary")))
            .await
            .unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_ends_too() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let most = [head.clone(), vec![b'x'; MAX_BODY_BYTES]].concat();
    let more = [head, vec![b'x'; MAX_BODY_BYTES + 1]].concat();
    let egress = egress(vec![network("127.0.0.0/8")]);
    let address = server(most.leak()).await;
    let answer = egress
        .send(get(&format!("http://{address}/")))
        .await
        .unwrap();
    assert_eq!(answer.body().len(), MAX_BODY_BYTES);
    let address = server(more.leak()).await;
    let error = egress
        .send(get(&format!("http://{address}/")))
        .await
        .unwrap_err();
    assert!(matches!(error, EgressError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_host_that_hangs_is_left_and_holds_no_other_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}/", listener.local_addr().unwrap());
    let healthy = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let egress = Arc::new(Egress {
        timeout: Duration::from_millis(500),
        ..egress(vec![network("127.0.0.0/8")])
    });
    let waiting: Vec<_> = (0..IN_FLIGHT * 2)
        .map(|_| {
            let (egress, url) = (Arc::clone(&egress), hanging.clone());
            tokio::spawn(async move { egress.send(get(&url)).await })
        })
        .collect();
    egress
        .send(get(&format!("http://{healthy}/")))
        .await
        .unwrap();
    for request in waiting {
        let error = request.await.unwrap().unwrap_err();
        assert!(matches!(error, EgressError::TimedOut { .. }), "{error}");
    }
    let turns = egress.turns.of(&hanging.parse().unwrap());
    assert_eq!(turns.available_permits(), IN_FLIGHT, "every turn came back");
}

#[test]
fn authorities_that_are_none_stop_the_start() {
    let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_owned();
    let settings = settings::Egress {
        allow: Vec::new(),
        ca_file: Some(CaFile {
            path: "ca.pem".into(),
            pem,
        }),
    };
    let error = Egress::new(&settings).unwrap_err().to_string();
    assert!(error.starts_with("LANYARD_EGRESS_CA_FILE: "), "{error}");
}
