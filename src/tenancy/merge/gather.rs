//! Reading what is stored around two users.

use std::collections::{BTreeSet, HashSet};

use sea_orm::ConnectionTrait;

use super::MOST_ITEMS;
use super::plan::Around;
use crate::database::identity::passing;
use crate::database::{Tx, auth_identity, organization_member, user};
use crate::error::Error;
use crate::id::{AuthProviderId, OrganizationId, ProviderId};

/// One more than a merge takes tells that there are too many.
const LIMIT: u64 = MOST_ITEMS as u64 + 1;

impl Around {
    /// As it is committed now.
    pub async fn read(
        db: &impl ConnectionTrait,
        from: user::Model,
        into: user::Model,
    ) -> Result<Self, Error> {
        let identities = passing::of_user(db, from.id, LIMIT).await?;
        let auth_identities = auth_identity::of_user(db, from.id, LIMIT).await?;
        let memberships = organization_member::of_user(db, from.id, LIMIT).await?;

        let providers: BTreeSet<ProviderId> =
            identities.iter().map(|row| row.provider_id).collect();
        let sign_ons: BTreeSet<AuthProviderId> = auth_identities
            .iter()
            .map(|row| row.auth_provider_id)
            .collect();
        let organizations: BTreeSet<OrganizationId> = identities
            .iter()
            .filter_map(|row| row.organization_id)
            .chain(auth_identities.iter().map(|row| row.organization_id))
            .chain(memberships.iter().map(|row| row.organization_id))
            .collect();
        let identities_in_the_way = passing::in_the_way(db, into.id, &in_order(providers)).await?;
        let auth_identities_in_the_way =
            auth_identity::of_user_at(db, into.id, &in_order(sign_ons)).await?;
        let into_is_in =
            organization_member::of_user_in(db, into.id, &in_order(organizations)).await?;
        Ok(Self {
            from,
            identities,
            auth_identities,
            memberships,
            into,
            identities_in_the_way,
            auth_identities_in_the_way,
            into_is_in: into_is_in
                .into_iter()
                .map(|row| row.organization_id)
                .collect::<HashSet<_>>(),
        })
    }

    /// With the rows that may move locked until the transaction ends. Both users are locked
    /// already, so nothing is added.
    pub async fn lock_and_read(
        tx: &Tx,
        from: user::Model,
        into: user::Model,
    ) -> Result<Self, Error> {
        passing::lock_of_user(tx, from.id, LIMIT).await?;
        auth_identity::lock_of_user(tx, from.id, LIMIT).await?;
        Self::read(tx, from, into).await
    }
}

fn in_order<T>(ids: BTreeSet<T>) -> Vec<T> {
    ids.into_iter().collect()
}
