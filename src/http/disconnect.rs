//! `/account/disconnect`: a person disconnects an account; and `POST /account/sign-out-elsewhere`.

use poem::http::Method;
use poem::{IntoResponse, Response};

use super::account::{DISCONNECTED, SIGNED_OUT_ELSEWHERE, sign_in_again_before, sign_in_before};
use super::form_token::Purpose;
use super::pages::{DisconnectConfirm, Refusal, disconnect_confirm};
use super::visit::{Form, Visit, Visited, address_of, go_to, named};
use crate::access::{Caller, Person, Viewer};
use crate::error::{Error, RefusalCode};
use crate::id::IdentityId;
use crate::identity::disconnect::Disconnect;
use crate::identity::{Unlink, unlink};
use crate::sign_in::disconnect::Parting;

/// Where an account is disconnected.
const PATH: &str = "/account/disconnect";

/// `GET` asks, `POST` does it.
pub async fn disconnect(mut visit: Visit) -> Visited {
    if visit.request.method() == Method::POST {
        let form = visit.form().await?;
        return part(&visit, &form).await;
    }
    let query = visit.query()?;
    ask(&visit, identity_of(&query)?).await
}

async fn ask(visit: &Visit, id: IdentityId) -> Visited {
    let Some(person) = &visit.person else {
        return Ok(sign_in_before(&address(id)));
    };
    let app = &visit.http.app;
    let parting = Parting::read(&app.database, person.user.id, id).await?;
    let parting = parting.ok_or(Refusal::NotFound)?;
    match parting.disconnect {
        Disconnect::Allowed => {}
        Disconnect::NeededForGlobalAuth => return Err(Refusal::NeededForGlobalAuth),
        Disconnect::NeededForOrgAuth => return Err(Refusal::NeededForOrgAuth),
    }
    if !person.is_fresh(app.clock.now()) {
        return Ok(sign_in_again_before(&address(id)));
    }
    if parting.signs_in && !person.has_say_at(parting.identity.organization_id) {
        return Err(Refusal::NoSayHere);
    }
    let view = DisconnectConfirm {
        provider: named(&parting.provider),
        account: parting.name(),
        identity: &id.to_string(),
        signs_in: parting.signs_in,
        acting: parting.acting,
        revokes: app.revoking.has_way(&parting.provider),
        form_token: &visit
            .http
            .form_tokens
            .make(Purpose::Disconnect, person.session),
    };
    Ok(disconnect_confirm(&view).into_response())
}

async fn part(visit: &Visit, form: &Form) -> Visited {
    let id = identity_of(form)?;
    let person = sender(visit, form, Purpose::Disconnect)?;
    let app = &visit.http.app;
    if !person.is_fresh(app.clock.now()) {
        return Ok(sign_in_again_before(&address(id)));
    }
    let what = Unlink {
        id,
        force: false,
        revoking: Some(&app.revoking),
    };
    let unlinked = unlink(&app.database, &app.clock, &caller(visit), what).await;
    app.sealer.wake();
    match unlinked {
        Ok(queued) => {
            if let Some(queued) = queued {
                app.revocations.set_out(queued);
            }
            Ok(back_to_account(DISCONNECTED, &id.to_string()))
        }
        Err(error) => Err(refusal_of(error)),
    }
}

/// `POST /account/sign-out-elsewhere`.
pub async fn sign_out_elsewhere(mut visit: Visit) -> Visited {
    let form = visit.form().await?;
    let person = sender(&visit, &form, Purpose::SignOutElsewhere)?;
    let app = &visit.http.app;
    app.sessions.end_others(&caller(&visit), person).await?;
    app.sealer.wake();
    Ok(back_to_account(SIGNED_OUT_ELSEWHERE, "1"))
}

/// Who was shown the form.
fn sender<'a>(visit: &'a Visit, form: &Form, purpose: Purpose) -> Result<&'a Person, Refusal> {
    let person = visit.person.as_deref().ok_or(Refusal::SignInFirst)?;
    let token = form.get("form_token").unwrap_or_default();
    if !visit
        .http
        .form_tokens
        .is_good(purpose, person.session, token)
    {
        return Err(Refusal::FormInvalid);
    }
    Ok(person)
}

fn caller(visit: &Visit) -> Caller {
    Caller {
        viewer: visit.person.clone().map_or(Viewer::Nobody, Viewer::Person),
        request_id: visit.request_id.clone(),
    }
}

fn identity_of(form: &Form) -> Result<IdentityId, Refusal> {
    let id = form.get("identity").ok_or(Refusal::BadRequest)?;
    id.parse().map_err(|_| Refusal::BadRequest)
}

fn address(id: IdentityId) -> String {
    address_of(PATH, "identity", &id.to_string())
}

/// The account page says what has happened.
fn back_to_account(what: &str, value: &str) -> Response {
    go_to(&address_of("/account", what, value))
}

fn refusal_of(error: Error) -> Refusal {
    let code = match &error {
        Error::Refused(refusals) => refusals.first().map(|refusal| refusal.code),
        // Gone meanwhile, by another page of the same person's perhaps.
        Error::NotFound { .. } => return Refusal::NotFound,
        Error::Unauthenticated(_) => return Refusal::SignInFirst,
        // The sign-in is fresh: it is where it was made that has no say.
        Error::Forbidden(_) => return Refusal::NoSayHere,
        _ => None,
    };
    match code {
        Some(RefusalCode::NeededForGlobalAuth) => Refusal::NeededForGlobalAuth,
        Some(RefusalCode::NeededForOrgAuth) => Refusal::NeededForOrgAuth,
        _ => error.into(),
    }
}
