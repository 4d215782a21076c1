//! Sessions: opened by a sign-in, found again by their token, ended. A session is over 12 hours
//! after its last use, and 30 days after the sign-in at the latest.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use sea_orm::{EntityTrait, IntoActiveModel};
use secrecy::{ExposeSecret, SecretString};

use crate::access::session::{IDLE, describe};
use crate::access::{self, Caller, Person, origin_of, visible};
use crate::clock::Clock;
use crate::database::session::{self, Model};
use crate::database::{Database, Tx, identity_provider, organization_member, user};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action, NewEvent};
use crate::id::{IdentityId, ProviderId, SessionId, UserId};
use crate::token;

/// How long a session lasts at most.
pub const LIFE: TimeDelta = TimeDelta::days(30);
/// Sessions of one user: where there would be more, the oldest go.
pub const MOST_OF_A_USER: usize = 100;

/// The last use of a session is noted no more often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Dead sessions that a sign-in clears away.
const SWEPT: u64 = 100;
/// Characters of a user agent that are kept.
const USER_AGENT: usize = 300;

/// Opens, finds and ends sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    database: Database,
    clock: Clock,
    /// Sessions whose last use is being written: each once at a time.
    noting: Arc<Mutex<HashSet<SessionId>>>,
}

/// A person who has shown who they are.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    pub user: UserId,
    /// Where, and by which account.
    pub provider: ProviderId,
    pub identity: Option<IdentityId>,
    pub user_agent: Option<&'a str>,
    /// The session that the browser has had until now, whoever's it was: it ends here, so that
    /// nobody who knows its token is carried over.
    pub replaces: Option<SessionId>,
    pub request_id: &'a str,
}

/// A session that was opened; its token is shown this once.
#[derive(Debug)]
pub struct Opened {
    pub row: Model,
    pub token: SecretString,
}

