//! What pages have in common: the frame around them, and small parts.

use maud::{DOCTYPE, Markup, html};

use super::{FlowLink, Intent, Person, Provider};
use crate::clock::Time;
use crate::http::asset::Asset;

/// Where in the site a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Start,
    SignIn,
    Account,
    Elsewhere,
}

/// The frame around a page.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Of our own words only: a browser shows it without isolation.
    pub title: &'static str,
    pub place: Place,
    pub signed_in: bool,
    /// For a page with one thing to do.
    pub narrow: bool,
}

impl Frame {
    /// The document around `content`, which brings its own `h1`.
    pub fn around(self, content: &Markup) -> Markup {
        self.document(&html! {}, content)
    }

    /// The same, with more in its head.
    pub fn document(self, head: &Markup, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (self.title) " · Lanyard" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    link rel="icon" type="image/svg+xml" href=(Asset::Logo.path());
                    link rel="stylesheet" href=(Asset::Style.path());
                    (head)
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header.top { div.wide {
                        a.brand href="/" aria-current=[self.current(Place::Start)] {
                            img src=(Asset::Logo.path()) alt="" width="28" height="28";
                            "Lanyard"
                        }
                        nav aria-label="Main" {
                            a href="/graphiql" { "GraphiQL" }
                            @if self.signed_in {
                                a href="/account" aria-current=[self.current(Place::Account)] { "Account" }
                            } @else {
                                a href="/sign-in" aria-current=[self.current(Place::SignIn)] { "Sign in" }
                            }
                        }
                    } }
                    main #content tabindex="-1" .narrow[self.narrow] .wide[!self.narrow] {
                        (content)
                    }
                    footer.bottom { div.wide {
                        p { "Lanyard, a GraphQL identity server" }
                        p { a href="/schema.graphql" { "Schema" } }
                    } }
                }
            }
        }
    }

    fn current(self, place: Place) -> Option<&'static str> {
        (self.place == place).then_some("page")
    }
}

/// A text that came from outside: it neither turns its neighbours around nor runs over them.
pub fn outside(text: &str) -> Markup {
    html! { bdi.outside { (text) } }
}

/// The same on one line, for a label; the whole text shows on pointing at it.
pub fn clipped(text: &str) -> Markup {
    html! { bdi.clipped title=(text) { (text) } }
}

/// A point in time. Without scripts nobody knows the reader's zone.
pub fn time(time: Time) -> Markup {
    html! {
        time datetime=(time.format("%Y-%m-%dT%H:%M:%SZ")) { (time.format("%-d %b %Y, %H:%M UTC")) }
    }
}

/// A button for each provider.
pub fn provider_buttons(
    verb: &str,
    providers: &[Provider<'_>],
    intent: Intent,
    return_to: &str,
) -> Markup {
    html! {
        ul.providers {
            @for provider in providers {
                @let link = FlowLink { slug: provider.slug, intent, return_to, update_in_place: false };
                li { a.button.provider href=(link.href()) {
                    (monogram(provider.name))
                    span.clip { (verb) " " (clipped(provider.name)) }
                } }
            }
        }
    }
}

/// A provider's first letter, for the eye only.
pub fn monogram(name: &str) -> Markup {
    let first = name.chars().find(|character| character.is_alphanumeric());
    html! {
        span.monogram aria-hidden="true" {
            @if let Some(first) = first { (first.to_uppercase()) } @else { "•" }
        }
    }
}

/// A person, by name and reference.
pub fn who(person: &Person<'_>) -> Markup {
    html! {
        div.who {
            strong { (outside(person.name())) }
            span.muted { (outside(person.entity_ref)) }
        }
    }
}

/// What the provider will be asked for, where that is said.
pub fn asked_for(provider: &str, scopes: &[&str]) -> Markup {
    html! {
        @if !scopes.is_empty() {
            p.muted {
                "Lanyard asks " (outside(provider)) " for: "
                @for (index, scope) in scopes.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (outside(scope)) }
                }
            }
        }
    }
}

/// Something that just happened.
pub fn notice(content: &Markup) -> Markup {
    html! { div.notice role="status" { p { (content) } } }
}
