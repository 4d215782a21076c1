//! Sends a browser to a provider and takes what it comes back with: state, cookie, session and
//! provider are checked here, what the provider says in `relying_party`. Knows no routes and no
//! cookies' names, and decides nothing about people: the caller signs in or links the account.

mod answer;
mod begin;
mod error;
mod finish;
mod offer;
mod registration;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

pub use self::answer::{Answer, MAX_FORM_BYTES};
pub use self::error::{FlowError, Refusal};
pub use self::registration::Party;
use super::account::Account;
use super::catalog::Catalog;
use super::relying_party::RelyingParty;
pub use super::relying_party::Step;
use crate::clock::{Clock, Time};
pub use crate::database::flow::OnConflict;
use crate::database::{Database, flow, identity_provider};
use crate::error::Error;
use crate::id::{ProviderId, UserId};
use crate::vault::{Place, Vault};

/// What flows need to do their work.
#[derive(Clone)]
pub struct Flows {
    pub database: Database,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    pub relying_party: Arc<RelyingParty>,
    /// Ours, as browsers and providers know it.
    pub public_url: Url,
}

/// A flow to begin.
#[derive(Debug, Clone)]
pub struct NewFlow<'a> {
    pub provider: &'a identity_provider::Model,
    pub purpose: Purpose,
    /// Checked by the caller: it is where the browser goes in the end.
    pub return_to: String,
    pub on_conflict: OnConflict,
    /// What to ask for, where it isn't what the provider is configured with.
    pub scopes: Option<Vec<String>>,
    pub client_address: IpAddr,
}

/// What a flow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    SignIn,
    /// The account goes to this user, if this session still asks for it in the end.
    Link {
        session_id: Uuid,
        user_id: UserId,
    },
    /// The account goes to this user, once the application that has begun the link completes it.
    Connect {
        pending_link: Uuid,
        user_id: UserId,
    },
}

/// A flow that has begun: what the browser needs. It can't be printed: the URL holds the state.
pub struct Begun {
    /// Where the browser goes, at the provider.
    pub url: Url,
    pub flow_id: Uuid,
    /// What the flow's cookie holds.
    pub browser_secret: SecretString,
    pub expires_at: Time,
}

/// What is known of a flow besides its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub flow_id: Uuid,
    pub provider_id: ProviderId,
    pub slug: String,
    pub purpose: Purpose,
    pub return_to: String,
    pub on_conflict: OnConflict,
    pub date_added: Time,
}

/// What the browser that brings an answer shows of itself.
pub struct Browser<'a> {
    /// What the cookie of this flow holds.
    pub flow_secret: &'a (dyn Fn(Uuid) -> Option<SecretString> + Sync),
    /// The session that it is signed in with.
    pub session_id: Option<Uuid>,
}

/// A flow that ended well: whose account it is, as the provider says.
#[derive(Debug)]
pub struct Finished {
    pub flow: Facts,
    pub provider: identity_provider::Model,
    pub account: Account,
}

impl Flows {
    /// Where the provider with this slug sends browsers back to: what has to be registered there.
    pub fn redirect_uri(&self, slug: &str) -> Url {
        let mut url = self.public_url.clone();
        let path = url.path().trim_end_matches('/');
        let path = format!("{path}/auth/{slug}/callback");
        url.set_path(&path);
        url
    }
}

impl fmt::Debug for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flows")
            .field(&self.public_url.as_str())
            .finish()
    }
}

impl Facts {
    fn of(row: &flow::Model) -> Result<Self, FlowError> {
        let purpose = match (row.intent, row.session_id, row.pending_link_id, row.user_id) {
            (flow::Intent::SignIn, None, None, None) => Purpose::SignIn,
            (flow::Intent::Link, Some(session_id), None, Some(user_id)) => Purpose::Link {
                session_id,
                user_id,
            },
            (flow::Intent::Connect, None, Some(pending_link), Some(user_id)) => Purpose::Connect {
                pending_link,
                user_id,
            },
            (flow::Intent::SignIn | flow::Intent::Link | flow::Intent::Connect, ..) => {
                return Err(Error::Internal(anyhow::anyhow!(
                    "a flow is for nothing that is known"
                ))
                .into());
            }
        };
        Ok(Self {
            flow_id: row.id,
            provider_id: row.provider_id,
            slug: row.slug.clone(),
            purpose,
            return_to: row.return_to.clone(),
            on_conflict: row.on_conflict,
            date_added: row.date_added,
        })
    }
}

const fn place<'a>(id: &'a Uuid, column: &'static str) -> Place<'a> {
    Place {
        table: "flow",
        row: id.as_bytes(),
        column,
    }
}
