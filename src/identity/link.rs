//! Linking an account to a user: what the preview shows and the mutation does.

mod write;

use std::borrow::Cow;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, EntityTrait};
use secrecy::zeroize::Zeroizing;
use serde_json::Value;

use super::account::{Profile, Tokens};
use super::decision::{Conflict, Decision, Holder, Policy, State, decide};
use super::elsewhere::may_change;
use crate::access::{Caller, Facts, Question, Scope, sees};
use crate::clock::Clock;
use crate::database::{Database, Tx, identity, identity_provider, user};
use crate::error::{Error, Refusal, RefusalCode};
use crate::event::Origin;
use crate::id::{IdentityId, ProviderId, SessionId, UserId};
use crate::input::{check_data, check_scopes};
use crate::limits;
use crate::vault::Vault;

/// What linking needs to do its work.
#[derive(Clone)]
pub struct Linking {
    pub database: Database,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    /// Hashes inputs that come with an idempotency key.
    pub idempotency_key: Arc<Zeroizing<Vec<u8>>>,
}

/// An account, and the user that it is to be linked to.
#[derive(Debug, Clone)]
pub struct LinkRequest {
    pub provider_id: ProviderId,
    pub user_id: UserId,
    pub external_id: String,
    pub scopes: Option<Vec<String>>,
    pub data: Option<Value>,
    pub profile: Profile,
    pub tokens: Option<Tokens>,
    pub policy: Policy,
    pub idempotency: Option<Idempotency>,
}

/// A mark by which an application sends the same request again.
#[derive(Clone)]
pub struct Idempotency {
    pub key: String,
    /// All that tells the request from others under the same key; it may hold tokens.
    pub input: Zeroizing<String>,
}

impl std::fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Idempotency({:?}, …)", self.key)
    }
}

/// What linking did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    UpdatedInPlace,
    Reattached,
}

impl Outcome {
    pub const ALL: [Self; 4] = [
        Self::Created,
        Self::Updated,
        Self::UpdatedInPlace,
        Self::Reattached,
    ];

    /// As it is stored and counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::UpdatedInPlace => "updated_in_place",
            Self::Reattached => "reattached",
        }
    }

    /// What carrying out the decision amounts to; `None` for a refusal.
    pub const fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Create { .. } => Some(Self::Created),
            Decision::Update(_) => Some(Self::Updated),
            Decision::UpdateInPlace(_) => Some(Self::UpdatedInPlace),
            Decision::Reattach { .. } => Some(Self::Reattached),
            Decision::Refuse(_) => None,
        }
    }
}

/// A link that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    pub identity: IdentityId,
    pub outcome: Outcome,
}

/// What is stored around a request: read once, decided upon, then written.
#[derive(Debug, Clone)]
struct Surroundings {
    provider: identity_provider::Model,
    rows: Vec<identity::Model>,
}

impl Linking {
    /// Links in one transaction, with its events.
    ///
    /// # Errors
    /// `NOT_FOUND` for the provider and the user, `FORBIDDEN` where the provider or the policy
    /// asks for a further scope, `BAD_USER_INPUT`; refused for a conflict, a user who is not
    /// active, a token in the data, and an idempotency key that came with another input; for a key
    /// that is bound to an organization, where another one's integration acts as an identity that
    /// would change or go.
    pub async fn link(&self, caller: &Caller, request: &LinkRequest) -> Result<Linked, Error> {
        request.check()?;
        let by = &Author::Caller(caller);
        self.database
            .write(|tx| async move { write::link(self, &tx, by, request).await })
            .await
    }

    /// Links what a flow has proven, in the transaction of the flow's end: the account at its
    /// provider, and the person before it.
    ///
    /// # Errors
    /// As [`Self::link`], but for scopes: the provider's word takes their place.
    pub async fn link_proven(
        &self,
        tx: &Tx,
        flow: &Flow,
        request: &LinkRequest,
    ) -> Result<Linked, Error> {
        request.check()?;
        write::link(self, tx, &Author::Flow(flow), request).await
    }

    /// Links what a flow has proven to the application that has begun it, in the transaction of
    /// the flow's end: on the caller's word, who gets the account, and on the provider's, which.
    ///
    /// # Errors
    /// As [`Self::link`].
    pub async fn link_completed(
        &self,
        tx: &Tx,
        caller: &Caller,
        request: &LinkRequest,
    ) -> Result<Linked, Error> {
        request.check()?;
        write::link(self, tx, &Author::Completing(caller), request).await
    }

