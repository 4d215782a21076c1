//! Goes through the chain as an auditor does: every seal in its order, every hash computed anew,
//! every event sealed or waiting. Reads only, a bounded part at a time. Knows no command line.

mod head;

use crate::clock::Time;
use crate::database::Database;
use crate::database::event::chain::{
    Found, Link, START, Standing, links, standing_events, standing_in_queue,
};
use crate::database::event::{Model, seal};
use crate::error::Error;
use crate::id::EventId;
pub use head::{Head, HeadError};

use super::chain;

/// Seals, and as many events, that are in memory at once.
const BATCH: u64 = 500;

/// Why the chain does not hold at a sequence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("there is a seal in front of the first, which is 1")]
    BeforeTheFirst,
    #[error("its seal was removed")]
    NoSeal,
    #[error("its seal was changed: it can't be read")]
    UnreadableSeal,
    #[error("the event was removed (its seal names the number {0})")]
    NoEvent(i64),
    #[error("the event of the number {0} was changed: it can't be read")]
    UnreadableEvent(i64),
    #[error("{0} or its hash was changed, or the one before it was removed")]
    Hash(EventId),
    #[error("the copy of {column} in the seal of {event} was changed")]
    Copy {
        event: EventId,
        column: &'static str,
    },
}

/// Where the chain breaks first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chain breaks at sequence {sequence}: {fault}")]
pub struct Break {
    pub sequence: i64,
    pub fault: Fault,
}

/// What became of a head that was noted earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    Holds,
    /// Another hash stands at its sequence.
    Rewritten,
    /// The chain ends before it.
    CutOff,
    /// The chain breaks before it.
    NotReached,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The last seal that fits; none where there is none.
    pub head: Option<Head>,
    pub broken: Option<Break>,
    /// Of the head that was given.
    pub noted: Option<Noted>,
}

/// Goes through the whole chain, up to where it breaks. `progress` is told after each part how
/// many seals have been verified.
///
/// # Errors
/// The database failed.
pub async fn verify(
    database: &Database,
    chain_key: &[u8],
    noted: Option<&Head>,
    mut progress: impl FnMut(u64),
) -> Result<Verified, Error> {
    let mut walk = Walk::new(chain_key, noted);
    let mut after = START;
    let mut verified = 0;
    loop {
        let links = links(database.reader(), after, BATCH).await?;
        for link in &links {
            if let Err(fault) = walk.step(link) {
                return Ok(walk.end(Some(fault)));
            }
            after = link.sequence;
            verified += 1;
        }
        if links.is_empty() {
            return Ok(walk.end(None));
        }
        progress(verified);
    }
}

/// Whether nothing is sealed yet.
///
/// # Errors
/// The database failed.
pub async fn is_empty(database: &Database) -> Result<bool, Error> {
    Ok(links(database.reader(), START, 1).await?.is_empty())
}

/// Events that are in no order, by their numbers. Each list ends where `limit` is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stray {
    /// Neither sealed nor waiting for it.
    pub forgotten: Vec<i64>,
    /// Waiting for a seal, and gone.
    pub removed: Vec<i64>,
    /// Sealed, and waiting for a seal again.
    pub waiting_again: Vec<i64>,
}

impl Stray {
    fn sort_in(&mut self, row: Standing, limit: usize) {
        let list = match row {
            Standing {
                sealed: true,
                waiting: true,
                ..
            } => &mut self.waiting_again,
            Standing { written: false, .. } => &mut self.removed,
            Standing {
                sealed: false,
                waiting: false,
                ..
            } => &mut self.forgotten,
            Standing { .. } => return,
        };
        if list.len() < limit && !list.contains(&row.number) {
            list.push(row.number);
        }
    }
}

