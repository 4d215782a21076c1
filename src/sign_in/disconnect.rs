//! What a person is told before one of their accounts is disconnected.

use super::overview::known_as;
use crate::database::{
    Database, disconnect, identity, identity_provider, organization_integration,
};
use crate::error::Error;
use crate::id::{IdentityId, UserId};
use crate::identity::disconnect::{Disconnect, Facts, Part, disconnect as decide};

/// An account that its owner thinks of disconnecting.
#[derive(Debug)]
pub struct Parting {
    pub identity: identity::Model,
    pub provider: identity_provider::Model,
    /// Whether it may be.
    pub disconnect: Disconnect,
    /// The person signs in with it.
    pub signs_in: bool,
    /// How many organizations' integrations act as it.
    pub acting: u64,
}

impl Parting {
    /// Reads it in four statements; `None` where the person has no such account.
    pub async fn read(
        database: &Database,
        user: UserId,
        id: IdentityId,
    ) -> Result<Option<Self>, Error> {
        let db = database.reader();
        let found = identity::by_ids(db, &[id]).await?.into_iter().next();
        let Some(identity) = found.filter(|row| row.user_id == user) else {
            return Ok(None);
        };
        let provider = identity_provider::by_ids(db, &[identity.provider_id]).await?;
        let stored = disconnect::of_identities(db, &[id]).await?;
        let (Some(provider), Some(stored)) = (provider.into_iter().next(), stored.first()) else {
            return Ok(None);
        };
        let facts = Facts::from(stored);
        Ok(Some(Self {
            identity,
            provider,
            disconnect: decide(facts),
            signs_in: facts.part != Part::None,
            acting: organization_integration::acting_as(db, id).await?,
        }))
    }

    /// What the person knows the account by.
    pub fn name(&self) -> &str {
        known_as(&self.identity)
    }
}
