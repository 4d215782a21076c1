//! The hand that steers the provider, from the same process: tests, and the command `demo`.

use url::Url;

use super::authorize::{self, Choice, Mistake};
use super::fault::{Fault, Times};
use super::issuer::{Client, Endpoint, Issuer};
use super::key::OldKey;
use super::parameters::Parameters;
use super::person::Person;
use super::record::{Asked, Counts, Record};
use super::state::Shared;
use super::token::{self, GivenTokens};

/// Steers a provider. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Shared,
}

/// An authorization request that ends in a page of the provider, and what that page says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotSentBack(String);

impl Handle {
    pub(super) const fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// An issuer's identifier.
    pub fn issuer(&self, issuer: Issuer) -> Url {
        self.shared.lock().issuer(issuer).url.clone()
    }

    /// The client that the issuer knows.
    pub fn client(&self, issuer: Issuer) -> Client {
        self.shared.lock().issuer(issuer).client.clone()
    }

    /// The issuer knows this client instead.
    pub fn set_client(&self, issuer: Issuer, client: Client) {
        self.shared.lock().issuer_mut(issuer).client = client;
    }

    /// Registers a redirect URI, character for character.
    pub fn allow_redirect(&self, issuer: Issuer, uri: impl Into<String>) {
        let mut state = self.shared.lock();
        state.issuer_mut(issuer).redirect_uris.push(uri.into());
    }

    /// The people that the issuer knows.
    pub fn people(&self, issuer: Issuer) -> Vec<Person> {
        self.shared.lock().issuer(issuer).people.clone()
    }

    /// Adds somebody, or takes the place of the one with that username.
    pub fn put_person(&self, issuer: Issuer, person: Person) {
        let mut state = self.shared.lock();
        let people = &mut state.issuer_mut(issuer).people;
        people.retain(|other| other.username != person.username);
        people.push(person);
    }

    /// The issuer does this wrong from now on, beside what else is set.
    pub fn fault(&self, issuer: Issuer, fault: impl Into<Fault>, times: Times) {
        let mut state = self.shared.lock();
        state.issuer_mut(issuer).faults.set(fault.into(), times);
    }

    /// The issuer does everything right again.
    pub fn clear_faults(&self, issuer: Issuer) {
        self.shared.lock().issuer_mut(issuer).faults.clear();
    }

    /// New ID tokens are signed with a new key.
    pub fn rotate_key(&self, issuer: Issuer, old: OldKey) {
        let mut state = self.shared.lock();
        state.issuer_mut(issuer).rotate_key(&self.shared.clock, old);
    }

    /// The last 1,000 requests, the oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.shared.lock().records.all()
    }

    /// Those to one endpoint.
    pub fn records_of(&self, issuer: Issuer, endpoint: Endpoint) -> Vec<Record> {
        let mut records = self.records();
        records.retain(|record| record.issuer == issuer && record.endpoint == endpoint);
        records
    }

    /// Forgets them.
    pub fn clear_records(&self) {
        self.shared.lock().records.clear();
    }

    /// How often what has happened at the issuer.
    pub fn counts(&self, issuer: Issuer) -> Counts {
        self.shared.lock().issuer(issuer).counts
    }

    /// Tokens as a flow with every scope would bring them, without one; None where nobody of that
    /// username is known.
    pub fn give(&self, issuer: Issuer, username: &str) -> Option<GivenTokens> {
        let mut state = self.shared.lock();
        token::give_directly(state.issuer_mut(issuer), &self.shared.clock, username)
    }

    /// Where a browser ends up whose person opens this address of an authorization endpoint and
    /// chooses to be the one of that username. Of a `form_post` answer the fields are the query.
    ///
    /// # Errors
    /// The request ends in a page instead.
    pub fn decide(&self, authorization: &Url, username: &str) -> Result<Url, NotSentBack> {
        self.choose(authorization, Choice::Person(username))
    }

    /// The same for a person who says no.
    ///
    /// # Errors
    /// The request ends in a page instead.
    pub fn deny(&self, authorization: &Url) -> Result<Url, NotSentBack> {
        self.choose(authorization, Choice::Deny)
    }

    fn choose(&self, authorization: &Url, choice: Choice<'_>) -> Result<Url, NotSentBack> {
        let mut state = self.shared.lock();
        let issuer = Issuer::ALL
            .into_iter()
            .find(|issuer| {
                let endpoint = state.issuer(*issuer).at("/authorize");
                authorization.as_str().split('?').next() == Some(&endpoint)
            })
            .ok_or_else(|| {
                NotSentBack("this is no authorization endpoint of the provider's".to_owned())
            })?;
        let asked = Asked {
            issuer,
            endpoint: Endpoint::Authorize,
            method: poem::http::Method::GET,
            query: Parameters::read(authorization.query().unwrap_or_default().as_bytes()),
            form: Parameters::default(),
            authorization: None,
        };
        state.records.add(asked.record());
        let issuer = state.issuer_mut(issuer);
        let callback = match authorize::read(issuer, &asked.query) {
            Ok(question) => authorize::decide(issuer, &self.shared.clock, question, choice),
            Err(Mistake::SentBack(callback)) => callback,
            Err(Mistake::Said(said)) => return Err(NotSentBack(said)),
        };
        Ok(callback.url())
    }
}
