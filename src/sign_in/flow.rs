//! The end of a flow: who signs in, and whom an account is linked to. Each is decided and carried
//! out in one transaction.

use chrono::TimeDelta;
use uuid::Uuid;

use super::account::request;
use super::resolver::{Resolution, Unresolved, resolve};
use super::session::{NewSession, Opened, Sessions};
use crate::access::{Person, origin_of};
use crate::database::flow::OnConflict;
use crate::database::pending_link::{self, Step};
use crate::database::{Tx, identity, identity_provider, organization_member, session, user};
use crate::error::{Error, RefusalCode};
use crate::id::{ProviderId, SessionId, UserId};
use crate::identity::decision::Policy;
use crate::identity::link::{Flow, Linked, Linking};
use crate::provider::account::Account;
use crate::provider::config::sign_in::{FirstLink, SignInConfig};
use crate::tenancy::auth_identity;

/// Other ways in that a person is told of.
const MOST_WAYS: u64 = 20;

/// How long a link may take from its first page, which asks for a fresh sign-in, to its second:
/// ten minutes at the provider, and ten on the page.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(20);

/// Ends flows.
#[derive(Clone)]
pub struct FlowEnds {
    pub linking: Linking,
    pub sessions: Sessions,
}

/// The browser that a flow ends in.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    pub user_agent: Option<&'a str>,
    /// The session that the browser has had until now.
    pub session: Option<SessionId>,
    pub request_id: &'a str,
}

/// Why a flow that the provider has ended well is refused all the same. Nothing was stored.
#[derive(Debug)]
pub enum Denied {
    NoResolver,
    NoEmail,
    EmailUnverified,
    UserNotFound,
    Ambiguous,
    /// The account is linked to another user than the resolvers name, or the user to another
    /// account.
    AccountMismatch,
    UserNotActive,
    /// The provider doesn't sign people in (any more).
    NotForSignIn,
    /// The session that began the link is over.
    SessionEnded,
    /// The link was made, or ended, meanwhile.
    LinkUsed,
    /// The user has other ways in: one of them comes first. By these providers, as far as they
    /// are enabled.
    SignInFirst(Vec<identity_provider::Model>),
    /// The provider is an organization's, and the user is no member of it.
    NotAMember,
    /// The person came by an organization's own provider, which has no say elsewhere.
    NoSayHere,
    /// A link: the account is another user's.
    AccountOwnedByAnotherUser,
    /// A link: the user has another account at this provider.
    UserHasAnotherAccount,
    Failed(Error),
}

impl FlowEnds {
    /// Signs in whoever the account belongs to, and opens their session.
    pub async fn sign_in(
        &self,
        provider: &identity_provider::Model,
        account: &Account,
        visitor: Visitor<'_>,
    ) -> Result<Opened, Denied> {
        let entering = self.linking.database.write(|tx| async move {
            // As it is now: it may have been changed while the provider was asked.
            let Some(provider) = &enabled(&tx, provider.id).await? else {
                return Ok(Err(Denied::NotForSignIn));
            };
            if !provider.allows_sign_in {
                return Ok(Err(Denied::NotForSignIn));
            }
            let entering = Entering {
                ends: self,
                tx: &tx,
                provider,
                account,
                visitor,
            };
            entering.enter(&config_of(provider)?).await
        });
        match entering.await {
            Ok(entered) => entered,
            Err(error) => Err(Denied::of_sign_in(error)),
        }
    }

    /// Links the account to the person who set out for it and has agreed to it. The link is used
    /// up, whatever comes of it but a fault.
    pub async fn link(
        &self,
        pending: &pending_link::Model,
        account: &Account,
        person: &Person,
        request_id: &str,
    ) -> Result<Linked, Denied> {
        let own = &OwnLink {
            pending,
            account,
            person,
            request_id,
        };
        let ended = self
            .linking
            .database
            .write(|tx| async move { self.link_own(&tx, own).await });
        let linked = ended
            .await
            .unwrap_or_else(|error| Err(Denied::of_link(error)));
        match &linked {
            Ok(_) | Err(Denied::Failed(_) | Denied::LinkUsed) => {}
            Err(_) => self.end_link(pending.id).await,
        }
        linked
    }

