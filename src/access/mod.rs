//! Who may call, and what they may see: viewers, scopes, the matrix of the fields and the one
//! function that lets a row through. Knows rows, not GraphQL objects.

pub mod api_key;
mod fact;
pub mod matrix;
mod scope;
pub mod session;
mod visible;

use std::borrow::Cow;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::clock::Time;
use crate::database::reach::Reach;
use crate::database::{self, user};
use crate::error::Error;
use crate::event::{Actor, ActorKind, Origin};
use crate::id::{OrganizationId, SessionId};
pub use fact::{Facts, Question};
pub use scope::{Scope, UnknownScope};
pub use visible::{AtProvider, Guarded, Sight, Visible, provider_of, sees, visible};

/// Who asks.
#[derive(Debug, Clone)]
pub enum Viewer {
    /// Nobody that we know.
    Nobody,
    /// A person, by the session in a cookie.
    Person(Arc<Person>),
    ApiKey(Arc<database::api_key::Model>),
    /// Whoever runs the command line on the server's own machine.
    CommandLine,
}

/// A person who is signed in.
#[derive(Debug)]
pub struct Person {
    /// Active, when the request began.
    pub user: Arc<user::Model>,
    pub session: SessionId,
    pub signed_in_at: Time,
    /// The organization whose own provider opened the session; `None`: a shared one did.
    pub came_by: Option<OrganizationId>,
}

/// How long after a sign-in its session may change the ways in.
const FRESH: TimeDelta = TimeDelta::minutes(15);

impl Person {
    /// Has shown lately who they are.
    pub fn is_fresh(&self, now: Time) -> bool {
        now < self.signed_in_at + FRESH
    }

    /// May change the ways in at a provider of that owner. Whoever runs an organization's provider
    /// says who its members are there, and has no say in how they get in elsewhere.
    pub fn has_say_at(&self, owner: Option<OrganizationId>) -> bool {
        self.came_by.is_none() || self.came_by == owner
    }
}

/// A viewer in one request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub viewer: Viewer,
    /// Names the request in logs, events and answers.
    pub request_id: String,
}

impl Viewer {
    /// Holds the scope, by itself or by `admin`. People have no scopes: what they may do is in
    /// the matrix.
    pub fn has(&self, scope: Scope) -> bool {
        match self {
            Self::Nobody | Self::Person(_) => false,
            Self::CommandLine => true,
            Self::ApiKey(key) => holds(key, scope),
        }
    }

    /// # Errors
    /// `UNAUTHENTICATED` for nobody, else `FORBIDDEN`; both say what `needs` it.
    pub fn require(&self, scope: Scope, needs: &str) -> Result<(), Error> {
        if self.has(scope) {
            return Ok(());
        }
        Err(match self {
            Self::Nobody => unauthenticated(needs),
            Self::Person(_) => Error::Forbidden(format!(
                "{needs} needs an API key with the scope {scope}; a signed-in person may not"
            )),
            Self::ApiKey(_) | Self::CommandLine => Error::Forbidden(format!(
                "{needs} needs the scope {scope}, which this key lacks"
            )),
        })
    }

    /// Whose rows this viewer sees at most. Lists that are cut to pages are restricted to it by
    /// their statement.
    pub fn reach(&self) -> Reach {
        match self {
            Self::Person(person) => Reach::User(person.user.id),
            Self::ApiKey(key) => key.organization_id.map_or(Reach::All, Reach::Organization),
            Self::Nobody | Self::CommandLine => Reach::All,
        }
    }

    /// The organization that the key is bound to: it sees and changes nothing beyond.
    pub fn bound_to(&self) -> Option<OrganizationId> {
        match self {
            Self::ApiKey(key) => key.organization_id,
            Self::Nobody | Self::Person(_) | Self::CommandLine => None,
        }
    }

    /// What `needs` this reaches beyond an organization.
    ///
    /// # Errors
    /// `FORBIDDEN` for a key that is bound to one.
    pub fn require_unbound(&self, needs: &str) -> Result<(), Error> {
        match self.bound_to() {
            None => Ok(()),
            Some(_) => Err(Error::Forbidden(format!(
                "{needs} reaches beyond an organization, and this key is bound to one: use a key \
                 that is bound to none"
            ))),
        }
    }

    /// Changes what belongs to the organization, or to all where there is none.
    ///
    /// # Errors
    /// `FORBIDDEN` for a key that is bound to another one.
    pub fn require_within(
        &self,
        organization: Option<OrganizationId>,
        needs: &str,
    ) -> Result<(), Error> {
        if self.bound_to().is_some() && self.bound_to() == organization {
            return Ok(());
        }
        self.require_unbound(needs)
    }
}

impl Caller {
    /// Who to name in the events of this request.
    pub fn origin(&self) -> Origin {
        let actor = match &self.viewer {
            // Writes need a scope, so nobody never gets here; an event without a name would
            // still be better than none.
            Viewer::Nobody => Actor {
                kind: ActorKind::Server,
                id: None,
                name: "nobody".into(),
            },
            Viewer::Person(person) => actor_of(&person.user),
            Viewer::ApiKey(key) => Actor {
                kind: ActorKind::ApiKey,
                id: Some(key.id.to_string()),
                name: key.name.clone(),
            },
            Viewer::CommandLine => Actor {
                kind: ActorKind::CommandLine,
                id: None,
                name: "lanyard".into(),
            },
        };
        Origin {
            actor,
            request_id: match &self.viewer {
                Viewer::CommandLine => None,
                Viewer::Nobody | Viewer::Person(_) | Viewer::ApiKey(_) => {
                    Some(self.request_id.clone())
                }
            },
        }
    }

    /// Whose keys share idempotency keys with this caller. An application is what its keys say it
    /// is, so keys that are bound to an organization share with none beyond.
    pub fn application(&self) -> Cow<'_, str> {
        match &self.viewer {
            Viewer::ApiKey(key) => match key.organization_id {
                None => Cow::Borrowed(&key.application),
                Some(id) => Cow::Owned(format!("{id} {}", key.application)),
            },
            Viewer::Nobody | Viewer::Person(_) | Viewer::CommandLine => Cow::Borrowed(""),
        }
    }
}

/// Names a person in the events of a request that makes them the caller.
pub fn origin_of(user: &user::Model, request_id: &str) -> Origin {
    Origin {
        actor: actor_of(user),
        request_id: Some(request_id.to_owned()),
    }
}

fn actor_of(user: &user::Model) -> Actor {
    let name = user.display_name.as_ref().unwrap_or(&user.entity_ref);
    Actor {
        kind: ActorKind::User,
        id: Some(user.id.to_string()),
        name: name.clone(),
    }
}

fn holds(key: &database::api_key::Model, scope: Scope) -> bool {
    let mut held = key.scopes_json.0.iter();
    held.any(|held| held == scope.name() || held == Scope::Admin.name())
}

/// Nobody asks for what `needs` a credential.
pub fn unauthenticated(needs: &str) -> Error {
    Error::Unauthenticated(format!(
        "{needs} is not open to all: send an API key in the header `Authorization: Bearer lyd_…`, or sign in"
    ))
}
