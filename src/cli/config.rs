//! `lanyard config`.

use std::io::Write;

use clap::Subcommand;

use super::Failure;
use crate::provider::catalog::Catalog;
use crate::server::{StartError, place};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read the configuration as `serve` would, and print what it comes to, without secrets;
    /// connects to nothing
    Check,
}

/// Whoever gets here has settings without mistakes.
pub fn check(settings: &Settings) -> Result<(), Failure> {
    let types = Catalog::with(&settings.provider_types)
        .map_err(StartError::from)?
        .iter()
        .count();
    let http = &settings.http;
    let mut out = std::io::stdout().lock();
    let public_url = http.public_url(http.listen);
    writeln!(out, "listens on      {}", http.listen)?;
    if let Some(address) = http.private_listen {
        writeln!(out, "privately on    {address}")?;
    }
    writeln!(out, "public URL      {public_url}")?;
    writeln!(out, "data folder     {}", settings.data_dir.display())?;
    writeln!(
        out,
        "database        {}, {} connections",
        place(settings),
        settings.database.pool
    )?;
    let key = if settings.vault.master_keys.is_given() {
        "given"
    } else {
        "a file in the data folder"
    };
    writeln!(out, "master key      {key}")?;
    writeln!(out, "provider types  {types}")?;
    writeln!(out, "The configuration is in order.")?;
    Ok(())
}
