//! Where a person chooses how to sign in.

use maud::html;
use poem::http::StatusCode;

use super::layout::{Frame, Place, clipped, notice, outside, provider_buttons};
use super::{FlowLink, Intent, Page, Provider, Refusal};

/// What the sign-in page shows.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// Those that allow it.
    pub providers: &'a [Provider<'a>],
    /// Where the person goes afterwards; checked already.
    pub return_to: &'a str,
    pub notice: Option<SignInNotice>,
}

/// Why a person is here without having asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInNotice {
    /// The page that was asked for is for signed-in people.
    NeedsSignIn,
    /// The session ended by itself.
    SessionEnded,
    /// The session is too old for what comes next.
    Again,
}

/// What somebody sees who proved an account that isn't linked yet, with the address of a person
/// who has other ways in. It doesn't name that person.
#[derive(Debug)]
pub struct SignInFirst<'a> {
    /// Whose account was proven.
    pub provider: Provider<'a>,
    /// With which the person signs in already.
    pub known: &'a [Provider<'a>],
    /// Where the person wanted to go.
    pub return_to: &'a str,
    pub request_id: &'a str,
}

impl SignInNotice {
    const fn text(self) -> &'static str {
        match self {
            Self::NeedsSignIn => "Sign in to go on.",
            Self::SessionEnded => "Your session has ended. Sign in again to go on.",
            Self::Again => {
                "Changing how you sign in needs a fresh sign-in. Show once more who you are."
            }
        }
    }
}

const FRAME: Frame = Frame {
    title: "Sign in",
    place: Place::SignIn,
    signed_in: false,
    narrow: true,
};

/// `GET /sign-in`.
pub fn sign_in(view: &SignIn<'_>) -> Page {
    let html = FRAME.around(&html! {
        @if let Some(reason) = view.notice { (notice(&html! { (reason.text()) })) }
        div.card {
            h1 { "Sign in" }
            @if view.providers.is_empty() {
                p { "There is no way to sign in yet: no identity provider is configured for it." }
                p.muted { "If this server is yours, its " a href="/" { "start page" } " says what to do." }
            } @else {
                (provider_buttons("Continue with", view.providers, Intent::SignIn, view.return_to))
                p.muted { "You prove there who you are. Lanyard never sees a password." }
            }
        }
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}

/// The end of a sign-in by an account that must be linked first.
pub fn sign_in_first(view: &SignInFirst<'_>) -> Page {
    let name = view.provider.name;
    let connect = FlowLink {
        slug: view.provider.slug,
        intent: Intent::Link,
        return_to: view.return_to,
        update_in_place: false,
    };
    let frame = Frame {
        place: Place::Elsewhere,
        ..FRAME
    };
    let html = frame.around(&html! {
        div.card {
            h1 { "Sign in the way you did before" }
            p {
                "The address that " (outside(name)) " gave us is known here, and belongs to somebody "
                "who signs in another way. If that is you, sign in that way first. You can then "
                "connect " (outside(name)) ", and use either from then on."
            }
            @if view.known.is_empty() {
                p { "That way isn’t open at the moment. Ask the people who run this server." }
            } @else {
                // Signing in leads on to the question whether to connect.
                (provider_buttons("Continue with", view.known, Intent::SignIn, &connect.href()))
                p.muted { "We then ask you whether to connect " (clipped(name)) "." }
            }
            dl.facts {
                dt { "Code" } dd { code { (Refusal::SignInFirst.words().code) } }
                dt { "Request" } dd { code { (view.request_id) } }
            }
        }
    });
    Page {
        status: StatusCode::FORBIDDEN,
        html,
    }
}
