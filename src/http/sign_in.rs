//! `/auth/{slug}/start` and `/auth/{slug}/callback`: the way to a provider and back.

use poem::http::{HeaderMap, Method, header};
use poem::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::account::{
    ALREADY, CONNECTED, REPLACED, of_directory, sign_in_again_before, sign_in_before,
};
use super::form_token::Purpose as FormPurpose;
use super::pages::{
    AnswerStep, FlowLink, Intent, Leave, LinkConfirm, OnConflict as Shown, Refusal, SignInFirst,
    leave, link_confirm, sign_in_first,
};
use super::return_to;
use super::visit::{Form, Visit, Visited, address_of, go_to, named, with_cookie};
use crate::access::Person;
use crate::database::identity_provider;
use crate::identity::decision::Policy;
use crate::identity::link::{Linked, Outcome};
use crate::provider::flow::{
    Answer, Begun, Browser, Facts, Finished, FlowError, MAX_FORM_BYTES, NewFlow, OnConflict,
    Purpose, Refusal as FlowRefusal, Step,
};
use crate::sign_in::flow::{Denied, LinkingPerson, Visitor};
use crate::sign_in::overview::Overview;
use crate::sign_in::session::LIFE;

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
    let return_to = return_to::checked(&visit.http.site, form.get("return_to"));
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
                provider: &wish.provider.name,
                url: &begun.url,
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
        client_address: visit.http.proxies.client_of(&visit.request),
    };
    visit.http.app.flows.begin(&new).await
}

fn keeping(visit: &Visit, begun: &Begun, response: Response) -> Response {
    let life = begun.expires_at - visit.http.app.clock.now();
    let cookies = visit.http.site.cookies;
    let cookie = cookies.set_flow(begun.flow_id, &begun.browser_secret, life);
    with_cookie(response, cookie)
}

