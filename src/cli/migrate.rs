//! `lanyard migrate`.

use std::io::Write;

use clap::Subcommand;

use super::Failure;
use crate::server::{open_database, place};
use crate::settings::{DatabaseUrl, Settings};

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply what is pending, all of it or nothing
    Up,
    /// Say what is applied, pending and unknown; exits with 1 unless all is applied
    Status,
}

pub async fn run(settings: &Settings, command: &Migrate) -> Result<(), Failure> {
    let place = place(settings);
    if let (Migrate::Status, DatabaseUrl::Sqlite(file)) = (command, &settings.database.url)
        && !file.exists()
    {
        return Err(Failure::Said(format!(
            "there is no database {place} yet; `lanyard migrate up` makes it, and `lanyard serve` \
             at its start"
        )));
    }
    let database = Box::pin(open_database(settings)).await?;
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
                (_, 0) => Err(Failure::Said(
                    "not all migrations are applied; `lanyard migrate up` applies them, and \
                     `lanyard serve` at its start"
                        .to_owned(),
                )),
                (_, _) => Err(Failure::Said(
                    "the database has migrations that this version doesn't know; run the version \
                     that made them, or a later one"
                        .to_owned(),
                )),
            }
        }
    }
}
