//! Coalesces lookups: those that wait while a statement runs go together into the next one,
//! whichever requests they come from. Without a timer: an idle loader answers at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::indexmap::IndexMap;
use futures_util::future::try_join_all;
use tokio::sync::oneshot;

use crate::error::Error;

/// Statements of one kind at a time: enough to keep both cores of a small machine busy, few
/// enough that lookups gather behind them.
const MOST_RUNNING: usize = 4;

type Rows<K, V> = Pin<Box<dyn Future<Output = Result<HashMap<K, V>, Error>> + Send>>;
type Answer<V> = Result<Option<V>, Arc<Error>>;

/// Lookups of one kind: a key, and the row that it names.
pub struct Batch<K, V> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K, V> {
    most_keys: usize,
    fetch: Box<dyn Fn(Vec<K>) -> Rows<K, V> + Send + Sync>,
    queue: Mutex<Queue<K, V>>,
}

struct Queue<K, V> {
    /// In the order in which they came, so that none waits for ever behind the others.
    waiting: IndexMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    running: usize,
}

impl<K, V> Batch<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// `fetch` answers for many keys with one statement, at most `most_keys` at a time.
    pub fn new<F>(most_keys: usize, fetch: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, Error>> + Send + 'static,
    {
        let queue = Mutex::new(Queue {
            waiting: IndexMap::new(),
            running: 0,
        });
        let fetch = Box::new(move |keys| Box::pin(fetch(keys)) as Rows<K, V>);
        Self {
            inner: Arc::new(Inner {
                most_keys,
                fetch,
                queue,
            }),
        }
    }

    /// The row of the key, from a statement that begins after this call.
    pub async fn load(&self, key: K) -> Result<Option<V>, Error> {
        let (sender, answer) = oneshot::channel();
        self.inner
            .queue()
            .waiting
            .entry(key)
            .or_default()
            .push(sender);
        // The siblings of this lookup in the same request are polled once before any of them
        // comes back here: they all go into one statement.
        tokio::task::yield_now().await;
        Inner::start(&self.inner);
        match answer.await {
            Ok(answer) => answer.map_err(Error::shared),
            Err(_) => Err(Error::Internal(anyhow::anyhow!("a lookup was dropped"))),
        }
    }

    /// The rows of the keys, in their order.
    pub async fn load_many(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<V>>, Error> {
        try_join_all(keys.into_iter().map(|key| self.load(key))).await
    }
}

impl<K, V> Inner<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn queue(&self) -> MutexGuard<'_, Queue<K, V>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a statement for what waits, if one may begin. It runs as a task of its own: other
    /// requests may wait for it when this one is gone.
    fn start(inner: &Arc<Self>) {
        let mut queue = inner.queue();
        if queue.running >= MOST_RUNNING || queue.waiting.is_empty() {
            return;
        }
        // Whoever is gone needs no answer.
        queue.waiting.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        let count = queue.waiting.len().min(inner.most_keys);
        let taken: HashMap<_, _> = queue.waiting.drain(..count).collect();
        if taken.is_empty() {
            return;
        }
        queue.running += 1;
        drop(queue);
        let running = Running(Arc::clone(inner));
        tokio::spawn(async move {
            let rows = (running.0.fetch)(taken.keys().cloned().collect()).await;
            drop(running);
            answer(taken, rows);
        });
    }
}

/// A statement that runs. When it ends, in whatever way, the next may begin.
struct Running<K, V>(Arc<Inner<K, V>>)
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static;

impl<K, V> Drop for Running<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.0.queue().running -= 1;
        Inner::start(&self.0);
    }
}

fn answer<K: Eq + Hash, V: Clone>(
    asked: HashMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    rows: Result<HashMap<K, V>, Error>,
) {
    let rows = rows.map_err(Arc::new);
    for (key, senders) in asked {
        let row = match &rows {
            Ok(rows) => Ok(rows.get(&key).cloned()),
            Err(error) => Err(Arc::clone(error)),
        };
        for sender in senders {
            // Whoever asked may be gone.
            let _ = sender.send(row.clone());
        }
    }
}
