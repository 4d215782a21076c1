//! One refresh: the lease, the question to the provider, what becomes of the answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use super::lease::{Tried, Wanted};
use super::{Credentials, Parts};
use crate::access::{Caller, Viewer};
use crate::clock::Time;
use crate::database::{credential, identity, identity_provider, provider_health};
use crate::error::{Error, Refusal, RefusalCode};
use crate::event::Origin;
use crate::id::IdentityId;
use crate::identity::link::not_found;
use crate::provider::flow::{self, Party};

/// Between two refreshes of an account that its owner asks for.
const PACE: TimeDelta = TimeDelta::minutes(1);

/// A fresh access token. It can't be printed.
#[derive(Clone)]
pub(super) struct Renewed(pub SecretString);

/// Why there is none.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The identity, or its credential, is gone.
    Gone,
    NotRefreshable,
    /// The access token ended then, and there is nothing to refresh it with.
    Over(Option<Time>),
    /// The provider has ended the grant.
    Ended {
        reason: String,
    },
    /// The provider can't be asked now, or has refused.
    Later {
        reason: String,
        at: Option<Time>,
    },
    /// Another process has it for longer than it may take.
    Busy,
    /// The refresh was dropped on its way.
    Lost,
    Internal(Arc<Error>),
}

impl Credentials {
    /// A token that is good for the margin, by whoever refreshes it first.
    pub(super) async fn renewed(
        &self,
        identity: &identity::Model,
        row: &credential::Model,
        origin: &Origin,
        patience: Duration,
    ) -> Result<SecretString, Failure> {
        let now = self.0.parts.clock.now();
        if let Some(at) = row.next_attempt_at.filter(|at| *at > now) {
            let reason = row.failure_reason.clone().unwrap_or_default();
            return Err(Failure::Later {
                reason,
                at: Some(at),
            });
        }
        let rules = self.rules(identity).ok_or(Failure::NotRefreshable)?;
        let wanted = Wanted::GoodFor(rules.margin);
        let flight = self.fly(identity.id, wanted, origin.clone());
        let landed = tokio::time::timeout(patience, flight).await;
        landed
            .unwrap_or(Err(Failure::Busy))
            .map(|renewed| renewed.0)
    }

    /// Refreshes now, though the token may be good. For a key also where a try has failed just
    /// before; people wait for the next attempt, and a minute between two refreshes. Whoever
    /// refreshes at the same time does it for this caller too. One that takes longer than
    /// `patience` goes on without the caller.
    ///
    /// # Errors
    /// Refused with `NOT_REFRESHABLE`, `CREDENTIAL_INVALID` or `PROVIDER_UNAVAILABLE`; `NOT_FOUND`.
    pub async fn refresh(
        &self,
        caller: &Caller,
        identity: &identity::Model,
        patience: Duration,
    ) -> Result<(), Error> {
        let refused = |failure: Failure| failure.into_refusal(identity);
        if self.rules(identity).is_none() {
            return Err(refused(Failure::NotRefreshable));
        }
        let db = self.0.parts.database.reader();
        let row = credential::by_identities(db, &[identity.id]).await?.pop();
        let row = row.ok_or_else(|| refused(Failure::NotRefreshable))?;
        let now = self.0.parts.clock.now();
        let wanted = match &caller.viewer {
            // An application knows what it does; people click again and again.
            Viewer::ApiKey(_) | Viewer::CommandLine => Wanted::other_than(&row),
            Viewer::Nobody | Viewer::Person(_) => {
                if row.refreshed_at.is_some_and(|at| at > now - PACE) {
                    return Ok(());
                }
                Wanted::next_after(&row)
            }
        };
        let flight = self.fly(identity.id, wanted, caller.origin());
        let landed = tokio::time::timeout(patience, flight).await;
        let refreshed = landed.unwrap_or(Err(Failure::Busy));
        refreshed.map(drop).map_err(refused)
    }

    /// Refreshes because it is time to, though nobody asks.
    pub(super) async fn refresh_unasked(&self, row: &credential::Model) -> Result<(), Failure> {
        let wanted = Wanted::next_after(row);
        let flight = self.fly(row.identity_id, wanted, Origin::server());
        flight.await.map(drop)
    }

    async fn fly(
        &self,
        id: IdentityId,
        wanted: Wanted,
        origin: Origin,
    ) -> Result<Renewed, Failure> {
        let this = self.clone();
        let begin = move || async move { this.ask(id, wanted, &origin).await };
        self.0.flights.join(id, begin).await
    }

    async fn ask(
        &self,
        id: IdentityId,
        wanted: Wanted,
        origin: &Origin,
    ) -> Result<Renewed, Failure> {
        let party = self.party_of(id).await?;
        let flows = &self.0.parts.flows;
        let us = match flows.registration(&party) {
            Ok(us) => us,
            Err(error) => return Err(self.unusable(error)),
        };
        self.is_left_alone(&party, wanted).await?;
        let lease = match self.lease(id, party.row.id, wanted).await? {
            Tried::Met(row) => return Ok(Renewed(self.open_access_token(&row)?)),
            Tried::Ask(lease) => lease,
        };
        let refresh_token = match self.open_refresh_token(&lease.row) {
            Ok(Some(token)) => token,
            Ok(None) => return Err(Failure::NotRefreshable),
            Err(error) => {
                self.release(&lease).await?;
                return Err(error.into());
            }
        };
        let scopes = &lease.row.scopes_json.0;
        let answer = flows
            .relying_party
            .refresh(&us, &refresh_token, scopes)
            .await;
        let outcome = match answer {
            Ok(tokens) => self.store(&lease, tokens, origin).await,
            Err(error) => {
                tracing::warn!(
                    identity = %id,
                    provider = %party.row.slug,
                    cause = %error.cause,
                    "a refresh failed"
                );
                self.failed(&lease, &error, origin).await
            }
        };
        self.0.parts.sealer.wake();
        outcome
    }

