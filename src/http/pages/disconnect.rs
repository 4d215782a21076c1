//! The question before an account is disconnected.

use maud::html;
use poem::http::StatusCode;

use super::layout::{Frame, Place, outside};
use super::{Page, Provider};

/// What the question shows.
#[derive(Debug)]
pub struct DisconnectConfirm<'a> {
    pub provider: Provider<'a>,
    /// What the person knows the account by.
    pub account: &'a str,
    /// Names it in the form.
    pub identity: &'a str,
    /// The person signs in with it.
    pub signs_in: bool,
    /// How many integrations act as it.
    pub acting: u64,
    /// The provider is asked to end Lanyard's access.
    pub revokes: bool,
    pub form_token: &'a str,
}

/// `GET /account/disconnect`: changes nothing.
pub fn disconnect_confirm(view: &DisconnectConfirm<'_>) -> Page {
    let name = view.provider.name;
    let frame = Frame {
        title: "Disconnect an account",
        place: Place::Elsewhere,
        signed_in: true,
        narrow: true,
    };
    let html = frame.around(&html! {
        div.card {
            h1 { "Disconnect your account at " (outside(name)) }
            div.who { strong { (outside(view.account)) } }
            ul.effects {
                @if view.signs_in { li { "You can no longer sign in with it." } }
                li { "You are signed out everywhere else." }
                @match view.acting {
                    0 => {},
                    1 => li { "1 integration acts as this account, and loses it." },
                    acting => li { (acting) " integrations act as this account, and lose it." },
                }
                @if view.revokes {
                    li { "Lanyard forgets what it keeps of the account, and has " (outside(name)) " end its access to it. The account itself stays." }
                } @else {
                    li { "Lanyard forgets what it keeps of the account. At " (outside(name)) " nothing changes." }
                }
            }
            form.actions method="post" action="/account/disconnect" {
                input type="hidden" name="form_token" value=(view.form_token);
                input type="hidden" name="identity" value=(view.identity);
                button.button.primary type="submit" { "Disconnect" }
                a.button href="/account" { "Cancel" }
            }
        }
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}
