//! The end of a flow that signs in: who it is, is decided and carried out in one transaction.

use super::account::{Word, link, request};
use super::resolver::{Resolution, Unresolved, resolve};
use super::session::{NewSession, Opened, Sessions};
use crate::access::origin_of;
use crate::database::{Tx, identity, identity_provider, organization_member, user};
use crate::error::{Error, RefusalCode};
use crate::id::{ProviderId, SessionId, UserId};
use crate::identity::decision::Policy;
use crate::identity::link::{Flow, Linking};
use crate::provider::account::Account;
use crate::provider::config::sign_in::{FirstLink, SignInConfig};

/// Other ways in that a person is told of.
const MOST_WAYS: u64 = 20;

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
    /// The provider was deleted or disabled meanwhile.
    ProviderGone,
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
                return Ok(Err(Denied::ProviderGone));
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
}

/// The provider, if it is there and enabled.
pub(super) async fn enabled(
    tx: &Tx,
    id: ProviderId,
) -> Result<Option<identity_provider::Model>, Error> {
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
        let (linking, word) = (&self.ends.linking, Word::Person(&flow));
        let linked = link(self.tx, linking, word, self.provider, &request).await?;
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

    pub(super) fn of_link(error: Error) -> Self {
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