    /// What [`Self::link`] would decide for the same request. Writes nothing.
    ///
    /// # Errors
    /// As [`Self::link`], except that a conflict is an answer.
    pub async fn preview(&self, caller: &Caller, request: &LinkRequest) -> Result<Decision, Error> {
        request.check()?;
        let db = self.database.reader();
        let surroundings = Surroundings::read(db, request).await?;
        surroundings.may_link(db, caller, request).await?;
        let users = user::by_ids(db, &[request.user_id]).await?;
        active(users.first(), request.user_id)?;
        surroundings.takes_member(db, request).await?;
        let decision = surroundings.decide(request);
        surroundings.is_callers(db, caller, decision).await
    }
}

/// A flow that has proven an account.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Who went to the provider.
    pub person: Origin,
    /// The session that they went from: it stays, whatever account gives way.
    pub session: Option<SessionId>,
}

/// On whose word an account is linked.
enum Author<'a> {
    /// The caller's, who needs the scopes for it.
    Caller(&'a Caller),
    /// The provider's, and the person's who went there.
    Flow(&'a Flow),
    /// The provider's, and the caller's, who has sent a person there.
    Completing(&'a Caller),
}

impl Author<'_> {
    /// Whose scopes and rows count, where it isn't the person's own doing.
    const fn caller(&self) -> Option<&Caller> {
        match self {
            Self::Caller(caller) | Self::Completing(caller) => Some(caller),
            Self::Flow(_) => None,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Caller(caller) | Self::Completing(caller) => caller.origin(),
            Self::Flow(flow) => flow.person.clone(),
        }
    }

    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Caller(_) | Self::Completing(_) => None,
            Self::Flow(flow) => flow.session,
        }
    }

    fn application(&self) -> Cow<'_, str> {
        match self {
            Self::Caller(caller) | Self::Completing(caller) => caller.application(),
            Self::Flow(_) => Cow::Borrowed(""),
        }
    }
}

impl LinkRequest {
    fn check(&self) -> Result<(), Error> {
        limits::text("input.externalId", &self.external_id, limits::EXTERNAL_ID)?;
        if let Some(data) = &self.data {
            check_data("input.data", data)?;
        }
        if let Some(scopes) = &self.scopes {
            check_scopes("input.scopes", scopes)?;
        }
        self.profile.check("input.profile")?;
        if let Some(Idempotency { key, .. }) = &self.idempotency {
            limits::text("input.idempotencyKey", key, limits::IDEMPOTENCY_KEY)?;
        }
        match &self.tokens {
            None => Ok(()),
            Some(tokens) => tokens.check("input.credential"),
        }
    }
}

impl Surroundings {
    async fn read(db: &impl ConnectionTrait, request: &LinkRequest) -> Result<Self, Error> {
        let id = request.provider_id;
        let provider = identity_provider::Entity::find_by_id(id).one(db).await?;
        let provider = provider.ok_or_else(|| no_provider(id))?;
        let rows = identity::around(db, id, &request.external_id, request.user_id).await?;
        Ok(Self { provider, rows })
    }

    /// Reads the rows again, and locks them until the transaction ends.
    async fn lock_rows(&mut self, tx: &Tx, request: &LinkRequest) -> Result<(), Error> {
        let (external_id, user) = (&request.external_id, request.user_id);
        self.rows = identity::around_locked(tx, request.provider_id, external_id, user).await?;
        Ok(())
    }

    /// What depends on what is stored, and so can't be told from the document alone: scopes, and
    /// whether the caller sees whom and where to link.
    async fn may_link<Db: ConnectionTrait + Facts>(
        &self,
        db: &Db,
        caller: &Caller,
        request: &LinkRequest,
    ) -> Result<(), Error> {
        if !sees(&caller.viewer, db, &self.provider).await? {
            return Err(no_provider(self.provider.id));
        }
        let users = user::by_ids(db, &[request.user_id]).await?;
        let user = users.first().ok_or_else(|| no_user(request.user_id))?;
        if !sees(&caller.viewer, db, user).await? {
            return Err(no_user(request.user_id));
        }
        may_assert(caller, &self.provider)?;
        if request.policy == Policy::Reattach {
            caller
                .viewer
                .require(Scope::IdentityReattach, "the policy REATTACH")?;
        }
        Ok(())
    }