fn not_begun(visit: &Visit, wish: &Wish, error: &FlowError) -> Response {
    log(visit, &wish.provider.slug, error);
    count(visit, wish.intent, error.code());
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

/// `GET` ends a flow. A `form_post` answer comes by `POST` from another site, without cookies: it
/// is kept, and the browser sent on to the same address, which takes the cookies along.
pub async fn callback(mut visit: Visit) -> Visited {
    let slug = visit.slug();
    if visit.request.method() == Method::POST {
        let body = SecretString::from(
            String::from_utf8(visit.form_body(MAX_FORM_BYTES).await?)
                .map_err(|_| Refusal::BadRequest)?,
        );
        return Ok(keep_answer(&visit, &slug, &body).await);
    }
    let query = visit.request.uri().query().unwrap_or_default().to_owned();
    let finished = match Answer::parse(query.as_bytes()) {
        Ok(answer) => finish(&visit, &slug, answer).await,
        Err(error) => Err(error),
    };
    match finished {
        Ok(finished) => Ok(end(&visit, finished).await),
        Err(error) => Ok(not_finished(&visit, &slug, &error).await),
    }
}

async fn keep_answer(visit: &Visit, slug: &str, body: &SecretString) -> Response {
    let kept = async {
        let answer = Answer::parse(body.expose_secret().as_bytes())?;
        visit.http.app.flows.store_post(slug, &answer).await?;
        Ok(answer)
    };
    match kept.await {
        Ok(answer) => {
            let state = answer.state().map(ExposeSecret::expose_secret);
            let path = format!("/auth/{slug}/callback");
            go_to(&address_of(&path, "state", state.unwrap_or_default()))
        }
        Err(error) => not_finished(visit, slug, &error).await,
    }
}

async fn finish(visit: &Visit, slug: &str, answer: Answer) -> Result<Finished, FlowError> {
    let cookies = visit.http.site.cookies;
    let headers = visit.headers().clone();
    let flow_secret = move |flow: Uuid| {
        let secret = cookies.flow(&headers, flow)?;
        Some(SecretString::from(secret.to_owned()))
    };
    let browser = Browser {
        flow_secret: &flow_secret,
        session_id: visit.person.as_ref().map(|person| person.session.0),
    };
    visit.http.app.flows.finish(slug, answer, &browser).await
}

/// The provider has spoken; who is it?
async fn end(visit: &Visit, finished: Finished) -> Response {
    let response = match (finished.flow.purpose, &visit.person) {
        (Purpose::SignIn, _) => signed_in(visit, &finished).await,
        (Purpose::Link { .. }, Some(person)) => linked(visit, &finished, person).await,
        // The flow has compared the session, so there is one.
        (Purpose::Link { .. }, None) => visit.refusal(Refusal::SignInFirst),
    };
    visit.http.app.sealer.wake();
    forgetting(visit, &finished.flow, response)
}

async fn signed_in(visit: &Visit, finished: &Finished) -> Response {
    let user_agent = visit.headers().get(header::USER_AGENT);
    let visitor = Visitor {
        user_agent: user_agent.and_then(|value| value.to_str().ok()),
        session: visit.person.as_ref().map(|person| person.session),
        request_id: &visit.request_id,
    };
    let ends = &visit.http.flow_ends;
    let opened = ends.sign_in(&finished.provider, &finished.account, visitor);
    match opened.await {
        Ok(opened) => {
            count(visit, Intent::SignIn, "ok");
            let cookie = visit.http.site.cookies.set_session(&opened.token, LIFE);
            with_cookie(go_to(&finished.flow.return_to), cookie)
        }
        Err(denied) => denied_page(visit, finished, &denied),
    }
}

async fn linked(visit: &Visit, finished: &Finished, person: &Person) -> Response {
    let policy = match finished.flow.on_conflict {
        OnConflict::Fail => Policy::Fail,
        OnConflict::UpdateInPlace => Policy::UpdateInPlace,
    };
    let ends = &visit.http.flow_ends;
    let linking = LinkingPerson {
        person,
        policy,
        request_id: &visit.request_id,
    };
    let linked = ends.link(&finished.provider, &finished.account, linking);
    match linked.await {
        Ok(linked) => {
            visit.http.app.metrics.count_link(linked.outcome.name());
            count(visit, Intent::Link, "ok");
            go_to(&told(finished, &linked))
        }
        Err(denied) => {
            visit.http.app.metrics.count_link("refused");
            denied_page(visit, finished, &denied)
        }
    }
}

/// The account page says what has happened; other places know by themselves.
fn told(finished: &Finished, linked: &Linked) -> String {
    let place = &finished.flow.return_to;
    if place != return_to::DEFAULT {
        return place.clone();
    }
    let what = match linked.outcome {
        Outcome::Created | Outcome::Reattached => CONNECTED,
        Outcome::Updated => ALREADY,
        Outcome::UpdatedInPlace => REPLACED,
    };
    address_of(place, what, &finished.provider.slug)
}

fn denied_page(visit: &Visit, finished: &Finished, denied: &Denied) -> Response {
    let refusal = refusal_of_denied(denied);
    let (code, slug) = (refusal.words().code, &finished.provider.slug);
    count(visit, intent_of(&finished.flow), code);
    match denied {
        Denied::Failed(error) => {
            tracing::error!(request.id = %visit.request_id, %slug, error = ?error, "a flow at {slug} could not be ended");
        }
        Denied::NoResolver
        | Denied::NoEmail
        | Denied::EmailUnverified
        | Denied::UserNotFound
        | Denied::Ambiguous
        | Denied::AccountMismatch
        | Denied::UserNotActive
        | Denied::NotForSignIn
        | Denied::SessionEnded
        | Denied::NotAMember
        | Denied::NoSayHere
        | Denied::SignInFirst(_)
        | Denied::AccountOwnedByAnotherUser
        | Denied::UserHasAnotherAccount => {
            tracing::warn!(request.id = %visit.request_id, %slug, code, "a flow at {slug} was refused: {code}");
        }
    }
    if let Denied::SignInFirst(ways) = denied {
        let known: Vec<_> = ways.iter().map(named).collect();
        let view = SignInFirst {
            provider: named(&finished.provider),
            known: &known,
            return_to: &finished.flow.return_to,
            request_id: &visit.request_id,
        };
        return sign_in_first(&view).into_response();
    }
    let again = again(&finished.flow);
    visit.flow_refused(refusal, &finished.provider, Some(again))
}

async fn not_finished(visit: &Visit, slug: &str, error: &FlowError) -> Response {
    log(visit, slug, error);
    let refusal = refusal_of(error);
    let Some(flow) = &error.flow else {
        count(visit, Intent::SignIn, error.code());
        return visit.refusal(refusal);
    };
    count(visit, intent_of(flow), error.code());
    let response = match visit.http.app.flows.provider(&flow.slug).await {
        Ok(Some(provider)) => visit.flow_refused(refusal, &provider, Some(again(flow))),
        // The refusal is what counts; without the provider there is no other try.
        Ok(None) | Err(_) => visit.refusal(refusal),
    };
    forgetting(visit, flow, response)
}

fn forgetting(visit: &Visit, flow: &Facts, response: Response) -> Response {
    with_cookie(response, visit.http.site.cookies.remove_flow(flow.flow_id))
}

fn again(flow: &Facts) -> FlowLink<'_> {
    FlowLink {
        slug: &flow.slug,
        intent: intent_of(flow),
        return_to: &flow.return_to,
        update_in_place: flow.on_conflict == OnConflict::UpdateInPlace,
    }
}

