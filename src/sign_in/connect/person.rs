//! The beginning of a link by a person, for themselves: the page that asks, at the provider's own
//! address. It needs their session, so its address is no secret and ends with no time.

use super::Connecting;
use super::start::{StartLink, Started, not_allowed};
use crate::access::{Caller, Person};
use crate::database::flow::OnConflict;
use crate::error::Error;

impl Connecting {
    /// Writes nothing.
    pub(super) async fn by_person(
        &self,
        caller: &Caller,
        person: &Person,
        wish: &StartLink,
        on_conflict: OnConflict,
    ) -> Result<Started, Error> {
        if let Some(other) = wish.user.filter(|user| *user != person.user.id) {
            return Err(Error::NotFound {
                what: "user",
                id: other.to_string(),
            });
        }
        if wish.scopes.is_some() {
            // The page's address would say them, and anybody can make an address.
            let message = "is for API keys: a person's link asks for what the provider's \
                           configuration says";
            return Err(Error::bad_input("input.scopes", message));
        }
        let id = wish.provider;
        let db = self.database().reader();
        let provider = self.visible_provider(db, caller, id).await?;
        self.check_asked(&provider, wish).await?;
        let place = self.places.checked(wish.return_to.as_deref());
        let place = place.ok_or_else(not_allowed)?;
        let mut url = self.flows.public_url.clone();
        url.set_path(&format!("/auth/{}/start", provider.slug));
        url.query_pairs_mut()
            .append_pair("intent", "link")
            .append_pair("return_to", &place);
        if on_conflict == OnConflict::UpdateInPlace {
            url.query_pairs_mut()
                .append_pair("on_conflict", "update_in_place");
        }
        Ok(Started {
            url,
            expires_at: None,
        })
    }
}
