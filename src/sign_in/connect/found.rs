//! After the provider: the account that was found waits, sealed, for the person to say that it is
//! the right one.

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::{CAPS, Closed, Connecting, LIFE, forget, hash_of, kept};
use crate::clock::Time;
use crate::database::pending_link::{self, Found, Model, Owner, Step};
use crate::database::{Sealed, Tx, identity_provider, revocation, user};
use crate::error::Error;
use crate::id::{SessionId, UserId};
use crate::provider::account::Account;
use crate::provider::flow::Finished;
use crate::sign_in::return_to::{LINK_CODE, told};
use crate::token;

/// A link that waits for the second page: what the browser needs for it. It can't be printed.
pub struct Waiting {
    pub link: Uuid,
    /// What the page's cookie holds.
    pub browser_secret: SecretString,
    pub expires_at: Time,
}

/// What a browser shows of itself.
#[derive(Clone, Copy)]
pub struct Browser<'a> {
    /// What the cookie of this link holds.
    pub secret: Option<&'a str>,
    /// The session that it is signed in with.
    pub session: Option<SessionId>,
}

/// What the second page asks about.
#[derive(Debug)]
pub struct Confirmation {
    pub link: Model,
    pub provider: identity_provider::Model,
    pub user: user::Model,
    pub account: Account,
}

impl Connecting {
    /// Keeps the account of a person's own link.
    ///
    /// # Errors
    /// [`Closed::TooMany`], [`Closed::Failed`].
    pub async fn found_own(
        &self,
        finished: &Finished,
        session: SessionId,
        user: UserId,
    ) -> Result<Waiting, Closed> {
        let waiting = self.waiting(self.flows.clock.new_uuid());
        let account_hash = self.account_hash(finished).await?;
        let now = self.now();
        let row = &Model {
            id: waiting.link,
            step: Step::Found,
            application: None,
            organization_id: None,
            session_id: Some(session),
            user_id: user,
            provider_id: finished.provider.id,
            return_to: finished.flow.return_to.clone(),
            scopes_json: None,
            on_conflict: finished.flow.on_conflict,
            token_hash: None,
            browser_hash: Some(hash_of(&waiting.browser_secret)),
            code_hash: None,
            account_sealed: None,
            account_hash,
            date_added: now,
            expires_at: waiting.expires_at,
        };
        let keeping = self.database().write(|tx| async move {
            forget(&tx, now).await?;
            let full = pending_link::full(&tx, Owner::Person(user), now, CAPS).await?;
            if !full {
                let sealed = self.seal(&tx, row.id, &finished.account).await?;
                let account_sealed = Some(sealed);
                let row = Model {
                    account_sealed,
                    ..row.clone()
                };
                pending_link::insert(&tx, row).await?;
            }
            Ok(full)
        });
        if keeping.await? {
            return Err(Closed::TooMany);
        }
        Ok(waiting)
    }

    /// Keeps the account of a link that an application has begun.
    ///
    /// # Errors
    /// [`Closed::Used`] where the link is over since, [`Closed::Failed`].
    pub async fn found_for(&self, finished: &Finished, link: Uuid) -> Result<Waiting, Closed> {
        let waiting = self.waiting(link);
        let (now, shown) = (self.now(), &waiting);
        let account_hash = &self.account_hash(finished).await?;
        let keeping = self.database().write(|tx| async move {
            let found = Found {
                provider: finished.provider.id,
                account: self.seal(&tx, link, &finished.account).await?,
                account_hash: account_hash.clone(),
                browser_hash: hash_of(&shown.browser_secret),
                expires_at: shown.expires_at,
            };
            Ok(pending_link::find(&tx, link, now, found).await?)
        });
        if keeping.await? {
            Ok(waiting)
        } else {
            Err(Closed::Used)
        }
    }

    /// What the second page asks, where this browser is the one that it is for.
    ///
    /// # Errors
    /// Each as [`Closed`] has it.
    pub async fn confirmation(
        &self,
        id: Uuid,
        browser: Browser<'_>,
    ) -> Result<Confirmation, Closed> {
        let found = pending_link::by_id(self.database().reader(), id).await?;
        let link = found.ok_or(Closed::Unknown)?;
        match link.step {
            // The page isn't there yet.
            Step::Open | Step::Away => return Err(Closed::Unknown),
            Step::Found => {}
            Step::Agreed => return Err(Closed::Used),
        }
        // Of 256 random bits, compared by their hashes: how long that takes tells nothing.
        if browser.secret.map(token::hash) != link.browser_hash {
            return Err(Closed::OtherBrowser);
        }
        self.check_open(&link)?;
        if link.application.is_none() && link.session_id != browser.session {
            return Err(Closed::SignInFirst);
        }
        let user = self.active(link.user_id).await?;
        let provider = self.provider(link.provider_id).await?;
        if !provider.enabled {
            return Err(Closed::ProviderGone);
        }
        Ok(Confirmation {
            account: kept::open(&self.flows.vault, &link)?,
            user,
            provider,
            link,
        })
    }

    /// The person has agreed: where the browser goes, with the code that completes the link.
    ///
    /// # Errors
    /// [`Closed::Used`], [`Closed::Failed`].
    pub async fn agree(&self, link: &Model) -> Result<Url, Closed> {
        let (code, now, id) = (token::random(&self.flows.clock), self.now(), link.id);
        let code_hash = &hash_of(&code);
        let agreeing = self.database().write(|tx| async move {
            Ok(pending_link::agree(&tx, id, now, code_hash.clone()).await?)
        });
        if !agreeing.await? {
            return Err(Closed::Used);
        }
        told(&link.return_to, LINK_CODE, code.expose_secret()).ok_or_else(|| {
            Closed::Failed(Error::Internal(anyhow::anyhow!(
                "a link leads to no address"
            )))
        })
    }

    fn waiting(&self, link: Uuid) -> Waiting {
        Waiting {
            link,
            browser_secret: token::random(&self.flows.clock),
            expires_at: self.now() + LIFE,
        }
    }

    /// Whose account it is: it isn't revoked while the link waits.
    async fn account_hash(&self, finished: &Finished) -> Result<Option<Vec<u8>>, Error> {
        let party = self.flows.party(finished.provider.clone()).await?;
        let external_id = &finished.account.external_id;
        let account = revocation::Account::of(&party.row, party.client(), external_id);
        Ok(account.map(|account| account.hash()))
    }

    async fn seal(&self, tx: &Tx, link: Uuid, account: &Account) -> Result<Sealed, Error> {
        kept::seal(&self.flows.vault.sealing(tx).await?, link, account)
    }
}
