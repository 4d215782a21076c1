//! `lanyard key`.

mod report;

use std::io::Write;
use std::time::Duration;

use clap::Subcommand;

use self::report::{advice, json, print, progress};
use super::Failure;
use crate::access::{Caller, Viewer};
use crate::clock::Clock;
use crate::database::Database;
use crate::metrics::Metrics;
use crate::server::{
    StartError, add_master_key, existing_master_keys, own_key_file, place, ready_database,
};
use crate::settings::Settings;
use crate::vault::{KeyRing, Rewrap, RotationError, Vault, successor};

/// How often `--wait` looks how far it is.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make another master key the current one; servers pass what is stored on to it while they
    /// answer
    #[command(after_help = ROTATE_HELP)]
    Rotate {
        /// The key that takes over, as `status` prints it [default: the only one here that has
        /// never been the current one; where the key file is the embedded database's own, a new
        /// one]
        #[arg(long, value_name = "KEY-ID")]
        to: Option<String>,
        /// Go on until nothing is sealed with another key; does the work where no server does.
        /// With the current key as --to, it only does that
        #[arg(long)]
        wait: bool,
    },
    /// Say whose turn it is, how far a rotation is, and what may be removed
    Status {
        /// Print one JSON object, for machines
        #[arg(long)]
        json: bool,
    },
}

const ROTATE_HELP: &str = "\
Give the new key to every process first: one that lacks it stores no secrets until it has it.
`docs/keys.md` has the steps.";

pub async fn run(settings: &Settings, command: Key) -> Result<(), Failure> {
    let database = Box::pin(ready_database(settings)).await?;
    if !KeyRing::is_known_to(&database).await? {
        return Err(Failure::Said(format!(
            "the database {} has no master key yet: the first `lanyard serve` gives it one",
            place(settings)
        )));
    }
    let clock = Clock::default();
    match command {
        Key::Rotate { to, wait } => {
            rotate(settings, &database, &clock, to.as_deref(), wait).await?;
            if wait {
                Box::pin(follow(settings, &database, &clock)).await?;
            }
        }
        Key::Status { json: as_json } => {
            let keys = keys(settings)?;
            let status = Vault::new(keys, clock).status(&database).await?;
            let places = places(settings);
            let mut out = std::io::stdout().lock();
            if as_json {
                writeln!(out, "{}", json(&status, &places))?;
            } else {
                print(&mut out, &status, &places)?;
            }
        }
    }
    database.close().await;
    Ok(())
}

async fn rotate(
    settings: &Settings,
    database: &Database,
    clock: &Clock,
    to: Option<&str>,
    goes_on: bool,
) -> Result<(), Failure> {
    let keys = keys(settings)?;
    keys.check_known(database).await.map_err(StartError::from)?;
    let mut vault = Vault::new(keys, clock.clone());
    let status = vault.status(database).await?;
    let mut out = std::io::stdout().lock();
    if goes_on && to.is_some() && to == status.current() {
        writeln!(
            out,
            "{} is the current master key already.",
            to.unwrap_or_default()
        )?;
        return Ok(());
    }
    let to = match (
        successor(&status, to).map_err(said)?,
        own_key_file(settings),
    ) {
        (Some(id), _) => id,
        (None, Some(file)) => {
            let key = add_master_key(&file, clock)?;
            writeln!(
                out,
                "The master key {} was made and added to {}. Keep a copy of the file apart from \
                 the database.",
                key.id(),
                file.display()
            )?;
            vault = Vault::new(self::keys(settings)?, clock.clone());
            key.id().to_owned()
        }
        (None, None) => {
            return Err(Failure::Said(format!(
                "there is no other master key here, only {}. Make one with `openssl rand -base64 \
                 32`, add it to {} of every process, behind the one that is there, and rotate then",
                status.here().join(", "),
                places(settings)
            )));
        }
    };
    let caller = Caller {
        viewer: Viewer::CommandLine,
        request_id: "command line".to_owned(),
    };
    let rotated = vault.rotate(database, &caller.origin(), &to).await;
    let rotated = rotated.map_err(said)?;
    writeln!(
        out,
        "{} is the current master key; it replaces {}. Every process needs both until `lanyard \
         key status` says that {} is retired.",
        rotated.to, rotated.from, rotated.from
    )?;
    Ok(())
}

/// Says how far it is until it is done, and does the work where no server does.
async fn follow(settings: &Settings, database: &Database, clock: &Clock) -> Result<(), Failure> {
    let vault = Vault::new(keys(settings)?, clock.clone());
    let rewrap = Rewrap::new(database.clone(), &vault, clock.clone(), Metrics::default());
    let places = places(settings);
    let work = async {
        loop {
            if let Err(error) = rewrap.run().await {
                tracing::warn!(error = %error, "what is stored could not be passed on; trying again");
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        ended = watch(&vault, database, &places) => ended,
        never = work => never,
    }
}

async fn watch(vault: &Vault, database: &Database, places: &str) -> Result<(), Failure> {
    let mut told = String::new();
    loop {
        let status = vault.status(database).await?;
        let line = progress(&status);
        if line != told {
            writeln!(std::io::stdout(), "{line}")?;
            told = line;
        }
        if !status.is_rotating() {
            for line in advice(&status, places) {
                writeln!(std::io::stdout(), "{line}")?;
            }
            return Ok(());
        }
        if status.is_through() && status.failed() > 0 {
            return Err(Failure::Said(advice(&status, places).join("\n")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn keys(settings: &Settings) -> Result<KeyRing, StartError> {
    existing_master_keys(settings, true)?.ok_or(StartError::NoKeys)
}

/// Where keys are added and removed, in words.
fn places(settings: &Settings) -> String {
    match own_key_file(settings) {
        Some(file) => format!("the file {}", file.display()),
        None => settings.vault.master_keys.places().join(" or "),
    }
}

fn said(error: RotationError) -> Failure {
    match error {
        RotationError::Database(error) => Failure::Refused(error),
        error @ (RotationError::IsCurrent(_)
        | RotationError::NotHere { .. }
        | RotationError::Several(_)
        | RotationError::BrokenCheck { .. }) => Failure::Said(error.to_string()),
    }
}
