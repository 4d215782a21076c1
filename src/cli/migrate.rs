//! `lanyard migrate`.

use std::io::Write;

use clap::Subcommand;

use super::Failure;
use crate::server::{open_database, place};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply what is pending, all of it or nothing
    Up,
    /// Say what is applied, pending and unknown; exits with 1 unless all is applied
    Status,
}

pub async fn run(settings: &Settings, command: &Migrate) -> Result<(), Failure> {
    let database = Box::pin(open_database(settings)).await?;
    let place = place(settings);
    let mut out = std::io::stdout().lock();
    match command {
        Migrate::Up => {
            let applied = database.migrate(&place).await?;
            if applied.is_empty() {
                writeln!(out, "The database {place} is up to date.")?;
            }
            for name in applied {
                writeln!(out, "applied  {name}")?;
            }
            Ok(())
        }
        Migrate::Status => {
            let status = database.migration_status(&place).await?;
            for (word, names) in [
                ("applied", &status.applied),
                ("pending", &status.pending),
                ("unknown", &status.unknown),
            ] {
                for name in names {
                    writeln!(out, "{word}  {name}")?;
                }
            }
            match (status.pending.len(), status.unknown.len()) {
                (0, 0) => Ok(()),
                (pending, 0) => Err(Failure::Said(format!(
                    "{pending} migrations are pending; `lanyard migrate up` applies them, and \
                     `lanyard serve` at its start"
                ))),
                (_, unknown) => Err(Failure::Said(format!(
                    "the database has {unknown} migrations that this version doesn't know; run \
                     the version that made them, or a later one"
                ))),
            }
        }
    }
}
