//! `/auth/{slug}/callback`: the way back from a provider. Here a sign-in ends; a link goes on to
//! the page that shows which account was found.

use poem::http::{Method, header};
use poem::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::flow_refusal::{log, log_denied, refusal_of, refusal_of_closed, refusal_of_denied};
use super::pages::{FlowLink, Intent, Refusal, SignInFirst, sign_in_first};
use super::visit::{Visit, Visited, address_of, go_to, named, with_cookie};
use crate::database::pending_link::Step;
use crate::id::SessionId;
use crate::provider::flow::{
    Answer, Browser, Facts, Finished, FlowError, MAX_FORM_BYTES, OnConflict, Purpose,
};
use crate::sign_in::connect::{Closed, Waiting};
use crate::sign_in::flow::{Denied, Visitor};
use crate::sign_in::return_to::{LINK_ERROR, told};
use crate::sign_in::session::LIFE;

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
    let connecting = &visit.http.app.connecting;
    let response = match finished.flow.purpose {
        Purpose::SignIn => signed_in(visit, &finished).await,
        Purpose::Link {
            session_id,
            user_id,
        } => {
            let session = SessionId(session_id);
            let found = connecting.found_own(&finished, session, user_id);
            ask(visit, found.await)
        }
        Purpose::Connect { pending_link, .. } => {
            ask(visit, connecting.found_for(&finished, pending_link).await)
        }
    };
    forgetting(visit, &finished.flow, response)
}

/// On to the second page, away from the address that has the provider's code in it.
fn ask(visit: &Visit, found: Result<Waiting, Closed>) -> Response {
    match found {
        Ok(waiting) => {
            let life = waiting.expires_at - visit.http.app.clock.now();
            let cookies = visit.http.site.cookies;
            let cookie = cookies.set_link(waiting.link, &waiting.browser_secret, life);
            with_cookie(go_to(&super::found::path_of(waiting.link)), cookie)
        }
        Err(closed) => visit.refusal(refusal_of_closed(visit, &closed)),
    }
}

async fn signed_in(visit: &Visit, finished: &Finished) -> Response {
    let user_agent = visit.headers().get(header::USER_AGENT);
    let visitor = Visitor {
        user_agent: user_agent.and_then(|value| value.to_str().ok()),
        session: visit.person.as_ref().map(|person| person.session),
        request_id: &visit.request_id,
    };
    let app = &visit.http.app;
    let ends = &app.connecting.ends;
    let opened = ends.sign_in(&finished.provider, &finished.account, visitor);
    let opened = opened.await;
    app.sealer.wake();
    match opened {
        Ok(opened) => {
            app.metrics.count_sign_in("ok");
            let cookie = visit.http.site.cookies.set_session(&opened.token, LIFE);
            with_cookie(go_to(&finished.flow.return_to), cookie)
        }
        Err(denied) => denied_page(visit, finished, &denied),
    }
}

fn denied_page(visit: &Visit, finished: &Finished, denied: &Denied) -> Response {
    let refusal = refusal_of_denied(denied);
    visit.http.app.metrics.count_sign_in(refusal.words().code);
    log_denied(visit, &finished.provider.slug, denied);
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
    visit.flow_refused(refusal, &finished.provider, again(&finished.flow))
}

async fn not_finished(visit: &Visit, slug: &str, error: &FlowError) -> Response {
    log(visit, slug, error);
    let refusal = refusal_of(error);
    let Some(flow) = &error.flow else {
        visit.http.app.metrics.count_sign_in(error.code());
        return visit.refusal(refusal);
    };
    let response = match flow.purpose {
        Purpose::SignIn => {
            visit.http.app.metrics.count_sign_in(error.code());
            refused(visit, flow, refusal).await
        }
        Purpose::Link { .. } => refused(visit, flow, refusal).await,
        Purpose::Connect { pending_link, .. } => {
            back_without(visit, flow, pending_link, error).await
        }
    };
    forgetting(visit, flow, response)
}

async fn refused(visit: &Visit, flow: &Facts, refusal: Refusal) -> Response {
    match visit.http.app.flows.provider(&flow.slug).await {
        Ok(Some(provider)) => visit.flow_refused(refusal, &provider, again(flow)),
        // The refusal is what counts; without the provider there is no other try.
        Ok(None) | Err(_) => visit.refusal(refusal),
    }
}

/// The application hears why there is no account, and may begin anew.
async fn back_without(visit: &Visit, flow: &Facts, link: Uuid, error: &FlowError) -> Response {
    let ended = visit.http.app.connecting.end(link, Step::Away).await;
    if let Err(error) = ended {
        tracing::warn!(request.id = %visit.request_id, error = %error, "a link could not be ended");
    }
    match told(&flow.return_to, LINK_ERROR, error.code()) {
        Some(address) => go_to(address.as_str()),
        None => visit.refusal(refusal_of(error)),
    }
}

fn forgetting(visit: &Visit, flow: &Facts, response: Response) -> Response {
    with_cookie(response, visit.http.site.cookies.remove_flow(flow.flow_id))
}

/// The same flow once more. One of an application's is the application's to begin.
fn again(flow: &Facts) -> Option<FlowLink<'_>> {
    let intent = match flow.purpose {
        Purpose::SignIn => Intent::SignIn,
        Purpose::Link { .. } => Intent::Link,
        Purpose::Connect { .. } => return None,
    };
    Some(FlowLink {
        slug: &flow.slug,
        intent,
        return_to: &flow.return_to,
        update_in_place: flow.on_conflict == OnConflict::UpdateInPlace,
    })
}
