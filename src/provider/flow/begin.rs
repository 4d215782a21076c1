//! The way there.

use std::net::IpAddr;

use chrono::TimeDelta;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::error::{FlowError, Refusal};
use super::registration::{prompt, response_mode};
use super::{Begun, Flows, NewFlow, Purpose, place};
use crate::clock::Time;
use crate::database::flow::{self, Caps, Full, Intent};
use crate::database::{Sealed, Tx, pending_link};
use crate::error::Error;
use crate::provider::relying_party::Request;
use crate::token;

const LIFE: TimeDelta = TimeDelta::minutes(10);
/// How long an expired flow is still told from one that never was.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// Expired rows that a new flow takes away with it: more than come in.
const FORGET: u64 = 100;
const CAPS: Caps = Caps {
    per_address: 20,
    in_all: 100_000,
};

impl Flows {
    /// Begins a flow: what it needs of the provider is asked for and pinned, and the browser
    /// gets where to go and what to keep. The link of an application is used up by it.
    ///
    /// # Errors
    /// `PROVIDER_UNAVAILABLE`, `TOO_MANY`, `LINK_USED`.
    pub async fn begin(&self, new: &NewFlow<'_>) -> Result<Begun, FlowError> {
        let party = self.party(new.provider.clone()).await?;
        let us = self.registration(&party)?;
        // Before anything is asked of the provider: whoever is over the cap costs it nothing.
        let address = &client(new.client_address);
        self.make_room(address).await?;
        let state = token::random(&self.clock);
        let scopes = new.scopes.clone();
        let scopes = scopes.unwrap_or_else(|| self.scopes(new.provider));
        let request = Request {
            state: &state,
            scopes: &scopes,
            response_mode: response_mode(new.provider),
            prompt: prompt(new.provider),
        };
        let (url, pinned) = self.relying_party.request(&us, &request).await?;
        let browser_secret = token::random(&self.clock);
        let draft = &Draft {
            new,
            slug: &party.client().slug,
            address,
            state: &state,
            browser_secret: &browser_secret,
            pinned: &Zeroizing::new(serde_json::to_vec(&pinned).map_err(FlowError::internal)?),
            id: self.clock.new_uuid(),
            now: self.clock.now(),
        };
        self.database
            .write(|tx| async move { self.set_out(&tx, draft).await })
            .await??;
        Ok(Begun {
            url,
            flow_id: draft.id,
            expires_at: draft.now + LIFE,
            browser_secret,
        })
    }

    /// Where it is refused, nothing is written.
    async fn set_out(&self, tx: &Tx, draft: &Draft<'_>) -> Result<Result<(), FlowError>, Error> {
        let now = self.clock.now();
        if let Some(full) = flow::full(tx, draft.address, now, CAPS).await? {
            return Ok(Err(too_many(full)));
        }
        let sealing = self.vault.sealing(tx).await?;
        let row = draft.row(sealing.seal(&place(&draft.id, "sealed"), draft.pinned));
        if let Some(link) = row.pending_link_id
            && !pending_link::leave(tx, link, now, row.expires_at).await?
        {
            let cause = "the link was used or ended, or is too old";
            return Ok(Err(Refusal::LinkUsed.because(cause)));
        }
        flow::insert(tx, row).await?;
        Ok(Ok(()))
    }

    /// Takes away what expired long ago, and says no where there is no room.
    async fn make_room(&self, address: &str) -> Result<(), FlowError> {
        let now = self.clock.now();
        let full = self
            .database
            .write(|tx| async move {
                flow::forget(&tx, now - REMEMBERED, FORGET).await?;
                pending_link::forget(&tx, now - REMEMBERED, now, FORGET).await?;
                Ok(flow::full(&tx, address, now, CAPS).await?)
            })
            .await?;
        full.map_or(Ok(()), |full| Err(too_many(full)))
    }
}

/// A flow that is to be stored, and what only its hash or its ciphertext is stored of.
struct Draft<'a> {
    new: &'a NewFlow<'a>,
    slug: &'a str,
    address: &'a str,
    state: &'a SecretString,
    browser_secret: &'a SecretString,
    pinned: &'a [u8],
    id: Uuid,
    now: Time,
}

impl Draft<'_> {
    fn row(&self, sealed: Sealed) -> flow::Model {
        let (intent, session_id, pending_link_id, user_id) = match self.new.purpose {
            Purpose::SignIn => (Intent::SignIn, None, None, None),
            Purpose::Link {
                session_id,
                user_id,
            } => (Intent::Link, Some(session_id), None, Some(user_id)),
            Purpose::Connect {
                pending_link,
                user_id,
            } => (Intent::Connect, None, Some(pending_link), Some(user_id)),
        };
        flow::Model {
            id: self.id,
            state_hash: token::hash(self.state.expose_secret()),
            browser_hash: token::hash(self.browser_secret.expose_secret()),
            provider_id: self.new.provider.id,
            slug: self.slug.to_owned(),
            intent,
            session_id,
            pending_link_id,
            user_id,
            return_to: self.new.return_to.clone(),
            on_conflict: self.new.on_conflict,
            sealed,
            answer_sealed: None,
            client_address: self.address.to_owned(),
            date_added: self.now,
            expires_at: self.now + LIFE,
        }
    }
}

/// Who may have so many flows open: an IPv4 address, or the /64 that an IPv6 host has to itself.
fn client(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn too_many(full: Full) -> FlowError {
    Refusal::TooMany.because(match full {
        Full::Address => "too many flows are open from this address",
        Full::All => "too many flows are open",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_its_network() {
        let client = |text: &str| client(text.parse().unwrap());
        assert_eq!(client("192.0.2.1"), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(client("2001:db8:0:7:1:2:3:4"), "2001:db8:0:7::/64");
        assert_eq!(client("2001:db8:0:7::9"), client("2001:db8:0:7:1:2:3:4"));
    }
}
