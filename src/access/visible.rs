//! Which rows a viewer sees. GraphQL objects are made of what passes here, and of nothing else.

use std::ops::Deref;
use std::sync::Arc;

use super::{Person, Scope, Viewer, holds};
use crate::database::{api_key, event, identity, identity_provider, session, user};
use crate::id::ProviderId;

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
        Viewer::Person(person) => row.visible_to_person(person),
        Viewer::ApiKey(key) => row.visible_to(key),
    };
    may_see.then_some(Visible(row))
}

/// A row that is at a provider.
pub trait AtProvider {
    fn provider_id(&self) -> ProviderId;
}

/// The provider of a row: whoever sees the row sees where it is, a disabled provider too. What
/// of the provider's fields, says the matrix.
pub fn provider_of<T: AtProvider>(
    row: &Visible<T>,
    provider: Arc<identity_provider::Model>,
) -> Option<Visible<identity_provider::Model>> {
    (row.provider_id() == provider.id).then_some(Visible(provider))
}

impl AtProvider for identity::Model {
    fn provider_id(&self) -> ProviderId {
        self.provider_id
    }
}

impl AtProvider for session::Model {
    fn provider_id(&self) -> ProviderId {
        self.provider_id
    }
}

/// A kind of row, and who sees it.
pub trait Guarded {
    fn visible_to(&self, key: &api_key::Model) -> bool;
    fn visible_to_person(&self, person: &Person) -> bool;
}

/// A key that is bound to no organization sees all rows; one that is bound sees none until rows
/// know their organizations.
const fn is_unbound(key: &api_key::Model) -> bool {
    key.organization_id.is_none()
}

impl Guarded for identity::Model {
    fn visible_to(&self, key: &api_key::Model) -> bool {
        is_unbound(key)
    }

    fn visible_to_person(&self, person: &Person) -> bool {
        self.user_id == person.user.id
    }
}

impl Guarded for identity_provider::Model {
    fn visible_to(&self, key: &api_key::Model) -> bool {
        is_unbound(key)
    }

    fn visible_to_person(&self, _: &Person) -> bool {
        self.enabled
    }
}

impl Guarded for user::Model {
    fn visible_to(&self, key: &api_key::Model) -> bool {
        is_unbound(key)
    }

    fn visible_to_person(&self, person: &Person) -> bool {
        self.id == person.user.id
    }
}

impl Guarded for session::Model {
    fn visible_to(&self, key: &api_key::Model) -> bool {
        is_unbound(key) && holds(key, Scope::Admin)
    }

    fn visible_to_person(&self, person: &Person) -> bool {
        self.user_id == person.user.id
    }
}

impl Guarded for event::Logged {
    fn visible_to(&self, key: &api_key::Model) -> bool {
        is_unbound(key)
    }

    fn visible_to_person(&self, _: &Person) -> bool {
        false
    }
}

/// A key always sees itself; others are the admins' to see, whatever leads to them.
impl Guarded for api_key::Model {
    fn visible_to(&self, key: &api_key::Model) -> bool {
        self.id == key.id || (is_unbound(key) && holds(key, Scope::Admin))
    }

    fn visible_to_person(&self, _: &Person) -> bool {
        false
    }
}
