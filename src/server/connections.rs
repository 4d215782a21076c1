//! Takes connections and speaks HTTP/1.1 on them. poem's own server would wait without end for
//! the head of a request and for a client that doesn't read, take any number of connections, and
//! spin while the process has no file descriptor left.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::Endpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

/// How long connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the head of a request, from the connection's beginning or its last answer on.
    pub head: Duration,
    /// For a client to read the next piece of an answer.
    pub read: Duration,
    /// For open requests, after the server was told to stop.
    pub drain: Duration,
}

/// Without a file descriptor for another connection, the next try may as well wait.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections at a time; those that come then wait until one ends.
const MOST_CONNECTIONS: usize = 10_000;

/// Answers until `stopped` says so; then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint + 'static,
    mut stopped: watch::Receiver<bool>,
    patience: Patience,
) -> std::io::Result<()> {
    let local = LocalAddr(listener.local_addr()?.into());
    let endpoint = Arc::new(endpoint);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => break,
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((socket, peer)) => {
                    // An answer is one write; the kernel need not wait for more.
                    if let Err(error) = socket.set_nodelay(true) {
                        tracing::debug!(error = %error, "a connection was gone before it began");
                    }
                    let peer = RemoteAddr(peer.into());
                    let (endpoint, stopped) = (Arc::clone(&endpoint), stopped.clone());
                    connections.spawn(answer(socket, (local.clone(), peer), endpoint, stopped, patience));
                }
                Err(error) => {
                    tracing::warn!(error = %error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(patience.drain, ended).await.is_err() {
        tracing::warn!("open requests took too long to end; they are cut off");
    }
    Ok(())
}

async fn answer(
    socket: TcpStream,
    (local, peer): (LocalAddr, RemoteAddr),
    endpoint: Arc<impl Endpoint>,
    mut stopped: watch::Receiver<bool>,
    patience: Patience,
) {
    let mut socket = TimeoutStream::new(socket);
    socket.set_write_timeout(Some(patience.read));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let request = (request, local.clone(), peer.clone(), Scheme::HTTP).into();
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<hyper::Response<_>, Infallible>(endpoint.get_response(request).await.into()) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .serve_connection(TokioIo::new(Box::pin(socket)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = told_to_stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection broke off");
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: that is the end too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server that waits 300 ms for the head of a request, and what stops it.
    async fn server() -> (std::net::SocketAddr, watch::Sender<bool>) {
        server_with(Duration::from_millis(300)).await
    }

    async fn server_with(head: Duration) -> (std::net::SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let patience = Patience {
            head,
            read: Duration::from_millis(300),
            drain: Duration::from_secs(5),
        };
        let endpoint =
            poem::endpoint::make_sync(|request: poem::Request| match request.uri().path() {
                "/much" => "much".repeat(16 * 1024 * 1024),
                _ => "hello".to_owned(),
            });
        tokio::spawn(serve(listener, endpoint, stopped, patience));
        (address, stop)
    }

    /// All that the server says until it closes the connection.
    async fn said(socket: &mut TcpStream) -> String {
        let mut said = Vec::new();
        let read = socket.read_to_end(&mut said);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        read.expect("the server closes the connection").unwrap();
        String::from_utf8(said).unwrap()
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_not_waited_for() {
        let (address, _stop) = server().await;
        for head in ["", "G", "GET / HTTP/1.1\r\nhost: x\r\nx-a: "] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(head.as_bytes()).await.unwrap();
            assert_eq!(said(&mut socket).await, "", "{head:?}");
        }
    }

    #[tokio::test]
    async fn a_head_that_trickles_is_not_waited_for() {
        let (address, _stop) = server().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        let trickle = async {
            while socket.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(20), trickle).await;
        closed.expect("the server closes the connection");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_not_waited_for() {
        let (address, _stop) = server().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n";
        socket.write_all(request).await.unwrap();
        // Nothing is read until the server has given up: then what it had sent ends early.
        let gave_up = async {
            while socket.write_all(b"\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let gave_up = tokio::time::timeout(Duration::from_secs(20), gave_up).await;
        gave_up.expect("the server closes the connection");
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_after_its_answer() {
        let (address, _stop) = server().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let said = said(&mut socket).await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
        assert!(said.ends_with("hello"), "{said}");
    }

    #[tokio::test]
    async fn told_to_stop_it_closes_what_is_idle_and_listens_no_more() {
        let (address, stop) = server_with(Duration::from_mins(1)).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        socket.write_all(request).await.unwrap();
        // What is on its way when the server stops may be cut off; what was answered is idle.
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            answer.push(socket.read_u8().await.unwrap());
        }
        stop.send(true).unwrap();
        assert_eq!(said(&mut socket).await, "");
        let refused = async { while TcpStream::connect(address).await.is_ok() {} };
        let refused = tokio::time::timeout(Duration::from_secs(20), refused).await;
        refused.expect("nobody listens");
    }
}
