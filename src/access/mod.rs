//! Who may call, and what they may see: viewers, scopes, the matrix of the fields and the one
//! function that lets a row through. Knows rows, not GraphQL objects.

pub mod api_key;
pub mod matrix;
mod scope;

use std::ops::Deref;
use std::sync::Arc;

use crate::database::{event, identity, identity_provider, user};
use crate::error::Error;
use crate::event::{Actor, ActorKind, Origin};
pub use scope::{Scope, UnknownScope};

/// Who asks.
#[derive(Debug, Clone)]
pub enum Viewer {
    /// Nobody that we know.
    Nobody,
    ApiKey(Arc<crate::database::api_key::Model>),
    /// Whoever runs the command line on the server's own machine.
    CommandLine,
}

/// A viewer in one request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub viewer: Viewer,
    /// Names the request in logs, events and answers.
    pub request_id: String,
}

impl Viewer {
    /// Holds the scope, by itself or by `admin`.
    pub fn has(&self, scope: Scope) -> bool {
        match self {
            Self::Nobody => false,
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
            Self::ApiKey(_) | Self::CommandLine => Error::Forbidden(format!(
                "{needs} needs the scope {scope}, which this key lacks"
            )),
        })
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
                Viewer::Nobody | Viewer::ApiKey(_) => Some(self.request_id.clone()),
            },
        }
    }

    /// Whose keys share idempotency keys with this caller.
    pub fn application(&self) -> &str {
        match &self.viewer {
            Viewer::ApiKey(key) => &key.application,
            Viewer::Nobody | Viewer::CommandLine => "",
        }
    }
}

fn holds(key: &crate::database::api_key::Model, scope: Scope) -> bool {
    let mut held = key.scopes_json.0.iter();
    held.any(|held| held == scope.name() || held == Scope::Admin.name())
}

/// Nobody asks for what `needs` a credential.
pub fn unauthenticated(needs: &str) -> Error {
    Error::Unauthenticated(format!(
        "{needs} needs an API key: send it in the header `Authorization: Bearer lyd_…`"
    ))
}

/// A row that its viewer may see. Only [`visible`] makes one.
#[derive(Debug)]
pub struct Visible<T>(Arc<T>);

impl<T> Clone for Visible<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Visible<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Lets a row through to those who may see it; to others it looks absent. Scopes are the
/// matrix's business, rows are this function's.
pub fn visible<T: Guarded>(viewer: &Viewer, row: Arc<T>) -> Option<Visible<T>> {
    let may_see = match viewer {
        Viewer::Nobody => false,
        Viewer::CommandLine => true,
        Viewer::ApiKey(key) => row.visible_to(key),
    };
    may_see.then_some(Visible(row))
}

/// A kind of row, and which keys see it.
pub trait Guarded {
    fn visible_to(&self, key: &crate::database::api_key::Model) -> bool;
}

/// A key that is bound to no organization sees all rows; one that is bound sees none until rows
/// know their organizations.
macro_rules! seen_by_unbound_keys {
    ($($row:ty),+) => {
        $(impl Guarded for $row {
            fn visible_to(&self, key: &crate::database::api_key::Model) -> bool {
                key.organization_id.is_none()
            }
        })+
    };
}

seen_by_unbound_keys!(
    identity::Model,
    identity_provider::Model,
    user::Model,
    event::Logged
);

/// A key always sees itself; others are the admins' to see, whatever leads to them.
impl Guarded for crate::database::api_key::Model {
    fn visible_to(&self, key: &crate::database::api_key::Model) -> bool {
        self.id == key.id || (key.organization_id.is_none() && holds(key, Scope::Admin))
    }
}
