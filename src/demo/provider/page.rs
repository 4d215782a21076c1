//! The pages: what this is, whom to be, how to go back. They work without JavaScript, and hold
//! neither style nor script of their own.

use maud::{DOCTYPE, Markup, html};

use super::authorize::{Callback, Question};
use super::issuer::Issuer;
use super::parameters::Parameters;
use super::person::Person;
use super::state::IssuerState;

pub const STYLE: &str = include_str!("page/style.css");
/// Sends the one form of its page.
pub const SUBMIT: &str = "document.forms[0].submit();\n";

/// What stands at the root.
pub fn home(acme: &IssuerState, hub: &IssuerState) -> String {
    let issuers = [acme, hub];
    let body = html! {
        h1 { "A make-believe OpenID provider" }
        p { "It plays two issuers, so that signing in and linking accounts can be tried out." }
        ul.plain {
            @for issuer in issuers {
                li { a href={ "/" (issuer.issuer.slug()) } { (issuer.issuer.name()) } " · " code { (issuer.url) } }
            }
        }
    };
    layout("Make-believe provider", &body)
}

/// What stands at an issuer's own address.
pub fn issuer(issuer: &IssuerState) -> String {
    let body = html! {
        h1 { (issuer.issuer.name()) }
        p { "One of the two issuers of a make-believe OpenID provider. These are its people:" }
        ul.plain {
            @for person in &issuer.people { li { (described(person)) } }
        }
        p { a href=(issuer.at("/.well-known/openid-configuration")) { "Its configuration" } " · " a href="/" { "The provider" } }
    };
    layout(issuer.issuer.name(), &body)
}

/// Whom to be, and the way to say no.
pub fn choose(issuer: &IssuerState, question: &Question, asked: &Parameters) -> String {
    let hinted = |person: &&Person| question.login_hint.as_ref() == Some(&person.username);
    // What the buttons are called is theirs to say.
    let passed_on = asked
        .0
        .iter()
        .filter(|(name, _)| name != "person" && name != "deny");
    let (first, others): (Vec<_>, Vec<_>) = issuer.people.iter().partition(hinted);
    let body = html! {
        h1 { "Sign in at " (issuer.issuer.name()) }
        p { bdi { (issuer.client.id) } " asks who you are. Choose who to be." }
        form method="post" action=(decide_path(issuer.issuer)) {
            @for (name, value) in passed_on { input type="hidden" name=(name) value=(value); }
            ul.people {
                @for person in &first {
                    li { button.hinted type="submit" name="person" value=(person.username) autofocus { (described(person)) } }
                }
                @for person in &others {
                    li { button type="submit" name="person" value=(person.username) { (described(person)) } }
                }
            }
            button.deny type="submit" name="deny" value="deny" { "Deny" }
        }
    };
    layout(&format!("Sign in at {}", issuer.issuer), &body)
}

/// A form that posts itself, or is posted by its button.
pub fn form_post(callback: &Callback) -> String {
    let body = html! {
        h1 { "One moment" }
        form method="post" action=(callback.to) {
            @for (name, value) in &callback.parameters { input type="hidden" name=(name) value=(value); }
            button type="submit" { "Go on" }
        }
        script src="/assets/submit.js" defer {}
    };
    layout("One moment", &body)
}

/// A request that can't be answered; nobody is sent anywhere.
pub fn mistake(said: &str) -> String {
    let body = html! {
        h1 { "This request can't be answered" }
        p { bdi { (said) } }
        p { "The application that sent you here has to mend it." }
    };
    layout("A wrong request", &body)
}

/// Where the choice is posted to.
fn decide_path(issuer: Issuer) -> String {
    format!("/{}/authorize/decide", issuer.slug())
}

fn described(person: &Person) -> Markup {
    let verified = match (&person.email, person.email_verified) {
        (None, _) => "no e-mail address",
        (Some(_), Some(true)) => "e-mail verified",
        (Some(_), Some(false)) => "e-mail not verified",
        (Some(_), None) => "nothing said of verification",
    };
    html! {
        bdi.name { (person.name) }
        span.account { bdi { (person.username) } @if let Some(email) = &person.email { " · " bdi { (email) } } }
        span.note { (verified) }
    }
}

fn layout(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="/assets/provider.css";
            }
            body {
                p.banner role="note" {
                    strong { "Make-believe provider" }
                    ", for trying things out: anyone can be anyone."
                }
                main { (body) }
            }
        }
    };
    page.into_string()
}

/// What the pages may load, and where they may be shown. The page with the choice has no
/// `form-action`: Chromium holds the redirects after a form against it, and those lead to the
/// application and on from there.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; \
     script-src 'self'; base-uri 'none'; frame-ancestors 'none'";