    /// An organization's provider has accounts of its members only.
    async fn takes_member(&self, facts: &impl Facts, request: &LinkRequest) -> Result<(), Error> {
        let Some(organization) = self.provider.organization_id else {
            return Ok(());
        };
        if facts
            .holds(Question::Member(organization, request.user_id))
            .await?
        {
            return Ok(());
        }
        Err(Error::refused(
            RefusalCode::UserNotInOrganization,
            &["input", "userId"],
            "the provider is an organization's own, and the user is no member of it",
        ))
    }

    /// The decision, where it is the caller's to carry out. Whoever may not see an identity may not
    /// remove it: to them, somebody has the account.
    async fn is_callers<Db: ConnectionTrait + Facts>(
        &self,
        db: &Db,
        caller: &Caller,
        decision: Decision,
    ) -> Result<Decision, Error> {
        match &decision {
            Decision::Create { .. } | Decision::Refuse(_) => {}
            Decision::Update(id) | Decision::UpdateInPlace(id) => {
                may_change(db, caller, &[*id]).await?;
            }
            Decision::Reattach { displaces, .. } => {
                for row in self.rows.iter().filter(|row| displaces.contains(&row.id)) {
                    if !sees(&caller.viewer, db, row).await? {
                        return Ok(Decision::Refuse(Conflict::AccountOwnedByAnotherUser));
                    }
                }
                may_change(db, caller, displaces).await?;
            }
        }
        Ok(decision)
    }

    fn decide(&self, request: &LinkRequest) -> Decision {
        let has_the_account = |row: &&identity::Model| row.external_id == request.external_id;
        let holder = self.rows.iter().find(has_the_account);
        let state = State {
            holder: holder.map(|row| Holder {
                identity: row.id,
                user: row.user_id,
            }),
            others: self
                .rows
                .iter()
                .filter(|row| row.user_id == request.user_id && !has_the_account(row))
                .map(|row| row.id)
                .collect(),
            allows_multiple: self.provider.allows_multiple_per_user,
        };
        decide(&state, request.user_id, request.policy)
    }
}

/// Identities that people sign in with are for those who may vouch for them. They lead into all of
/// a person's organizations, so a key that is bound to one may not, at its own providers neither.
///
/// # Errors
/// `FORBIDDEN`.
pub fn may_assert(caller: &Caller, provider: &identity_provider::Model) -> Result<(), Error> {
    if !provider.allows_sign_in {
        return Ok(());
    }
    let what = "linking or changing an identity at a provider that people sign in with";
    caller.viewer.require(Scope::IdentityAssert, what)?;
    caller.viewer.require_unbound(what)
}

/// Why the link is refused, a code for each side of the conflict.
pub fn refusals(conflict: Conflict) -> Vec<Refusal> {
    let owned = || {
        Refusal::new(
            RefusalCode::AccountOwnedByAnotherUser,
            &["input", "externalId"],
            "the account is linked to another user",
        )
    };
    let another = || {
        Refusal::new(
            RefusalCode::UserHasAnotherAccount,
            &["input", "userId"],
            "the user has another account at this provider",
        )
    };
    match conflict {
        Conflict::AccountOwnedByAnotherUser => vec![owned()],
        Conflict::UserHasAnotherAccount => vec![another()],
        Conflict::Both => vec![owned(), another()],
    }
}

fn no_provider(id: ProviderId) -> Error {
    Error::NotFound {
        what: "identity provider",
        id: id.to_string(),
    }
}

fn no_user(id: UserId) -> Error {
    Error::NotFound {
        what: "user",
        id: id.to_string(),
    }
}

/// There is no such identity, or none that the caller may see.
pub fn not_found(id: IdentityId) -> Error {
    Error::NotFound {
        what: "identity",
        id: id.to_string(),
    }
}

fn active(user: Option<&user::Model>, id: UserId) -> Result<(), Error> {
    let user = user.ok_or_else(|| no_user(id))?;
    match user.status {
        user::Status::Active => Ok(()),
        user::Status::Disabled | user::Status::Merged => Err(Error::refused(
            RefusalCode::UserNotActive,
            &["input", "userId"],
            "the user is not active",
        )),
    }
}
