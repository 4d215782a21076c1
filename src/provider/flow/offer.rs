//! Which providers people may begin a flow at.

use super::registration::Party;
use super::{FlowError, Flows};
use crate::database::identity_provider::{self, Beside, Model};
use crate::database::organization;
use crate::error::Error;
use crate::id::{OrganizationId, ProviderId, UserId};
use crate::limits;
use crate::provider::catalog::Protocol;
use crate::provider::config::value::check_scopes;

/// Providers that a page lists.
const MOST: u64 = 100;

impl Flows {
    /// The provider of that slug, where flows can begin at it.
    pub async fn provider(&self, slug: &str) -> Result<Option<Model>, Error> {
        let found = identity_provider::by_slugs(self.database.reader(), &[slug.to_owned()]).await?;
        let usable = self.usable_ones(found).await?;
        Ok(usable.into_iter().next())
    }

    /// The shared providers that sign people in, and those of the organization of that slug, if
    /// there is one; of the own organizations where it is a person who signs in anew. By age, 100
    /// at most.
    pub async fn for_sign_in(
        &self,
        organization: Option<&str>,
        person: Option<UserId>,
    ) -> Result<Vec<Model>, Error> {
        let beside = match (self.organization(organization).await?, person) {
            (Some(id), _) => Beside::Organization(id),
            (None, Some(user)) => Beside::OrganizationsOf(user),
            (None, None) => Beside::Nobodys,
        };
        self.offered(true, beside).await
    }

    async fn organization(&self, slug: Option<&str>) -> Result<Option<OrganizationId>, Error> {
        // What is no slug names no organization.
        let Some(slug) = slug.filter(|slug| limits::slug("organization", slug).is_ok()) else {
            return Ok(None);
        };
        let found = organization::by_slugs(self.database.reader(), &[slug.to_owned()]).await?;
        Ok(found.first().map(|row| row.id))
    }

    /// The providers that this person can link accounts at: shared ones, and those of the own
    /// organizations; by age, 100 at most.
    pub async fn for_linking(&self, user: UserId) -> Result<Vec<Model>, Error> {
        self.offered(false, Beside::OrganizationsOf(user)).await
    }

    /// Whether flows can begin at the provider.
    ///
    /// # Errors
    /// `PROVIDER_UNAVAILABLE`; the cause says what stands against it.
    pub async fn check_usable(&self, row: &Model) -> Result<(), FlowError> {
        let party = self.party(row.clone()).await?;
        self.usable(&party).map(drop)
    }

    /// Whether the provider can be asked for these scopes.
    ///
    /// # Errors
    /// The rest of a sentence that says what is wrong: "must be …".
    pub fn check_scopes(&self, row: &Model, scopes: &[String]) -> Result<(), String> {
        let known = self.catalog.get(&row.provider_type);
        let protocol = known.map_or(Protocol::None, |known| known.protocol);
        check_scopes(protocol, scopes.iter().map(|scope| Some(scope.as_str())))
    }

    async fn offered(&self, only_for_sign_in: bool, beside: Beside) -> Result<Vec<Model>, Error> {
        let types = self.catalog.iter();
        let types: Vec<String> = types
            .filter(|known| known.flow.is_some())
            .map(|known| known.key.clone())
            .collect();
        let db = self.database.reader();
        let rows =
            identity_provider::enabled_of_types(db, &types, only_for_sign_in, beside, MOST).await?;
        self.usable_ones(rows).await
    }

    /// Those that flows can begin at, with the rows whose clients they borrow in one statement.
    async fn usable_ones(&self, rows: Vec<Model>) -> Result<Vec<Model>, Error> {
        let lenders: Vec<ProviderId> = rows.iter().filter_map(|row| row.client_of).collect();
        let lenders = if lenders.is_empty() {
            Vec::new()
        } else {
            identity_provider::by_ids(self.database.reader(), &lenders).await?
        };
        let usable = rows.into_iter().filter_map(|row| {
            let lender = lenders
                .iter()
                .find(|lender| row.client_of == Some(lender.id));
            let lender = lender.cloned();
            let party = Party { row, lender };
            self.usable(&party).is_ok().then_some(party.row)
        });
        Ok(usable.collect())
    }
}
