//! The end of a person's own link: they have agreed to the account on the second page.

use chrono::TimeDelta;

use super::{Connecting, request_of, take};
use crate::access::{Person, origin_of};
use crate::database::pending_link::{Model, Step};
use crate::database::{Tx, session};
use crate::error::Error;
use crate::identity::decision::Policy;
use crate::identity::link::{Flow, Linked};
use crate::provider::account::Account;
use crate::sign_in::account::{Word, link};
use crate::sign_in::flow::{Denied, enabled};

/// How long a link may take from its first page, which asks for a fresh sign-in, to its second:
/// ten minutes at the provider, and ten on the page.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(20);

/// A link that its person has agreed to.
struct Agreed<'a> {
    link: &'a Model,
    account: &'a Account,
    person: &'a Person,
    request_id: &'a str,
}

impl Connecting {
    /// Links the account to the person who set out for it and has agreed to it. The link is used
    /// up, whatever comes of it but a fault.
    ///
    /// # Errors
    /// Each as [`Denied`] has it.
    pub async fn link_own(
        &self,
        link: &Model,
        account: &Account,
        person: &Person,
        request_id: &str,
    ) -> Result<Linked, Denied> {
        let agreed = &Agreed {
            link,
            account,
            person,
            request_id,
        };
        let linking = self
            .database()
            .write(|tx| async move { self.link_agreed(&tx, agreed).await });
        let linked = linking.await;
        let linked = linked.unwrap_or_else(|error| Err(Denied::of_link(error)));
        match &linked {
            Ok(_) | Err(Denied::Failed(_) | Denied::LinkUsed) => {}
            // The refusal has rolled the end of the link back. One that stays behind ends by
            // itself, soon.
            Err(_) => {
                if let Err(error) = self.end(link.id, Step::Found).await {
                    tracing::warn!(error = %error, "a refused link could not be ended");
                }
            }
        }
        linked
    }

    /// What is denied here was decided before anything was written but the link's end.
    async fn link_agreed(
        &self,
        tx: &Tx,
        agreed: &Agreed<'_>,
    ) -> Result<Result<Linked, Denied>, Error> {
        let (pending, person) = (agreed.link, agreed.person);
        let request = &request_of(pending, person.user.id, agreed.account);
        if !take(tx, pending, Step::Found, request).await? {
            return Ok(Err(Denied::LinkUsed));
        }
        let sessions = session::by_ids(tx, &[person.session]).await?;
        if !sessions.iter().any(|row| self.ends.sessions.is_live(row)) {
            return Ok(Err(Denied::SessionEnded));
        }
        let Some(provider) = &enabled(tx, request.provider_id).await? else {
            return Ok(Err(Denied::ProviderGone));
        };
        let is_way_in = provider.allows_sign_in || request.policy != Policy::Fail;
        if is_way_in && !person.has_say_at(provider.organization_id) {
            return Ok(Err(Denied::NoSayHere));
        }
        // Where it began at a provider that lends its client, nobody has asked for it yet.
        if is_way_in && !person.is_fresh(self.now() - ON_THE_WAY) {
            return Ok(Err(Denied::SessionEnded));
        }
        let flow = Flow {
            person: origin_of(&person.user, agreed.request_id),
            session: Some(person.session),
        };
        let word = Word::Person(&flow);
        link(tx, &self.ends.linking, word, provider, request)
            .await
            .map(Ok)
    }
}
