//! The page to start from.

use maud::{Markup, html};
use poem::http::StatusCode;

use super::Page;
use super::layout::{Frame, Place, notice, outside};

/// What the page to start from shows.
#[derive(Debug)]
pub struct Start<'a> {
    /// The name of who is signed in.
    pub signed_in: Option<&'a str>,
    /// There is a provider that signs people in.
    pub can_sign_in: bool,
    /// The person has just signed out.
    pub signed_out: bool,
}

/// What an operator runs first; GraphiQL shows it, filled in by hand.
const FIRST_PROVIDER: &str = r#"mutation {
  createIdentityProvider(input: {
    type: "oidc"
    slug: "acme"
    name: "Acme"
    config: { issuer: "https://login.acme.example" }
    clientId: "…"
    clientSecret: "…"
    allowsSignIn: true
    signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] }
  }) {
    identityProvider { id slug }
    userErrors { code message field }
  }
}"#;

/// `GET /`.
pub fn start(view: &Start<'_>) -> Page {
    let frame = Frame {
        title: "Start",
        place: Place::Start,
        signed_in: view.signed_in.is_some(),
        narrow: false,
    };
    let html = frame.around(&html! {
        @if view.signed_out { (notice(&html! { "You are signed out." })) }
        div.hero {
            h1 { "One person, many accounts" }
            p.lead {
                "Lanyard is an identity server. It links people to their accounts elsewhere, signs "
                "them in with those, and tells applications who is who, by GraphQL."
            }
            @if let Some(name) = view.signed_in {
                p { "You are signed in as " strong { (outside(name)) } "." }
                p.actions { a.button.primary href="/account" { "Your account" } }
            } @else if view.can_sign_in {
                p.actions { a.button.primary href="/sign-in" { "Sign in" } }
            }
        }
        @if view.signed_in.is_none() && !view.can_sign_in { (first_provider()) }
        section aria-labelledby="explore" {
            h2 #explore { "Explore" }
            ul.tiles {
                (tile("/graphiql", "GraphiQL", "Write queries in the browser, with your session or with an API key."))
                (tile("/schema.graphql", "Schema", "Every type, field and argument of the API, as one text."))
            }
        }
    });
    Page {
        status: StatusCode::OK,
        html,
    }
}

fn tile(href: &str, name: &str, what: &str) -> Markup {
    html! {
        li.tile { h3 { a href=(href) { (name) } } p { (what) } }
    }
}

/// For the operator: how anybody gets in.
fn first_provider() -> Markup {
    let mut graphiql = url::form_urlencoded::Serializer::new(String::new());
    graphiql.append_pair("query", FIRST_PROVIDER);
    html! {
        section.card aria-labelledby="first-provider" {
            h2 #first-provider { "Nobody can sign in yet" }
            p { "No identity provider is configured for it. If this server is yours:" }
            ol.steps {
                li {
                    "Register a client at your OpenID provider. Its redirect URI is this server's "
                    "address with " code { "/auth/acme/callback" } ", where " code { "acme" }
                    " is the provider's slug here."
                }
                li {
                    "Run this with an API key that has the scope " code { "admin" } ", in "
                    a href={ "/graphiql?" (graphiql.finish()) } { "GraphiQL" }
                    " or with any client:"
                    pre tabindex="0" { code { (FIRST_PROVIDER) } }
                }
            }
            p.muted {
                "Only trying it out? " code { "lanyard demo" }
                " brings a provider and a few people of its own."
            }
        }
    }
}
