//! Names to addresses. The system's resolver can't be told to stop: whoever gives up waiting
//! leaves a thread behind. So everybody who asks for the same name waits for the same question.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt, Shared};

/// The addresses of a name, or why there are none.
type Found = Result<Arc<[SocketAddr]>, Arc<io::Error>>;
/// Asks whoever knows.
type Ask = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;
type Asking = Mutex<HashMap<String, Shared<BoxFuture<'static, Found>>>>;

/// Resolves names.
#[derive(Clone)]
pub(super) struct Names {
    ask: Arc<Ask>,
    /// By name; a question is taken out when it is answered, so nothing is kept.
    asking: Arc<Asking>,
}

impl Names {
    /// By the system's resolver.
    pub fn of_system() -> Self {
        Self::by(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.collect())
            })
        })
    }

    /// By whatever `ask` says.
    pub fn by(
        ask: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            ask: Arc::new(ask),
            asking: Arc::default(),
        }
    }

    /// The name's addresses.
    ///
    /// # Errors
    /// There are none, or nobody knows.
    pub async fn addresses(&self, name: &str) -> Found {
        self.question(name).await
    }

    fn question(&self, name: &str) -> Shared<BoxFuture<'static, Found>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let open = asking
            .get(name)
            .filter(|question| question.peek().is_none());
        if let Some(question) = open {
            return question.clone();
        }
        let (ask, all, key) = ((self.ask)(name.to_owned()), &self.asking, name.to_owned());
        let all = Arc::clone(all);
        // A task of its own, which ends whether or not anybody still waits.
        let answer = tokio::spawn(async move {
            let found = ask.await;
            all.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
            found.map(Arc::from).map_err(Arc::new)
        });
        let answer = answer.map(|ended| {
            ended.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error.to_string()))))
        });
        let question = answer.boxed().shared();
        asking.insert(name.to_owned(), question.clone());
        question
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_gives_up_leaves_one_question_behind_for_all() {
        let (asked, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let names = {
            let (asked, gate) = (Arc::clone(&asked), Arc::clone(&gate));
            Names::by(move |name| {
                asked.fetch_add(1, Ordering::SeqCst);
                let gate = Arc::clone(&gate);
                Box::pin(async move {
                    gate.acquire().await.unwrap().forget();
                    Err(io::Error::other(name))
                })
            })
        };
        for _ in 0..50 {
            tokio::select! {
                biased;
                _ = names.addresses("slow.example") => panic!("nobody answers yet"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let waiting = names.addresses("slow.example");
        gate.add_permits(1);
        assert_eq!(waiting.await.unwrap_err().to_string(), "slow.example");
        assert!(names.asking.lock().unwrap().is_empty(), "nothing is kept");
        gate.add_permits(1);
        assert!(names.addresses("slow.example").await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
