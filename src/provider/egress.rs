//! The one client to the outside: what the operator's rules refuse is never connected to, and
//! nothing that answers is waited for or read beyond bounds. Knows no protocol but HTTP.

mod address;
mod guard;
mod names;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response};
use url::Url;

use self::guard::{Guard, OnlyPrivate, Resolver, Trust};
use self::names::Names;
use self::turns::{IN_FLIGHT, Turns};
use crate::settings;

/// From the wait for a turn to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(30);
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The client to the outside.
pub struct Egress {
    guard: Guard,
    /// For hosts that no rule names.
    public: Client,
    /// For hosts that a rule names: connections of the two are never shared.
    named: Client,
    turns: Turns,
    timeout: Duration,
}

/// Why a request got no answer. Each holds the origin at most, never a path, query or body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    #[error(
        "{origin} {why}; hosts that may be private or plain http are listed in LANYARD_EGRESS_ALLOW"
    )]
    Refused { origin: String, why: String },
    #[error("{origin} can't be reached: {why}")]
    Unreachable { origin: String, why: String },
    #[error("{origin} didn't answer within {} s", TIMEOUT.as_secs())]
    TimedOut { origin: String },
    #[error("{origin} answered with more than {MAX_BODY_BYTES} bytes")]
    TooLarge { origin: String },
    #[error("{origin} answered with a redirect ({status}), and none is followed")]
    Redirected { origin: String, status: u16 },
}

/// The authorities of `LANYARD_EGRESS_CA_FILE` can't be used.
#[derive(Debug, thiserror::Error)]
#[error("LANYARD_EGRESS_CA_FILE: {0}")]
pub struct EgressStartError(String);

impl Egress {
    /// # Errors
    /// A certificate that is none.
    pub fn new(settings: &settings::Egress) -> Result<Self, EgressStartError> {
        Self::by(settings, &Names::of_system())
    }

    fn by(settings: &settings::Egress, names: &Names) -> Result<Self, EgressStartError> {
        let guard = Guard::new(settings.allow.clone());
        let authorities = match &settings.ca_file {
            None => Vec::new(),
            Some(file) => Certificate::from_pem_bundle(file.pem.as_bytes()).map_err(|error| {
                EgressStartError(format!("{}: {}", file.path.display(), causes(&error)))
            })?,
        };
        let client = |trust| {
            let resolver = Resolver {
                names: names.clone(),
                guard: guard.clone(),
                trust,
            };
            builder(resolver, &authorities)
                .build()
                .map_err(|error| EgressStartError(causes(&error)))
        };
        Ok(Self {
            public: client(Trust::Public)?,
            named: client(Trust::Named)?,
            guard,
            turns: Turns::default(),
            timeout: TIMEOUT,
        })
    }

    /// The same with less patience.
    #[cfg(test)]
    #[must_use]
    pub fn patient_for(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Whether the rules let a request, or a browser, go to the URL. What its name resolves to
    /// shows when it is sent.
    ///
    /// # Errors
    /// `Refused`.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        self.guard.check(url).map(|_| ())
    }

    /// Sends the request and reads the whole answer, whatever its status but a redirect.
    ///
    /// # Errors
    /// Nothing was sent (`Refused`), or no whole answer came.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, EgressError> {
        let request = reqwest::Request::try_from(request).map_err(|_| EgressError::Refused {
            origin: "a URL".to_owned(),
            why: "can't be read".to_owned(),
        })?;
        let origin = origin(request.url());
        let client = match self.guard.check(request.url())? {
            Trust::Public => &self.public,
            Trust::Named => &self.named,
        };
        let turns = self.turns.of(request.url());
        let answer = async {
            // Never closed, so there is always a turn.
            let _turn = turns.acquire().await;
            let response = client
                .execute(request)
                .await
                .map_err(|error| failure(&origin, &error))?;
            read(&origin, response).await
        };
        tokio::time::timeout(self.timeout, answer)
            .await
            .unwrap_or_else(|_| {
                Err(EgressError::TimedOut {
                    origin: origin.clone(),
                })
            })
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Egress").field(&self.guard).finish()
    }
}

impl EgressError {
    fn refused(url: &Url, why: &str) -> Self {
        Self::Refused {
            origin: origin(url),
            why: why.to_owned(),
        }
    }
}

fn builder(resolver: Resolver, authorities: &[Certificate]) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("Lanyard/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IN_FLIGHT)
        .dns_resolver(Arc::new(resolver));
    authorities
        .iter()
        .cloned()
        .fold(builder, ClientBuilder::add_root_certificate)
}

async fn read(origin: &str, mut response: Response) -> Result<HttpResponse, EgressError> {
    let status = response.status();
    if status.is_redirection() {
        return Err(EgressError::Redirected {
            origin: origin.to_owned(),
            status: status.as_u16(),
        });
    }
    let too_large = || EgressError::TooLarge {
        origin: origin.to_owned(),
    };
    if response
        .content_length()
        .is_some_and(|bytes| bytes > MAX_BODY_BYTES as u64)
    {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| failure(origin, &error))?
    {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}

fn failure(origin: &str, error: &reqwest::Error) -> EgressError {
    let origin = origin.to_owned();
    let refusal = chain(error).find_map(|cause| cause.downcast_ref::<OnlyPrivate>());
    if let Some(refusal) = refusal {
        return EgressError::Refused {
            origin,
            why: refusal.to_string(),
        };
    }
    if error.is_timeout() {
        return EgressError::TimedOut { origin };
    }
    EgressError::Unreachable {
        origin,
        why: causes(error),
    }
}

/// What went wrong underneath. The outermost error is left out: it only repeats the URL.
fn causes(error: &reqwest::Error) -> String {
    let texts: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    if texts.is_empty() {
        "the request failed".to_owned()
    } else {
        texts.join(": ")
    }
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Scheme, host and port: all that an error may tell of a URL.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests;
