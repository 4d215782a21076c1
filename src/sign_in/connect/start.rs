//! The beginning of a link by an application.

use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;

use super::{CAPS, Connecting, LIFE, forget, hash_of};
use crate::access::{Caller, Facts, Question, Viewer, sees};
use crate::clock::Time;
use crate::database::flow::OnConflict;
use crate::database::json::Texts;
use crate::database::pending_link::{self, Model, Owner, Step};
use crate::database::{Tx, api_key, identity_provider, user};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{ProviderId, UserId};
use crate::identity::decision::Policy;
use crate::identity::link::may_assert;
use crate::input::check_scopes;
use crate::limits;
use crate::provider::flow::FlowError;
use crate::sign_in::return_to;
use crate::token;

/// A link to begin.
#[derive(Debug, Clone)]
pub struct StartLink {
    pub provider: ProviderId,
    /// Left out by a person: for themselves.
    pub user: Option<UserId>,
    pub return_to: Option<String>,
    /// Left out: what the provider is configured with.
    pub scopes: Option<Vec<String>>,
    pub policy: Policy,
}

/// A link that has begun. It can't be printed: whoever has the address goes on with it.
pub struct Started {
    /// Where the person goes.
    pub url: Url,
    /// Until when; `None`: as long as they are signed in.
    pub expires_at: Option<Time>,
}

impl Connecting {
    /// Begins a link: by an application for one of its users, by a person for themselves.
    ///
    /// # Errors
    /// `BAD_USER_INPUT`, `FORBIDDEN`, `NOT_FOUND` for the provider and the user, `RATE_LIMITED`;
    /// refused with `RETURN_TO_NOT_ALLOWED`, `PROVIDER_UNAVAILABLE`, `USER_NOT_ACTIVE` or
    /// `USER_NOT_IN_ORGANIZATION`.
    pub async fn start(&self, caller: &Caller, wish: &StartLink) -> Result<Started, Error> {
        let on_conflict = match wish.policy {
            Policy::Fail => OnConflict::Fail,
            Policy::UpdateInPlace => OnConflict::UpdateInPlace,
            Policy::Reattach => {
                let message = "is FAIL or UPDATE_IN_PLACE: nobody agrees to REATTACH for others";
                return Err(Error::bad_input("input.onConflict", message));
            }
        };
        if let Some(text) = &wish.return_to {
            limits::optional_text("input.returnTo", text, limits::URL)?;
        }
        if let Some(scopes) = &wish.scopes {
            check_scopes("input.scopes", scopes)?;
        }
        match &caller.viewer {
            Viewer::ApiKey(key) => self.by_key(caller, key, wish, on_conflict).await,
            Viewer::Person(person) => self.by_person(caller, person, wish, on_conflict).await,
            Viewer::Nobody | Viewer::CommandLine => Err(Error::Forbidden(
                "startLink is for API keys and for signed-in people".to_owned(),
            )),
        }
    }

    async fn by_key(
        &self,
        caller: &Caller,
        key: &api_key::Model,
        wish: &StartLink,
        on_conflict: OnConflict,
    ) -> Result<Started, Error> {
        let of_a_key = |field: &str| {
            let message = "is left out: an API key says for whom a link is, and where it leads to";
            Error::bad_input(format!("input.{field}"), message)
        };
        let user = wish.user.ok_or_else(|| of_a_key("userId"))?;
        let return_to = wish.return_to.as_deref();
        let return_to = return_to.ok_or_else(|| of_a_key("returnTo"))?;
        let token = token::random(&self.flows.clock);
        let now = self.now();
        let new = &Model {
            id: self.flows.clock.new_uuid(),
            step: Step::Open,
            application: Some(key.application.clone()),
            organization_id: key.organization_id,
            session_id: None,
            user_id: user,
            provider_id: wish.provider,
            return_to: return_to.to_owned(),
            scopes_json: wish.scopes.clone().map(Texts),
            on_conflict,
            token_hash: Some(hash_of(&token)),
            browser_hash: None,
            code_hash: None,
            account_sealed: None,
            account_hash: None,
            date_added: now,
            expires_at: now + LIFE,
        };
        let origins = &key.return_origins_json.0;
        let place = &return_to::of_application(origins, return_to);
        let starting = self.database().write(|tx| async move {
            let provider = self.provider_for(&tx, caller, new).await?;
            self.check_asked(&provider, wish).await?;
            let new = Model {
                return_to: place.clone().ok_or_else(not_allowed)?,
                ..new.clone()
            };
            self.insert(&tx, caller, &provider, new).await
        });
        starting.await?;
        let mut url = self.flows.public_url.clone();
        url.set_path(&format!("/connect/{}", token.expose_secret()));
        Ok(Started {
            url,
            expires_at: Some(new.expires_at),
        })
    }

