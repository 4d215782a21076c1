//! Who has read which token, and when: in the audit log before the token leaves, once in a minute
//! for each caller and identity. Repeats are counted, and written with the next event or once the
//! minute is over.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::access::Caller;
use crate::batch::Batch;
use crate::clock::{Clock, Time};
use crate::database::{Database, identity};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin, Sealer};
use crate::id::{IdentityId, OrganizationId, UserId};

/// Reads written in one transaction.
const BATCH: usize = 200;
/// Callers and identities that are remembered; beyond, every read has an event of its own.
const REMEMBERED: usize = 100_000;

/// Writes reads down.
pub(super) struct Reads {
    written: Batch<Read, ()>,
    log: Arc<Log>,
}

/// A read that is to be written: the same for the same caller and identity.
#[derive(Clone)]
struct Read {
    origin: Origin,
    identity: IdentityId,
    user: UserId,
    organization: Option<OrganizationId>,
}

/// The minutes that have an event, with what came after it.
struct Log {
    database: Database,
    clock: Clock,
    sealer: Sealer,
    minutes: Mutex<HashMap<Read, Minute>>,
    /// One write at a time: what one writes, another would write again.
    writing: tokio::sync::Mutex<()>,
}

/// A minute's reads by one caller of one identity's token.
#[derive(Clone, Copy)]
struct Minute {
    /// In which minute since 1970.
    number: i64,
    /// When the event was written.
    since: Time,
    /// Reads, that of the event among them. Until somebody has been given the token for it, 0.
    reads: u64,
}

/// Which repeats are written down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Minutes {
    /// Those of minutes that are over.
    Over,
    /// All: the server ends.
    All,
}

impl Reads {
    pub fn new(database: &Database, clock: &Clock, sealer: &Sealer) -> Self {
        let log = Arc::new(Log {
            database: database.clone(),
            clock: clock.clone(),
            sealer: sealer.clone(),
            minutes: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        });
        let writer = Arc::clone(&log);
        let written = Batch::new(BATCH, move |reads: Vec<Read>| {
            let log = Arc::clone(&writer);
            async move {
                log.write(&reads).await?;
                Ok(reads.into_iter().map(|read| (read, ())).collect())
            }
        });
        Self { written, log }
    }

    /// Comes back when the read is in the log.
    pub async fn note(&self, caller: &Caller, row: &identity::Model) -> Result<(), Error> {
        let read = Read {
            origin: caller.origin(),
            identity: row.id,
            user: row.user_id,
            organization: row.organization_id,
        };
        // A minute may end in between; beyond what is remembered nothing is counted.
        for _ in 0..2 {
            if self.log.count(&read) {
                return Ok(());
            }
            self.written.load(read.clone()).await?;
        }
        self.log.count(&read);
        Ok(())
    }

    /// Writes the repeats down.
    pub async fn flush(&self, which: Minutes) -> Result<(), Error> {
        self.log.flush(which).await
    }
}

impl Log {
    /// Whether the minute has its event already: then this read is one more of it.
    fn count(&self, read: &Read) -> bool {
        let number = minute(self.clock.now());
        match self.minutes().get_mut(read) {
            Some(known) if known.number == number => {
                known.reads += 1;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The events of all, in one transaction.
    async fn write(&self, reads: &[Read]) -> Result<(), Error> {
        let _writing = self.writing.lock().await;
        let now = self.clock.now();
        let missing: Vec<(&Read, Option<Minute>)> = {
            let minutes = self.minutes();
            let with = reads.iter().map(|read| (read, minutes.get(read).copied()));
            with.filter(|(_, known)| known.is_none_or(|known| known.number != minute(now)))
                .collect()
        };
        let (missing, clock) = (&missing, &self.clock);
        self.database
            .write(|tx| async move {
                let events = missing.iter().map(|(read, before)| {
                    let event = read.event(true, before.filter(Minute::has_repeats));
                    (read.origin.clone(), event)
                });
                event::record_each(&tx, clock, events.collect()).await
            })
            .await?;
        self.sealer.wake();
        let mut minutes = self.minutes();
        for (read, _) in missing {
            if minutes.len() < REMEMBERED || minutes.contains_key(*read) {
                let new = Minute {
                    number: minute(now),
                    since: now,
                    reads: 0,
                };
                minutes.insert((*read).clone(), new);
            }
        }
        Ok(())
    }

    async fn flush(&self, which: Minutes) -> Result<(), Error> {
        let _writing = self.writing.lock().await;
        let number = match which {
            Minutes::Over => minute(self.clock.now()),
            Minutes::All => i64::MAX,
        };
        loop {
            let over: Vec<(Read, Minute)> = {
                let mut minutes = self.minutes();
                minutes.retain(|_, known| known.number >= number || known.has_repeats());
                let over = minutes.iter().filter(|(_, known)| known.number < number);
                let over = over.map(|(read, known)| (read.clone(), *known));
                over.take(BATCH).collect()
            };
            if over.is_empty() {
                return Ok(());
            }
            let (all, clock) = (&over, &self.clock);
            self.database
                .write(|tx| async move {
                    let events = all.iter().map(|(read, minute)| {
                        (read.origin.clone(), read.event(false, Some(*minute)))
                    });
                    event::record_each(&tx, clock, events.collect()).await
                })
                .await?;
            self.sealer.wake();
            let mut minutes = self.minutes();
            for (read, written) in over {
                // One that has begun a new minute meanwhile has written these itself.
                if minutes
                    .get(&read)
                    .is_some_and(|known| known.number == written.number)
                {
                    minutes.remove(&read);
                }
            }
        }
    }

    fn minutes(&self) -> MutexGuard<'_, HashMap<Read, Minute>> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Minute {
    /// Reads that no event tells of yet.
    const fn has_repeats(&self) -> bool {
        self.reads > 1
    }
}

impl Read {
    /// `reads`: by this event's own; `earlier`: those that were counted since the event before.
    fn event(&self, is_read: bool, earlier: Option<Minute>) -> NewEvent {
        let mut told = Map::from_iter([("reads".to_owned(), Value::from(u8::from(is_read)))]);
        if let Some(earlier) = earlier {
            told.insert("repeats".to_owned(), (earlier.reads - 1).into());
            told.insert("repeatsSince".to_owned(), earlier.since.to_rfc3339().into());
        }
        NewEvent {
            target: Some(self.identity.any()),
            user: Some(self.user),
            organization: self.organization,
            after: Some(Value::Object(told)),
            ..NewEvent::new(Action::CredentialRead)
        }
    }
}

impl PartialEq for Read {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity && self.origin.actor.id == other.origin.actor.id
    }
}

impl Eq for Read {}

impl Hash for Read {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
        self.origin.actor.id.hash(state);
    }
}

fn minute(time: Time) -> i64 {
    time.timestamp().div_euclid(60)
}
