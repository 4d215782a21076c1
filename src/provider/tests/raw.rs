//! A server that says what a test wants it to, byte by byte, and counts what it gets rid of.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does once it has read the head of a request.
#[derive(Debug, Clone)]
pub enum Way {
    /// Nothing, ever.
    Hangs,
    /// Says this, and closes.
    Says(Vec<u8>),
    /// Says the one, then the other again and again.
    Repeats(Vec<u8>, Vec<u8>, Duration),
}

/// The server; clones are the same one.
#[derive(Clone)]
pub struct Raw {
    pub address: SocketAddr,
    way: Arc<Mutex<Way>>,
    said: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    pub async fn start(way: Way) -> Self {
        Self::at("127.0.0.1:0", way).await
    }

    pub async fn at(address: &str, way: Way) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let raw = Self {
            address: listener.local_addr().unwrap(),
            way: Arc::new(Mutex::new(way)),
            said: Arc::default(),
            heads: Arc::default(),
        };
        let own = raw.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                // How it ends is the other side's to tell.
                tokio::spawn(async move { drop(own.answer(stream).await) });
            }
        });
        raw
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on it does this, and has said nothing yet.
    pub fn now(&self, way: Way) {
        *self.way.lock().unwrap() = way;
        self.said.store(0, Ordering::SeqCst);
    }

    /// Bytes that went out, or into a buffer on their way.
    pub fn said(&self) -> usize {
        self.said.load(Ordering::SeqCst)
    }

    /// What it was sent, one text a connection.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await?;
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        self.heads.lock().unwrap().push(head);
        let way = self.way.lock().unwrap().clone();
        match way {
            Way::Hangs => std::future::pending().await,
            Way::Says(bytes) => self.say(&mut stream, &bytes).await?,
            Way::Repeats(first, then, pause) => {
                self.say(&mut stream, &first).await?;
                loop {
                    if pause.is_zero() {
                        tokio::task::yield_now().await;
                    } else {
                        tokio::time::sleep(pause).await;
                    }
                    self.say(&mut stream, &then).await?;
                }
            }
        }
        stream.shutdown().await
    }

    async fn say(&self, stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        stream.write_all(bytes).await?;
        self.said.fetch_add(bytes.len(), Ordering::SeqCst);
        Ok(())
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

fn document(body: impl AsRef<[u8]>) -> Way {
    Way::Says([format!("{OK}\r\n").as_bytes(), body.as_ref()].concat())
}

fn without_end(first: &str, then: &str) -> Way {
    let filler = then.repeat(65_536 / then.len());
    Way::Repeats(first.into(), filler.into(), Duration::ZERO)
}

fn drop_by_drop(first: &str) -> Way {
    Way::Repeats(first.into(), b" ".to_vec(), Duration::from_millis(20))
}

/// Everything that a server can do but answer, by name.
pub fn ways() -> Vec<(&'static str, Way)> {
    let says = |text: &str| Way::Says(text.into());
    let redirect = |status: &str| {
        says(&format!(
            "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
        ))
    };
    vec![
        ("hangs", Way::Hangs),
        ("closes", says("")),
        ("drips its body", drop_by_drop(&format!("{OK}\r\n"))),
        ("drips its head", drop_by_drop("HTTP/1.1 200 OK\r\nx: a")),
        (
            "head without end",
            without_end("HTTP/1.1 200 OK\r\n", "x-filler: aaaaaaaa\r\n"),
        ),
        (
            "line without end",
            without_end("HTTP/1.1 200 OK\r\nx: ", "a"),
        ),
        ("body without end", without_end(&format!("{OK}\r\n"), " ")),
        (
            "chunks without end",
            without_end(
                &format!("{OK}transfer-encoding: chunked\r\n\r\n"),
                "1\r\n \r\n",
            ),
        ),
        (
            "chunk extension without end",
            without_end(&format!("{OK}transfer-encoding: chunked\r\n\r\n1;x="), "a"),
        ),
        (
            "trailers without end",
            without_end(
                &format!("{OK}transfer-encoding: chunked\r\n\r\n0\r\n"),
                "x: a\r\n",
            ),
        ),
        (
            "informs without end",
            without_end("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ),
        (
            "announces a terabyte",
            says(&format!("{OK}content-length: 1099511627776\r\n\r\n{{")),
        ),
        (
            "announces more than it says",
            says(&format!("{OK}content-length: 99\r\n\r\n{{}}")),
        ),
        (
            "announces two lengths",
            says(&format!(
                "{OK}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"
            )),
        ),
        ("redirects", redirect("302 Found")),
        (
            "redirects with the body",
            redirect("307 Temporary Redirect"),
        ),
        ("redirects for ever", redirect("308 Permanent Redirect")),
        (
            "switches protocols",
            says("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"),
        ),
        ("speaks something else", says("SSH-2.0-OpenSSH_9.9\r\n")),
        ("HTTP/2", says("\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64")),
        (
            "a page",
            says("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<!doctype html><p>x"),
        ),
        (
            "a page that says it is JSON",
            document("<!doctype html><p>x"),
        ),
        ("nothing", document("")),
        ("null", document("null")),
        ("a list", document("[]")),
        ("an empty object", document("{}")),
        ("a number", document("1e999")),
        (
            "no UTF-8",
            document(b"{\"issuer\": \"\xff\xfe\", \"sub\": \"\xc0\x80\"}"),
        ),
        ("breaks off", document("{\"issuer\": \"http")),
        ("deep lists", document("[".repeat(200_000))),
        ("deep objects", document("{\"a\":".repeat(40_000))),
        (
            "deep in a member",
            document(format!("{{\"sub\": {}", "[".repeat(200_000))),
        ),
        (
            "many members",
            document(format!("{{{}\"z\":0}}", "\"a\":[[],{}],".repeat(60_000))),
        ),
    ]
}
