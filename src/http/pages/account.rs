//! A person's own page: who they are here, what is connected, where they are signed in.

use maud::{Markup, html};
use poem::http::StatusCode;

use super::layout::{Frame, Place, clipped, monogram, notice, outside, provider_buttons, time};
use super::user_agent::browser;
use super::{Intent, Page, Provider};
use crate::clock::Time;

/// What the account page shows.
#[derive(Debug)]
pub struct Account<'a> {
    pub person: Person<'a>,
    pub linked: &'a [LinkedAccount<'a>],
    /// Providers at which the person may connect an account.
    pub connectable: &'a [Provider<'a>],
    /// This one first.
    pub sessions: &'a [Session<'a>],
    pub notice: Option<AccountNotice<'a>>,
    /// Of the form that signs out.
    pub form_token: &'a str,
    /// Of the form that signs out everywhere else.
    pub elsewhere_token: &'a str,
}

/// Somebody of the directory.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub display_name: Option<&'a str>,
    pub entity_ref: &'a str,
    pub email: Option<&'a str>,
    pub email_verified: Option<bool>,
}

/// An account that is connected.
#[derive(Debug)]
pub struct LinkedAccount<'a> {
    pub provider: Provider<'a>,
    pub external_id: &'a str,
    pub username: Option<&'a str>,
    pub display_name: Option<&'a str>,
    pub email: Option<&'a str>,
    /// What the provider says of the address; it may say nothing.
    pub email_verified: Option<bool>,
    pub state: AccountState,
    pub primary: bool,
    pub since: Time,
    pub removal: Removal,
}

/// Whether an account may be disconnected.
#[derive(Debug, PartialEq, Eq)]
pub enum Removal {
    Allowed {
        /// Names the account to the page that asks.
        identity: String,
    },
    OnlyWayIn,
    OrganizationAsks,
}

/// Whether a connection is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    Good,
    /// The provider no longer honours it: connect it again.
    Broken,
    /// It was never checked.
    Unchecked,
}

/// A browser that is signed in.
#[derive(Debug)]
pub struct Session<'a> {
    /// It is the one that looks at the page.
    pub this_one: bool,
    pub user_agent: Option<&'a str>,
    /// With whose account it signed in.
    pub provider: Option<&'a str>,
    pub signed_in_at: Time,
    pub last_seen_at: Time,
}

/// What just happened.
#[derive(Debug, Clone, Copy)]
pub enum AccountNotice<'a> {
    Connected { provider: &'a str },
    AlreadyConnected { provider: &'a str },
    Replaced { provider: &'a str },
    Disconnected,
    SignedOutElsewhere,
}

impl<'a> Person<'a> {
    /// The name to show; everybody has a reference.
    pub fn name(&self) -> &'a str {
        self.display_name
            .filter(|name| !name.trim().is_empty())
            .unwrap_or(self.entity_ref)
    }
}

impl<'a> LinkedAccount<'a> {
    /// What a person knows the account by.
    fn name(&self) -> &'a str {
        [self.username, self.display_name, self.email]
            .into_iter()
            .flatten()
            .find(|name| !name.trim().is_empty())
            .unwrap_or(self.external_id)
    }
}

