//! `GET /`, `GET /sign-in`, `GET /account`, `POST /auth/logout`: the pages that a person comes to
//! by themselves.

use std::collections::HashSet;

use poem::{IntoResponse, Response};

use super::form_token::Purpose;
use super::pages::{
    Account, AccountNotice, AccountState, LinkedAccount, Person as Named, Refusal, Removal,
    Session, SignIn, SignInNotice, Start, account, sign_in, start,
};
use super::visit::{Visit, Visited, address_of, go_to, named, with_cookie};
use crate::access::{Caller, Person, Viewer};
use crate::database::identity;
use crate::error::Error;
use crate::id::IdentityId;
use crate::identity::disconnect::Disconnect;
use crate::sign_in::overview::Overview;

/// `GET /`.
pub async fn start_page(visit: Visit) -> Visited {
    let query = visit.query()?;
    let can_sign_in = !visit
        .http
        .app
        .flows
        .for_sign_in(None, None)
        .await?
        .is_empty();
    let person = visit.person.as_deref().map(of_directory);
    let view = Start {
        signed_in: person.as_ref().map(Named::name),
        can_sign_in,
        signed_out: query.get("signed_out").is_some() && person.is_none(),
    };
    Ok(start(&view).into_response())
}

/// `GET /sign-in`.
pub async fn sign_in_page(visit: Visit) -> Visited {
    let query = visit.query()?;
    let return_to = visit
        .http
        .app
        .connecting
        .places
        .checked(query.get("return_to"));
    let return_to = return_to.ok_or(Refusal::BadRequest)?;
    let again = query.get("again").is_some();
    if visit.person.is_some() && !again {
        return Ok(go_to(&return_to));
    }
    let flows = &visit.http.app.flows;
    let person = visit.person.as_ref().map(|person| person.user.id);
    let providers = flows.for_sign_in(query.get("organization"), person).await?;
    let providers: Vec<_> = providers.iter().map(named).collect();
    let had_session = visit.http.site.cookies.session(visit.headers()).is_some();
    let view = SignIn {
        providers: &providers,
        return_to: &return_to,
        notice: match (had_session, query.get("return_to").is_some()) {
            (true, _) if again => Some(SignInNotice::Again),
            (true, _) => Some(SignInNotice::SessionEnded),
            (false, true) => Some(SignInNotice::NeedsSignIn),
            (false, false) => None,
        },
    };
    Ok(sign_in(&view).into_response())
}

/// The way to a page for those who are signed in.
pub fn sign_in_before(path: &str) -> Response {
    go_to(&address_of("/sign-in", "return_to", path))
}

/// The same for those who have been signed in for too long for it.
pub fn sign_in_again_before(path: &str) -> Response {
    go_to(&format!(
        "{}&again=1",
        address_of("/sign-in", "return_to", path)
    ))
}

/// `GET /account`.
pub async fn account_page(visit: Visit) -> Visited {
    let Some(person) = &visit.person else {
        return Ok(sign_in_before("/account"));
    };
    let query = visit.query()?;
    let app = &visit.http.app;
    let overview = Overview::read(&app.database, &app.sessions, person.user.id).await?;
    let offered = visit.http.app.flows.for_linking(person.user.id).await?;
    let has: HashSet<_> = overview
        .identities
        .iter()
        .map(|row| row.provider_id)
        .collect();
    let connectable: Vec<_> = offered
        .iter()
        .filter(|row| row.allows_multiple_per_user || !has.contains(&row.id))
        .map(named)
        .collect();
    let linked: Vec<_> = overview
        .identities
        .iter()
        .filter_map(|row| linked_account(&overview, row))
        .collect();
    let view = Account {
        person: of_directory(person),
        linked: &linked,
        connectable: &connectable,
        sessions: &sessions(&overview, person),
        notice: notice(&overview, &query),
        form_token: &visit
            .http
            .form_tokens
            .make(Purpose::SignOut, person.session),
        elsewhere_token: &visit
            .http
            .form_tokens
            .make(Purpose::SignOutElsewhere, person.session),
    };
    Ok(account(&view).into_response())
}

