//! Every read of a row for GraphQL goes through here, so that it can be made fast in one place.
//! Knows rows, not callers; keeps nothing beyond a statement.

mod installed;
mod members;
mod sign_on;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use crate::access::{Facts, Question};
use crate::batch::Batch;
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::database::{
    Database, api_key, auth_identity, auth_provider, credential, disconnect, event, identity,
    identity_provider, integration, organization, organization_integration, organization_member,
    provider_health, session, user, user_merge,
};
use crate::error::Error;
use crate::id::{
    ApiKeyId, AuthIdentityId, AuthProviderId, EventId, IdentityId, IntegrationId, MergeId,
    OrganizationId, OrganizationIntegrationId, ProviderId, SessionId, UserId,
};
pub use installed::{ActingKey, InstalledCount, InstalledPage};
pub use members::MemberPage;
pub use sign_on::AuthIdentityPage;

/// Keys in one statement. SQLite binds 32,766 values, PostgreSQL 65,535; beyond a thousand
/// nothing is gained.
const MOST_KEYS: usize = 1000;

/// Parents in one statement of bounded selects: a page of them. SQLite takes 500 such arms.
const MOST_PARENTS: usize = 100;

/// Questions in one statement: each may be a condition of its own.
const MOST_QUESTIONS: usize = 200;

type Rows<K, V> = Batch<K, Arc<V>>;

/// Which page of a parent's identities: parents that ask for the same page share a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChildPage {
    pub parent: identity::Parent,
    pub only: identity::Only,
    pub page: Page,
}

/// How many identities a parent has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChildCount {
    pub parent: identity::Parent,
    pub only: identity::Only,
}

/// Looks rows up, together with whoever else looks at the same time.
pub struct Loader {
    pub installed_pages: Batch<InstalledPage, Slice<Arc<organization_integration::Model>>>,
    pub installed_counts: Batch<InstalledCount, u64>,
    pub acting: Rows<ActingKey, organization_integration::Acting>,
    pub users: Rows<UserId, user::Model>,
    pub users_by_ref: Rows<String, user::Model>,
    pub providers: Rows<ProviderId, identity_provider::Model>,
    pub providers_by_slug: Rows<String, identity_provider::Model>,
    pub identities: Rows<IdentityId, identity::Model>,
    pub credentials: Rows<IdentityId, credential::Known>,
    pub tokens: Rows<IdentityId, credential::Model>,
    pub provider_health: Rows<ProviderId, provider_health::Model>,
    pub api_keys: Rows<ApiKeyId, api_key::Model>,
    pub api_keys_by_hash: Rows<Vec<u8>, api_key::Model>,
    pub sessions: Rows<SessionId, session::Model>,
    pub sessions_of_users: Batch<UserId, Vec<Arc<session::Model>>>,
    pub events: Rows<EventId, event::Logged>,
    pub organizations: Rows<OrganizationId, organization::Model>,
    pub organizations_by_slug: Rows<String, organization::Model>,
    pub integrations: Rows<IntegrationId, integration::Model>,
    pub organization_integrations: Rows<OrganizationIntegrationId, organization_integration::Model>,
    pub auth_providers: Rows<AuthProviderId, auth_provider::Model>,
    pub auth_providers_of_organizations: Rows<OrganizationId, auth_provider::Model>,
    pub auth_identities: Rows<AuthIdentityId, auth_identity::Model>,
    pub merges: Rows<MergeId, user_merge::Model>,
    pub domains_of_organizations: Batch<OrganizationId, Arc<[String]>>,
    pub member_pages: Batch<MemberPage, Slice<UserId>>,
    pub member_counts: Batch<OrganizationId, u64>,
    pub organizations_of_users: Batch<UserId, Arc<[OrganizationId]>>,
    pub identity_pages: Batch<ChildPage, Slice<Arc<identity::Model>>>,
    pub identity_counts: Batch<ChildCount, u64>,
    pub auth_identity_pages: Batch<AuthIdentityPage, Slice<Arc<auth_identity::Model>>>,
    pub auth_identity_counts: Batch<(auth_identity::Parent, Reach), u64>,
    pub disconnect_of_identities: Rows<IdentityId, disconnect::OfIdentity>,
    pub disconnect_of_auth_identities: Rows<AuthIdentityId, disconnect::OfAuthIdentity>,
    facts: Batch<Question, ()>,
    database: Database,
}

/// A batch whose rows know their own key.
macro_rules! rows {
    ($database:expr, $query:path, |$row:ident| $key:expr) => {{
        let database = $database.clone();
        Batch::new(MOST_KEYS, move |keys: Vec<_>| {
            let database = database.clone();
            async move {
                let rows = $query(database.reader(), &keys).await?;
                Ok(rows
                    .into_iter()
                    .map(|$row| ($key, Arc::new($row)))
                    .collect())
            }
        })
    }};
}

