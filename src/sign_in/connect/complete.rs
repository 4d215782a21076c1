//! The end of a link by an application: it says who is signed in there, and only if that is whom
//! it began the link for is the account linked.

use secrecy::SecretString;

use super::{Connecting, hash_of, kept, request_of, take};
use crate::access::{Caller, Viewer};
use crate::database::pending_link::{self, Model, Step};
use crate::database::{Tx, api_key};
use crate::error::{Error, Refusal, RefusalCode};
use crate::id::UserId;
use crate::identity::link::{LinkRequest, Linked};
use crate::sign_in::account::{Word, link};
use crate::sign_in::flow::enabled;

/// What completes a link.
#[derive(Debug)]
pub struct CompleteLink {
    /// As the return address got it.
    pub code: SecretString,
    /// Who is signed in at the application.
    pub user: UserId,
}

impl Connecting {
    /// Links the account that was found, once. The code is used up by that, and by a refusal.
    ///
    /// # Errors
    /// Refused as a link is. `NOT_FOUND` for a code that isn't good for this application and this
    /// user, whichever is wrong, and `FORBIDDEN`: a code that was good stays so.
    pub async fn complete(
        &self,
        caller: &Caller,
        completing: &CompleteLink,
    ) -> Result<Linked, Error> {
        let Viewer::ApiKey(key) = &caller.viewer else {
            return Err(no_such_link());
        };
        let code_hash = hash_of(&completing.code);
        let found = pending_link::by_code(self.database().reader(), &code_hash).await?;
        let link = &found
            .filter(|link| self.is_for(link, key, completing.user))
            .ok_or_else(no_such_link)?;
        let account = kept::open(&self.flows.vault, link)?;
        let request = &request_of(link, link.user_id, &account);
        let linking = self
            .database()
            .write(|tx| async move { self.link(&tx, caller, link, request).await });
        match linking.await {
            Err(Error::Refused(refusals)) => {
                self.end(link.id, Step::Agreed).await?;
                Err(Error::Refused(
                    refusals.into_iter().map(of_arguments).collect(),
                ))
            }
            // The provider is gone, or the user or either is not for this key any more.
            Err(Error::NotFound { .. }) => Err(no_such_link()),
            linked => linked,
        }
    }

    fn is_for(&self, link: &Model, key: &api_key::Model, user: UserId) -> bool {
        link.application.as_ref() == Some(&key.application)
            && link.organization_id == key.organization_id
            && link.user_id == user
            && link.expires_at > self.now()
    }

    async fn link(
        &self,
        tx: &Tx,
        caller: &Caller,
        pending: &Model,
        request: &LinkRequest,
    ) -> Result<Linked, Error> {
        if !take(tx, pending, Step::Agreed, request).await? {
            return Err(no_such_link());
        }
        let provider = enabled(tx, request.provider_id).await?;
        let provider = provider.ok_or_else(no_such_link)?;
        let word = Word::Application(caller);
        link(tx, &self.ends.linking, word, &provider, request).await
    }
}

/// One answer for all that may be wrong: whoever tries codes learns nothing by it.
fn no_such_link() -> Error {
    Error::NotFound {
        what: "link",
        id: "with this code, of this application and user,".to_owned(),
    }
}

/// What is refused is said of the mutation's own arguments.
fn of_arguments(refusal: Refusal) -> Refusal {
    let field = match refusal.code {
        RefusalCode::AccountOwnedByAnotherUser => "code",
        _ => "userId",
    };
    Refusal {
        field: vec![field.to_owned()],
        ..refusal
    }
}
