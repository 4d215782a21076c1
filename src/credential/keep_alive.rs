//! Refreshing what nobody reads, before the provider forgets it: spread over time, a few at a time
//! for each provider.

use std::collections::HashMap;

use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::Credentials;
use crate::clock::Time;
use crate::database::credential::{self, Model};
use crate::database::identity;
use crate::database::job_lease::Job;
use crate::error::Error;
use crate::id::{IdentityId, ProviderId};

/// Longer than a round takes.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// Credentials in a round.
const ROUND: u64 = 100;
/// After tokens came: a refresh token whose end is fixed would else be used ever more often.
const SOONEST: TimeDelta = TimeDelta::hours(1);
/// Of one provider in a round; the others of it come later.
const OF_A_PROVIDER: usize = 20;
/// At the same time.
const AT_ONCE: usize = 4;
/// Those that found no room come again within so many seconds.
const NO_ROOM: u64 = 1800;

/// When the credential is to be refreshed though nobody reads it: between half and three quarters
/// of the time after which its provider forgets it, or after which the refresh token ends, where
/// that is sooner. The same for the same row; spread over rows.
pub(super) fn due(row: &Model, idle: TimeDelta) -> Option<Time> {
    row.refresh_token_sealed.as_ref()?;
    let written = row.date_updated;
    let life = match row.refresh_token_expires_at {
        Some(end) => idle.min(end - written),
        None => idle,
    };
    if life <= TimeDelta::zero() {
        return None;
    }
    // Ids end in random bytes.
    let spread = row.identity_id.0.as_bytes().last().copied().unwrap_or(0);
    Some(written + SOONEST.max(life / 2 + (life / 4 / 255) * i32::from(spread)))
}

impl Credentials {
    /// One round, if no other process does it.
    ///
    /// # Errors
    /// The database fails; refreshes that fail are written down, and no error here.
    pub async fn keep_alive(&self) -> Result<(), Error> {
        let parts = &self.0.parts;
        let now = parts.clock.now();
        if credential::to_keep_alive(parts.database.reader(), now, 1)
            .await?
            .is_empty()
        {
            return Ok(());
        }
        let held = Job::KeepAlive.take(&parts.database, &parts.clock, &self.0.owner, LEASE);
        let Some(held) = held.await? else {
            return Ok(());
        };
        let done = self.round(now).await;
        held.give_back(&parts.database, &parts.clock).await?;
        done
    }

    async fn round(&self, now: Time) -> Result<(), Error> {
        let db = self.0.parts.database.reader();
        let ids = credential::to_keep_alive(db, now, ROUND).await?;
        let rows = credential::by_identities(db, &ids).await?;
        let identities = identity::by_ids(db, &ids).await?;
        let identities: HashMap<IdentityId, identity::Model> =
            identities.into_iter().map(|row| (row.id, row)).collect();
        let mut taken: HashMap<ProviderId, usize> = HashMap::new();
        let mut refreshed = Vec::new();
        for row in rows {
            let Some(identity) = identities.get(&row.identity_id) else {
                continue;
            };
            let next = self.rules(identity).and_then(|rules| due(&row, rules.idle));
            match next {
                Some(at) if at <= now => {
                    let taken = taken.entry(identity.provider_id).or_default();
                    *taken += 1;
                    if *taken <= OF_A_PROVIDER {
                        refreshed.push(row);
                    } else {
                        let wait = u64::from_be_bytes(self.0.parts.clock.random()) % NO_ROOM;
                        let wait = TimeDelta::seconds(i64::try_from(wait).unwrap_or_default());
                        self.come_again(&row, Some(now + wait)).await?;
                    }
                }
                // It was linked or refreshed meanwhile; or nothing refreshes it any more.
                next => self.come_again(&row, next).await?,
            }
        }
        self.refresh_all(refreshed).await
    }

    /// A few at the same time.
    async fn refresh_all(&self, rows: Vec<Model>) -> Result<(), Error> {
        let mut tries = JoinSet::new();
        for row in rows {
            if tries.len() >= AT_ONCE
                && let Some(tried) = tries.join_next().await
            {
                tried.map_err(|error| Error::Internal(error.into()))??;
            }
            let this = self.clone();
            tries.spawn(async move { this.try_one(&row).await });
        }
        while let Some(tried) = tries.join_next().await {
            tried.map_err(|error| Error::Internal(error.into()))??;
        }
        Ok(())
    }

    async fn try_one(&self, row: &Model) -> Result<(), Error> {
        let Err(failure) = self.refresh_unasked(row).await else {
            return Ok(());
        };
        tracing::debug!(identity = %row.identity_id, ?failure, "nothing was kept alive");
        // A failure of the grant or of the way says when to come again; one of the provider itself
        // doesn't.
        self.after_failure(row).await
    }

    async fn after_failure(&self, seen: &Model) -> Result<(), Error> {
        let wait = super::backoff::wait(&self.0.parts.clock, i64::MAX, None);
        self.come_again(seen, Some(self.0.parts.clock.now() + wait))
            .await
    }

    /// Writes the time down, unless something else has changed it since.
    async fn come_again(&self, seen: &Model, at: Option<Time>) -> Result<(), Error> {
        let database = &self.0.parts.database;
        database
            .write(|tx| async move {
                let row = credential::locked(&tx, seen.identity_id).await?;
                if let Some(row) = row.filter(|row| row.keep_alive_at == seen.keep_alive_at) {
                    let changed = Model {
                        keep_alive_at: at,
                        ..row
                    };
                    credential::update(&tx, changed).await?;
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::row;

    #[test]
    fn a_credential_is_kept_alive_well_before_it_is_forgotten() {
        let idle = TimeDelta::days(100);
        for _ in 0..50 {
            let row = row();
            let days = (due(&row, idle).unwrap() - row.date_updated).num_days();
            assert!((50..=75).contains(&days), "{days}");
        }
        let ends = Model {
            refresh_token_expires_at: Some(row().date_updated + TimeDelta::days(10)),
            ..row()
        };
        let days = (due(&ends, idle).unwrap() - ends.date_updated).num_hours();
        assert!((120..=180).contains(&days), "{days}");
        let over = Model {
            refresh_token_expires_at: Some(row().date_updated),
            ..row()
        };
        assert_eq!(due(&over, idle), None);
        let soon = Model {
            refresh_token_expires_at: Some(row().date_updated + TimeDelta::minutes(5)),
            ..row()
        };
        assert_eq!(due(&soon, idle), Some(soon.date_updated + SOONEST));
        let without = Model {
            refresh_token_sealed: None,
            ..row()
        };
        assert_eq!(due(&without, idle), None);
    }
}
