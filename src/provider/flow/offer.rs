//! Which providers people may begin a flow at.

use super::Flows;
use crate::database::identity_provider::{self, Model};
use crate::error::Error;
use crate::provider::catalog::Protocol;

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
        self.offered(true).await
    }

    /// The providers that accounts can be linked at, by age; 100 at most.
    pub async fn for_linking(&self) -> Result<Vec<Model>, Error> {
        self.offered(false).await
    }

    async fn offered(&self, only_for_sign_in: bool) -> Result<Vec<Model>, Error> {
        let types = self.catalog.iter();
        let types: Vec<String> = types
            .filter(|known| known.protocol == Protocol::Oidc)
            .map(|known| known.key.clone())
            .collect();
        let db = self.database.reader();
        let mut rows =
            identity_provider::enabled_of_types(db, &types, only_for_sign_in, MOST).await?;
        rows.retain(|row| self.can_begin(row));
        Ok(rows)
    }

    fn can_begin(&self, row: &Model) -> bool {
        self.usable(row).is_ok()
    }
}