const fn intent_of(flow: &Facts) -> Intent {
    match flow.purpose {
        Purpose::SignIn => Intent::SignIn,
        Purpose::Link { .. } => Intent::Link,
    }
}

/// The cause is for the log; the page has the code.
fn log(visit: &Visit, slug: &str, error: &FlowError) {
    let (request_id, code) = (&visit.request_id, error.code());
    match &error.refusal {
        FlowRefusal::Internal(inside) => {
            tracing::error!(request.id = %request_id, slug, error = ?inside, "a flow failed");
        }
        FlowRefusal::Unknown | FlowRefusal::TooMany => {
            // Anybody can make as many of these as they like.
            tracing::debug!(request.id = %request_id, slug, code, "a flow was refused: {error}");
        }
        FlowRefusal::Expired
        | FlowRefusal::OtherBrowser
        | FlowRefusal::AccessDenied
        | FlowRefusal::AccountNotAllowed
        | FlowRefusal::ProviderRefused
        | FlowRefusal::ProviderUnavailable
        | FlowRefusal::AnswerInvalid(_)
        | FlowRefusal::SignInFirst => {
            tracing::warn!(request.id = %request_id, slug, code, "a flow was refused: {error}");
        }
    }
}

fn count(visit: &Visit, intent: Intent, outcome: &'static str) {
    if intent == Intent::SignIn {
        visit.http.app.metrics.count_sign_in(outcome);
    }
}

const fn refusal_of(error: &FlowError) -> Refusal {
    match error.refusal {
        FlowRefusal::Unknown => Refusal::FlowUnknown,
        FlowRefusal::Expired => Refusal::FlowExpired,
        FlowRefusal::OtherBrowser => Refusal::FlowOfAnotherBrowser,
        FlowRefusal::AccessDenied => Refusal::AccessDenied,
        FlowRefusal::AccountNotAllowed => Refusal::AccountNotAllowed,
        FlowRefusal::ProviderRefused => Refusal::ProviderRefused,
        FlowRefusal::ProviderUnavailable => Refusal::ProviderUnavailable,
        FlowRefusal::AnswerInvalid(step) => Refusal::AnswerInvalid(match step {
            Step::State => AnswerStep::State,
            Step::Issuer => AnswerStep::Issuer,
            Step::Exchange => AnswerStep::Exchange,
            Step::IdToken => AnswerStep::IdToken,
            Step::UserInfo => AnswerStep::Userinfo,
        }),
        FlowRefusal::TooMany => Refusal::TooMany,
        FlowRefusal::SignInFirst => Refusal::SignInFirst,
        FlowRefusal::Internal(_) => Refusal::Internal,
    }
}

const fn refusal_of_denied(denied: &Denied) -> Refusal {
    match denied {
        Denied::NoResolver => Refusal::NoResolver,
        Denied::NoEmail => Refusal::NoEmail,
        Denied::EmailUnverified => Refusal::EmailUnverified,
        Denied::UserNotFound => Refusal::UserNotFound,
        Denied::Ambiguous => Refusal::Ambiguous,
        Denied::AccountMismatch => Refusal::AccountMismatch,
        Denied::UserNotActive => Refusal::UserNotActive,
        Denied::NotAMember => Refusal::NotAMember,
        Denied::NoSayHere => Refusal::NoSayHere,
        Denied::NotForSignIn => Refusal::NotFound,
        Denied::SessionEnded | Denied::SignInFirst(_) => Refusal::SignInFirst,
        Denied::AccountOwnedByAnotherUser => Refusal::AccountOwnedByAnotherUser,
        Denied::UserHasAnotherAccount => Refusal::UserHasAnotherAccount,
        Denied::Failed(_) => Refusal::Internal,
    }
}
