//! One log of what happened: written in the transaction of the change, sealed into one order
//! and one chain of hashes afterwards.

mod chain;
mod sealer;
pub mod verify;

use serde_json::Value;

use crate::clock::Clock;
use crate::database::json::Json;
use crate::database::{Tx, event};
use crate::error::Error;
use crate::id::{AnyId, EventId, OrganizationId, UserId};
pub use sealer::Sealer;

/// What kind of caller did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    User,
    ApiKey,
    CommandLine,
    Server,
}

impl ActorKind {
    pub const ALL: [Self; 4] = [Self::User, Self::ApiKey, Self::CommandLine, Self::Server];

    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::ApiKey => "API_KEY",
            Self::CommandLine => "COMMAND_LINE",
            Self::Server => "SERVER",
        }
    }

    /// A name that this server doesn't know is the server's own doing, of another version.
    pub fn from_name(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap_or(Self::Server)
    }
}

/// Who did something, by value: it outlives the key and the person.
#[derive(Debug, Clone)]
pub struct Actor {
    pub kind: ActorKind,
    pub id: Option<String>,
    pub name: String,
}

/// Where a change comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub actor: Actor,
    pub request_id: Option<String>,
}

impl Origin {
    /// The server's own doing: nobody has asked.
    pub fn server() -> Self {
        Self {
            actor: Actor {
                kind: ActorKind::Server,
                id: None,
                name: "lanyard".to_owned(),
            },
            request_id: None,
        }
    }
}

/// What happened. The names are part of the API: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    ApiKeyCreated,
    ApiKeyRevoked,
    AuthIdentityDeleted,
    AuthIdentityLinked,
    AuthIdentityUpdated,
    AuthProviderCreated,
    AuthProviderDeleted,
    AuthProviderUpdated,
    CredentialRead,
    CredentialRevocationFailed,
    CredentialRevocationSkipped,
    CredentialRevoked,
    IdentityInvalidated,
    IdentityLinked,
    IdentityRefreshed,
    IdentityUnlinked,
    IdentityUpdated,
    IntegrationCreated,
    IntegrationUpdated,
    LinkStarted,
    MasterKeyRetired,
    MasterKeyRotated,
    OrgIntegrationDefaultLost,
    OrgIntegrationInstalled,
    OrgIntegrationUninstalled,
    OrgIntegrationUpdated,
    OrganizationCreated,
    OrganizationMemberAdded,
    OrganizationMemberRemoved,
    OrganizationUpdated,
    ProviderCreated,
    ProviderDeleted,
    ProviderFailing,
    ProviderRecovered,
    ProviderUpdated,
    SessionEnded,
    SessionStarted,
    UserCreated,
    UserDeleted,
    UserMergeUndone,
    UserMerged,
    UserUpdated,
}

