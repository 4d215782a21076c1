//! The way there.

use std::net::IpAddr;

use chrono::TimeDelta;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::error::{FlowError, Refusal};
use super::registration::{Party, prompt, response_mode};
use super::{Begun, Flows, NewFlow, Purpose, place};
use crate::database::flow::{self, Caps, Full, Intent};
use crate::database::{Sealed, Tx, pending_link};
use crate::error::Error;
use crate::provider::relying_party::{Pinned, Request};
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
        let row = &self.row(new, &party, address, &state, &browser_secret, &pinned)?;
        self.database
            .write(|tx| async move { self.set_out(&tx, row).await })
            .await??;
        Ok(Begun {
            url,
            flow_id: row.id,
            browser_secret,
            expires_at: row.expires_at,
        })
    }

    /// Where it is refused, nothing is written.
    async fn set_out(&self, tx: &Tx, row: &flow::Model) -> Result<Result<(), FlowError>, Error> {
        let now = self.clock.now();
        if let Some(full) = flow::full(tx, &row.client_address, now, CAPS).await? {
            return Ok(Err(too_many(full)));
        }
        if let Some(link) = row.pending_link_id
            && !pending_link::leave(tx, link, now, row.expires_at).await?
        {
            let cause = "the link was used or ended, or is too old";
            return Ok(Err(Refusal::LinkUsed.because(cause)));
        }
        flow::insert(tx, row.clone()).await?;
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

    fn row(
        &self,
        new: &NewFlow<'_>,
        party: &Party,
        address: &str,
        state: &SecretString,
        browser_secret: &SecretString,
        pinned: &Pinned,
    ) -> Result<flow::Model, FlowError> {
        let id: Uuid = self.clock.new_uuid();
        let now = self.clock.now();
        let (intent, session_id, pending_link_id, user_id) = match new.purpose {
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
        Ok(flow::Model {
            id,
            state_hash: token::hash(state.expose_secret()),
            browser_hash: token::hash(browser_secret.expose_secret()),
            provider_id: new.provider.id,
            slug: party.client().slug.clone(),
            intent,
            session_id,
            pending_link_id,
            user_id,
            return_to: new.return_to.clone(),
            on_conflict: new.on_conflict,
            sealed: self.seal(id, pinned)?,
            answer_sealed: None,
            client_address: address.to_owned(),
            date_added: now,
            expires_at: now + LIFE,
        })
    }

    fn seal(&self, id: Uuid, pinned: &Pinned) -> Result<Sealed, FlowError> {
        let json = serde_json::to_vec(pinned).map_err(FlowError::internal)?;
        let json = Zeroizing::new(json);
        Ok(self.vault.seal(&place(&id, "sealed"), &json))
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
