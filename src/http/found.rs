//! `/connect/found/{link}`: the page after the provider, for every link. It shows the account that
//! was found; only its button lets the link go on.

use poem::http::Method;
use poem::{IntoResponse, Response};
use uuid::Uuid;

use super::account::{ALREADY, CONNECTED, REPLACED};
use super::connect::{back_to_application, cancelled, of_user};
use super::flow_refusal::{log_denied, refusal_of_closed, refusal_of_denied};
use super::form_token::Purpose as FormPurpose;
use super::pages::{
    AccountFound, FlowLink, FoundAccount, Intent, Leave, Refusal, account_found, leave,
};
use super::visit::{Form, Visit, Visited, address_of, go_to, named, with_cookie};
use crate::access::Person;
use crate::database::flow::OnConflict;
use crate::database::pending_link::Step;
use crate::identity::link::{Linked, Outcome};
use crate::sign_in::connect::{Browser, Confirmation};
use crate::sign_in::flow::Denied;
use crate::sign_in::return_to::DEFAULT;

/// Where the page of a link is.
pub fn path_of(link: Uuid) -> String {
    format!("/connect/found/{}", link.simple())
}

/// `GET` asks, `POST` is either button.
pub async fn found(mut visit: Visit) -> Visited {
    let link = visit.path_param("link");
    let link = Uuid::try_parse(&link).map_err(|_| Refusal::LinkUnknown)?;
    if visit.request.method() == Method::POST {
        let form = visit.form().await?;
        let confirmation = confirmation(&visit, link).await?;
        let answered = answered(&visit, &confirmation, &form).await?;
        let cookie = visit.http.site.cookies.remove_link(link);
        return Ok(with_cookie(answered, cookie));
    }
    let confirmation = confirmation(&visit, link).await?;
    Ok(ask(&visit, &confirmation))
}

async fn confirmation(visit: &Visit, link: Uuid) -> Result<Confirmation, Refusal> {
    let browser = Browser {
        secret: visit.http.site.cookies.link(visit.headers(), link),
        session: visit.person.as_ref().map(|person| person.session),
    };
    let found = visit.http.app.connecting.confirmation(link, browser).await;
    found.map_err(|closed| refusal_of_closed(visit, &closed))
}

fn ask(visit: &Visit, confirmation: &Confirmation) -> Response {
    let Confirmation {
        link,
        provider,
        user,
        account,
    } = confirmation;
    let profile = &account.profile;
    let view = AccountFound {
        provider: named(provider),
        account: FoundAccount {
            external_id: &account.external_id,
            username: profile.username.as_deref(),
            display_name: profile.display_name.as_deref(),
            email: profile.email.as_deref(),
        },
        person: of_user(user),
        application: link.application.as_deref(),
        allows_sign_in: provider.allows_sign_in,
        replaces: link.on_conflict == OnConflict::UpdateInPlace,
        signed_in: visit.person.is_some(),
        action: &path_of(link.id),
        form_token: &visit.http.form_tokens.make_for(FormPurpose::Found, link.id),
    };
    account_found(&view).into_response()
}

async fn answered(visit: &Visit, confirmation: &Confirmation, form: &Form) -> Visited {
    let link = &confirmation.link;
    let token = form.get("form_token").unwrap_or_default();
    let tokens = &visit.http.form_tokens;
    if !tokens.is_good_for(FormPurpose::Found, link.id, token) {
        return Err(Refusal::FormInvalid);
    }
    let agrees = match form.get("answer") {
        Some("connect") => true,
        Some("cancel") => false,
        Some(_) | None => return Err(Refusal::BadRequest),
    };
    match (&link.application, &visit.person) {
        (Some(_), _) if agrees => agreed(visit, confirmation).await,
        (Some(_), _) => cancelled(visit, link, Step::Found).await,
        (None, Some(person)) if agrees => Ok(linked(visit, confirmation, person).await),
        (None, Some(_)) => {
            visit.http.app.connecting.end(link.id, Step::Found).await?;
            Ok(go_back(&link.return_to))
        }
        (None, None) => Err(Refusal::SignInFirst),
    }
}

async fn agreed(visit: &Visit, confirmation: &Confirmation) -> Visited {
    let link = &confirmation.link;
    let agreed = visit.http.app.connecting.agree(link).await;
    let address = agreed.map_err(|closed| refusal_of_closed(visit, &closed))?;
    Ok(back_to_application(visit, link, &address))
}

async fn linked(visit: &Visit, confirmation: &Confirmation, person: &Person) -> Response {
    let Confirmation { link, account, .. } = confirmation;
    let app = &visit.http.app;
    let linking = app
        .connecting
        .link_own(link, account, person, &visit.request_id);
    let linked = linking.await;
    app.sealer.wake();
    match linked {
        Ok(linked) => {
            app.metrics.count_link(linked.outcome.name());
            go_back(&done(confirmation, &linked))
        }
        Err(denied) => {
            app.metrics.count_link("refused");
            denied_page(visit, confirmation, &denied)
        }
    }
}

/// The account page says what has happened; other places know by themselves.
fn done(confirmation: &Confirmation, linked: &Linked) -> String {
    let place = &confirmation.link.return_to;
    if place != DEFAULT {
        return place.clone();
    }
    let what = match linked.outcome {
        Outcome::Created | Outcome::Reattached => CONNECTED,
        Outcome::Updated => ALREADY,
        Outcome::UpdatedInPlace => REPLACED,
    };
    address_of(place, what, &confirmation.provider.slug)
}

/// Where a person's own link leads back to. To another origin a form's answer goes as [`leave()`]
/// says.
fn go_back(place: &str) -> Response {
    match url::Url::parse(place) {
        Ok(url) => {
            let view = Leave {
                to: url.host_str().unwrap_or_default(),
                url: &url,
                signed_in: true,
            };
            leave(&view).into_response()
        }
        // A path is no URL by itself.
        Err(_) => go_to(place),
    }
}

fn denied_page(visit: &Visit, confirmation: &Confirmation, denied: &Denied) -> Response {
    let Confirmation { link, provider, .. } = confirmation;
    log_denied(visit, &provider.slug, denied);
    let again = FlowLink {
        slug: &provider.slug,
        intent: Intent::Link,
        return_to: &link.return_to,
        update_in_place: link.on_conflict == OnConflict::UpdateInPlace,
    };
    visit.flow_refused(refusal_of_denied(denied), provider, Some(again))
}
