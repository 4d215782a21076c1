//! What is logged in this process, looked through as it is written. The server runs in it beside
//! its tests, so it is all in one log; threads have the names of their tests.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::marked;

/// The log of all tests.
static LOG: LazyLock<Watch> = LazyLock::new(|| {
    let watch = Watch::default();
    let installed = tracing::subscriber::set_global_default(watch.subscriber());
    installed.expect("nobody else takes the log");
    watch
});

/// A log that is kept only where a token shows in it.
#[derive(Clone, Default)]
pub struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
}

struct Seen {
    thread: Option<String>,
    line: String,
}

/// Looks at what is logged from now on.
pub fn watch() {
    LazyLock::force(&LOG);
}

/// A line with a token that this thread has logged, or one that belongs to no test.
pub fn seen() -> Option<String> {
    LOG.take()
}

impl Watch {
    /// What writes to it, at a level where much is said.
    pub fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .with_env_filter(EnvFilter::new("debug"))
            .finish()
    }

    /// The same as [`seen`], of this log. Each line is shown once.
    pub fn take(&self) -> Option<String> {
        let here = std::thread::current().name().map(str::to_owned);
        let mut seen = self.seen.lock().unwrap();
        // Those of other tests are theirs to find.
        let is_of_test =
            |thread: &Option<String>| thread.as_deref().is_some_and(|name| name.contains("::"));
        let found = seen
            .iter()
            .position(|seen| seen.thread == here || !is_of_test(&seen.thread))?;
        Some(seen.remove(found).line)
    }
}

impl io::Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if marked(bytes).is_some() {
            self.seen.lock().unwrap().push(Seen {
                thread: std::thread::current().name().map(str::to_owned),
                line: String::from_utf8_lossy(bytes).into_owned(),
            });
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Watch {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
