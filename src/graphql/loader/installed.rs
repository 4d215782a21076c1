//! Integrations and what organizations have of them.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Loader, MOST_KEYS, MOST_QUESTIONS, Rows, grouped};
use crate::batch::Batch;
use crate::database::organization_integration::{self, Acting, Filter, Model, Parent, Service};
use crate::database::page::{Page, Slice};
use crate::database::reach::Reach;
use crate::database::{Database, integration};
use crate::error::Error;
use crate::id::{IntegrationId, OrganizationId, OrganizationIntegrationId};

/// Which page of a parent's organization integrations: parents that ask for the same page share a
/// statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InstalledPage {
    pub parent: Parent,
    pub reach: Reach,
    pub page: Page,
}

/// How many organization integrations a parent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstalledCount {
    pub parent: Parent,
    pub reach: Reach,
}

/// Which organization integration is asked whom it acts as.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ActingKey {
    Id(OrganizationIntegrationId),
    Service(Service),
}

impl Loader {
    /// The integration of that service and installation.
    pub async fn integration_by_service(
        &self,
        provider: &str,
        external_id: &str,
    ) -> Result<Option<Arc<integration::Model>>, Error> {
        let db = self.database.reader();
        let row = integration::by_service(db, provider, external_id).await?;
        Ok(row.map(Arc::new))
    }

    /// What the organization has of the integration.
    pub async fn installed(
        &self,
        organization: OrganizationId,
        integration: IntegrationId,
    ) -> Result<Option<Arc<Model>>, Error> {
        let db = self.database.reader();
        let row = organization_integration::by_pair(db, organization, integration).await?;
        Ok(row.map(Arc::new))
    }

    pub async fn installed_page(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Slice<Model>, Error> {
        Ok(organization_integration::page(self.database.reader(), filter, page).await?)
    }

    pub async fn installed_count(&self, filter: &Filter) -> Result<u64, Error> {
        Ok(organization_integration::count(self.database.reader(), filter).await?)
    }
}

pub(super) fn pages(database: &Database) -> Batch<InstalledPage, Slice<Arc<Model>>> {
    let database = database.clone();
    Batch::new(MOST_KEYS, move |keys: Vec<InstalledPage>| {
        let database = database.clone();
        async move {
            let mut pages = HashMap::with_capacity(keys.len());
            for ((reach, page), keys) in grouped(keys, |key| (key.reach, key.page.clone())) {
                let parents: Vec<_> = keys.iter().map(|key| key.parent).collect();
                let slices = organization_integration::pages_of_parents(
                    database.reader(),
                    &parents,
                    reach,
                    &page,
                );
                let slices = slices.await?.into_iter().map(|slice| Slice {
                    rows: slice.rows.into_iter().map(Arc::new).collect(),
                    more: slice.more,
                });
                pages.extend(keys.into_iter().zip(slices));
            }
            Ok(pages)
        }
    })
}

pub(super) fn counts(database: &Database) -> Batch<InstalledCount, u64> {
    let database = database.clone();
    Batch::new(MOST_KEYS, move |keys: Vec<InstalledCount>| {
        let database = database.clone();
        async move {
            let mut counts = HashMap::with_capacity(keys.len());
            for (reach, keys) in grouped(keys, |key| key.reach) {
                let parents: Vec<_> = keys.iter().map(|key| key.parent).collect();
                let found =
                    organization_integration::counts_of_parents(database.reader(), &parents, reach);
                counts.extend(keys.into_iter().zip(found.await?));
            }
            Ok(counts)
        }
    })
}

pub(super) fn acting(database: &Database) -> Rows<ActingKey, Acting> {
    let database = database.clone();
    Batch::new(MOST_QUESTIONS, move |keys: Vec<ActingKey>| {
        let database = database.clone();
        async move {
            let db = database.reader();
            let (mut ids, mut services) = (Vec::new(), Vec::new());
            for key in keys {
                match key {
                    ActingKey::Id(id) => ids.push(id),
                    ActingKey::Service(service) => services.push(service),
                }
            }
            let by_id = organization_integration::acting_by_ids(db, &ids).await?;
            let by_id = by_id.into_iter().map(|row| (ActingKey::Id(row.id), row));
            let by_service = organization_integration::acting_by_services(db, &services).await?;
            let by_service = by_service
                .into_iter()
                .map(|row| (ActingKey::Service(row.service()), row));
            Ok(by_id
                .chain(by_service)
                .map(|(key, row)| (key, Arc::new(row)))
                .collect())
        }
    })
}
