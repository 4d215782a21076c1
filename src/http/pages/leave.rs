//! The step from a form of ours to a provider, or back to an application.

use maud::html;
use poem::http::StatusCode;
use url::Url;

use super::Page;
use super::layout::{Frame, Place, outside};

/// Where the browser goes.
#[derive(Debug)]
pub struct Leave<'a> {
    /// Whose page it is: a provider's or an application's name, or a host.
    pub to: &'a str,
    /// The page, with all that is sent along.
    pub url: &'a Url,
    pub signed_in: bool,
}

/// Answers a form's POST by going to somebody else's page.
///
/// Not by a redirect: Chromium holds every address that follows a form to `form-action`, and
/// where a provider sends people on (a company's own sign-in page, say) is not known in advance.
/// Going from here is a step of its own, leaves no entry in the browser's history, and tells the
/// other page no referrer.
pub fn leave(view: &Leave<'_>) -> Page {
    let frame = Frame {
        title: "One moment",
        place: Place::Elsewhere,
        signed_in: view.signed_in,
        narrow: true,
    };
    let head = html! { meta http-equiv="refresh" content={ "0; url=" (view.url) }; };
    let html = frame.document(
        &head,
        &html! {
            div.card {
                h1 { "One moment" }
                p { "You are on your way to " (outside(view.to)) "." }
                p.actions { a.button.primary href=(view.url) { span.clip { "Go on to " (outside(view.to)) } } }
            }
        },
    );
    Page {
        status: StatusCode::OK,
        html,
    }
}
