//! What the provider knows: of each issuer, and what it was asked. One lock, never held while
//! anything waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use super::fault::Faults;
use super::grants::Grants;
use super::issuer::{Client, Issuer};
use super::key::{Key, OldKey};
use super::person::Person;
use super::record::{Counts, Records};
use crate::clock::Clock;

/// Shared by the connections and the handles.
#[derive(Clone)]
pub struct Shared {
    pub clock: Clock,
    state: Arc<Mutex<State>>,
}

pub struct State {
    acme: IssuerState,
    hub: IssuerState,
    pub records: Records,
}

/// All that one issuer knows.
pub struct IssuerState {
    pub issuer: Issuer,
    /// Its identifier, which all its endpoints begin with; no slash at the end.
    pub url: Url,
    pub client: Client,
    /// Compared to the character.
    pub redirect_uris: Vec<String>,
    pub people: Vec<Person>,
    pub faults: Faults,
    pub grants: Grants,
    pub counts: Counts,
    /// All that is published.
    keys: Vec<Key>,
    /// What new tokens are signed with; among the published ones.
    signing: usize,
}

impl Shared {
    /// `base` is where the provider listens.
    pub fn new(clock: Clock, base: &Url) -> Self {
        let state = State {
            acme: IssuerState::new(Issuer::Acme, base, &clock),
            hub: IssuerState::new(Issuer::Hub, base, &clock),
            records: Records::default(),
        };
        Self {
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub const fn issuer(&self, issuer: Issuer) -> &IssuerState {
        match issuer {
            Issuer::Acme => &self.acme,
            Issuer::Hub => &self.hub,
        }
    }

    pub const fn issuer_mut(&mut self, issuer: Issuer) -> &mut IssuerState {
        match issuer {
            Issuer::Acme => &mut self.acme,
            Issuer::Hub => &mut self.hub,
        }
    }
}

impl IssuerState {
    fn new(issuer: Issuer, base: &Url, clock: &Clock) -> Self {
        let mut url = base.clone();
        url.set_path(issuer.slug());
        Self {
            issuer,
            url,
            client: Client::of(issuer),
            redirect_uris: Vec::new(),
            people: Person::sample(issuer),
            faults: Faults::default(),
            grants: Grants::new(),
            counts: Counts::default(),
            keys: vec![Key::new(clock)],
            signing: 0,
        }
    }

    /// Something below the issuer.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn person(&self, matches: impl Fn(&Person) -> bool) -> Option<&Person> {
        self.people.iter().find(|person| matches(person))
    }

    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub fn signing_key(&self) -> &Key {
        &self.keys[self.signing]
    }

    /// New tokens are signed with a new key.
    pub fn rotate_key(&mut self, clock: &Clock, old: OldKey) {
        /// Published at once: one that signs, and those before it.
        const MOST: usize = 4;
        match old {
            OldKey::Dropped => self.keys.clear(),
            OldKey::Kept if self.keys.len() >= MOST => {
                self.keys.remove(0);
            }
            OldKey::Kept => {}
        }
        self.keys.push(Key::new(clock));
        self.signing = self.keys.len() - 1;
    }
}
