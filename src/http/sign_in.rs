//! `/auth/{slug}/start`: the way to a provider.

use poem::http::{HeaderMap, Method};
use poem::{IntoResponse, Response};

use super::account::{of_directory, sign_in_again_before, sign_in_before};
use super::flow_refusal::{log, refusal_of};
use super::form_token::Purpose as FormPurpose;
use super::pages::{
    FlowLink, Intent, Leave, LinkConfirm, OnConflict as Shown, Refusal, leave, link_confirm,
};
use super::visit::{Form, Visit, Visited, go_to, named, with_cookie};
use crate::access::Person;
use crate::database::identity_provider;
use crate::provider::flow::{Begun, FlowError, NewFlow, OnConflict, Purpose};
use crate::sign_in::overview::Overview;

/// What somebody wants at a provider.
struct Wish {
    provider: identity_provider::Model,
    intent: Intent,
    return_to: String,
    on_conflict: OnConflict,
}

/// `GET` begins a sign-in, and shows the button for a link; `POST` is that button.
pub async fn start(mut visit: Visit) -> Visited {
    if visit.request.method() == Method::POST {
        let form = visit.form().await?;
        return begin_link(&visit, &form).await;
    }
    if !is_navigation(visit.headers()) {
        return Err(Refusal::BadRequest);
    }
    let query = visit.query()?;
    let wish = wish(&visit, &query).await?;
    match wish.intent {
        Intent::SignIn => begin_sign_in(&visit, &wish).await,
        Intent::Link => confirm_link(&visit, &wish).await,
    }
}

/// Not a picture on somebody's page, which would use up what its reader may have open.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-mode")
        .is_none_or(|mode| mode == "navigate")
}

async fn wish(visit: &Visit, form: &Form) -> Result<Wish, Refusal> {
    let provider = visit.http.app.flows.provider(&visit.slug()).await?;
    let provider = provider.ok_or(Refusal::NotFound)?;
    let intent = match form.get("intent") {
        Some("sign_in") if provider.allows_sign_in => Intent::SignIn,
        Some("sign_in") => return Err(Refusal::NotFound),
        Some("link") => Intent::Link,
        Some(_) | None => return Err(Refusal::BadRequest),
    };
    let places = &visit.http.app.connecting.places;
    let return_to = places.checked(form.get("return_to"));
    Ok(Wish {
        provider,
        intent,
        return_to: return_to.ok_or(Refusal::BadRequest)?,
        on_conflict: match form.get("on_conflict") {
            None | Some("fail") => OnConflict::Fail,
            Some("update_in_place") => OnConflict::UpdateInPlace,
            Some(_) => return Err(Refusal::BadRequest),
        },
    })
}

async fn begin_sign_in(visit: &Visit, wish: &Wish) -> Visited {
    match begin(visit, wish, Purpose::SignIn).await {
        Ok(begun) => Ok(keeping(visit, &begun, go_to(begun.url.as_str()))),
        Err(error) => Ok(not_begun(visit, wish, &error)),
    }
}

async fn confirm_link(visit: &Visit, wish: &Wish) -> Visited {
    let link = wish.link();
    let Some(person) = &visit.person else {
        return Ok(sign_in_before(&link.href()));
    };
    if !is_fresh(visit, person, wish) {
        return Ok(sign_in_again_before(&link.href()));
    }
    let scopes = visit.http.app.flows.scopes(&wish.provider);
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let app = &visit.http.app;
    let overview = Overview::read(&app.database, &app.sessions, person.user.id).await?;
    let view = LinkConfirm {
        provider: named(&wish.provider),
        person: of_directory(person),
        allows_sign_in: wish.provider.allows_sign_in,
        scopes: &scopes,
        on_conflict: match wish.on_conflict {
            OnConflict::Fail => Shown::Fail,
            OnConflict::UpdateInPlace => Shown::UpdateInPlace {
                connected: overview.name_at(wish.provider.id),
            },
        },
        return_to: &wish.return_to,
        form_token: &visit
            .http
            .form_tokens
            .make(FormPurpose::Link, person.session),
    };
    Ok(link_confirm(&view).into_response())
}

async fn begin_link(visit: &Visit, form: &Form) -> Visited {
    let wish = wish(visit, form).await?;
    if wish.intent != Intent::Link {
        return Err(Refusal::BadRequest);
    }
    let person = visit.person.as_ref().ok_or(Refusal::SignInFirst)?;
    let token = form.get("form_token").unwrap_or_default();
    let tokens = &visit.http.form_tokens;
    if !tokens.is_good(FormPurpose::Link, person.session, token) {
        return Err(Refusal::FormInvalid);
    }
    if !is_fresh(visit, person, &wish) {
        return Ok(sign_in_again_before(&wish.link().href()));
    }
    if is_way_in(&wish) && !person.has_say_at(wish.provider.organization_id) {
        return Err(Refusal::NoSayHere);
    }
    let purpose = Purpose::Link {
        session_id: person.session.0,
        user_id: person.user.id,
    };
    match begin(visit, &wish, purpose).await {
        Ok(begun) => {
            let view = Leave {
                to: &wish.provider.name,
                url: &begun.url,
                signed_in: true,
            };
            Ok(keeping(visit, &begun, leave(&view).into_response()))
        }
        Err(error) => Ok(not_begun(visit, &wish, &error)),
    }
}

/// A new way in, or one that another gives way to, is for whoever has shown lately who they are:
/// not for a cookie that somebody has found.
fn is_fresh(visit: &Visit, person: &Person, wish: &Wish) -> bool {
    !is_way_in(wish) || person.is_fresh(visit.http.app.clock.now())
}

fn is_way_in(wish: &Wish) -> bool {
    wish.provider.allows_sign_in || wish.on_conflict != OnConflict::Fail
}

async fn begin(visit: &Visit, wish: &Wish, purpose: Purpose) -> Result<Begun, FlowError> {
    let new = NewFlow {
        provider: &wish.provider,
        purpose,
        return_to: wish.return_to.clone(),
        on_conflict: wish.on_conflict,
        scopes: None,
        client_address: visit.http.proxies.client_of(&visit.request),
    };
    visit.http.app.flows.begin(&new).await
}

/// With the flow's cookie.
pub fn keeping(visit: &Visit, begun: &Begun, response: Response) -> Response {
    let life = begun.expires_at - visit.http.app.clock.now();
    let cookies = visit.http.site.cookies;
    let cookie = cookies.set_flow(begun.flow_id, &begun.browser_secret, life);
    with_cookie(response, cookie)
}

fn not_begun(visit: &Visit, wish: &Wish, error: &FlowError) -> Response {
    log(visit, &wish.provider.slug, error);
    if wish.intent == Intent::SignIn {
        visit.http.app.metrics.count_sign_in(error.code());
    }
    visit.flow_refused(refusal_of(error), &wish.provider, Some(wish.link()))
}

impl Wish {
    fn link(&self) -> FlowLink<'_> {
        FlowLink {
            slug: &self.provider.slug,
            intent: self.intent,
            return_to: &self.return_to,
            update_in_place: self.on_conflict == OnConflict::UpdateInPlace,
        }
    }
}
