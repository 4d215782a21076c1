//! The step from a form of ours to a provider.

use maud::html;
use poem::http::StatusCode;
use url::Url;

use super::Page;
use super::layout::{Frame, Place, outside};

/// Where the browser goes.
#[derive(Debug)]
pub struct Leave<'a> {
    pub provider: &'a str,
    /// The provider's page, with all that the flow sends along.
    pub url: &'a Url,
}

/// Answers a form's POST by going to a provider.
///
/// Not by a redirect: Chromium holds every address that follows a form to `form-action`, and
/// where a provider sends people on (a company's own sign-in page, say) is not known in advance.
/// Going from here is a step of its own, leaves no entry in the browser's history, and tells the
/// provider no referrer.
pub fn leave(view: &Leave<'_>) -> Page {
    let frame = Frame {
        title: "One moment",
        place: Place::Elsewhere,
        signed_in: true,
        narrow: true,
    };
    let head = html! { meta http-equiv="refresh" content={ "0; url=" (view.url) }; };
    let html = frame.document(
        &head,
        &html! {
            div.card {
                h1 { "One moment" }
                p { "You are on your way to " (outside(view.provider)) "." }
                p.actions { a.button.primary href=(view.url) { span.clip { "Go on to " (outside(view.provider)) } } }
            }
        },
    );
    Page {
        status: StatusCode::OK,
        html,
    }
}