    /// The provider, where this caller may link this user's accounts.
    async fn provider_for(
        &self,
        tx: &Tx,
        caller: &Caller,
        new: &Model,
    ) -> Result<identity_provider::Model, Error> {
        let provider = self.visible_provider(tx, caller, new.provider_id).await?;
        let no_user = || Error::NotFound {
            what: "user",
            id: new.user_id.to_string(),
        };
        let user = user::by_ids(tx, &[new.user_id]).await?.into_iter().next();
        let user = user.ok_or_else(no_user)?;
        if !sees(&caller.viewer, tx, &user).await? {
            return Err(no_user());
        }
        // Whoever agrees to the pages need not be the user: an application opens the link itself,
        // goes to the provider with an account of its own choice, and completes it.
        may_assert(caller, &provider)?;
        match user.status {
            user::Status::Active => {}
            user::Status::Disabled | user::Status::Merged => {
                return Err(Error::refused(
                    RefusalCode::UserNotActive,
                    &["input", "userId"],
                    "the user is not active",
                ));
            }
        }
        if let Some(owner) = provider.organization_id
            && !tx.holds(Question::Member(owner, user.id)).await?
        {
            return Err(Error::refused(
                RefusalCode::UserNotInOrganization,
                &["input", "userId"],
                "the provider is an organization's own, and the user is no member of it",
            ));
        }
        Ok(provider)
    }

    pub(super) async fn visible_provider<Db: ConnectionTrait + Facts>(
        &self,
        db: &Db,
        caller: &Caller,
        id: ProviderId,
    ) -> Result<identity_provider::Model, Error> {
        let no_provider = || Error::NotFound {
            what: "identity provider",
            id: id.to_string(),
        };
        let found = identity_provider::by_ids(db, &[id]).await?;
        let provider = found.into_iter().next().ok_or_else(no_provider)?;
        if !sees(&caller.viewer, db, &provider).await? {
            return Err(no_provider());
        }
        Ok(provider)
    }

    /// The provider can be asked, and for this.
    pub(super) async fn check_asked(
        &self,
        provider: &identity_provider::Model,
        wish: &StartLink,
    ) -> Result<(), Error> {
        self.flows
            .check_usable(provider)
            .await
            .map_err(|FlowError { cause, .. }| {
                Error::refused(
                    RefusalCode::ProviderUnavailable,
                    &["input", "providerId"],
                    cause,
                )
            })?;
        match &wish.scopes {
            None => Ok(()),
            Some(scopes) => self
                .flows
                .check_scopes(provider, scopes)
                .map_err(|problem| Error::bad_input("input.scopes", problem)),
        }
    }

    async fn insert(
        &self,
        tx: &Tx,
        caller: &Caller,
        provider: &identity_provider::Model,
        new: Model,
    ) -> Result<(), Error> {
        let now = self.now();
        forget(tx, now).await?;
        let application = new.application.as_deref().unwrap_or_default();
        let owner = Owner::Application(application, new.organization_id);
        if pending_link::full(tx, owner, now, CAPS).await? {
            return Err(Error::RateLimited(format!(
                "too many links are open: {} of one application, {} in all; each is for ten \
                 minutes, so try again in a while",
                CAPS.per_application, CAPS.in_all
            )));
        }
        let event = NewEvent {
            target: Some(new.user_id.any()),
            user: Some(new.user_id),
            organization: provider.organization_id,
            after: Some(describe(&new)),
            ..NewEvent::new(Action::LinkStarted)
        };
        pending_link::insert(tx, new).await?;
        event::record(tx, &self.flows.clock, &caller.origin(), event).await
    }
}

pub(super) fn not_allowed() -> Error {
    Error::refused(
        RefusalCode::ReturnToNotAllowed,
        &["input", "returnTo"],
        "links may not lead back there: an API key's returnOrigins say where its own may; a \
         person's lead to a path here, or to where LANYARD_ALLOWED_ORIGINS says",
    )
}

/// Of the address it leads back to, the origin alone: what follows is the application's affair,
/// and may be for the person's eyes only.
fn describe(row: &Model) -> serde_json::Value {
    let origin = Url::parse(&row.return_to).map(|url| url.origin().ascii_serialization());
    json!({
        "application": row.application,
        "userId": row.user_id.to_string(),
        "providerId": row.provider_id.to_string(),
        "returnOrigin": origin.ok(),
        "scopes": row.scopes_json.as_ref().map(|scopes| &scopes.0),
        "onConflict": match row.on_conflict {
            OnConflict::Fail => "FAIL",
            OnConflict::UpdateInPlace => "UPDATE_IN_PLACE",
        },
        "expiresAt": row.expires_at,
    })
}
