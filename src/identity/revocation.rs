//! The tokens of an account that is unlinked are queued to be revoked, sealed anew for their new
//! place. Knows of provider types only the names of those that revoke; who speaks with providers
//! takes it from there.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use crate::clock::Clock;
use crate::database::{Sealed, Tx, credential, identity, identity_provider, revocation, time};
use crate::error::Error;
use crate::event::{self, Action, NewEvent, Origin};
use crate::id::{IdentityId, OrganizationId, ProviderId, UserId};
use crate::identity::account::{access_token_place, refresh_token_place};
use crate::vault::{OpenError, Place, Vault};

/// How long whoever has unlinked may take to begin, before others do it.
pub const HEAD_START: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// Queues tokens to be revoked. Cheap to clone.
#[derive(Clone)]
pub struct Revoking {
    vault: Arc<Vault>,
    /// The provider types that revoke.
    types: Arc<BTreeSet<String>>,
}

/// Whose tokens an event tells of; the identity may be gone.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    pub identity: IdentityId,
    pub user: UserId,
    pub provider: ProviderId,
    pub organization: Option<OrganizationId>,
    pub external_id: &'a str,
}

impl Revoking {
    pub fn new(vault: Arc<Vault>, types: impl IntoIterator<Item = String>) -> Self {
        Self {
            vault,
            types: Arc::new(types.into_iter().collect()),
        }
    }

    /// Whether tokens of this provider can be revoked, as far as its row says: its type revokes, and
    /// it has a client, or borrows one.
    pub fn has_way(&self, provider: &identity_provider::Model) -> bool {
        self.types.contains(&provider.provider_type)
            && (provider.client_id.is_some() || provider.client_of.is_some())
    }

    /// Queues the tokens of an identity that is about to be deleted, where there are any and
    /// a way to revoke them. Tokens that don't open are lost, and don't keep anybody from unlinking:
    /// an event says so.
    pub(super) async fn queue(
        &self,
        tx: &Tx,
        clock: &Clock,
        origin: &Origin,
        row: &identity::Model,
    ) -> Result<Option<Uuid>, Error> {
        let providers = identity_provider::by_ids(tx, &[row.provider_id]).await?;
        if !providers.iter().any(|provider| self.has_way(provider)) {
            return Ok(None);
        }
        let Some(tokens) = credential::locked(tx, row.id).await? else {
            return Ok(None);
        };
        let id = clock.new_uuid();
        let sealing = self.vault.sealing(tx).await?;
        let anew = |from: Place<'_>, to: Place<'_>, sealed: &Sealed| {
            let opened = self.vault.open(&from, sealed)?;
            Ok::<_, OpenError>(sealing.seal(&to, &opened))
        };
        let refresh_token = tokens.refresh_token_sealed.as_ref().map(|sealed| {
            let from = refresh_token_place(&row.id);
            anew(from, waiting_refresh_token(&id), sealed)
        });
        let access_token = anew(
            access_token_place(&row.id),
            waiting_access_token(&id),
            &tokens.access_token_sealed,
        );
        let (access_token_sealed, refresh_token_sealed) =
            match (access_token, refresh_token.transpose()) {
                (Ok(access_token), Ok(refresh_token)) => (access_token, refresh_token),
                // Another process may have the key: nothing is lost by trying again there.
                (Err(error @ OpenError::UnknownKey(_)), _)
                | (_, Err(error @ OpenError::UnknownKey(_))) => {
                    return Err(Error::Internal(error.into()));
                }
                (Err(error), _) | (_, Err(error)) => {
                    let identity = row.id;
                    tracing::warn!(%identity, %error, "tokens don't open, and can't be revoked");
                    let whose = Whose::of(row);
                    let event = whose.event(
                        Action::CredentialRevocationFailed,
                        Some("tokens_unreadable"),
                    );
                    event::record(tx, clock, origin, event).await?;
                    return Ok(None);
                }
            };
        let now = time::now(tx, clock).await?;
        let queued = revocation::Model {
            id,
            provider_id: row.provider_id,
            identity_id: row.id,
            user_id: row.user_id,
            external_id: row.external_id.clone(),
            access_token_sealed,
            refresh_token_sealed,
            attempts: 0,
            failure_reason: None,
            // Not while a refresh is on its way: what it brings is to be revoked, too.
            next_attempt_at: tokens.lease_until.map_or(now, |until| until.max(now)) + HEAD_START,
            date_added: now,
        };
        revocation::insert(tx, queued).await?;
        Ok(Some(id))
    }
}

impl fmt::Debug for Revoking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Revoking").field(&self.types).finish()
    }
}

impl<'a> Whose<'a> {
    const fn of(row: &'a identity::Model) -> Self {
        Self {
            identity: row.id,
            user: row.user_id,
            provider: row.provider_id,
            organization: row.organization_id,
            external_id: row.external_id.as_str(),
        }
    }

    /// What has become of the tokens, and why, by a code.
    pub fn event(&self, action: Action, reason: Option<&str>) -> NewEvent {
        let mut told = json!({
            "providerId": self.provider.to_string(),
            "externalId": self.external_id,
        });
        if let Some(reason) = reason {
            told["reason"] = json!(reason);
        }
        NewEvent {
            target: Some(self.identity.any()),
            user: Some(self.user),
            organization: self.organization,
            after: Some(told),
            ..NewEvent::new(action)
        }
    }
}

/// Where the access token of an unlinked account waits to be revoked.
pub const fn waiting_access_token(id: &Uuid) -> Place<'_> {
    Place {
        table: "revocation",
        row: id.as_bytes(),
        column: "access_token_sealed",
    }
}

/// Where its refresh token waits.
pub const fn waiting_refresh_token(id: &Uuid) -> Place<'_> {
    Place {
        column: "refresh_token_sealed",
        ..waiting_access_token(id)
    }
}