impl Sessions {
    /// Finds and ends sessions in this database.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self {
            database,
            clock,
            noting: Arc::default(),
        }
    }

    /// Opens a session, in the transaction of the sign-in.
    ///
    /// # Errors
    /// Refused with `USER_NOT_ACTIVE`.
    pub async fn open(&self, tx: &Tx, new: NewSession<'_>) -> Result<Opened, Error> {
        // Locked, so that sign-ins of one person count each other's sessions.
        let user = user::lock(tx, &[new.user]).await?.into_iter().next();
        let user = user.filter(is_active).ok_or_else(|| {
            let message = "the user is disabled, merged into another one, or gone";
            Error::refused(RefusalCode::UserNotActive, &[], message)
        })?;
        let origin = origin_of(&user, new.request_id);
        let now = self.clock.now();
        session::delete_dead(tx, now, now - IDLE, SWEPT).await?;
        let mut ending = match new.replaces {
            Some(id) => session::by_ids(tx, &[id]).await?,
            None => Vec::new(),
        };
        let others = session::of_users(tx, &[user.id]).await?;
        let others = others
            .into_iter()
            .filter(|row| Some(row.id) != new.replaces);
        let too_many = (others.clone().count() + 1).saturating_sub(MOST_OF_A_USER);
        ending.extend(others.take(too_many));
        access::session::end(tx, &self.clock, &origin, ending).await?;

        let token = token::random(&self.clock);
        let row = Model {
            id: SessionId::new(&self.clock),
            token_hash: token::hash(token.expose_secret()),
            user_id: user.id,
            provider_id: new.provider,
            identity_id: new.identity,
            user_agent: new.user_agent.and_then(readable),
            date_added: now,
            last_seen_at: now,
            expires_at: now + LIFE,
        };
        session::Entity::insert(row.clone().into_active_model())
            .exec_without_returning(tx)
            .await?;
        let event = NewEvent {
            target: Some(row.id.any()),
            user: Some(user.id),
            after: Some(describe(&row)),
            ..NewEvent::new(Action::SessionStarted)
        };
        event::record(tx, &self.clock, &origin, event).await?;
        Ok(Opened { row, token })
    }

    /// Whose session it is; `None` where the token is unknown, the session over, the person not
    /// active, or no member of the organization whose provider opened it. Its use is noted behind
    /// the caller's back.
    pub async fn find(&self, token: &str) -> Result<Option<Arc<Person>>, Error> {
        if token.len() != token::LENGTH {
            return Ok(None);
        }
        let db = self.database.reader();
        let row = session::by_token_hash(db, &token::hash(token)).await?;
        let Some(row) = row.filter(|row| self.is_live(row)) else {
            return Ok(None);
        };
        let user = user::by_ids(db, &[row.user_id]).await?.into_iter().next();
        let Some(user) = user.filter(is_active) else {
            return Ok(None);
        };
        // Where an operator has shut a way in, those who came by it are out.
        let provider = identity_provider::by_ids(db, &[row.provider_id]).await?;
        let open = provider
            .into_iter()
            .find(|row| row.enabled && row.allows_sign_in);
        let Some(provider) = open else {
            return Ok(None);
        };
        if let Some(owner) = provider.organization_id
            && !organization_member::is_member(db, owner, user.id).await?
        {
            return Ok(None);
        }
        self.note_seen(&row);
        Ok(Some(Arc::new(Person {
            user: Arc::new(user),
            session: row.id,
            signed_in_at: row.date_added,
            came_by: provider.organization_id,
        })))
    }

    /// Not over: neither by its age nor by its idleness.
    pub fn is_live(&self, row: &Model) -> bool {
        access::session::is_live(row, self.clock.now())
    }

    /// Ends a session that the caller may see.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn end(&self, caller: &Caller, id: SessionId) -> Result<(), Error> {
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let row = session::by_ids(tx, &[id]).await?.into_iter().next();
                let row = row
                    .filter(|row| self.is_live(row))
                    .ok_or_else(|| not_found(id))?;
                let row = visible(&caller.viewer, tx, Arc::new(row))
                    .await?
                    .ok_or_else(|| not_found(id))?;
                let rows = vec![(*row).clone()];
                let ended = access::session::end(tx, &self.clock, &caller.origin(), rows).await?;
                if ended.is_empty() {
                    return Err(not_found(id));
                }
                Ok(())
            })
            .await
    }

    /// Ends all sessions of the person but the one that asks; answers with their ids.
    pub async fn end_others(
        &self,
        caller: &Caller,
        person: &Person,
    ) -> Result<Vec<SessionId>, Error> {
        self.database
            .write(|tx| async move {
                let (origin, keep) = (caller.origin(), Some(person.session));
                access::session::end_of_user(&tx, &self.clock, &origin, person.user.id, keep).await
            })
            .await
    }

    /// Nobody waits for the note, and the next use makes up for a lost one.
    fn note_seen(&self, row: &Model) {
        let (id, now) = (row.id, self.clock.now());
        if now - row.last_seen_at < NOTED_EVERY || !self.noting().insert(id) {
            return;
        }
        let sessions = self.clone();
        tokio::spawn(async move {
            let noted = sessions.database.write(|tx| async move {
                session::note_seen(&*tx, id, now).await.map_err(Error::from)
            });
            if let Err(error) = noted.await {
                tracing::warn!(error = %error, "the use of a session could not be noted");
            }
            sessions.noting().remove(&id);
        });
    }

    fn noting(&self) -> std::sync::MutexGuard<'_, HashSet<SessionId>> {
        self.noting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There is no such session, or none that the caller may see.
pub fn not_found(id: SessionId) -> Error {
    Error::NotFound {
        what: "session",
        id: id.to_string(),
    }
}

fn is_active(user: &user::Model) -> bool {
    match user.status {
        user::Status::Active => true,
        user::Status::Disabled | user::Status::Merged => false,
    }
}

/// What a browser says of itself, cut to what a page can show.
fn readable(user_agent: &str) -> Option<String> {
    let kept: String = user_agent
        .chars()
        .filter(|character| !character.is_control())
        .take(USER_AGENT)
        .collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}
