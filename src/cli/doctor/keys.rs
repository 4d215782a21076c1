//! Whether the keys are those of the database. Makes none up.

use super::report::Outcome;
use super::told;
use crate::clock::Clock;
use crate::database::Database;
use crate::server::existing_master_keys;
use crate::settings::Settings;
use crate::vault::{KeyRing, ServerSecret, Vault};

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
    let id = keys.first().id().to_owned();
    if is_known && let Err(error) = keys.check_known(database).await {
        return (Outcome::failed(error), None);
    }
    let outcome = if is_known {
        Outcome::ok(format!("{id} is this database's"))
    } else {
        Outcome::ok(format!(
            "{id}; the database knows none yet, the first `lanyard serve` gives it this one"
        ))
    };
    (outcome, Some(Vault::new(keys, clock.clone())))
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
