//! What a person's account page tells: linked accounts and sessions.

use std::collections::HashMap;

use super::session::Sessions;
use crate::database::identity::{self, Filter, Order};
use crate::database::page::{Page, Towards};
use crate::database::{Database, disconnect, identity_provider, session};
use crate::error::Error;
use crate::id::{IdentityId, ProviderId, UserId};
use crate::identity::disconnect::{Disconnect, Facts, disconnect as decide};

/// Linked accounts that the page shows.
const MOST: u64 = 100;

/// A person's linked accounts and live sessions, each with its provider.
#[derive(Debug)]
pub struct Overview {
    /// The first linked comes first; 100 at most.
    pub identities: Vec<identity::Model>,
    /// The oldest comes first.
    pub sessions: Vec<session::Model>,
    providers: HashMap<ProviderId, identity_provider::Model>,
    disconnect: HashMap<IdentityId, Disconnect>,
}

impl Overview {
    /// Reads it in four statements.
    pub async fn read(
        database: &Database,
        sessions: &Sessions,
        user: UserId,
    ) -> Result<Self, Error> {
        let db = database.reader();
        let filter = Filter {
            user_ids: Some(vec![user]),
            ..Filter::default()
        };
        let first = Page {
            limit: MOST,
            towards: Towards::End,
            from: None,
        };
        let identities = identity::page(db, &filter, Order::default(), &first).await?;
        let identities = identities.rows;
        let mut open = session::of_users(db, &[user]).await?;
        open.retain(|row| sessions.is_live(row));
        let mut providers: Vec<ProviderId> = identities.iter().map(|row| row.provider_id).collect();
        providers.extend(open.iter().map(|row| row.provider_id));
        providers.sort_unstable();
        providers.dedup();
        let providers = identity_provider::by_ids(db, &providers).await?;
        let ids: Vec<IdentityId> = identities.iter().map(|row| row.id).collect();
        let facts = disconnect::of_identities(db, &ids).await?;
        let facts = facts
            .iter()
            .map(|facts| (facts.id, decide(Facts::from(facts))));
        Ok(Self {
            disconnect: facts.collect(),
            identities,
            sessions: open,
            providers: providers.into_iter().map(|row| (row.id, row)).collect(),
        })
    }

    /// What the person's account at a provider is known by.
    pub fn name_at(&self, provider: ProviderId) -> Option<&str> {
        let row = self
            .identities
            .iter()
            .find(|row| row.provider_id == provider)?;
        Some(known_as(row))
    }

    /// Whether an account may be disconnected; `None` where it is gone since.
    pub fn disconnect(&self, id: IdentityId) -> Option<Disconnect> {
        self.disconnect.get(&id).copied()
    }

    /// The provider of an identity or a session; `None` where it is gone since.
    pub fn provider(&self, id: ProviderId) -> Option<&identity_provider::Model> {
        self.providers.get(&id)
    }
}

/// What a person knows the account by.
pub fn known_as(row: &identity::Model) -> &str {
    let names = [&row.username, &row.display_name, &row.email];
    let name = names.into_iter().flatten().next();
    name.unwrap_or(&row.external_id)
}
