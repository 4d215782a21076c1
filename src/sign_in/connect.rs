//! Links that go by two pages: before the provider a person agrees to what is asked for, after it
//! to the account that was found. In between, and until an application completes a link of its
//! own, the account lies sealed: nothing is linked by going somewhere.

mod complete;
mod found;
mod kept;
mod own;
mod person;
mod start;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

pub use self::complete::CompleteLink;
pub use self::found::{Browser, Confirmation, Waiting};
pub use self::kept::seal;
pub use self::start::{StartLink, Started};
use super::account::request;
use super::flow::FlowEnds;
use super::return_to::ReturnPlaces;
use crate::clock::Time;
use crate::database::flow::OnConflict;
use crate::database::pending_link::{self, Caps, Model, Step};
use crate::database::{Database, Tx, identity, identity_provider, user};
use crate::error::Error;
use crate::id::{ProviderId, UserId};
use crate::identity::decision::Policy;
use crate::identity::link::LinkRequest;
use crate::provider::account::Account;
use crate::provider::flow::Flows;
use crate::token;

/// How long a link waits for the next step, and then an account for the application.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// How long an expired link is still told from one that never was.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// Expired rows that a new link takes away with it: more than come in.
const FORGET: u64 = 100;
const CAPS: Caps = Caps {
    per_application: 1_000,
    per_person: 20,
    in_all: 100_000,
};

/// What links on their way need.
#[derive(Clone)]
pub struct Connecting {
    pub flows: Flows,
    pub ends: FlowEnds,
    pub places: ReturnPlaces,
}

/// A link that waits for the first page to be agreed to.
#[derive(Debug)]
pub struct Proposal {
    pub link: Model,
    pub provider: identity_provider::Model,
    pub user: user::Model,
}

/// Why a link doesn't go on.
#[derive(Debug)]
pub enum Closed {
    /// There is none of this address: it was never there, or is over.
    Unknown,
    Used,
    Expired,
    OtherBrowser,
    /// The session that began a person's own link is over, or another one asks.
    SignInFirst,
    UserNotActive,
    /// Flows can't begin at the provider any more.
    ProviderGone,
    TooMany,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Closed {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Connecting {
    /// What the connect link with this token asks for. Changes nothing.
    ///
    /// # Errors
    /// Each as [`Closed`] has it.
    pub async fn proposal(&self, token: &str) -> Result<Proposal, Closed> {
        let found = pending_link::by_token(self.database().reader(), &token::hash(token)).await?;
        let link = found.ok_or(Closed::Unknown)?;
        match link.step {
            Step::Open => {}
            Step::Away | Step::Found | Step::Agreed => return Err(Closed::Used),
        }
        self.check_open(&link)?;
        let provider = self.provider(link.provider_id).await?;
        if self.flows.check_usable(&provider).await.is_err() {
            return Err(Closed::ProviderGone);
        }
        Ok(Proposal {
            user: self.active(link.user_id).await?,
            provider,
            link,
        })
    }

    /// Ends a link that is at this step, and with it what was kept for it.
    pub async fn end(&self, id: Uuid, step: Step) -> Result<bool, Error> {
        let ending = self
            .database()
            .write(|tx| async move { Ok(pending_link::end(&tx, id, step).await?) });
        ending.await
    }

    fn check_open(&self, link: &Model) -> Result<(), Closed> {
        if link.expires_at <= self.now() {
            return Err(Closed::Expired);
        }
        Ok(())
    }

    async fn provider(&self, id: ProviderId) -> Result<identity_provider::Model, Closed> {
        let found = identity_provider::by_ids(self.database().reader(), &[id]).await?;
        found.into_iter().next().ok_or(Closed::Unknown)
    }

    async fn active(&self, id: UserId) -> Result<user::Model, Closed> {
        let found = user::by_ids(self.database().reader(), &[id]).await?;
        let user = found.into_iter().next().ok_or(Closed::Unknown)?;
        match user.status {
            user::Status::Active => Ok(user),
            user::Status::Disabled | user::Status::Merged => Err(Closed::UserNotActive),
        }
    }

    fn database(&self) -> &Database {
        &self.flows.database
    }

    fn now(&self) -> Time {
        self.flows.clock.now()
    }
}

/// What the link is to do once it is made.
fn request_of(link: &Model, user: UserId, account: &Account) -> LinkRequest {
    let policy = match link.on_conflict {
        OnConflict::Fail => Policy::Fail,
        OnConflict::UpdateInPlace => Policy::UpdateInPlace,
    };
    request(link.provider_id, user, account, policy)
}

/// Ends the link from this step, in the transaction that makes it; says whether it was there.
async fn take(tx: &Tx, link: &Model, step: Step, request: &LinkRequest) -> Result<bool, Error> {
    // In the order of others who link, so that nobody waits for each other.
    identity::lock_account(tx, request.provider_id, &request.external_id).await?;
    user::lock(tx, &[request.user_id]).await?;
    Ok(pending_link::end(tx, link.id, step).await?)
}

/// Takes away what is too old, before something new comes in.
async fn forget(tx: &Tx, now: Time) -> Result<(), Error> {
    pending_link::forget(tx, now - REMEMBERED, now, FORGET).await?;
    Ok(())
}

fn hash_of(secret: &SecretString) -> Vec<u8> {
    token::hash(secret.expose_secret())
}
