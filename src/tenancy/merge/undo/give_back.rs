//! Writing what an undo has decided.

use std::collections::{BTreeMap, HashSet};

use super::Now;
use crate::access::session;
use crate::database::{auth_identity, identity, user_merge};
use crate::error::Error;
use crate::id::{IdentityId, ProviderId, UserId};
use crate::identity::beside;
use crate::identity::give::give;
use crate::identity::remove::hand_on_primary;
use crate::tenancy::member;
use crate::tenancy::merge::carry_out::Writer;
use crate::tenancy::merge::item::{Held, Item, Outcome};

/// Gives back every item that is not lost. Memberships come first, since things within an
/// organization are its members'; they are taken from the other user last, with what that user
/// has got there since.
pub async fn give_back(
    writer: &Writer<'_>,
    merge: &user_merge::Model,
    items: &[Item],
    now: &Now,
) -> Result<(), Error> {
    let (from, into) = (merge.from_user_id, merge.into_user_id);
    let back = || items.iter().filter(|item| item.lost.is_none());
    for item in back() {
        if let Held::Membership {
            organization,
            date_added,
        } = item.held
            && !now.from_is_in.contains(&organization)
        {
            writer.add_member(organization, from, date_added).await?;
        }
    }
    give_identities_back(writer, from, back(), now).await?;
    for item in back() {
        give_auth_identity_back(writer, from, item, now).await?;
    }
    let Writer { tx, clock, origin } = writer;
    for item in back() {
        if let (Held::Membership { organization, .. }, Outcome::Moves) = (&item.held, item.outcome)
        {
            // A member by the merge alone, the user leaves as members do.
            member::end(tx, clock, origin, *organization, into).await?;
        }
    }
    // Also for what the merge has left with the user, whose memberships it has taken.
    member::lose_defaults_elsewhere(tx, clock, origin, from).await
}

async fn give_identities_back(
    writer: &Writer<'_>,
    from: UserId,
    items: impl Iterator<Item = &Item>,
    now: &Now,
) -> Result<(), Error> {
    let Writer { tx, clock, origin } = writer;
    let mut were_primary: HashSet<IdentityId> = HashSet::new();
    let mut rows: BTreeMap<ProviderId, Vec<&identity::Model>> = BTreeMap::new();
    for item in items {
        if let (Held::Identity { id, primary, .. }, Outcome::Moves) = (&item.held, item.outcome)
            && let Some(row) = now.identities.get(id)
        {
            rows.entry(row.provider_id).or_default().push(row);
            if *primary {
                were_primary.insert(*id);
            }
        }
    }
    let ids: Vec<IdentityId> = rows.values().flatten().map(|row| row.id).collect();
    // Whoever came in by these accounts came in as the other user.
    session::end_of_identities(tx, clock, origin, &ids, None).await?;
    for (provider, rows) in rows {
        let mut there = now.identities_of_from.iter();
        let has_primary = there.any(|row| row.provider_id == provider && row.is_primary);
        let was_primary = rows.iter().find(|row| were_primary.contains(&row.id));
        let first_linked = rows.iter().min_by_key(|row| (row.date_added, row.id));
        let primary = was_primary.or(first_linked).filter(|_| !has_primary);
        let primary = primary.map(|row| row.id);
        for row in &rows {
            give(tx, clock, origin, row, from, primary == Some(row.id)).await?;
        }
        if let Some(gone) = rows.iter().find(|row| row.is_primary) {
            hand_on_primary(tx, clock, origin, gone).await?;
        }
    }
    Ok(())
}

async fn give_auth_identity_back(
    writer: &Writer<'_>,
    from: UserId,
    item: &Item,
    now: &Now,
) -> Result<(), Error> {
    let Held::AuthIdentity {
        id,
        sign_on,
        organization,
        ident,
        date_added,
        last_verified,
        last_synced,
    } = &item.held
    else {
        return Ok(());
    };
    let Writer { tx, clock, origin } = writer;
    match (item.outcome, now.auth_identities.get(id)) {
        (Outcome::Moves, Some(row)) => beside::give(tx, clock, origin, row, from).await,
        (Outcome::Removed, _) => {
            let row = auth_identity::Model {
                id: *id,
                auth_provider_id: *sign_on,
                organization_id: *organization,
                user_id: from,
                ident: ident.clone(),
                date_added: *date_added,
                last_verified: *last_verified,
                last_synced: *last_synced,
            };
            beside::restore(tx, clock, origin, row).await
        }
        (Outcome::Moves | Outcome::Stays, _) => Ok(()),
    }
}
