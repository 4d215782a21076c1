//! `lanyard serve`.

use std::io::{IsTerminal, Write};

use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::Failure;
use crate::clock::Clock;
use crate::server::{Server, place};
use crate::settings::Settings;

pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let server = Box::pin(Server::bind(settings, Clock::default())).await?;
    // Before anything says that it runs: whoever reads that may stop it.
    let stop = stop_signal()?;
    let url = settings.http.public_url(server.address());
    if let Some(key) = server.first_key() {
        show(key, &url).map_err(|error| {
            Failure::Said(format!(
                "the first admin API key was made and can't be shown: {error}. Make another one \
                 with `lanyard api-key create`, and revoke that one"
            ))
        })?;
    }
    tracing::info!(address = %server.address(), "Lanyard answers at {url} and listens on {}; its database is {}", server.address(), place(settings));
    if let Some(address) = server.private_address() {
        tracing::info!(%address, "health and metrics are at http://{address}");
    }
    server.run(stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// To the output, not to the log: it is shown this once and kept nowhere.
fn show(key: &SecretString, url: &Url) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "The first admin API key, shown this once:\n\n    {}\n",
        key.expose_secret()
    )?;
    if std::io::stdout().is_terminal() {
        writeln!(
            out,
            "Try it:\n\n    curl {url}graphql -H 'Content-Type: application/json' \\\n      -H 'Authorization: Bearer <the key>' -d '{{\"query\": \"{{ viewer {{ __typename }} }}\"}}'\n"
        )?;
    }
    out.flush()
}

/// Ready at SIGTERM, and at Ctrl-C.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
