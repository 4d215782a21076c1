//! The provider is asked: with the tokens that wait, or with fresh ones where those are dead.

use std::fmt::Display;

use secrecy::{ExposeSecret, SecretString};

use super::Revocations;
use super::work::Work;
use crate::database::Sealed;
use crate::database::revocation::{self, Model};
use crate::error::Error;
use crate::identity::revocation::{waiting_access_token, waiting_refresh_token};
use crate::provider::relying_party::{RefreshFault, Registration, Revocable, RevokeError};
use crate::vault::{OpenError, Place};

impl Revocations {
    pub(super) async fn call(&self, work: &Work) -> Result<(), RevokeError> {
        let flows = &self.flows;
        let tokens = self.tokens(&work.row)?;
        let us = flows.registration(&work.party);
        let us = us.map_err(|error| later("unusable", error))?;
        match flows.relying_party.revoke(&us, &tokens).await {
            Err(RevokeError::AccessTokenDead) => match self.refreshed(work, &us, &tokens).await? {
                Some(fresh) => flows.relying_party.revoke(&us, &fresh).await,
                // The refresh token was dead too.
                None => Ok(()),
            },
            revoked => revoked,
        }
    }

    /// Fresh tokens of a grant that can't be ended by its refresh token; `None`: it has ended. They
    /// are stored before they are used: the old ones may be good for nothing.
    async fn refreshed(
        &self,
        work: &Work,
        us: &Registration<'_>,
        tokens: &Revocable,
    ) -> Result<Option<Revocable>, RevokeError> {
        let refreshes = us.rules.refresh.is_some();
        let refresh_token = tokens.refresh_token.as_ref().filter(|_| refreshes);
        let refresh_token = refresh_token.ok_or(RevokeError::AccessTokenDead)?;
        let answer = self.flows.relying_party.refresh(us, refresh_token, &[]);
        let fresh = match answer.await {
            Ok(fresh) => fresh,
            Err(error) => {
                return match error.fault {
                    // A try before this one may have spent it, and lost what it was given for it.
                    RefreshFault::Ended if work.row.attempts > 1 => {
                        Err(RevokeError::AccessTokenDead)
                    }
                    RefreshFault::Ended => Ok(None),
                    RefreshFault::Refused => Err(RevokeError::AccessTokenDead),
                    RefreshFault::Unauthorized
                    | RefreshFault::Client
                    | RefreshFault::Busy
                    | RefreshFault::Unavailable => Err(RevokeError::Later {
                        reason: error.reason,
                        cause: error.cause,
                        retry_after: error.retry_after,
                    }),
                };
            }
        };
        let tokens = Revocable {
            access_token: fresh.access_token,
            refresh_token: fresh.refresh_token.or_else(|| Some(refresh_token.clone())),
        };
        if let Err(error) = self.keep(work, &tokens).await {
            // They may be revoked all the same.
            tracing::warn!(revocation.id = %work.row.id, %error, "fresh tokens were not stored");
        }
        Ok(Some(tokens))
    }

    async fn keep(&self, work: &Work, tokens: &Revocable) -> Result<(), Error> {
        let flows = &self.flows;
        flows
            .database
            .write(|tx| async move {
                let tx = &*tx;
                let Some(row) = revocation::locked(tx, work.row.id).await? else {
                    return Ok(());
                };
                let sealing = flows.vault.sealing(tx).await?;
                let seal = |place: Place<'_>, token: &SecretString| {
                    sealing.seal(&place, token.expose_secret().as_bytes())
                };
                let refresh_token = tokens.refresh_token.as_ref();
                let row = Model {
                    access_token_sealed: seal(waiting_access_token(&row.id), &tokens.access_token),
                    refresh_token_sealed: refresh_token
                        .map(|token| seal(waiting_refresh_token(&row.id), token)),
                    ..row
                };
                Ok(revocation::update(tx, row).await?)
            })
            .await
    }

    fn tokens(&self, row: &Model) -> Result<Revocable, RevokeError> {
        let open = |place: Place<'_>, sealed: &Sealed| {
            let unreadable = || RevokeError::Refused {
                reason: "tokens_unreadable".to_owned(),
            };
            let opened = self.flows.vault.open(&place, sealed);
            let opened = opened.map_err(|error| match error {
                // Another process may have the key, or this one later.
                OpenError::UnknownKey(_) => later("master_key_missing", error),
                OpenError::Malformed | OpenError::NotAuthentic => unreadable(),
            })?;
            let text = std::str::from_utf8(&opened).map_err(|_| unreadable())?;
            Ok::<SecretString, RevokeError>(text.into())
        };
        let refresh_token = row.refresh_token_sealed.as_ref();
        let refresh_token =
            refresh_token.map(|sealed| open(waiting_refresh_token(&row.id), sealed));
        Ok(Revocable {
            access_token: open(waiting_access_token(&row.id), &row.access_token_sealed)?,
            refresh_token: refresh_token.transpose()?,
        })
    }
}

fn later(reason: &str, cause: impl Display) -> RevokeError {
    RevokeError::Later {
        reason: reason.to_owned(),
        cause: cause.to_string(),
        retry_after: None,
    }
}
