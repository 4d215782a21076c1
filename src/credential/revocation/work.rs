//! One try: it is claimed, so that no other process makes it too, and what has come of it is
//! written down.

use chrono::TimeDelta;
use uuid::Uuid;

use super::super::backoff::wait_between;
use super::{Outcome, Revocations};
use crate::clock::Time;
use crate::database::revocation::{self, Account, Model};
use crate::database::{Tx, identity, identity_provider, time};
use crate::error::Error;
use crate::event::{self, Action, Origin};
use crate::identity::revocation::{HEAD_START, Whose};
use crate::provider::flow::Party;
use crate::provider::relying_party::RevokeError;

/// How long a try is this process's own: longer than any takes.
const CLAIM: TimeDelta = TimeDelta::minutes(1);
/// From the first try to the second, and at most.
const WAITS: (TimeDelta, TimeDelta) = (TimeDelta::minutes(1), TimeDelta::hours(6));
/// After that it is given up.
const GIVE_UP: TimeDelta = TimeDelta::days(3);

/// Whose turn it is.
#[derive(Debug, Clone, Copy)]
pub enum Turn {
    /// It has just been queued, by this process.
    First,
    Due,
}

/// What became of asking for a try.
pub enum Claim {
    /// Another process has it, or it is over.
    Others,
    /// The account is in use: the row is gone.
    InUse,
    Ours(Box<Work>),
}

/// A try that is ours.
pub struct Work {
    /// As it is since the claim.
    pub row: Model,
    pub party: Party,
}

impl Turn {
    fn has_come(self, row: &Model, now: Time) -> bool {
        match self {
            Self::First => row.attempts == 0 && row.next_attempt_at <= row.date_added + HEAD_START,
            Self::Due => row.next_attempt_at <= now,
        }
    }
}

impl Revocations {
    pub(super) async fn claim(&self, id: Uuid, turn: Turn) -> Result<Claim, Error> {
        let database = &self.flows.database;
        database
            .write(|tx| async move { self.claim_in(&tx, id, turn).await })
            .await
    }

    async fn claim_in(&self, tx: &Tx, id: Uuid, turn: Turn) -> Result<Claim, Error> {
        let Some(row) = revocation::locked(tx, id).await? else {
            return Ok(Claim::Others);
        };
        let now = time::now(tx, &self.flows.clock).await?;
        if !turn.has_come(&row, now) {
            return Ok(Claim::Others);
        }
        let Some(party) = party(tx, &row).await? else {
            return Ok(Claim::Others);
        };
        if is_in_use(tx, &party, &row.external_id, now).await? {
            self.end(
                tx,
                &row,
                &party,
                Action::CredentialRevocationSkipped,
                Some("in_use"),
            )
            .await?;
            return Ok(Claim::InUse);
        }
        let row = Model {
            attempts: row.attempts + 1,
            next_attempt_at: now + CLAIM,
            ..row
        };
        revocation::update(tx, row.clone()).await?;
        Ok(Claim::Ours(Box::new(Work { row, party })))
    }

    /// Writes down what came of it: the row goes, or waits for its next turn.
    pub(super) async fn settle(
        &self,
        work: &Work,
        result: Result<(), RevokeError>,
    ) -> Result<Outcome, Error> {
        let (database, result) = (&self.flows.database, &result);
        let settling = database.write(|tx| async move { self.settle_in(&tx, work, result).await });
        let outcome = settling.await?;
        let (identity, provider) = (work.row.identity_id, &work.party.row.slug);
        match result {
            Ok(()) => tracing::info!(%identity, provider, "tokens were revoked"),
            Err(error) => {
                let outcome = outcome.name();
                tracing::warn!(%identity, provider, outcome, %error, "tokens were not revoked");
            }
        }
        Ok(outcome)
    }

    async fn settle_in(
        &self,
        tx: &Tx,
        work: &Work,
        result: &Result<(), RevokeError>,
    ) -> Result<Outcome, Error> {
        let Some(row) = revocation::locked(tx, work.row.id).await? else {
            return Ok(Outcome::Others);
        };
        let (action, reason, outcome) = match result {
            // There are other tokens by now: a refresh has brought them.
            Ok(()) if row.attempts != work.row.attempts => return Ok(Outcome::Others),
            Ok(()) => (Action::CredentialRevoked, None, Outcome::Revoked),
            Err(RevokeError::Unsupported) => (
                Action::CredentialRevocationSkipped,
                Some("not_supported"),
                Outcome::Skipped,
            ),
            Err(RevokeError::AccessTokenDead) => (
                Action::CredentialRevocationFailed,
                Some("access_token_dead"),
                Outcome::Failed,
            ),
            Err(RevokeError::Refused { reason }) => (
                Action::CredentialRevocationFailed,
                Some(reason.as_str()),
                Outcome::Failed,
            ),
            // Somebody else's try is going on.
            Err(RevokeError::Later { .. }) if row.attempts != work.row.attempts => {
                return Ok(Outcome::Others);
            }
            Err(RevokeError::Later {
                reason,
                retry_after,
                ..
            }) => {
                let now = time::now(tx, &self.flows.clock).await?;
                if now - row.date_added < GIVE_UP {
                    let clock = &self.flows.clock;
                    let wait = wait_between(WAITS, clock, row.attempts, *retry_after);
                    let row = Model {
                        next_attempt_at: now + wait,
                        failure_reason: Some(reason.clone()),
                        ..row
                    };
                    revocation::update(tx, row).await?;
                    return Ok(Outcome::Delayed);
                }
                (
                    Action::CredentialRevocationFailed,
                    Some(reason.as_str()),
                    Outcome::Failed,
                )
            }
        };
        self.end(tx, &row, &work.party, action, reason).await?;
        Ok(outcome)
    }

    /// The tokens go, and the event says why. It is the server's own doing.
    async fn end(
        &self,
        tx: &Tx,
        row: &Model,
        party: &Party,
        action: Action,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        revocation::delete(tx, row.id).await?;
        let whose = Whose {
            identity: row.identity_id,
            user: row.user_id,
            provider: row.provider_id,
            organization: party.row.organization_id,
            external_id: &row.external_id,
        };
        let event = whose.event(action, reason);
        event::record(tx, &self.flows.clock, &Origin::server(), event).await
    }
}

/// The provider's row, and the one that lends it its client.
async fn party(tx: &Tx, row: &Model) -> Result<Option<Party>, Error> {
    let provider = identity_provider::by_ids(tx, &[row.provider_id]).await?;
    let Some(provider) = provider.into_iter().next() else {
        return Ok(None);
    };
    let lender = match provider.client_of {
        None => None,
        Some(id) => identity_provider::by_ids(tx, &[id])
            .await?
            .into_iter()
            .next(),
    };
    Ok(Some(Party {
        row: provider,
        lender,
    }))
}

/// Whether somebody has the same account by the same client, or a link is about to: they would lose
/// their grant with this one. Without a client there is nothing to be in use.
async fn is_in_use(tx: &Tx, party: &Party, external_id: &str, now: Time) -> Result<bool, Error> {
    let Some(account) = Account::of(&party.row, party.client(), external_id) else {
        return Ok(false);
    };
    // A link of it that is being written comes first.
    identity::lock_account(tx, party.row.id, external_id).await?;
    Ok(account.is_in_use(tx, now).await?)
}
