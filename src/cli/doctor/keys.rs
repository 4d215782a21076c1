//! Whether the keys are those of the database. Makes none up.

use super::report::Outcome;
use super::told;
use crate::clock::Clock;
use crate::database::Database;
use crate::server::existing_master_keys;
use crate::settings::Settings;
use crate::vault::{KeyRing, KeyStatus, ServerSecret, Turn, Vault};

/// With what the key opens, if it is there and the right one.
pub async fn master_key(
    settings: &Settings,
    database: &Database,
    clock: &Clock,
) -> (Outcome, Option<Vault>) {
    let is_known = match KeyRing::is_known_to(database).await {
        Ok(is_known) => is_known,
        Err(error) => return (Outcome::failed(told(&error)), None),
    };
    let keys = match existing_master_keys(settings, is_known) {
        Ok(Some(keys)) => keys,
        Ok(None) => {
            let none = "there is none yet: the first `lanyard serve` makes one";
            return (Outcome::ok(none), None);
        }
        Err(error) => return (Outcome::failed(error), None),
    };
    if !is_known {
        let outcome = Outcome::ok(format!(
            "{}; the database knows none yet, the first `lanyard serve` gives it this one",
            keys.first().id()
        ));
        return (outcome, Some(Vault::new(keys, clock.clone())));
    }
    if let Err(error) = keys.check_known(database).await {
        return (Outcome::failed(error), None);
    }
    let vault = Vault::new(keys, clock.clone());
    let outcome = match vault.status(database).await {
        Ok(status) => turns(&status),
        Err(error) => Outcome::failed(told(&error)),
    };
    (outcome, Some(vault))
}

/// Whose turn it is, and whether another's has ended.
fn turns(status: &KeyStatus) -> Outcome {
    let current = status.current().unwrap_or_default();
    if !status.is_rotating() {
        return Outcome::ok(format!("{current} is this database's"));
    }
    let replaced = status.keys.iter();
    let replaced = replaced.filter(|key| key.turn == Turn::BeingReplaced);
    let replaced: Vec<&str> = replaced.map(|key| key.id.as_str()).collect();
    let replaced = replaced.join(", ");
    match status.failed() {
        0 => Outcome::ok(format!(
            "{current} is this database's, and replaces {replaced}; `lanyard key status` says how \
             far it is"
        )),
        failed => Outcome::warning(format!(
            "{current} is this database's; {replaced} can't be retired, since {failed} rows hold a \
             value that no key opens. The server's log names them; put them back from a backup"
        )),
    }
}

/// Whether the server's own secrets open. Without a key there are none.
pub async fn secrets(database: &Database, vault: Option<&Vault>) -> Outcome {
    let none = Outcome::ok("none made yet");
    let Some(vault) = vault else { return none };
    let mut opened = 0;
    for which in ServerSecret::ALL {
        match vault.stored_server_secret(database, which).await {
            Ok(stored) => opened += usize::from(stored.is_some()),
            Err(error) => {
                return Outcome::failed(format!(
                    "{}. The row of the table secret was changed or restored from elsewhere: \
                     put back the one that belongs to this database",
                    told(&error)
                ));
            }
        }
    }
    match opened {
        0 => none,
        opened => Outcome::ok(format!("{opened} can be opened")),
    }
}