    async fn party_of(&self, id: IdentityId) -> Result<Party, Failure> {
        let parts = &self.0.parts;
        let db = parts.database.reader();
        let identity = identity::by_ids(db, &[id]).await.map_err(Error::from)?;
        let identity = identity.into_iter().next().ok_or(Failure::Gone)?;
        let provider = identity_provider::by_ids(db, &[identity.provider_id]).await;
        let provider = provider.map_err(Error::from)?.into_iter().next();
        Ok(parts.flows.party(provider.ok_or(Failure::Gone)?).await?)
    }

    /// A provider that is left alone costs no transaction.
    async fn is_left_alone(&self, party: &Party, wanted: Wanted) -> Result<(), Failure> {
        if wanted.is_forced() {
            return Ok(());
        }
        let Parts {
            database, clock, ..
        } = &self.0.parts;
        let health = provider_health::by_providers(database.reader(), &[party.row.id]).await;
        let health = health.map_err(Error::from)?.into_iter().next();
        let held = health.and_then(|it| Some((it.held_until(clock.now())?, it.reason)));
        match held {
            None => Ok(()),
            Some((until, reason)) => Err(Failure::Later {
                reason,
                at: Some(until),
            }),
        }
    }

    fn unusable(&self, error: flow::FlowError) -> Failure {
        self.0.parts.metrics.count_refresh("provider");
        if let flow::Refusal::Internal(error) = error.refusal {
            return error.into();
        }
        tracing::warn!(cause = %error.cause, "a refresh failed");
        Failure::Later {
            reason: "provider_unusable".to_owned(),
            at: None,
        }
    }
}

impl Failure {
    /// Of a credential whose grant has ended.
    pub fn ended(row: &credential::Model) -> Self {
        Self::Ended {
            reason: row.failure_reason.clone().unwrap_or_default(),
        }
    }

    /// The access token may be used to its end.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Later { .. } | Self::Busy | Self::Lost | Self::Internal(_) => true,
            Self::Gone | Self::NotRefreshable | Self::Over(_) | Self::Ended { .. } => false,
        }
    }

    /// Says to the log what a caller doesn't see, who gets the old token.
    pub fn tell(&self, identity: IdentityId) {
        if let Self::Internal(error) = self {
            tracing::error!(identity = %identity, error = ?error, "a refresh failed");
        }
    }

    /// Of a reader.
    pub fn into_error(self, identity: &identity::Model) -> Error {
        let (code, text) = match self.told(identity) {
            Ok(told) => told,
            Err(error) => return error,
        };
        match code {
            RefusalCode::ProviderUnavailable => Error::ProviderUnavailable(text),
            _ => Error::CredentialInvalid(text),
        }
    }

    /// Of a mutation.
    fn into_refusal(self, identity: &identity::Model) -> Error {
        match self.told(identity) {
            Err(error) => error,
            Ok((code, message)) => Error::Refused(vec![Refusal {
                retryable: code == RefusalCode::ProviderUnavailable,
                ..Refusal::new(code, &["id"], message)
            }]),
        }
    }

    fn told(self, identity: &identity::Model) -> Result<(RefusalCode, String), Error> {
        let invalid = RefusalCode::CredentialInvalid;
        let unavailable = RefusalCode::ProviderUnavailable;
        Ok(match self {
            Self::Gone => return Err(not_found(identity.id)),
            Self::Internal(error) => return Err(Error::shared(error)),
            Self::NotRefreshable => (
                RefusalCode::NotRefreshable,
                "there is no refresh token, or tokens of this type are not refreshed".to_owned(),
            ),
            Self::Over(end) => (
                invalid,
                format!(
                    "the access token ended{} and there is no refresh token: link the account again",
                    end.map(|end| format!(" at {}", told_time(end)))
                        .unwrap_or_default()
                ),
            ),
            Self::Ended { reason } => (
                invalid,
                format!("the provider has ended the grant ({reason}): link the account again"),
            ),
            Self::Later { reason, at } => (
                unavailable,
                format!(
                    "the provider gave no fresh token ({reason}); {}",
                    at.map_or_else(
                        || "the provider has to be put right first".to_owned(),
                        |at| format!("the next try is at {}", told_time(at))
                    )
                ),
            ),
            Self::Busy | Self::Lost => (
                unavailable,
                "the refresh has not ended; try again".to_owned(),
            ),
        })
    }
}

fn told_time(time: Time) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Internal(Arc::new(error))
    }
}

/// Nobody prints what was refreshed.
impl std::fmt::Debug for Renewed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Renewed")
    }
}
