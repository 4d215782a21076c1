//! `/connect/{token}`: where a link leads to that an application has begun; the page before the
//! provider. Whoever has the address may look: only the button begins something.

use poem::http::Method;
use poem::{IntoResponse, Response};

use super::account::of_directory;
use super::flow_refusal::{log, refusal_of, refusal_of_closed};
use super::form_token::Purpose as FormPurpose;
use super::pages::{ConnectConfirm, Leave, Person as Named, Refusal, connect_confirm, leave};
use super::sign_in::keeping;
use super::visit::{Form, Visit, Visited, named};
use crate::database::flow::OnConflict;
use crate::database::pending_link::{Model, Step};
use crate::database::user;
use crate::provider::flow::{NewFlow, Purpose};
use crate::sign_in::connect::Proposal;
use crate::sign_in::return_to::{LINK_ERROR, told};

/// What an application hears where the person has said no on a page of ours.
const CANCELLED: &str = "CANCELLED";

/// `GET` asks and changes nothing: scanners of mail and previews follow links, too. `POST` is the
/// button.
pub async fn connect(mut visit: Visit) -> Visited {
    let token = visit.path_param("token");
    if visit.request.method() == Method::POST {
        let form = visit.form().await?;
        let proposal = proposal(&visit, &token).await?;
        return answered(&visit, &proposal, &form).await;
    }
    let proposal = proposal(&visit, &token).await?;
    Ok(ask(&visit, &proposal, &token))
}

async fn proposal(visit: &Visit, token: &str) -> Result<Proposal, Refusal> {
    let found = visit.http.app.connecting.proposal(token).await;
    found.map_err(|closed| refusal_of_closed(visit, &closed))
}

fn ask(visit: &Visit, proposal: &Proposal, token: &str) -> Response {
    let Proposal {
        link,
        provider,
        user,
    } = proposal;
    let configured;
    let scopes = if let Some(scopes) = &link.scopes_json {
        &scopes.0
    } else {
        configured = visit.http.app.flows.scopes(provider);
        &configured
    };
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let somebody_else = visit.person.as_deref().filter(|it| it.user.id != user.id);
    let view = ConnectConfirm {
        application: application_of(link),
        provider: named(provider),
        person: of_user(user),
        signed_in_as: somebody_else.map(of_directory),
        signed_in: visit.person.is_some(),
        scopes: &scopes,
        replaces: link.on_conflict == OnConflict::UpdateInPlace,
        return_to: &link.return_to,
        action: &format!("/connect/{token}"),
        form_token: &visit
            .http
            .form_tokens
            .make_for(FormPurpose::Connect, link.id),
    };
    connect_confirm(&view).into_response()
}

async fn answered(visit: &Visit, proposal: &Proposal, form: &Form) -> Visited {
    let Proposal { link, provider, .. } = proposal;
    let token = form.get("form_token").unwrap_or_default();
    let tokens = &visit.http.form_tokens;
    if !tokens.is_good_for(FormPurpose::Connect, link.id, token) {
        return Err(Refusal::FormInvalid);
    }
    match form.get("answer") {
        Some("continue") => {}
        Some("cancel") => return cancelled(visit, link, Step::Open).await,
        Some(_) | None => return Err(Refusal::BadRequest),
    }
    let new = NewFlow {
        provider,
        purpose: Purpose::Connect {
            pending_link: link.id,
            user_id: link.user_id,
        },
        return_to: link.return_to.clone(),
        on_conflict: link.on_conflict,
        scopes: link.scopes_json.clone().map(|scopes| scopes.0),
        client_address: visit.http.proxies.client_of(&visit.request),
    };
    match visit.http.app.flows.begin(&new).await {
        Ok(begun) => {
            let view = Leave {
                to: &provider.name,
                url: &begun.url,
                signed_in: visit.person.is_some(),
            };
            Ok(keeping(visit, &begun, leave(&view).into_response()))
        }
        // The connect link is as good as before: the button may be pressed once more.
        Err(error) => {
            log(visit, &provider.slug, &error);
            Ok(visit.flow_refused(refusal_of(&error), provider, None))
        }
    }
}

/// The person has said no: the link is over, and the application hears so.
pub async fn cancelled(visit: &Visit, link: &Model, step: Step) -> Visited {
    if !visit.http.app.connecting.end(link.id, step).await? {
        return Err(Refusal::LinkUsed);
    }
    let address = told(&link.return_to, LINK_ERROR, CANCELLED).ok_or(Refusal::Internal)?;
    Ok(back_to_application(visit, link, &address))
}

/// A form's answer leads nowhere else by a redirect: see [`leave()`].
pub fn back_to_application(visit: &Visit, link: &Model, address: &url::Url) -> Response {
    let view = Leave {
        to: application_of(link),
        url: address,
        signed_in: visit.person.is_some(),
    };
    leave(&view).into_response()
}

fn application_of(link: &Model) -> &str {
    link.application.as_deref().unwrap_or_default()
}

/// The user, as pages name somebody whom the visitor may not be.
pub fn of_user(user: &user::Model) -> Named<'_> {
    Named {
        display_name: user.display_name.as_deref(),
        entity_ref: &user.entity_ref,
        email: None,
        email_verified: None,
    }
}