impl Loader {
    pub fn new(database: &Database) -> Self {
        Self {
            installed_pages: installed::pages(database),
            installed_counts: installed::counts(database),
            acting: installed::acting(database),
            users: rows!(database, user::by_ids, |row| row.id),
            users_by_ref: rows!(database, user::by_entity_refs, |row| row.entity_ref.clone()),
            providers: rows!(database, identity_provider::by_ids, |row| row.id),
            providers_by_slug: rows!(database, identity_provider::by_slugs, |row| row
                .slug
                .clone()),
            identities: rows!(database, identity::by_ids, |row| row.id),
            credentials: rows!(database, credential::known_by_identities, |row| row
                .identity_id),
            tokens: rows!(database, credential::by_identities, |row| row.identity_id),
            provider_health: rows!(database, provider_health::by_providers, |row| row
                .provider_id),
            api_keys: rows!(database, api_key::by_ids, |row| row.id),
            api_keys_by_hash: rows!(database, api_key::by_hashes, |row| row.hash.clone()),
            sessions: rows!(database, session::by_ids, |row| row.id),
            sessions_of_users: sessions_of_users(database),
            events: rows!(database, event::by_ids, |row| row.event.id),
            organizations: rows!(database, organization::by_ids, |row| row.id),
            organizations_by_slug: rows!(database, organization::by_slugs, |row| row.slug.clone()),
            integrations: rows!(database, integration::by_ids, |row| row.id),
            organization_integrations: rows!(database, organization_integration::by_ids, |row| row
                .id),
            auth_providers: rows!(database, auth_provider::by_ids, |row| row.id),
            auth_providers_of_organizations: rows!(
                database,
                auth_provider::by_organizations,
                |row| row.organization_id
            ),
            auth_identities: rows!(database, auth_identity::by_ids, |row| row.id),
            merges: rows!(database, user_merge::by_ids, |row| row.id),
            domains_of_organizations: members::domains(database),
            member_pages: members::pages(database),
            member_counts: members::counts(database),
            organizations_of_users: members::organizations_of_users(database),
            identity_pages: identity_pages(database),
            identity_counts: identity_counts(database),
            auth_identity_pages: sign_on::pages(database),
            auth_identity_counts: sign_on::counts(database),
            disconnect_of_identities: rows!(database, disconnect::of_identities, |row| row.id),
            disconnect_of_auth_identities: rows!(database, disconnect::of_auth_identities, |row| {
                row.id
            }),
            facts: facts(database),
            database: database.clone(),
        }
    }

    pub async fn identity(
        &self,
        filter: &identity::Filter,
    ) -> Result<Option<Arc<identity::Model>>, Error> {
        Ok(identity::first(self.database.reader(), filter)
            .await?
            .map(Arc::new))
    }

    pub async fn identity_page(
        &self,
        filter: &identity::Filter,
        order: identity::Order,
        page: &Page,
    ) -> Result<Slice<identity::Model>, Error> {
        Ok(identity::page(self.database.reader(), filter, order, page).await?)
    }

    pub async fn identity_count(&self, filter: &identity::Filter) -> Result<u64, Error> {
        Ok(identity::count(self.database.reader(), filter).await?)
    }

    /// At most `limit` of a user's identities at providers of a type.
    pub async fn identities_of_type(
        &self,
        user: UserId,
        provider_type: &str,
        exclude_matching_external_ids: bool,
        reach: Reach,
        limit: u64,
    ) -> Result<Vec<identity::Model>, Error> {
        let db = self.database.reader();
        Ok(identity::of_user_and_type(
            db,
            user,
            provider_type,
            exclude_matching_external_ids,
            reach,
            limit,
        )
        .await?)
    }

    /// The provider of a type and instance that the organization owns, or the shared one.
    pub async fn provider_by_instance(
        &self,
        organization: Option<OrganizationId>,
        provider_type: &str,
        external_id: &str,
    ) -> Result<Option<Arc<identity_provider::Model>>, Error> {
        let db = self.database.reader();
        let row =
            identity_provider::by_instance(db, organization, provider_type, external_id).await?;
        Ok(row.map(Arc::new))
    }

    pub async fn provider_page(
        &self,
        filter: &identity_provider::Filter,
        page: &Page,
    ) -> Result<Slice<identity_provider::Model>, Error> {
        Ok(identity_provider::page(self.database.reader(), filter, page).await?)
    }

    pub async fn provider_count(&self, filter: &identity_provider::Filter) -> Result<u64, Error> {
        Ok(identity_provider::count(self.database.reader(), filter).await?)
    }

    /// At most two: more than one is all that a caller wants to know.
    pub async fn users_by_email(
        &self,
        email: &str,
        reach: Reach,
    ) -> Result<Vec<user::Model>, Error> {
        Ok(user::by_email(self.database.reader(), email, reach).await?)
    }

    pub async fn user_page(
        &self,
        filter: &user::Filter,
        page: &Page,
    ) -> Result<Slice<user::Model>, Error> {
        Ok(user::page(self.database.reader(), filter, page).await?)
    }

    pub async fn user_count(&self, filter: &user::Filter) -> Result<u64, Error> {
        Ok(user::count(self.database.reader(), filter).await?)
    }

