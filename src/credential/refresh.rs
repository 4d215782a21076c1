//! One refresh: the lease, the question to the provider, what becomes of the answer.

use std::sync::Arc;

use secrecy::SecretString;

use super::lease::{Tried, Wanted};
use super::{Credentials, Parts, server};
use crate::access::Caller;
use crate::clock::Time;
use crate::database::{credential, identity, identity_provider, provider_health};
use crate::error::{Error, Refusal, RefusalCode};
use crate::event::Origin;
use crate::id::IdentityId;
use crate::identity::link::not_found;
use crate::provider::flow::{self, Party};

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
        self.fly(identity.id, wanted, origin.clone())
            .await
            .map(|renewed| renewed.0)
    }

    /// Refreshes now, though the token may be good and a try may have failed just before. Whoever
    /// refreshes at the same time does it for this caller too.
    ///
    /// # Errors
    /// Refused with `NOT_REFRESHABLE`, `CREDENTIAL_INVALID` or `PROVIDER_UNAVAILABLE`; `NOT_FOUND`.
    pub async fn refresh(&self, caller: &Caller, identity: &identity::Model) -> Result<(), Error> {
        let refused = |failure: Failure| failure.into_refusal(identity);
        if self.rules(identity).is_none() {
            return Err(refused(Failure::NotRefreshable));
        }
        let db = self.0.parts.database.reader();
        let row = credential::by_identities(db, &[identity.id]).await?.pop();
        let row = row.ok_or_else(|| refused(Failure::NotRefreshable))?;
        let wanted = Wanted::other_than(&row);
        let refreshed = self.fly(identity.id, wanted, caller.origin()).await;
        refreshed.map(drop).map_err(refused)
    }

    /// Refreshes because it is time to, though nobody asks.
    pub(super) async fn refresh_unasked(&self, row: &credential::Model) -> Result<(), Failure> {
        let wanted = Wanted::other_than(row);
        self.fly(row.identity_id, wanted, server()).await.map(drop)
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
        let lease = match self.lease(id, party.client().id, wanted).await? {
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
        let Wanted::GoodFor(_) = wanted else {
            return Ok(());
        };
        let Parts {
            database, clock, ..
        } = &self.0.parts;
        let client = party.client().id;
        let health = provider_health::by_providers(database.reader(), &[client]).await;
        let health = health.map_err(Error::from)?.into_iter().next();
        match health.filter(|health| health.next_attempt_at > clock.now()) {
            None => Ok(()),
            Some(health) => Err(Failure::Later {
                reason: health.reason,
                at: Some(health.next_attempt_at),
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
            Self::Later { .. } | Self::Busy | Self::Lost => true,
            Self::Gone
            | Self::NotRefreshable
            | Self::Over(_)
            | Self::Ended { .. }
            | Self::Internal(_) => false,
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
            Self::Internal(error) => return Err(shared(error)),
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

/// The same failure, for each who has waited for it.
fn shared(error: Arc<Error>) -> Error {
    match &*error {
        Error::Timeout => Error::Timeout,
        _ => Error::Internal(anyhow::Error::new(error)),
    }
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