    /// What is denied here was decided before anything was written but the link's end.
    async fn link_own(&self, tx: &Tx, own: &OwnLink<'_>) -> Result<Result<Linked, Denied>, Error> {
        let OwnLink {
            pending,
            account,
            person,
            request_id,
        } = *own;
        let policy = match pending.on_conflict {
            OnConflict::Fail => Policy::Fail,
            OnConflict::UpdateInPlace => Policy::UpdateInPlace,
        };
        let request = &request(pending.provider_id, person.user.id, account, policy);
        // In the order of others who link, so that nobody waits for each other.
        identity::lock_account(tx, request.provider_id, &request.external_id).await?;
        user::lock(tx, &[request.user_id]).await?;
        if !pending_link::end(tx, pending.id, Step::Found).await? {
            return Ok(Err(Denied::LinkUsed));
        }
        let sessions = session::by_ids(tx, &[person.session]).await?;
        if !sessions.iter().any(|row| self.sessions.is_live(row)) {
            return Ok(Err(Denied::SessionEnded));
        }
        let Some(provider) = &enabled(tx, pending.provider_id).await? else {
            return Ok(Err(Denied::NotForSignIn));
        };
        let is_way_in = provider.allows_sign_in || policy != Policy::Fail;
        if is_way_in && !person.has_say_at(provider.organization_id) {
            return Ok(Err(Denied::NoSayHere));
        }
        // Where it began at a provider that lends its client, nobody has asked for it yet.
        if is_way_in && !person.is_fresh(self.linking.clock.now() - ON_THE_WAY) {
            return Ok(Err(Denied::SessionEnded));
        }
        let flow = &Flow {
            person: origin_of(&person.user, request_id),
            session: Some(person.session),
        };
        let linked = self.linking.link_proven(tx, flow, request).await?;
        let (clock, ident) = (&self.linking.clock, &request.external_id);
        auth_identity::verified(tx, clock, &flow.person, provider, request.user_id, ident).await?;
        Ok(Ok(linked))
    }

    /// A refusal has rolled the end of the link back. One that stays behind ends by itself, soon.
    async fn end_link(&self, id: Uuid) {
        let ending = self.linking.database.write(|tx| async move {
            pending_link::end(&tx, id, Step::Found).await?;
            Ok(())
        });
        if let Err(error) = ending.await {
            tracing::warn!(error = %error, "a refused link could not be ended");
        }
    }
}

/// A person's own link that they have agreed to.
struct OwnLink<'a> {
    pending: &'a pending_link::Model,
    account: &'a Account,
    person: &'a Person,
    request_id: &'a str,
}

/// The provider, if it is there and enabled.
async fn enabled(tx: &Tx, id: ProviderId) -> Result<Option<identity_provider::Model>, Error> {
    let found = identity_provider::by_ids(tx, &[id])
        .await?
        .into_iter()
        .next();
    Ok(found.filter(|row| row.enabled))
}

/// A sign-in within its transaction.
struct Entering<'a> {
    ends: &'a FlowEnds,
    tx: &'a Tx,
    provider: &'a identity_provider::Model,
    account: &'a Account,
    visitor: Visitor<'a>,
}

