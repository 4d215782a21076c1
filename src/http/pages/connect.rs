//! The two pages of a link that an application has begun: before the provider, what is asked for;
//! after it, which account was found. The second one is every link's.

use maud::{Markup, html};
use poem::http::StatusCode;
use url::Url;

use super::layout::{Frame, Place, asked_for, outside, who};
use super::{Page, Person, Provider};

/// What the page before the provider shows. Whoever has its address sees it, so it has no more of
/// the user than a name.
#[derive(Debug)]
pub struct ConnectConfirm<'a> {
    pub application: &'a str,
    pub provider: Provider<'a>,
    /// Who gets the account.
    pub person: Person<'a>,
    /// Who is signed in here, where that is somebody else.
    pub signed_in_as: Option<Person<'a>>,
    pub signed_in: bool,
    /// What the provider will be asked for.
    pub scopes: &'a [&'a str],
    /// An account that is connected gives way.
    pub replaces: bool,
    /// Where it leads to in the end.
    pub return_to: &'a str,
    /// Where the form goes: the page's own address.
    pub action: &'a str,
    pub form_token: &'a str,
}

/// What the page after the provider shows.
#[derive(Debug)]
pub struct AccountFound<'a> {
    pub provider: Provider<'a>,
    pub account: FoundAccount<'a>,
    /// Who gets the account.
    pub person: Person<'a>,
    /// Who has begun the link; `None`: the person.
    pub application: Option<&'a str>,
    /// People sign in with accounts of this provider.
    pub allows_sign_in: bool,
    /// An account that is connected gives way.
    pub replaces: bool,
    pub signed_in: bool,
    /// Where the form goes: the page's own address.
    pub action: &'a str,
    pub form_token: &'a str,
}

/// An account, as the provider tells of it. Its picture stays where it is: to load it would tell
/// whoever keeps it of this page.
#[derive(Debug, Clone, Copy)]
pub struct FoundAccount<'a> {
    pub external_id: &'a str,
    pub username: Option<&'a str>,
    pub display_name: Option<&'a str>,
    pub email: Option<&'a str>,
}

impl FoundAccount<'_> {
    /// What a person knows it by.
    fn name(&self) -> &str {
        let names = [self.username, self.display_name, self.email];
        let mut names = names.into_iter().flatten();
        let name = names.find(|name| !name.trim().is_empty());
        name.unwrap_or(self.external_id)
    }
}

/// `GET /connect/{token}`: changes nothing.
pub fn connect_confirm(view: &ConnectConfirm<'_>) -> Page {
    let name = view.provider.name;
    let frame = Frame {
        title: "Connect an account",
        place: Place::Elsewhere,
        signed_in: view.signed_in,
        narrow: true,
    };
    let html = frame.around(&html! {
        div.card {
            h1 { "Connect your account at " (outside(name)) }
            p { strong { (outside(view.application)) } " asks for an account at " (outside(name)) ", for its user" }
            (who(&view.person))
            @if let Some(other) = &view.signed_in_as {
                div.notice.warning { p {
                    "You are signed in here as somebody else: " strong { (outside(other.name())) } "."
                } }
            }
            p {
                "Go on only if that is you, and you have just come from "
                (outside(view.application)) ". If somebody has sent you this link, your account "
                "would become theirs."
            }
            p {
                "At " (outside(name)) " you show that an account is yours. You then see which one "
                "it is, and nothing is connected before you agree."
            }
            @if view.replaces { (gives_way()) }
            (asked_for(name, view.scopes))
            p.muted { "Afterwards you go back to " (outside(&origin_of(view.return_to))) "." }
            form.actions method="post" action=(view.action) {
                input type="hidden" name="form_token" value=(view.form_token);
                button.button.primary type="submit" name="answer" value="continue" {
                    span.clip { "Continue to " (outside(name)) }
                }
                button.button type="submit" name="answer" value="cancel" { "Cancel" }
            }
        }
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}

/// `GET /connect/found/{link}`: changes nothing.
pub fn account_found(view: &AccountFound<'_>) -> Page {
    let AccountFound {
        account, provider, ..
    } = view;
    let frame = Frame {
        title: "Is this your account?",
        place: Place::Elsewhere,
        signed_in: view.signed_in,
        narrow: true,
    };
    let html = frame.around(&html! {
        div.card {
            h1 { "Is this your account?" }
            p { (outside(provider.name)) " says that you are" }
            div.who { strong { (outside(account.name())) } }
            dl.facts {
                @for (label, value) in [
                    ("Name", account.display_name),
                    ("User name", account.username),
                    ("Address", account.email),
                    ("Account", Some(account.external_id)),
                ] {
                    @if let Some(value) = value { dt { (label) } dd { (outside(value)) } }
                }
            }
            @if let Some(application) = view.application {
                p { strong { (outside(application)) } " gets it for its user" }
            } @else {
                p { "It is connected to you, who are signed in here as" }
            }
            (who(&view.person))
            @if view.allows_sign_in {
                p { "Whoever has the account at " (outside(provider.name)) " can then sign in as that user." }
            }
            @if view.replaces { (gives_way()) }
            form.actions method="post" action=(view.action) {
                input type="hidden" name="form_token" value=(view.form_token);
                button.button.primary type="submit" name="answer" value="connect" { "Connect" }
                button.button type="submit" name="answer" value="cancel" { "Not me, cancel" }
            }
        }
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}

fn gives_way() -> Markup {
    html! {
        div.notice.warning { p {
            "An account that is connected at this provider already gives way to it."
        } }
    }
}

/// What people know a place on the web by.
fn origin_of(address: &str) -> String {
    Url::parse(address).map_or_else(
        |_| address.to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}