/// `POST /auth/logout`.
pub async fn logout(mut visit: Visit) -> Visited {
    let form = visit.form().await?;
    let signed_out = || {
        let response = go_to("/?signed_out=1");
        with_cookie(response, visit.http.site.cookies.remove_session())
    };
    let Some(person) = visit.person.clone() else {
        return Ok(signed_out());
    };
    let token = form.get("form_token").unwrap_or_default();
    let tokens = &visit.http.form_tokens;
    if !tokens.is_good(Purpose::SignOut, person.session, token) {
        return Err(Refusal::FormInvalid);
    }
    let session = person.session;
    let caller = Caller {
        viewer: Viewer::Person(person),
        request_id: visit.request_id.clone(),
    };
    match visit.http.app.sessions.end(&caller, session).await {
        // It has ended meanwhile, which is what was asked for.
        Ok(()) | Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    visit.http.app.sealer.wake();
    Ok(signed_out())
}

/// The person, as pages name them.
pub fn of_directory(person: &Person) -> Named<'_> {
    let user = &person.user;
    Named {
        display_name: user.display_name.as_deref(),
        entity_ref: &user.entity_ref,
        email: user.email.as_deref(),
        email_verified: user.email_verified,
    }
}

fn linked_account<'a>(
    overview: &'a Overview,
    row: &'a identity::Model,
) -> Option<LinkedAccount<'a>> {
    let provider = overview.provider(row.provider_id)?;
    let mut accounts = overview.identities.iter();
    let has_another =
        accounts.any(|other| other.provider_id == row.provider_id && other.id != row.id);
    Some(LinkedAccount {
        provider: named(provider),
        external_id: &row.external_id,
        username: row.username.as_deref(),
        display_name: row.display_name.as_deref(),
        email: row.email.as_deref(),
        email_verified: row.email_verified,
        state: match row.status {
            identity::Status::Valid => AccountState::Good,
            identity::Status::Invalid => AccountState::Broken,
            identity::Status::Unknown => AccountState::Unchecked,
        },
        // Of one account it would say nothing.
        primary: row.is_primary && has_another,
        since: row.date_added,
        removal: match overview.disconnect(row.id)? {
            Disconnect::Allowed => Removal::Allowed {
                identity: row.id.to_string(),
            },
            Disconnect::NeededForGlobalAuth => Removal::OnlyWayIn,
            Disconnect::NeededForOrgAuth => Removal::OrganizationAsks,
        },
    })
}

/// This one first, then the youngest.
fn sessions<'a>(overview: &'a Overview, person: &Person) -> Vec<Session<'a>> {
    let mut rows: Vec<_> = overview.sessions.iter().rev().collect();
    rows.sort_by_key(|row| row.id != person.session);
    rows.into_iter()
        .map(|row| Session {
            this_one: row.id == person.session,
            user_agent: row.user_agent.as_deref(),
            provider: overview
                .provider(row.provider_id)
                .map(|provider| provider.name.as_str()),
            signed_in_at: row.date_added,
            last_seen_at: row.last_seen_at,
        })
        .collect()
}

/// What was done before the person came here. The address says it, and anybody can make an
/// address: so nothing is said that isn't true of what the page shows.
fn notice<'a>(overview: &'a Overview, query: &super::visit::Form) -> Option<AccountNotice<'a>> {
    let of = |slug: &str| {
        let providers = overview.identities.iter();
        providers
            .filter_map(|row| overview.provider(row.provider_id))
            .find(|provider| provider.slug == slug)
            .map(|provider| provider.name.as_str())
    };
    let said = |name: &str| query.get(name).and_then(of);
    said(CONNECTED)
        .map(|provider| AccountNotice::Connected { provider })
        .or_else(|| said(ALREADY).map(|provider| AccountNotice::AlreadyConnected { provider }))
        .or_else(|| said(REPLACED).map(|provider| AccountNotice::Replaced { provider }))
        .or_else(|| {
            let id: IdentityId = query.get(DISCONNECTED)?.parse().ok()?;
            let is_linked = overview.identities.iter().any(|row| row.id == id);
            (!is_linked).then_some(AccountNotice::Disconnected)
        })
        .or_else(|| {
            query.get(SIGNED_OUT_ELSEWHERE)?;
            (overview.sessions.len() == 1).then_some(AccountNotice::SignedOutElsewhere)
        })
}

/// Parameters of the account page that say what a link did, by the provider's slug.
pub const CONNECTED: &str = "connected";
pub const ALREADY: &str = "already_connected";
pub const REPLACED: &str = "replaced";
/// One that says which identity was disconnected, by its id.
pub const DISCONNECTED: &str = "disconnected";
/// One that says that the person's other sessions were ended.
pub const SIGNED_OUT_ELSEWHERE: &str = "signed_out_elsewhere";
