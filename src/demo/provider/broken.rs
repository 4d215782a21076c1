//! How endpoints answer that don't answer as they should.

use std::time::Duration;

use futures_util::stream;
use poem::http::StatusCode;
use poem::{Body, Response};
use serde_json::json;

use super::fault::{Broken, Fault, Faults, RefreshFault};
use super::record::Asked;
use super::token;

/// More than any relying party should read.
const HUGE: usize = 4 * 1024 * 1024;
/// Between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(250);
const HOSTILE: &str = "<script>alert('description')</script>\r\n\u{202e}<b>bold</b>";

/// What comes of the faults of an endpoint.
pub enum Outcome {
    /// It answers as it should.
    Goes,
    Answers(Response),
    /// The connection ends.
    Closes,
    /// Nothing happens any more.
    Hangs,
}

/// The faults that are set for what is asked, taken.
pub fn take(faults: &mut Faults, asked: &Asked) -> Vec<Broken> {
    faults.take(|fault| match fault {
        Fault::Endpoint(broken, how) if *broken == asked.endpoint => Some(how.clone()),
        Fault::Refresh(RefreshFault::Broken(how)) if asked.is_refresh() => Some(how.clone()),
        Fault::Endpoint(..)
        | Fault::Refresh(_)
        | Fault::Discovery(_)
        | Fault::Callback(_)
        | Fault::Token(_)
        | Fault::IdToken(_)
        | Fault::Profile(_) => None,
    })
}

/// What comes between a refresh and its answer, taken.
pub fn take_after(faults: &mut Faults, asked: &Asked) -> Vec<Broken> {
    if !asked.is_refresh() {
        return Vec::new();
    }
    faults.take(|fault| match fault {
        Fault::Refresh(RefreshFault::LosesAnswer) => Some(Broken::Closes),
        Fault::Refresh(RefreshFault::AnswersLate(time)) => Some(Broken::Delay(*time)),
        Fault::Refresh(RefreshFault::Broken(_) | RefreshFault::SpentIsForgiven)
        | Fault::Endpoint(..)
        | Fault::Discovery(_)
        | Fault::Callback(_)
        | Fault::Token(_)
        | Fault::IdToken(_)
        | Fault::Profile(_) => None,
    })
}

/// Waits where it is to be slow; the first fault that answers is the answer.
pub async fn outcome(broken: Vec<Broken>) -> Outcome {
    for how in broken {
        let response = match how {
            Broken::Delay(time) => {
                tokio::time::sleep(time).await;
                continue;
            }
            Broken::Closes => return Outcome::Closes,
            Broken::Hangs => return Outcome::Hangs,
            Broken::Down => text(503, "text/plain", "down for the time being".to_owned()),
            Broken::Drips => drip(),
            Broken::Huge => text(200, "application/json", huge()),
            Broken::Html(status) => text(status, "text/html; charset=utf-8", page()),
            Broken::Redirect(to) => Response::builder()
                .status(StatusCode::FOUND)
                .header("location", to.as_str())
                .finish(),
            Broken::BrokenJson => text(200, "application/json", "{\"issuer\": \"http".to_owned()),
            Broken::TooMany(seconds) => Response::builder()
                .status(StatusCode::TOO_MANY_REQUESTS)
                .header("retry-after", seconds)
                .finish(),
            Broken::BareUnauthorized => Response::builder()
                .status(StatusCode::UNAUTHORIZED)
                .finish(),
            Broken::Error(code, error) => {
                let body = json!({ "error": error, "error_description": HOSTILE });
                token::json(status(code), &body)
            }
        };
        return Outcome::Answers(response);
    }
    Outcome::Goes
}

/// What is no status is none that a client would see either.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn text(code: u16, media_type: &str, body: String) -> Response {
    Response::builder()
        .status(status(code))
        .content_type(media_type)
        .body(body)
}

fn page() -> String {
    "<!doctype html><title>Sorry</title><h1>Something went wrong</h1>".to_owned()
}

fn huge() -> String {
    format!("{{\"padding\": \"{}\"}}", "a".repeat(HUGE))
}

/// Spaces, which JSON may begin with.
fn drip() -> Response {
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(DRIP).await;
        Some((Ok::<_, std::io::Error>(" "), ()))
    });
    Response::builder()
        .content_type("application/json")
        .body(Body::from_bytes_stream(drops))
}
