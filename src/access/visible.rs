//! Which rows a viewer sees. GraphQL objects are made of what passes here, and of nothing else.

use std::ops::Deref;
use std::sync::Arc;

use super::fact::{Facts, Question};
use super::{Person, Scope, Viewer, holds};
use crate::database::{
    api_key, auth_identity, auth_provider, event, identity, identity_provider, integration,
    organization, organization_integration, session, user, user_merge,
};
use crate::error::Error;
use crate::id::{OrganizationId, ProviderId, UserId};

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
pub async fn visible<T: Guarded>(
    viewer: &Viewer,
    facts: &impl Facts,
    row: Arc<T>,
) -> Result<Option<Visible<T>>, Error> {
    let may_see = sees(viewer, facts, &*row).await?;
    Ok(may_see.then_some(Visible(row)))
}

/// Whether the viewer may see the row.
pub async fn sees<T: Guarded>(viewer: &Viewer, facts: &impl Facts, row: &T) -> Result<bool, Error> {
    let sight = match viewer {
        Viewer::Nobody => Sight::Hidden,
        Viewer::CommandLine => Sight::Open,
        Viewer::Person(person) => row.to_person(person),
        Viewer::ApiKey(key) => match key.organization_id {
            None => row.to_key(key),
            Some(organization) => row.to_bound_key(key, organization),
        },
    };
    match sight {
        Sight::Open => Ok(true),
        Sight::Hidden => Ok(false),
        Sight::If(question) => facts.holds(question).await,
    }
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

impl AtProvider for auth_provider::Model {
    fn provider_id(&self) -> ProviderId {
        self.provider_id
    }
}

/// What a viewer sees of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    Open,
    Hidden,
    /// It depends on other rows.
    If(Question),
}

const fn open_if(open: bool) -> Sight {
    if open { Sight::Open } else { Sight::Hidden }
}

/// A kind of row, and who sees it.
pub trait Guarded {
    /// To a key that is bound to no organization.
    fn to_key(&self, key: &api_key::Model) -> Sight;
    /// To a key that is bound to this organization.
    fn to_bound_key(&self, key: &api_key::Model, organization: OrganizationId) -> Sight;
    fn to_person(&self, person: &Person) -> Sight;
}

/// The rows of one user.
fn own(user: UserId, person: &Person) -> Sight {
    open_if(user == person.user.id)
}

/// An identity of a member, at a provider of the organization or a shared one.
impl Guarded for identity::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        match self.organization_id {
            Some(other) if other != organization => Sight::Hidden,
            Some(_) | None => Sight::If(Question::Member(organization, self.user_id)),
        }
    }

    fn to_person(&self, person: &Person) -> Sight {
        own(self.user_id, person)
    }
}

impl Guarded for identity_provider::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        open_if(
            self.organization_id
                .is_none_or(|owner| owner == organization),
        )
    }

    fn to_person(&self, person: &Person) -> Sight {
        match self.organization_id {
            _ if !self.enabled => Sight::Hidden,
            None => Sight::Open,
            Some(owner) => Sight::If(Question::Member(owner, person.user.id)),
        }
    }
}

impl Guarded for user::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        Sight::If(Question::Member(organization, self.id))
    }

    fn to_person(&self, person: &Person) -> Sight {
        own(self.id, person)
    }
}

impl Guarded for organization::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        open_if(self.id == organization)
    }

    fn to_person(&self, person: &Person) -> Sight {
        Sight::If(Question::Member(self.id, person.user.id))
    }
}

/// People don't see what their organizations have installed.
impl Guarded for integration::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        Sight::If(Question::Installed(organization, self.id))
    }

    fn to_person(&self, _: &Person) -> Sight {
        Sight::Hidden
    }
}

impl Guarded for organization_integration::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        open_if(self.organization_id == organization)
    }

    fn to_person(&self, _: &Person) -> Sight {
        Sight::Hidden
    }
}

/// As the organization integration that it is.
impl Guarded for organization_integration::Acting {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        open_if(self.organization_id == organization)
    }

    fn to_person(&self, _: &Person) -> Sight {
        Sight::Hidden
    }
}

impl Guarded for auth_provider::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        open_if(self.organization_id == organization)
    }

    fn to_person(&self, person: &Person) -> Sight {
        Sight::If(Question::Member(self.organization_id, person.user.id))
    }
}

impl Guarded for auth_identity::Model {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        open_if(self.organization_id == organization)
    }

    fn to_person(&self, person: &Person) -> Sight {
        own(self.user_id, person)
    }
}

impl Guarded for session::Model {
    fn to_key(&self, key: &api_key::Model) -> Sight {
        open_if(holds(key, Scope::Admin))
    }

    /// A session reaches all of a person's organizations: it is not one organization's to see.
    fn to_bound_key(&self, _: &api_key::Model, _: OrganizationId) -> Sight {
        Sight::Hidden
    }

    fn to_person(&self, person: &Person) -> Sight {
        own(self.user_id, person)
    }
}

impl Guarded for user_merge::Model {
    fn to_key(&self, key: &api_key::Model) -> Sight {
        open_if(holds(key, Scope::Admin))
    }

    fn to_bound_key(&self, _: &api_key::Model, _: OrganizationId) -> Sight {
        Sight::Hidden
    }

    fn to_person(&self, _: &Person) -> Sight {
        Sight::Hidden
    }
}

impl Guarded for event::Logged {
    fn to_key(&self, _: &api_key::Model) -> Sight {
        Sight::Open
    }

    fn to_bound_key(&self, _: &api_key::Model, organization: OrganizationId) -> Sight {
        let of = self.event.organization_id.as_deref();
        open_if(of == Some(organization.to_string().as_str()))
    }

    fn to_person(&self, _: &Person) -> Sight {
        Sight::Hidden
    }
}

/// A key always sees itself; others are the admins' to see, whatever leads to them.
impl Guarded for api_key::Model {
    fn to_key(&self, key: &api_key::Model) -> Sight {
        open_if(self.id == key.id || holds(key, Scope::Admin))
    }

    fn to_bound_key(&self, key: &api_key::Model, organization: OrganizationId) -> Sight {
        let beside = self.organization_id == Some(organization) && holds(key, Scope::Admin);
        open_if(self.id == key.id || beside)
    }

    fn to_person(&self, _: &Person) -> Sight {
        Sight::Hidden
    }
}
