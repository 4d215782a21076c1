//! Takes connections on loopback, and speaks HTTP/1.1 on them by hand: some answers are no
//! answer, and end the connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use super::handle::Handle;
use super::issuer::Issuer;
use super::routes;
use super::state::Shared;
use crate::clock::Clock;

/// Connections at once; one more waits.
const MOST_CONNECTIONS: usize = 512;
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(30);
/// Without a file descriptor for another connection, the next try may as well wait.
const PAUSE: Duration = Duration::from_millis(100);
/// Free ports that are tried until one is free in both families.
const TRIES: usize = 16;

/// A provider that listens and does not answer yet.
pub struct Provider {
    listener: TcpListener,
    /// The same port of the other loopback address: browsers take `localhost` for either.
    other: Option<TcpListener>,
    address: SocketAddr,
    shared: Shared,
}

/// The connection is to end.
#[derive(Debug, thiserror::Error)]
#[error("a fault ends the connection")]
struct Closed;

impl Provider {
    /// Takes the port; 0 takes a free one.
    ///
    /// # Errors
    /// The address is not loopback, or the port is taken.
    pub async fn bind(address: SocketAddr, clock: Clock) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let said =
                "the make-believe provider listens on loopback only: anyone can be anyone there";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
        }
        let (listener, other) = bind(address).await?;
        let address = listener.local_addr()?;
        let base = format!("http://localhost:{}/", address.port());
        let base = Url::parse(&base).expect("a port makes a URL");
        Ok(Self {
            listener,
            other,
            address,
            shared: Shared::new(clock, &base),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// An issuer's identifier.
    pub fn issuer(&self, issuer: Issuer) -> Url {
        self.shared.lock().issuer(issuer).url.clone()
    }

    /// What steers it, before it runs and while it does.
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared.clone())
    }

    /// Answers until `stop` is ready. Open requests end with it.
    pub fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> BoxFuture<'static, ()> {
        self.run_boxed(Box::pin(stop))
    }

    /// Boxed here, or every crate that runs a provider would compile all of it again.
    fn run_boxed(self, stop: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        Box::pin(self.run_until(stop))
    }

    async fn run_until(self, mut stop: BoxFuture<'static, ()>) {
        // Dropping them ends them, hanging ones too.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stop => return,
                accepted = accept(&self.listener, self.other.as_ref()),
                    if connections.len() < MOST_CONNECTIONS =>
                {
                    match accepted {
                        Ok((socket, peer)) => {
                            connections.spawn(serve(socket, peer, self.shared.clone()));
                        }
                        Err(error) => {
                            tracing::warn!(error = %error, "the make-believe provider could not take a connection");
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn bind(address: SocketAddr) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let mut tries = 0;
    loop {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let other = match address.ip() {
            IpAddr::V4(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        tries += 1;
        match TcpListener::bind((other, port)).await {
            Ok(other) => return Ok((listener, Some(other))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                // Somebody else would answer for us.
                if address.port() != 0 || tries == TRIES {
                    return Err(error);
                }
            }
            // This machine has one family only.
            Err(_) => return Ok((listener, None)),
        }
    }
}

async fn accept(
    listener: &TcpListener,
    other: Option<&TcpListener>,
) -> io::Result<(TcpStream, SocketAddr)> {
    match other {
        None => listener.accept().await,
        Some(other) => tokio::select! {
            accepted = listener.accept() => accepted,
            accepted = other.accept() => accepted,
        },
    }
}

async fn serve(socket: TcpStream, peer: SocketAddr, shared: Shared) {
    let Ok(local) = socket.local_addr() else {
        return;
    };
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let local = LocalAddr(local.into());
        let request = (request, local, RemoteAddr(peer.into()), Scheme::HTTP).into();
        let shared = shared.clone();
        async move {
            let answer = routes::answer(&shared, request).await.ok_or(Closed)?;
            Ok::<hyper::Response<_>, Closed>(answer.into())
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = connection.await {
        tracing::debug!(error = %error, "a connection to the make-believe provider broke off");
    }
}
