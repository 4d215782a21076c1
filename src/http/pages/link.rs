//! The question before an account is connected: who, where, what for.

use maud::html;
use poem::http::StatusCode;

use super::layout::{Frame, Place, asked_for, outside, who};
use super::{Page, Person, Provider};

/// What the question shows.
#[derive(Debug)]
pub struct LinkConfirm<'a> {
    pub provider: Provider<'a>,
    pub person: Person<'a>,
    /// People sign in with accounts of this provider.
    pub allows_sign_in: bool,
    /// What the provider will be asked for.
    pub scopes: &'a [&'a str],
    pub on_conflict: OnConflict<'a>,
    /// Where the person goes afterwards, and by "cancel"; checked already.
    pub return_to: &'a str,
    pub form_token: &'a str,
}

/// What happens to an account that is connected at this provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict<'a> {
    /// It stays; another one is refused.
    Fail,
    /// It gives way.
    UpdateInPlace {
        /// What the provider calls it.
        connected: Option<&'a str>,
    },
}

/// `GET /auth/{slug}/start?intent=link`: changes nothing.
pub fn link_confirm(view: &LinkConfirm<'_>) -> Page {
    let name = view.provider.name;
    let replaces = view.on_conflict != OnConflict::Fail;
    let frame = Frame {
        title: "Connect an account",
        place: Place::Elsewhere,
        signed_in: true,
        narrow: true,
    };
    let html = frame.around(&html! {
        div.card {
            h1 {
                @if replaces { "Connect another account at " } @else { "Connect your account at " }
                (outside(name))
            }
            p { "You are signed in here as" }
            (who(&view.person))
            p {
                "At " (outside(name)) " you show that an account is yours. It is then connected to "
                "you"
                @if view.allows_sign_in { ", and you can sign in with it" }
                ". If the account isn’t yours alone, don’t connect it."
            }
            @if let OnConflict::UpdateInPlace { connected } = view.on_conflict {
                div.notice.warning { p {
                    "The account that is connected now"
                    @if let Some(connected) = connected { ", " strong { (outside(connected)) } "," }
                    " gives way to it."
                } }
            }
            (asked_for(name, view.scopes))
            form.actions method="post" action={ "/auth/" (view.provider.slug) "/start" } {
                input type="hidden" name="form_token" value=(view.form_token);
                input type="hidden" name="intent" value="link";
                input type="hidden" name="return_to" value=(view.return_to);
                @if replaces {
                    input type="hidden" name="on_conflict" value="update_in_place";
                }
                button.button.primary type="submit" { span.clip { "Continue to " (outside(name)) } }
                a.button href=(view.return_to) { "Cancel" }
            }
        }
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}