    pub async fn api_key_page(
        &self,
        reach: Reach,
        page: &Page,
    ) -> Result<Slice<api_key::Model>, Error> {
        Ok(api_key::page(self.database.reader(), reach, page).await?)
    }

    pub async fn api_key_count(&self, reach: Reach) -> Result<u64, Error> {
        Ok(api_key::count(self.database.reader(), reach).await?)
    }

    pub async fn organization_page(
        &self,
        reach: Reach,
        page: &Page,
    ) -> Result<Slice<organization::Model>, Error> {
        Ok(organization::page(self.database.reader(), reach, page).await?)
    }

    pub async fn organization_count(&self, reach: Reach) -> Result<u64, Error> {
        Ok(organization::count(self.database.reader(), reach).await?)
    }

    pub async fn event_page(
        &self,
        filter: &event::Filter,
        page: &Page,
    ) -> Result<Slice<event::Logged>, Error> {
        Ok(event::page(self.database.reader(), filter, page).await?)
    }

    pub async fn event_count(&self, filter: &event::Filter) -> Result<u64, Error> {
        Ok(event::count(self.database.reader(), filter).await?)
    }
}

/// Questions are answered together with those that are asked at the same time.
impl Facts for Loader {
    async fn holds(&self, question: Question) -> Result<bool, Error> {
        Ok(self.facts.load(question).await?.is_some())
    }
}

fn facts(database: &Database) -> Batch<Question, ()> {
    let database = database.clone();
    Batch::new(MOST_QUESTIONS, move |questions: Vec<Question>| {
        let database = database.clone();
        async move {
            let db = database.reader();
            let (mut members, mut installed) = (Vec::new(), Vec::new());
            for question in questions {
                match question {
                    Question::Member(organization, user) => members.push((organization, user)),
                    Question::Installed(organization, integration) => {
                        installed.push((organization, integration));
                    }
                }
            }
            let members = organization_member::which(db, &members).await?;
            let installed = organization_integration::which(db, &installed).await?;
            let members = members
                .into_iter()
                .map(|(organization, user)| Question::Member(organization, user));
            let installed = installed
                .into_iter()
                .map(|(organization, integration)| Question::Installed(organization, integration));
            Ok(members.chain(installed).map(|yes| (yes, ())).collect())
        }
    })
}

fn sessions_of_users(database: &Database) -> Batch<UserId, Vec<Arc<session::Model>>> {
    let database = database.clone();
    Batch::new(MOST_PARENTS, move |keys: Vec<UserId>| {
        let database = database.clone();
        async move {
            let mut sessions: HashMap<UserId, Vec<Arc<session::Model>>> = HashMap::new();
            for row in session::of_users(database.reader(), &keys).await? {
                sessions.entry(row.user_id).or_default().push(Arc::new(row));
            }
            Ok(sessions)
        }
    })
}

fn identity_pages(database: &Database) -> Batch<ChildPage, Slice<Arc<identity::Model>>> {
    let database = database.clone();
    Batch::new(MOST_KEYS, move |keys: Vec<ChildPage>| {
        let database = database.clone();
        async move {
            let mut pages = HashMap::with_capacity(keys.len());
            for ((only, page), keys) in grouped(keys, |key| (key.only.clone(), key.page.clone())) {
                let parents: Vec<_> = keys.iter().map(|key| key.parent).collect();
                let slices =
                    identity::pages_of_parents(database.reader(), &parents, &only, &page).await?;
                let slices = slices.into_iter().map(|slice| Slice {
                    rows: slice.rows.into_iter().map(Arc::new).collect(),
                    more: slice.more,
                });
                pages.extend(keys.into_iter().zip(slices));
            }
            Ok(pages)
        }
    })
}

fn identity_counts(database: &Database) -> Batch<ChildCount, u64> {
    let database = database.clone();
    Batch::new(MOST_KEYS, move |keys: Vec<ChildCount>| {
        let database = database.clone();
        async move {
            let mut counts = HashMap::with_capacity(keys.len());
            for (only, keys) in grouped(keys, |key| key.only.clone()) {
                let parents: Vec<_> = keys.iter().map(|key| key.parent).collect();
                let found = identity::counts_of_parents(database.reader(), &parents, &only).await?;
                counts.extend(keys.into_iter().zip(found));
            }
            Ok(counts)
        }
    })
}

/// The keys of each statement: they are of one group, and at most [`MOST_PARENTS`].
fn grouped<K, G: Clone + Eq + Hash>(keys: Vec<K>, group: impl Fn(&K) -> G) -> Vec<(G, Vec<K>)> {
    let mut groups: HashMap<G, Vec<K>> = HashMap::new();
    for key in keys {
        groups.entry(group(&key)).or_default().push(key);
    }
    let mut statements = Vec::new();
    for (group, mut keys) in groups {
        while !keys.is_empty() {
            let rest = keys.split_off(keys.len().min(MOST_PARENTS));
            statements.push((group.clone(), std::mem::replace(&mut keys, rest)));
        }
    }
    statements
}
