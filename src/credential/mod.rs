//! The tokens of linked accounts: kept fresh, given out, given back. Knows no GraphQL, and decides
//! nothing about who may see an identity: its callers have asked.
//!
//! A refresh takes a lease in the credential's own row: of all callers in all processes one asks
//! the provider, and the others get what came of it. What the provider answered is stored before
//! anybody gets it.

mod backoff;
mod flight;
mod keep_alive;
mod lease;
mod open;
mod reads;
mod refresh;
pub mod revocation;
mod settle;
mod standing;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use self::flight::Flights;
use self::reads::{Minutes, Reads};
use self::refresh::Failure;
use self::standing::{Standing, standing};
use crate::access::Caller;
use crate::clock::Clock;
use crate::database::{Database, credential, identity};
use crate::error::Error;
use crate::event::Sealer;
use crate::metrics::Metrics;
use crate::provider::catalog::Refresh;
use crate::provider::flow::Flows;

/// Gives tokens out, fresh. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

/// What credentials need to do their work.
pub struct Parts {
    pub database: Database,
    pub clock: Clock,
    /// For the providers' registrations, and to speak with them.
    pub flows: Flows,
    pub sealer: Sealer,
    pub metrics: Metrics,
}

struct Inner {
    parts: Parts,
    /// Names this process in leases.
    owner: String,
    flights: Flights,
    reads: Reads,
}

impl Credentials {
    pub fn new(parts: Parts) -> Self {
        let owner = parts.clock.new_uuid().to_string();
        let reads = Reads::new(&parts.database, &parts.clock, &parts.sealer);
        Self(Arc::new(Inner {
            parts,
            owner,
            flights: Flights::default(),
            reads,
        }))
    }

    /// An access token that is good for at least the margin of its type: the one of `row`, the
    /// credential of `identity`, or a fresh one. Where there is no fresh one just now, the old one
    /// is given out to its end; a refresh that takes longer than `patience` goes on without this
    /// caller. The read is in the audit log before this answers.
    ///
    /// # Errors
    /// `CREDENTIAL_INVALID` where only the person can help, `PROVIDER_UNAVAILABLE` where time or
    /// an operator can, `NOT_FOUND` for an identity that is gone.
    pub async fn access_token(
        &self,
        caller: &Caller,
        identity: &identity::Model,
        row: &credential::Model,
        patience: Duration,
    ) -> Result<SecretString, Error> {
        let now = self.0.parts.clock.now();
        let token = match standing(identity.status, row, self.rules(identity), now) {
            Standing::Good => self.open_access_token(row)?,
            Standing::Ended => return Err(Failure::ended(row).into_error(identity)),
            Standing::Over => return Err(Failure::Over(row.expires_at).into_error(identity)),
            Standing::Due { is_usable } => {
                let origin = caller.origin();
                match self.renewed(identity, row, &origin, patience).await {
                    Ok(token) => token,
                    Err(failure) if is_usable && failure.is_passing() => {
                        failure.tell(identity.id);
                        self.open_access_token(row)?
                    }
                    Err(failure) => return Err(failure.into_error(identity)),
                }
            }
        };
        self.0.reads.note(caller, identity).await?;
        Ok(token)
    }

    /// Ends with the refreshes that are on their way, as long as `patience` lasts, and with what is
    /// still to be written of reads.
    pub async fn finish(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.0.flights.landed())
            .await
            .is_err()
        {
            tracing::warn!("refreshes are still on their way, and are dropped");
        }
        if let Err(error) = self.0.reads.flush(Minutes::All).await {
            tracing::warn!(error = %error, "repeated reads of tokens were not written down");
        }
    }

    /// Writes down the repeated reads of minutes that are over.
    ///
    /// # Errors
    /// The database fails; they are written the next time.
    pub async fn flush_reads(&self) -> Result<(), Error> {
        self.0.reads.flush(Minutes::Over).await
    }

    /// How tokens of the identity's type are refreshed, if they are.
    fn rules(&self, identity: &identity::Model) -> Option<&Refresh> {
        let known = self.0.parts.flows.catalog.get(&identity.provider_type)?;
        known.flow.as_ref()?.refresh.as_ref()
    }
}

#[cfg(test)]
mod tests;
