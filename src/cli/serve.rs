//! `lanyard serve`.

use std::io::{IsTerminal, Write};

use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::clock::Clock;
use crate::server::{Server, place};
use crate::settings::Settings;

pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let server = Box::pin(Server::bind(settings, Clock::default())).await?;
    let url = settings.http.public_url(server.address());
    if let Some(key) = server.first_key() {
        // To the output, not to the log: it is shown this once and kept nowhere.
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
        out.flush()?;
    }
    tracing::info!(address = %server.address(), "Lanyard answers at {url} and listens on {}; its database is {}", server.address(), place(settings));
    if let Some(address) = server.private_address() {
        tracing::info!(%address, "health and metrics are at http://{address}");
    }
    let stop = stop_signal()?;
    server.run(stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Ready at SIGTERM, and at Ctrl-C.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
