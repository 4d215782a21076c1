//! The audit log: its chain, a head that was noted, events in no order, events that wait.

use std::io::{IsTerminal, Write};

use chrono::TimeDelta;
use secrecy::zeroize::Zeroizing;

use super::report::{MOST, Outcome, listed};
use super::told;
use crate::clock::Clock;
use crate::database::Database;
use crate::database::event::chain::waiting_since_before;
use crate::error::Error;
use crate::event::verify::{Head, Noted, Verified, is_empty, stray, verify};
use crate::vault::{ServerSecret, Vault};

/// How often a long chain tells how far it is.
const PROGRESS_EVERY: u64 = 100_000;

/// How long an event may wait for its seal.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// Verifies the chain, and looks for the head. `vault` is there where its key is.
pub async fn chain(
    database: &Database,
    vault: Option<&Vault>,
    noted: Option<&Head>,
) -> (Outcome, Option<Verified>) {
    match verified(database, vault, noted).await {
        Ok(verified) => (chain_outcome(&verified), Some(verified)),
        Err(message) => (Outcome::failed(message), None),
    }
}

fn chain_outcome(verified: &Verified) -> Outcome {
    match (&verified.broken, &verified.head) {
        (Some(broken), _) => Outcome::failed(format!(
            "{broken}. Keep this database as it is, and compare it with a backup"
        )),
        (None, Some(head)) => Outcome::ok(format!("whole, up to sequence {}", head.sequence)),
        (None, None) => Outcome::ok("nothing is sealed yet"),
    }
}

async fn verified(
    database: &Database,
    vault: Option<&Vault>,
    noted: Option<&Head>,
) -> Result<Verified, String> {
    let key = match vault {
        Some(vault) => vault
            .stored_server_secret(database, ServerSecret::EventChain)
            .await
            .map_err(|error| format!("can't be verified: {}", told(&error)))?,
        None => None,
    };
    let failed = |error: Error| told(&error);
    if key.is_none() && !is_empty(database).await.map_err(failed)? {
        return Err(match vault {
            None => "can't be verified without the master key of this database".to_owned(),
            Some(_) => "can't be verified: its key, the row event_chain of the table secret, was \
                        removed. Put it back from a backup"
                .to_owned(),
        });
    }
    let key = key.unwrap_or_else(|| Zeroizing::new(Vec::new()));
    verify(database, &key, noted, progress)
        .await
        .map_err(failed)
}

/// On a terminal only.
fn progress(verified: u64) {
    let mut err = std::io::stderr();
    if verified.is_multiple_of(PROGRESS_EVERY) && err.is_terminal() {
        // Who can't be told how far it is can do without.
        let _ = writeln!(err, "{verified} events of the chain are verified …");
    }
}

/// What became of a head that was noted.
pub fn noted(head: &Head, verified: Option<&Verified>) -> Outcome {
    let sequence = head.sequence;
    match verified.and_then(|verified| verified.noted.as_ref()) {
        Some(Noted::Holds) => Outcome::ok(format!("{sequence} is in the chain as it was noted")),
        Some(Noted::Rewritten) => Outcome::failed(format!(
            "another hash stands at sequence {sequence}: the chain was written anew, or the head \
             is another database's"
        )),
        Some(Noted::CutOff) => Outcome::failed(format!(
            "the chain ends before sequence {sequence}: its end was cut off, or an older backup \
             was put in place"
        )),
        Some(Noted::NotReached) => Outcome::failed(format!(
            "sequence {sequence} was not reached: the chain breaks before it"
        )),
        None => Outcome::failed(format!(
            "sequence {sequence} was not looked for: the chain could not be verified"
        )),
    }
}

/// Events that are neither in the chain nor on their way into it.
pub async fn events(database: &Database) -> Outcome {
    let stray = match stray(database, MOST).await {
        Ok(stray) => stray,
        Err(error) => return Outcome::failed(told(&error)),
    };
    let found: Vec<String> = [
        (
            "not sealed and not waiting for it (the seal was removed, or the place in the queue, \
             or Lanyard has not written the event): event.number",
            &stray.forgotten,
        ),
        (
            "waiting for a seal, and removed: event_unsealed.number",
            &stray.removed,
        ),
        (
            "sealed, and waiting for another seal, which stops the sealer: event_unsealed.number",
            &stray.waiting_again,
        ),
    ]
    .into_iter()
    .filter(|(_, numbers)| !numbers.is_empty())
    .map(|(what, numbers)| format!("{what} {}", listed(numbers)))
    .collect();
    if found.is_empty() {
        return Outcome::ok("each is sealed, or waits for it");
    }
    Outcome::failed(format!(
        "{}. Keep this database as it is, and compare it with a backup",
        found.join("; ")
    ))
}

/// Whether somebody seals.
pub async fn queue(database: &Database, clock: &Clock) -> Outcome {
    let before = clock.now() - PATIENCE;
    let limit = u64::try_from(MOST).unwrap_or(u64::MAX);
    let waiting = waiting_since_before(database.reader(), before, limit).await;
    let waiting = match waiting.map_err(Error::from) {
        Ok(waiting) => waiting,
        Err(error) => return Outcome::failed(told(&error)),
    };
    let Some(first) = waiting.iter().min() else {
        return Outcome::ok("no event has waited for its seal longer than a minute");
    };
    let at_least = if waiting.len() < MOST {
        ""
    } else {
        "at least "
    };
    Outcome::warning(format!(
        "events that wait for their seal: {at_least}{}, since {}. Does no server run? `lanyard \
         serve` seals them",
        waiting.len(),
        first.format("%Y-%m-%d %H:%M:%S UTC")
    ))
}
