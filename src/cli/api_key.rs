//! `lanyard api-key`.

use std::io::Write;

use chrono::TimeDelta;
use clap::Subcommand;
use secrecy::ExposeSecret;

use super::Failure;
use crate::access::api_key::{NewApiKey, create, revoke};
use crate::access::{Caller, Scope, Viewer};
use crate::clock::Clock;
use crate::database::api_key;
use crate::database::page::{Page, Position, Towards};
use crate::database::reach::Reach;
use crate::id::ApiKeyId;
use crate::server::{place, ready_database};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub enum ApiKey {
    /// Make a key and print it, this once
    #[command(after_help = scopes_help())]
    Create {
        /// What the key is called
        #[arg(long)]
        name: String,
        /// What it may do; may be given several times
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// The application that it belongs to [default: the name]
        #[arg(long)]
        application: Option<String>,
        /// Days until it ends [default: never]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
        expires_in_days: Option<u16>,
    },
    /// List all keys; the keys themselves are not kept
    List,
    /// Revoke a key: its next request is refused
    Revoke {
        /// The key's id, `api_key_…`, as `list` prints it
        id: ApiKeyId,
    },
}

pub async fn run(settings: &Settings, command: ApiKey) -> Result<(), Failure> {
    let database = Box::pin(ready_database(settings)).await?;
    let clock = Clock::default();
    let caller = Caller {
        viewer: Viewer::CommandLine,
        request_id: "command line".to_owned(),
    };
    let mut out = std::io::stdout().lock();
    match command {
        ApiKey::Create {
            name,
            scopes,
            application,
            expires_in_days,
        } => {
            let expires_at =
                expires_in_days.map(|days| clock.now() + TimeDelta::days(i64::from(days)));
            let new = NewApiKey {
                name,
                scopes,
                application,
                expires_at,
                organization_id: None,
            };
            let created = create(&database, &clock, &caller, new).await?;
            writeln!(out, "{}", created.secret.expose_secret())?;
            tracing::info!(
                "the API key {} was made; the key itself is shown this once",
                created.row.id
            );
        }
        ApiKey::List => {
            let mut page = Page {
                limit: 100,
                towards: Towards::End,
                from: None,
            };
            loop {
                let slice = api_key::page(database.reader(), Reach::All, &page)
                    .await
                    .map_err(crate::error::Error::from)?;
                for row in &slice.rows {
                    let until = row
                        .expires_at
                        .map_or_else(|| "never ends".to_owned(), |time| format!("ends {time:.0}"));
                    let used = row
                        .last_used_at
                        .map_or_else(|| "never used".to_owned(), |time| format!("used {time:.0}"));
                    let scopes = row.scopes_json.0.join(",");
                    writeln!(
                        out,
                        "{}  {}…  {}  {scopes}  {until}  {used}",
                        row.id, row.hint, row.name
                    )?;
                }
                if slice.rows.is_empty() && page.from.is_none() {
                    writeln!(
                        out,
                        "There are no API keys in the database {}.",
                        place(settings)
                    )?;
                }
                page.from = slice.rows.last().map(|row| Position::Id(row.id.0));
                if !slice.more {
                    break;
                }
            }
        }
        ApiKey::Revoke { id } => {
            revoke(&database, &clock, &caller, id).await?;
            writeln!(out, "{id} is revoked.")?;
        }
    }
    Ok(())
}

fn scopes_help() -> String {
    let lines: Vec<String> = Scope::ALL
        .iter()
        .map(|scope| format!("  {:<20}{}", scope.name(), scope.meaning()))
        .collect();
    format!("Scopes:\n{}", lines.join("\n"))
}
