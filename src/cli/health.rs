//! `lanyard health`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::Failure;
use crate::settings::Settings;

/// A container's health check gives up after five seconds.
const TIMEOUT: Duration = Duration::from_secs(4);

pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let address = from_here(settings.http.private_listen.unwrap_or(settings.http.listen));
    let url = format!("http://{address}/readyz");
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .build();
    let answer = match client {
        Ok(client) => client.get(&url).send().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => {
            let status = answer.status();
            let reason = answer.text().await.unwrap_or_default();
            Err(Failure::Said(format!(
                "{url} answers {status}: {}",
                reason.trim()
            )))
        }
        Err(error) if error.is_timeout() => Err(Failure::Said(format!(
            "{url} gave no answer within {} seconds",
            TIMEOUT.as_secs()
        ))),
        Err(_) => Err(Failure::Said(format!(
            "nothing answers at {url}; is the server running?"
        ))),
    }
}

/// A server that listens on all addresses is reached on loopback.
fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