impl Entering<'_> {
    /// What is denied here was decided before anything was written.
    async fn enter(&self, config: &SignInConfig) -> Result<Result<Opened, Denied>, Error> {
        let (tx, provider) = (self.tx, self.provider);
        // Held until the end: nobody else links the account between the question and the link.
        identity::lock_account(tx, provider.id, &self.account.external_id).await?;
        let linked = identity::by_account(tx, provider.id, &self.account.external_id).await?;
        let owner = provider.organization_id;
        let resolved = resolve(tx, &config.resolvers, &self.account.profile, owner).await?;
        let user = match (&linked, resolved) {
            (Some(linked), Resolution::Found(user)) if user != linked.user_id => {
                return Ok(Err(Denied::AccountMismatch));
            }
            (Some(linked), Resolution::Found(_) | Resolution::Refused(_)) => linked.user_id,
            // Whether the directory knows somebody else by that address, is not said.
            (None, Resolution::Refused(Unresolved::UserNotFound)) if owner.is_some() => {
                return Ok(Err(Denied::NotAMember));
            }
            (None, Resolution::Refused(reason)) => return Ok(Err(reason.into())),
            (None, Resolution::Found(user)) => user,
        };
        // Of two first sign-ins at two providers one comes first; and nobody leaves the
        // organization between the question and the session.
        user::lock(tx, &[user]).await?;
        if !self.takes(user).await? {
            return Ok(Err(Denied::NotAMember));
        }
        if linked.is_none() && config.first_link == FirstLink::Confirm {
            let ways = identity_provider::signing_in(tx, user, MOST_WAYS).await?;
            if !ways.is_empty() {
                return Ok(Err(Denied::SignInFirst(self.told(ways))));
            }
        }
        self.link_and_open(user).await.map(Ok)
    }

    /// An organization's provider signs in its members only.
    async fn takes(&self, user: UserId) -> Result<bool, Error> {
        let Some(owner) = self.provider.organization_id else {
            return Ok(true);
        };
        Ok(organization_member::is_member(self.tx, owner, user).await?)
    }

    /// The open ways in that the visitor is told of. At an organization's provider nothing is
    /// said of other organizations.
    fn told(&self, ways: Vec<identity_provider::Model>) -> Vec<identity_provider::Model> {
        let owner = self.provider.organization_id;
        let may_tell = |way: &identity_provider::Model| {
            owner.is_none() || way.organization_id.is_none() || way.organization_id == owner
        };
        let open = ways.into_iter().filter(|way| way.enabled && may_tell(way));
        open.collect()
    }

    async fn link_and_open(&self, user: UserId) -> Result<Opened, Error> {
        let row = user::by_ids(self.tx, &[user]).await?.into_iter().next();
        let row = row.ok_or_else(|| Error::NotFound {
            what: "user",
            id: user.to_string(),
        })?;
        let flow = Flow {
            person: origin_of(&row, self.visitor.request_id),
            session: None,
        };
        let request = request(self.provider.id, user, self.account, Policy::Fail);
        let linking = &self.ends.linking;
        let linked = linking.link_proven(self.tx, &flow, &request).await?;
        let (clock, ident) = (&linking.clock, &request.external_id);
        auth_identity::verified(self.tx, clock, &flow.person, self.provider, user, ident).await?;
        let session = NewSession {
            user,
            provider: self.provider.id,
            identity: Some(linked.identity),
            user_agent: self.visitor.user_agent,
            replaces: self.visitor.session,
            request_id: self.visitor.request_id,
        };
        self.ends.sessions.open(self.tx, session).await
    }
}

impl Denied {
    /// A conflict is somebody else's account, whichever way round.
    fn of_sign_in(error: Error) -> Self {
        match Self::of_link(error) {
            Self::AccountOwnedByAnotherUser | Self::UserHasAnotherAccount => Self::AccountMismatch,
            other => other,
        }
    }

    fn of_link(error: Error) -> Self {
        let code = match &error {
            Error::Refused(refusals) => refusals.first().map(|refusal| refusal.code),
            _ => None,
        };
        match code {
            Some(RefusalCode::AccountOwnedByAnotherUser) => Self::AccountOwnedByAnotherUser,
            Some(RefusalCode::UserHasAnotherAccount) => Self::UserHasAnotherAccount,
            Some(RefusalCode::UserNotActive) => Self::UserNotActive,
            Some(RefusalCode::UserNotInOrganization) => Self::NotAMember,
            _ => Self::Failed(error),
        }
    }
}

impl From<Unresolved> for Denied {
    fn from(reason: Unresolved) -> Self {
        match reason {
            Unresolved::NoResolver => Self::NoResolver,
            Unresolved::NoEmail => Self::NoEmail,
            Unresolved::EmailUnverified => Self::EmailUnverified,
            Unresolved::UserNotFound => Self::UserNotFound,
            Unresolved::Ambiguous => Self::Ambiguous,
            Unresolved::UserNotActive => Self::UserNotActive,
        }
    }
}

/// What is stored was checked when it was written.
fn config_of(provider: &identity_provider::Model) -> Result<SignInConfig, Error> {
    let Some(stored) = &provider.sign_in_json else {
        return Ok(SignInConfig::default());
    };
    SignInConfig::read(&stored.0).map_err(|problems| {
        let cause = anyhow::anyhow!("signIn of {} is wrong: {problems:?}", provider.slug);
        Error::Internal(cause)
    })
}
