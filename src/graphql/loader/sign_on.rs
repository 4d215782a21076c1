//! Looks up members' links to their organizations' sign-on, for many sign-ons or users at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::{MOST_KEYS, grouped};
use crate::batch::Batch;
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::database::{Database, auth_identity};

/// Which page of a parent's auth identities.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuthIdentityPage {
    pub parent: auth_identity::Parent,
    pub reach: Reach,
    pub page: Page,
}

pub fn pages(database: &Database) -> Batch<AuthIdentityPage, Slice<Arc<auth_identity::Model>>> {
    let database = database.clone();
    Batch::new(MOST_KEYS, move |keys: Vec<AuthIdentityPage>| {
        let database = database.clone();
        async move {
            let db = database.reader();
            let mut pages = HashMap::with_capacity(keys.len());
            for ((reach, page), keys) in grouped(keys, |key| (key.reach, key.page.clone())) {
                let parents: Vec<_> = keys.iter().map(|key| key.parent).collect();
                let slices = auth_identity::pages_of_parents(db, &parents, reach, &page).await?;
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

pub fn counts(database: &Database) -> Batch<(auth_identity::Parent, Reach), u64> {
    let database = database.clone();
    Batch::new(
        MOST_KEYS,
        move |keys: Vec<(auth_identity::Parent, Reach)>| {
            let database = database.clone();
            async move {
                let db = database.reader();
                let mut counts = HashMap::with_capacity(keys.len());
                for (reach, keys) in grouped(keys, |key| key.1) {
                    let parents: Vec<_> = keys.iter().map(|key| key.0).collect();
                    let found = auth_identity::counts_of_parents(db, &parents, reach).await?;
                    counts.extend(keys.into_iter().zip(found));
                }
                Ok(counts)
            }
        },
    )
}
