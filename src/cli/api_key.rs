//! `lanyard api-key`.

use std::collections::HashMap;
use std::io::Write;

use chrono::TimeDelta;
use clap::Subcommand;
use secrecy::ExposeSecret;

use super::Failure;
use crate::access::api_key::{NewApiKey, create, revoke};
use crate::access::{Caller, Scope, Viewer};
use crate::clock::Clock;
use crate::database::page::{Page, Position, Towards};
use crate::database::reach::Reach;
use crate::database::{Database, api_key, organization};
use crate::error::Error;
use crate::id::{ApiKeyId, OrganizationId};
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
        /// The organization that it is bound to, by slug [default: none, it sees all]
        #[arg(long, value_name = "SLUG")]
        organization: Option<String>,
        /// An origin that its links may lead back to: https and a host; may be given several times
        #[arg(long = "return-origin", value_name = "ORIGIN")]
        return_origins: Vec<String>,
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
            organization,
            return_origins,
        } => {
            let organization_id = match organization {
                None => None,
                Some(slug) => Some(organization_of(&database, &slug).await?),
            };
            let expires_at =
                expires_in_days.map(|days| clock.now() + TimeDelta::days(i64::from(days)));
            let new = NewApiKey {
                name,
                scopes,
                application,
                expires_at,
                organization_id,
                return_origins,
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
                let organizations = organizations_of(&database, &slice.rows).await?;
                for row in &slice.rows {
                    let until = row
                        .expires_at
                        .map_or_else(|| "never ends".to_owned(), |time| format!("ends {time:.0}"));
                    let used = row
                        .last_used_at
                        .map_or_else(|| "never used".to_owned(), |time| format!("used {time:.0}"));
                    let scopes = row.scopes_json.0.join(",");
                    let bound = row
                        .organization_id
                        .and_then(|id| organizations.get(&id))
                        .map_or_else(String::new, |slug| format!("  of {slug}"));
                    writeln!(
                        out,
                        "{}  {}…  {}  {scopes}  {until}  {used}{bound}",
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

async fn organization_of(database: &Database, slug: &str) -> Result<OrganizationId, Error> {
    let found = organization::by_slugs(database.reader(), &[slug.to_owned()]).await?;
    let found = found.first().map(|row| row.id);
    found.ok_or_else(|| Error::NotFound {
        what: "organization",
        id: slug.to_owned(),
    })
}

/// The slugs of the organizations that the keys are bound to.
async fn organizations_of(
    database: &Database,
    keys: &[api_key::Model],
) -> Result<HashMap<OrganizationId, String>, Error> {
    let ids: Vec<OrganizationId> = keys.iter().filter_map(|key| key.organization_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = organization::by_ids(database.reader(), &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.slug)).collect())
}

fn scopes_help() -> String {
    let lines: Vec<String> = Scope::ALL
        .iter()
        .map(|scope| format!("  {:<20}{}", scope.name(), scope.meaning()))
        .collect();
    format!("Scopes:\n{}", lines.join("\n"))
}
