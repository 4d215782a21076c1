//! Unlinking: a person's account is disconnected, where they can do without it.

use uuid::Uuid;

use super::disconnect::{Facts, Part, disconnect};
use super::elsewhere::may_change;
use super::hold::hold;
use super::link::not_found;
use super::remove::remove;
use super::revocation::Revoking;
use crate::access::session::{end_of_member, end_of_user};
use crate::access::{Caller, Person, Scope, Viewer, unauthenticated};
use crate::clock::Clock;
use crate::database::{Database, Tx, disconnect as stored, identity, session};
use crate::error::Error;
use crate::id::{IdentityId, SessionId};

/// What errors name.
const WHAT: &str = "unlinking an account";

/// An identity that is to go.
#[derive(Debug, Clone, Copy)]
pub struct Unlink<'a> {
    pub id: IdentityId,
    /// Passes over what the account is needed for.
    pub force: bool,
    /// What queues its tokens to be revoked; `None`: they are not.
    pub revoking: Option<&'a Revoking>,
}

/// Unlinks in one transaction, with its events: the identity and its tokens are gone, what acts
/// as it acts as nobody, the auth identity beside it goes along, and all sessions of its user end
/// but the one that asks. A key that is bound to an organization ends those alone that the identity
/// has opened, and the organization's own providers. Answers which revocation is
/// queued, if one is.
///
/// # Errors
/// `NOT_FOUND`, `FORBIDDEN` for a person who has not signed in lately and for whoever may not
/// force it; refused with `NEEDED_FOR_GLOBAL_AUTH` or `NEEDED_FOR_ORG_AUTH`, and with `IN_USE` for
/// a key that is bound to an organization, where another one's integration acts as the identity.
pub async fn unlink(
    database: &Database,
    clock: &Clock,
    caller: &Caller,
    what: Unlink<'_>,
) -> Result<Option<Uuid>, Error> {
    let Unlink {
        id,
        force,
        revoking,
    } = what;
    database
        .write(|tx| async move {
            let tx = &*tx;
            // Of the last two ways in that are taken away at once, the second finds the first
            // gone: its user's lock is held until the end.
            let row = hold(tx, caller, id).await?;
            let asking = asking(tx, clock, caller).await?;
            if force {
                may_force(caller, &row)?;
            } else {
                let facts = stored::of_identities(tx, &[id]).await?;
                let facts = facts.first().ok_or_else(|| not_found(id))?;
                let facts = Facts::from(facts);
                disconnect(facts).check()?;
                may_take_a_way_in(caller, &row, facts)?;
            }
            may_change(tx, caller, &[id]).await?;
            let origin = &caller.origin();
            match caller.viewer.bound_to() {
                None => end_of_user(tx, clock, origin, row.user_id, asking).await?,
                Some(own) => end_of_member(tx, clock, origin, own, row.user_id).await?,
            };
            if let Some(asking) = asking {
                // It stays, whichever account has opened it.
                session::detach(tx, asking, id).await?;
            }
            remove(tx, clock, origin, &row, revoking).await
        })
        .await
}

/// The session that a person asks from: one that is still there, and fresh. An account is a way
/// in, and not for a cookie that somebody has found.
async fn asking(tx: &Tx, clock: &Clock, caller: &Caller) -> Result<Option<SessionId>, Error> {
    let Viewer::Person(person) = &caller.viewer else {
        return Ok(None);
    };
    let Person { session: id, .. } = **person;
    if session::by_ids(tx, &[id]).await?.is_empty() {
        return Err(unauthenticated(WHAT));
    }
    if !person.is_fresh(clock.now()) {
        return Err(Error::Forbidden(format!(
            "{WHAT} needs a sign-in within the last 15 minutes: sign in again"
        )));
    }
    Ok(Some(id))
}

/// Whoever speaks for one organization has no say in how people get in elsewhere: neither a key
/// that is bound to it, nor a person who came by its own provider.
fn may_take_a_way_in(caller: &Caller, row: &identity::Model, facts: Facts) -> Result<(), Error> {
    if facts.part == Part::None {
        return Ok(());
    }
    let what = "unlinking an account that people sign in with";
    match &caller.viewer {
        Viewer::Person(person) if !person.has_say_at(row.organization_id) => {
            Err(Error::Forbidden(format!(
                "{what} at a provider that isn't the organization's needs a sign-in with an \
                 account of your own: you came by an organization's provider"
            )))
        }
        viewer => viewer.require_within(row.organization_id, what),
    }
}

/// A key that is bound to an organization has no say in how people get in elsewhere.
fn may_force(caller: &Caller, row: &identity::Model) -> Result<(), Error> {
    let what = "unlinking an account that is needed";
    caller.viewer.require(Scope::Admin, what)?;
    caller.viewer.require_within(row.organization_id, what)
}