/// `GET /account`.
pub fn account(view: &Account<'_>) -> Page {
    let frame = Frame {
        title: "Account",
        place: Place::Account,
        signed_in: true,
        narrow: false,
    };
    let html = frame.around(&html! {
        @if let Some(happened) = view.notice { (notice(&text(happened))) }
        div.heading {
            h1 { (outside(view.person.name())) }
            form method="post" action="/auth/logout" {
                input type="hidden" name="form_token" value=(view.form_token);
                button.button type="submit" { "Sign out" }
            }
        }
        (person(&view.person))
        (accounts(view))
        (sessions(view.sessions, view.elsewhere_token))
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}

fn text(notice: AccountNotice<'_>) -> Markup {
    match notice {
        AccountNotice::Connected { provider } => html! { (outside(provider)) " is connected." },
        AccountNotice::AlreadyConnected { provider } => {
            html! { "That account at " (outside(provider)) " was connected already." }
        }
        AccountNotice::Replaced { provider } => {
            html! { "Your account at " (outside(provider)) " is now the one you just chose." }
        }
        AccountNotice::Disconnected => html! { "The account is disconnected." },
        AccountNotice::SignedOutElsewhere => html! { "You are signed out everywhere else." },
    }
}

fn person(person: &Person<'_>) -> Markup {
    html! {
        section.card aria-labelledby="you" {
            h2 #you { "You" }
            dl.rows {
                dt { "Name" }
                dd { @if let Some(name) = person.display_name { (outside(name)) } @else { (none("not given")) } }
                dt { "Reference" }
                dd { code { (outside(person.entity_ref)) } }
                dt { "E-mail" }
                dd {
                    @if let Some(email) = person.email {
                        (outside(email)) " " (verified(person.email_verified))
                    } @else { (none("not given")) }
                }
            }
        }
    }
}

fn accounts(view: &Account<'_>) -> Markup {
    html! {
        section.card aria-labelledby="accounts" {
            h2 #accounts { "Connected accounts" }
            @if view.linked.is_empty() {
                p.empty { "No account is connected to you." }
            } @else {
                ul.accounts {
                    @for account in view.linked { li { (linked(account)) } }
                }
            }
            @if !view.connectable.is_empty() {
                h3 { "Connect another" }
                (provider_buttons("Connect", view.connectable, Intent::Link, "/account"))
            } @else if view.linked.is_empty() {
                p.muted { "No provider that you could connect is configured." }
            }
        }
    }
}

fn linked(account: &LinkedAccount<'_>) -> Markup {
    html! {
        (monogram(account.provider.name))
        div.account {
            h3 {
                (clipped(account.provider.name))
                @if account.primary { span.badge { "Primary" } }
                @match account.state {
                    AccountState::Good => {},
                    AccountState::Broken => span.badge.bad { "Connect again" },
                    AccountState::Unchecked => span.badge { "Not checked yet" },
                }
            }
            @if Some(account.name()) != account.email { p { (outside(account.name())) } }
            @if let Some(email) = account.email {
                p.muted { (outside(email)) " " (verified(account.email_verified)) }
            }
            p.muted { "Since " (time(account.since)) }
            @match &account.removal {
                Removal::Allowed { .. } => {},
                Removal::OnlyWayIn => p.muted {
                    "You can’t disconnect it: it is your only way in. Connect another account that you sign in with first."
                },
                Removal::OrganizationAsks => p.muted {
                    "You can’t disconnect it: your organization asks for it."
                },
            }
        }
        @if let Removal::Allowed { identity } = &account.removal {
            a.button.beside href={ "/account/disconnect?identity=" (identity) }
                aria-label={ "Disconnect " (account.provider.name) } { "Disconnect" }
        }
    }
}

fn sessions(sessions: &[Session<'_>], form_token: &str) -> Markup {
    html! {
        section.card aria-labelledby="sessions" {
            h2 #sessions { "Where you are signed in" }
            @if sessions.is_empty() {
                p.empty { "Nowhere." }
            } @else {
                ul.sessions {
                    @for session in sessions {
                        li {
                            h3 {
                                (browser(session.user_agent))
                                @if session.this_one { span.badge.good { "This one" } }
                            }
                            p.muted {
                                "Signed in " (time(session.signed_in_at))
                                @if let Some(provider) = session.provider { " with " (outside(provider)) }
                            }
                            p.muted { "Last seen " (time(session.last_seen_at)) }
                        }
                    }
                }
                @if sessions.len() > 1 {
                    form method="post" action="/account/sign-out-elsewhere" {
                        input type="hidden" name="form_token" value=(form_token);
                        button.button type="submit" { "Sign out everywhere else" }
                    }
                }
            }
        }
    }
}

/// What is known of an address: nothing is said where nobody said anything.
fn verified(verified: Option<bool>) -> Markup {
    match verified {
        Some(true) => html! { span.badge.good { "Verified" } },
        Some(false) => html! { span.badge.warning { "Not verified" } },
        None => html! {},
    }
}

fn none(text: &str) -> Markup {
    html! { span.muted { (text) } }
}
