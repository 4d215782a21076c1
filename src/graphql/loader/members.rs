//! Looks up who is in which organization, for many at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::{MOST_KEYS, MOST_PARENTS, grouped};
use crate::batch::Batch;
use crate::database::page::{Page, Slice};
use crate::database::{Database, organization, organization_member};
use crate::graphql::organization::MOST_OF_A_USER;
use crate::id::{OrganizationId, UserId};

/// Which page of an organization's members: organizations that ask for the same page share a
/// statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberPage {
    pub organization: OrganizationId,
    pub page: Page,
}

pub fn domains(database: &Database) -> Batch<OrganizationId, Arc<[String]>> {
    let database = database.clone();
    Batch::new(MOST_PARENTS, move |keys: Vec<OrganizationId>| {
        let database = database.clone();
        async move {
            let mut domains: HashMap<OrganizationId, Vec<String>> = HashMap::new();
            for row in organization::domains_of(database.reader(), &keys).await? {
                let of = domains.entry(row.organization_id).or_default();
                of.push(row.domain);
            }
            let domains = domains.into_iter();
            Ok(domains.map(|(id, domains)| (id, domains.into())).collect())
        }
    })
}

pub fn pages(database: &Database) -> Batch<MemberPage, Slice<UserId>> {
    let database = database.clone();
    Batch::new(MOST_KEYS, move |keys: Vec<MemberPage>| {
        let database = database.clone();
        async move {
            let mut pages = HashMap::with_capacity(keys.len());
            for (page, keys) in grouped(keys, |key| key.page.clone()) {
                let of: Vec<_> = keys.iter().map(|key| key.organization).collect();
                let db = database.reader();
                let slices = organization_member::pages(db, &of, None, &page).await?;
                pages.extend(keys.into_iter().zip(slices));
            }
            Ok(pages)
        }
    })
}

pub fn counts(database: &Database) -> Batch<OrganizationId, u64> {
    let database = database.clone();
    Batch::new(MOST_PARENTS, move |keys: Vec<OrganizationId>| {
        let database = database.clone();
        async move { Ok(organization_member::counts(database.reader(), &keys).await?) }
    })
}

/// One more than are answered: that tells whether there are too many.
pub fn organizations_of_users(database: &Database) -> Batch<UserId, Arc<[OrganizationId]>> {
    let database = database.clone();
    Batch::new(MOST_PARENTS, move |keys: Vec<UserId>| {
        let database = database.clone();
        async move {
            let mut ids: HashMap<UserId, Vec<OrganizationId>> = HashMap::new();
            let (db, most) = (database.reader(), MOST_OF_A_USER + 1);
            for row in organization_member::of_users(db, &keys, most).await? {
                ids.entry(row.user_id)
                    .or_default()
                    .push(row.organization_id);
            }
            let ids = ids.into_iter();
            Ok(ids.map(|(user, ids)| (user, ids.into())).collect())
        }
    })
}