impl Action {
    pub const ALL: [Self; 42] = [
        Self::ApiKeyCreated,
        Self::ApiKeyRevoked,
        Self::AuthIdentityDeleted,
        Self::AuthIdentityLinked,
        Self::AuthIdentityUpdated,
        Self::AuthProviderCreated,
        Self::AuthProviderDeleted,
        Self::AuthProviderUpdated,
        Self::CredentialRead,
        Self::CredentialRevocationFailed,
        Self::CredentialRevocationSkipped,
        Self::CredentialRevoked,
        Self::IdentityInvalidated,
        Self::IdentityLinked,
        Self::IdentityRefreshed,
        Self::IdentityUnlinked,
        Self::IdentityUpdated,
        Self::IntegrationCreated,
        Self::IntegrationUpdated,
        Self::LinkStarted,
        Self::MasterKeyRetired,
        Self::MasterKeyRotated,
        Self::OrgIntegrationDefaultLost,
        Self::OrgIntegrationInstalled,
        Self::OrgIntegrationUninstalled,
        Self::OrgIntegrationUpdated,
        Self::OrganizationCreated,
        Self::OrganizationMemberAdded,
        Self::OrganizationMemberRemoved,
        Self::OrganizationUpdated,
        Self::ProviderCreated,
        Self::ProviderDeleted,
        Self::ProviderFailing,
        Self::ProviderRecovered,
        Self::ProviderUpdated,
        Self::SessionEnded,
        Self::SessionStarted,
        Self::UserCreated,
        Self::UserDeleted,
        Self::UserMergeUndone,
        Self::UserMerged,
        Self::UserUpdated,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKeyCreated => "api_key.created",
            Self::ApiKeyRevoked => "api_key.revoked",
            Self::AuthIdentityDeleted => "auth_identity.deleted",
            Self::AuthIdentityLinked => "auth_identity.linked",
            Self::AuthIdentityUpdated => "auth_identity.updated",
            Self::AuthProviderCreated => "auth_provider.created",
            Self::AuthProviderDeleted => "auth_provider.deleted",
            Self::AuthProviderUpdated => "auth_provider.updated",
            Self::CredentialRead => "credential.read",
            Self::CredentialRevocationFailed => "credential.revocation_failed",
            Self::CredentialRevocationSkipped => "credential.revocation_skipped",
            Self::CredentialRevoked => "credential.revoked",
            Self::IdentityInvalidated => "identity.invalidated",
            Self::IdentityLinked => "identity.linked",
            Self::IdentityRefreshed => "identity.refreshed",
            Self::IdentityUnlinked => "identity.unlinked",
            Self::IdentityUpdated => "identity.updated",
            Self::IntegrationCreated => "integration.created",
            Self::IntegrationUpdated => "integration.updated",
            Self::LinkStarted => "link.started",
            Self::MasterKeyRetired => "master_key.retired",
            Self::MasterKeyRotated => "master_key.rotated",
            Self::OrgIntegrationDefaultLost => "org_integration.default_lost",
            Self::OrgIntegrationInstalled => "org_integration.installed",
            Self::OrgIntegrationUninstalled => "org_integration.uninstalled",
            Self::OrgIntegrationUpdated => "org_integration.updated",
            Self::OrganizationCreated => "organization.created",
            Self::OrganizationMemberAdded => "organization.member_added",
            Self::OrganizationMemberRemoved => "organization.member_removed",
            Self::OrganizationUpdated => "organization.updated",
            Self::ProviderCreated => "provider.created",
            Self::ProviderDeleted => "provider.deleted",
            Self::ProviderFailing => "provider.failing",
            Self::ProviderRecovered => "provider.recovered",
            Self::ProviderUpdated => "provider.updated",
            Self::SessionEnded => "session.ended",
            Self::SessionStarted => "session.started",
            Self::UserCreated => "user.created",
            Self::UserDeleted => "user.deleted",
            Self::UserMergeUndone => "user.merge_undone",
            Self::UserMerged => "user.merged",
            Self::UserUpdated => "user.updated",
        }
    }
}

/// An event to be written. `before` and `after` never hold secrets.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub action: Action,
    pub target: Option<AnyId>,
    /// Whose affair it is.
    pub user: Option<UserId>,
    /// Which organization's affair it is: keys that are bound to it see the event.
    pub organization: Option<OrganizationId>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl NewEvent {
    pub const fn new(action: Action) -> Self {
        Self {
            action,
            target: None,
            user: None,
            organization: None,
            before: None,
            after: None,
        }
    }
}

/// Writes an event in the transaction of the change that it tells of.
pub async fn record(tx: &Tx, clock: &Clock, origin: &Origin, new: NewEvent) -> Result<(), Error> {
    event::insert(tx, stored(clock, origin, new)).await?;
    Ok(())
}

/// The same for many events of one change, in their order.
pub async fn record_all(
    tx: &Tx,
    clock: &Clock,
    origin: &Origin,
    new: Vec<NewEvent>,
) -> Result<(), Error> {
    let events = new.into_iter().map(|new| stored(clock, origin, new));
    event::insert_all(tx, events.collect()).await?;
    Ok(())
}

/// Events of several callers that are written together.
pub async fn record_each(
    tx: &Tx,
    clock: &Clock,
    new: Vec<(Origin, NewEvent)>,
) -> Result<(), Error> {
    let events = new.into_iter();
    let events = events.map(|(origin, new)| stored(clock, &origin, new));
    event::insert_all(tx, events.collect()).await?;
    Ok(())
}

fn stored(clock: &Clock, origin: &Origin, new: NewEvent) -> event::Model {
    event::Model {
        number: 0,
        id: EventId::new(clock),
        at: clock.now(),
        action: new.action.name().to_owned(),
        actor_kind: origin.actor.kind.name().to_owned(),
        actor_id: origin.actor.id.clone(),
        actor_name: origin.actor.name.clone(),
        on_behalf_of_id: None,
        on_behalf_of_name: None,
        target_id: new.target.map(|id| id.to_string()),
        user_id: new.user.map(|id| id.to_string()),
        organization_id: new.organization.map(|id| id.to_string()),
        before_json: new.before.map(Json),
        after_json: new.after.map(Json),
        request_id: origin.request_id.clone(),
    }
}
