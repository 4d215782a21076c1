//! `lanyard doctor`: looks at the configured database, and changes nothing.

mod audit;
mod identities;
mod keys;
mod report;

use clap::Args;

use super::Failure;
use crate::clock::Clock;
use crate::database::Database;
use crate::database::identity::Invariant;
use crate::error::Error;
use crate::event::verify::Head;
use crate::server::{existing_database, place};
use crate::settings::{Problems, Settings};
use report::{Check, Outcome, Report};

#[derive(Debug, Args)]
#[command(after_help = report::checks_help())]
pub struct Doctor {
    /// A head of the audit chain that was printed earlier: it has to be in the chain still
    #[arg(long, value_name = "SEQUENCE:HASH")]
    head: Option<Head>,
    /// Print one JSON object, for machines
    #[arg(long)]
    json: bool,
}

impl Doctor {
    fn report(&self) -> Report {
        Report::new(self.json, self.head.is_some())
    }
}

/// What is left to say where the settings are wrong.
pub fn without_settings(doctor: &Doctor, problems: &Problems) -> Result<(), Failure> {
    let mut report = doctor.report();
    report.add(Check::Settings, Outcome::failed(problems))?;
    report.end()
}

pub async fn run(settings: &Settings, doctor: &Doctor) -> Result<(), Failure> {
    let mut report = doctor.report();
    let read = match settings.warnings.as_slice() {
        [] => Outcome::ok("read, without mistakes"),
        warnings => Outcome::warning(warnings.join("; ")),
    };
    report.add(Check::Settings, read)?;
    let database = match Box::pin(existing_database(settings)).await {
        Ok(database) => database,
        Err(error) => {
            report.add(Check::Database, Outcome::failed(error))?;
            return report.end();
        }
    };
    report.add(Check::Database, answers(settings, &database).await)?;
    let migrations = migrations(settings, &database).await;
    let is_readable = !migrations.is_failed();
    report.add(Check::Migrations, migrations)?;
    if is_readable {
        rows(settings, doctor, &database, &mut report).await?;
    }
    database.close().await;
    report.end()
}

/// What this version's tables hold.
async fn rows(
    settings: &Settings,
    doctor: &Doctor,
    database: &Database,
    report: &mut Report,
) -> Result<(), Failure> {
    let clock = &Clock::default();
    let (outcome, vault) = keys::master_key(settings, database, clock).await;
    let is_right = !outcome.is_failed();
    report.add(Check::MasterKey, outcome)?;
    if is_right {
        report.add(
            Check::Secrets,
            keys::secrets(database, vault.as_ref()).await,
        )?;
    }
    let noted = doctor.head.as_ref();
    let (outcome, verified) = audit::chain(database, vault.as_ref(), noted).await;
    let mut is_whole = !outcome.is_failed();
    report.add(Check::AuditChain, outcome)?;
    if let Some(noted) = noted {
        let outcome = audit::noted(noted, verified.as_ref());
        is_whole &= !outcome.is_failed();
        report.add(Check::AuditHead, outcome)?;
    }
    let outcome = audit::events(database).await;
    is_whole &= !outcome.is_failed();
    report.add(Check::AuditEvents, outcome)?;
    // Of a log that may have lost its end nobody should note the head.
    if is_whole {
        report.head = verified.and_then(|verified| verified.head);
    }
    report.add(Check::AuditQueue, audit::queue(database, clock).await)?;
    for (check, invariant) in [
        (Check::IdentityTypes, Invariant::ProviderType),
        (Check::IdentityOrganizations, Invariant::Organization),
        (Check::IdentitySlots, Invariant::AccountSlot),
        (Check::PrimaryIdentities, Invariant::Primary),
    ] {
        report.add(check, identities::outcome(database, invariant).await)?;
    }
    let outcome = identities::auth_identities(database).await;
    report.add(Check::AuthIdentities, outcome)?;
    let outcome = identities::organization_integrations(database).await;
    report.add(Check::OrganizationIntegrations, outcome)?;
    Ok(())
}

async fn answers(settings: &Settings, database: &Database) -> Outcome {
    match database.version().await {
        Ok(version) if version.is_too_old() => Outcome::warning(format!(
            "{version} at {} is older than Lanyard is made for: 15 or later is needed",
            place(settings)
        )),
        Ok(version) => Outcome::ok(format!("{version}, {}", place(settings))),
        Err(error) => Outcome::failed(told(&error)),
    }
}

async fn migrations(settings: &Settings, database: &Database) -> Outcome {
    let status = match database.migration_status(&place(settings)).await {
        Ok(status) => status,
        Err(error) => return Outcome::failed(error),
    };
    if !status.unknown.is_empty() {
        return Outcome::failed(format!(
            "the database is newer: this version doesn't know {}. Run the version that made \
             them, or a later one",
            status.unknown.join(", ")
        ));
    }
    if !status.pending.is_empty() {
        return Outcome::failed(format!(
            "pending: {}; `lanyard migrate up` applies them, and `lanyard serve` at its start",
            status.pending.join(", ")
        ));
    }
    Outcome::ok(format!("{} applied, none pending", status.applied.len()))
}

/// An operator may read the cause, which no caller of the API may.
fn told(error: &Error) -> String {
    match error {
        Error::Internal(cause) => format!("{cause:#}"),
        Error::Timeout => "the database took too long to answer; try again".to_owned(),
        Error::Unauthenticated(_)
        | Error::Forbidden(_)
        | Error::NotFound { .. }
        | Error::IdentityNotFound(_)
        | Error::Ambiguous(_)
        | Error::BadInput { .. }
        | Error::LimitExceeded(_)
        | Error::RateLimited(_)
        | Error::CredentialInvalid(_)
        | Error::ProviderUnavailable(_)
        | Error::Refused(_) => error.to_string(),
    }
}
