//! Which providers people may begin a flow at.

use super::Flows;
use crate::database::identity_provider::{self, Filter, Model};
use crate::database::page::{Page, Towards};
use crate::error::Error;

/// Providers that a page lists.
const MOST: u64 = 100;

impl Flows {
    /// The provider of that slug, where flows can begin at it.
    pub async fn provider(&self, slug: &str) -> Result<Option<Model>, Error> {
        let found = identity_provider::by_slugs(self.database.reader(), &[slug.to_owned()]).await?;
        Ok(found.into_iter().find(|row| self.can_begin(row)))
    }

    /// The providers that sign people in, by age; 100 at most.
    pub async fn for_sign_in(&self) -> Result<Vec<Model>, Error> {
        self.offered(Filter {
            allows_sign_in: Some(true),
            ..Filter::default()
        })
        .await
    }

    /// The providers that accounts can be linked at, by age; 100 at most.
    pub async fn for_linking(&self) -> Result<Vec<Model>, Error> {
        self.offered(Filter::default()).await
    }

    async fn offered(&self, filter: Filter) -> Result<Vec<Model>, Error> {
        let filter = Filter {
            enabled: Some(true),
            ..filter
        };
        let first = Page {
            limit: MOST,
            towards: Towards::End,
            from: None,
        };
        let found = identity_provider::page(self.database.reader(), &filter, &first).await?;
        let rows = found.rows.into_iter();
        Ok(rows.filter(|row| self.can_begin(row)).collect())
    }

    fn can_begin(&self, row: &Model) -> bool {
        self.registration(row).is_ok()
    }
}
