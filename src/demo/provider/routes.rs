//! Requests to answers: which issuer, which endpoint, and whether it is to break.

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

use super::authorize::{self, Callback, Choice, Mistake};
use super::broken::{self, Outcome};
use super::issuer::{Endpoint, Issuer};
use super::parameters::Parameters;
use super::record::Asked;
use super::state::Shared;
use super::{discovery, page, token, userinfo};

/// The most that is read of a form.
const LARGEST_FORM: usize = 64 * 1024;

/// The answer; None where the connection is to end without one.
pub async fn answer(shared: &Shared, request: Request) -> Option<Response> {
    let mut response = route(shared, request).await?;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            page::CONTENT_SECURITY_POLICY,
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

async fn route(shared: &Shared, request: Request) -> Option<Response> {
    let path = request.uri().path().to_owned();
    let is_get = request.method() == Method::GET;
    let page = match path.as_str() {
        "/" => {
            let state = shared.lock();
            html(
                StatusCode::OK,
                page::home(state.issuer(Issuer::Acme), state.issuer(Issuer::Hub)),
            )
        }
        "/assets/provider.css" => file("text/css; charset=utf-8", page::STYLE),
        "/assets/submit.js" => file("text/javascript; charset=utf-8", page::SUBMIT),
        _ => return below(shared, &path, request).await,
    };
    Some(if is_get { page } else { wrong_method() })
}

/// What is an issuer's.
async fn below(shared: &Shared, path: &str, request: Request) -> Option<Response> {
    let found = Issuer::ALL.into_iter().find_map(|issuer| {
        let rest = path.strip_prefix('/')?.strip_prefix(issuer.slug())?;
        Some((issuer, rest))
    });
    let Some((issuer, rest)) = found else {
        return Some(nothing_here());
    };
    let endpoint = match rest {
        "" | "/" if request.method() == Method::GET => {
            let text = page::issuer(shared.lock().issuer(issuer));
            return Some(html(StatusCode::OK, text));
        }
        "" | "/" => return Some(wrong_method()),
        "/.well-known/openid-configuration" => Endpoint::Discovery,
        "/jwks" => Endpoint::Jwks,
        "/authorize" | "/authorize/decide" => Endpoint::Authorize,
        "/token" => Endpoint::Token,
        "/userinfo" => Endpoint::UserInfo,
        "/revoke" => Endpoint::Revoke,
        _ => return Some(nothing_here()),
    };
    let decides = rest == "/authorize/decide";
    let asked = match read(issuer, endpoint, request).await {
        Ok(asked) => asked,
        Err(refused) => return Some(refused),
    };
    let broken = {
        let mut state = shared.lock();
        state.records.add(asked.record());
        let issuer = state.issuer_mut(issuer);
        issuer.counts.refreshes += u64::from(asked.is_refresh());
        broken::take(&mut issuer.faults, &asked)
    };
    let mut outcome = broken::outcome(broken).await;
    if matches!(outcome, Outcome::Goes) {
        let response = act(shared, &asked, decides);
        let broken = {
            let mut state = shared.lock();
            broken::take_after(&mut state.issuer_mut(issuer).faults, &asked)
        };
        outcome = match broken::outcome(broken).await {
            Outcome::Goes => Outcome::Answers(response),
            other => other,
        };
    }
    match outcome {
        Outcome::Answers(response) => Some(response),
        Outcome::Closes => None,
        Outcome::Goes | Outcome::Hangs => std::future::pending().await,
    }
}

fn act(shared: &Shared, asked: &Asked, decides: bool) -> Response {
    let mut state = shared.lock();
    let issuer = state.issuer_mut(asked.issuer);
    let clock = &shared.clock;
    let is_get = asked.method == Method::GET;
    match asked.endpoint {
        Endpoint::Discovery | Endpoint::Jwks if !is_get => wrong_method(),
        Endpoint::Discovery => token::json(StatusCode::OK, &discovery::document(issuer)),
        Endpoint::Jwks => token::json(StatusCode::OK, &discovery::keys(issuer)),
        Endpoint::Token => token::token(issuer, clock, asked),
        Endpoint::UserInfo => userinfo::answer(issuer, clock, asked),
        Endpoint::Revoke => token::revoke(issuer, asked),
        Endpoint::Authorize if is_get == decides => wrong_method(),
        Endpoint::Authorize if is_get => match authorize::read(issuer, &asked.query) {
            Ok(question) => html(
                StatusCode::OK,
                page::choose(issuer, &question, &asked.query),
            ),
            Err(mistake) => told(mistake),
        },
        Endpoint::Authorize => {
            let person = asked.form.get("person").map(Choice::Person);
            let deny = asked.form.get("deny").map(|_| Choice::Deny);
            let Some(choice) = deny.or(person) else {
                let said = page::mistake("Nobody was chosen.");
                return html(StatusCode::BAD_REQUEST, said);
            };
            match authorize::read(issuer, &asked.form) {
                Ok(question) => sent_back(&authorize::decide(issuer, clock, question, choice)),
                Err(mistake) => told(mistake),
            }
        }
    }
}

fn told(mistake: Mistake) -> Response {
    match mistake {
        Mistake::Said(said) => html(StatusCode::BAD_REQUEST, page::mistake(&said)),
        Mistake::SentBack(callback) => sent_back(&callback),
    }
}

fn sent_back(callback: &Callback) -> Response {
    if callback.form_post {
        return html(StatusCode::OK, page::form_post(callback));
    }
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, callback.url().as_str())
        .finish()
}

async fn read(issuer: Issuer, endpoint: Endpoint, mut request: Request) -> Result<Asked, Response> {
    let is_form = media_type(request.headers()) == Some("application/x-www-form-urlencoded");
    let method = request.method().clone();
    let form = if method == Method::POST && is_form {
        let body = request.take_body().into_bytes_limit(LARGEST_FORM).await;
        let body =
            body.map_err(|_| text(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large"))?;
        Parameters::read(&body)
    } else {
        Parameters::default()
    };
    let query = request.uri().query().unwrap_or_default();
    Ok(Asked {
        issuer,
        endpoint,
        method,
        query: Parameters::read(query.as_bytes()),
        form,
        authorization: request.header(header::AUTHORIZATION).map(ToOwned::to_owned),
    })
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn html(status: StatusCode, page: String) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .body(page)
}

fn file(media_type: &str, body: &'static str) -> Response {
    Response::builder().content_type(media_type).body(body)
}

fn text(status: StatusCode, said: &'static str) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/plain; charset=utf-8")
        .body(said)
}

fn nothing_here() -> Response {
    text(StatusCode::NOT_FOUND, "there is nothing here")
}

fn wrong_method() -> Response {
    text(
        StatusCode::METHOD_NOT_ALLOWED,
        "this method is not for here",
    )
}