/// Looks at every event, and at all that waits, whatever the chain says.
///
/// # Errors
/// The database failed.
pub async fn stray(database: &Database, limit: usize) -> Result<Stray, Error> {
    let mut stray = Stray::default();
    let mut after = START;
    loop {
        let rows = standing_events(database.reader(), after).await?;
        let Some(last) = rows.last() else { break };
        after = last.number;
        for row in rows {
            stray.sort_in(row, limit);
        }
    }
    after = START;
    loop {
        let rows = standing_in_queue(database.reader(), after).await?;
        let Some(last) = rows.last() else { break };
        after = last.number;
        for row in rows {
            stray.sort_in(row, limit);
        }
    }
    Ok(stray)
}

/// How far the chain is known to hold.
struct Walk<'a> {
    chain_key: &'a [u8],
    noted: Option<&'a Head>,
    outcome: Option<Noted>,
    head: Option<Head>,
    last_at: Option<Time>,
}

impl<'a> Walk<'a> {
    const fn new(chain_key: &'a [u8], noted: Option<&'a Head>) -> Self {
        Self {
            chain_key,
            noted,
            outcome: None,
            head: None,
            last_at: None,
        }
    }

    /// Goes on by one seal, if it is the next and fits.
    fn step(&mut self, link: &Link) -> Result<(), Break> {
        let expected = self.head.as_ref().map_or(1, |head| head.sequence + 1);
        let at = |sequence, fault| Break { sequence, fault };
        if link.sequence < expected {
            return Err(at(link.sequence, Fault::BeforeTheFirst));
        }
        if link.sequence > expected {
            return Err(at(expected, Fault::NoSeal));
        }
        let seal = self.fits(link).map_err(|fault| at(expected, fault))?;
        let head = Head {
            sequence: expected,
            hash: seal.hash.clone(),
        };
        if let Some(noted) = self.noted.filter(|noted| noted.sequence == expected) {
            self.outcome = Some(if *noted == head {
                Noted::Holds
            } else {
                Noted::Rewritten
            });
        }
        self.head = Some(head);
        self.last_at = Some(seal.at);
        Ok(())
    }

    fn fits<'l>(&self, link: &'l Link) -> Result<&'l seal::Model, Fault> {
        let seal = link.seal.as_ref().ok_or(Fault::UnreadableSeal)?;
        let event = match &link.event {
            Found::Event(event) => event,
            Found::Unreadable => return Err(Fault::UnreadableEvent(seal.event_number)),
            Found::Nothing => return Err(Fault::NoEvent(seal.event_number)),
        };
        let previous = self.head.as_ref().map_or(&[][..], |head| &head.hash);
        if seal.hash != chain::hash(self.chain_key, previous, event) {
            return Err(Fault::Hash(event.id));
        }
        match self.changed_copy(seal, event) {
            None => Ok(seal),
            Some(column) => Err(Fault::Copy {
                event: event.id,
                column,
            }),
        }
    }

    fn changed_copy(&self, seal: &seal::Model, event: &Model) -> Option<&'static str> {
        // Where an event is older than the one sealed before it, the seal may have that one's
        // time: times that never fall are a span of the sequence.
        let at = seal.at == event.at || (seal.at > event.at && Some(seal.at) == self.last_at);
        [
            ("at", at),
            ("action", seal.action == event.action),
            ("actor_id", seal.actor_id == event.actor_id),
            ("target_id", seal.target_id == event.target_id),
            ("user_id", seal.user_id == event.user_id),
            (
                "organization_id",
                seal.organization_id == event.organization_id,
            ),
        ]
        .into_iter()
        .find_map(|(column, is_same)| (!is_same).then_some(column))
    }

    fn end(self, broken: Option<Break>) -> Verified {
        let missed = if broken.is_some() {
            Noted::NotReached
        } else {
            Noted::CutOff
        };
        Verified {
            noted: self.noted.map(|_| self.outcome.unwrap_or(missed)),
            head: self.head,
            broken,
        }
    }
}

#[cfg(test)]
mod tests;
