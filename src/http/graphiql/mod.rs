//! `GET /graphiql`: the explorer, from the binary, with a bar that says who asks.
//!
//! The page is the same for everybody: who asks is found out by its script, with the credential
//! that the person has chosen.

use data_encoding::BASE64;
use maud::{DOCTYPE, Markup, html};
use poem::Response;
use poem::http::header;

use super::asset::Asset;
use crate::clock::Clock;

/// What the script and its styles may do: talk to this server.
///
/// Fonts and a few pictures are part of the vendored stylesheet. The nonce is for the style that
/// a dialog of GraphiQL puts up while it is open; no style else is inline.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         connect-src 'self'; img-src 'self' data:; font-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page, with a nonce of its own.
pub fn page(clock: &Clock) -> Response {
    let nonce = BASE64.encode(&clock.random::<18>());
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONTENT_SECURITY_POLICY, policy(&nonce))
        // `?query=` stays here; and a POST from here says where it comes from.
        .header(header::REFERRER_POLICY, "same-origin")
        .header("Cross-Origin-Opener-Policy", "same-origin")
        .body(document(&nonce).into_string())
}

fn document(nonce: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "GraphiQL · Lanyard" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                meta name="style-nonce" content=(nonce);
                link rel="icon" type="image/svg+xml" href=(Asset::Logo.path());
                link rel="stylesheet" href=(Asset::VendoredGraphiqlStyle.path());
                link rel="stylesheet" href=(Asset::GraphiqlStyle.path());
                @for script in [
                    Asset::VendoredReact,
                    Asset::VendoredReactDom,
                    Asset::VendoredGraphiql,
                    Asset::GraphiqlScript,
                ] {
                    script src=(script.path()) defer {}
                }
            }
            body {
                (bar())
                main #graphiql aria-label="GraphiQL" {
                    p.message.loading { "Loading GraphiQL…" }
                    noscript {
                        p.message {
                            "GraphiQL needs JavaScript. The API works with any client; here is its "
                            a href="/schema.graphql" { "schema" } "."
                        }
                    }
                }
            }
        }
    }
}

/// Who asks: chosen on the left, said on the right.
fn bar() -> Markup {
    html! {
        header.bar {
            a.brand href="/" { img src=(Asset::Logo.path()) alt="" width="24" height="24"; "Lanyard" }
            h1.hidden { "GraphiQL" }
            fieldset.credential {
                legend.hidden { "Ask as" }
                label { input type="radio" name="credential" value="session" checked; span { "My session" } }
                label { input type="radio" name="credential" value="key"; span { "API key" } }
            }
            label.key hidden {
                span.hidden { "API key" }
                input type="password" placeholder="lyd_…" autocomplete="off" autocapitalize="none"
                    spellcheck="false";
            }
            p.viewer role="status" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn vendored_files_are_as_published() {
        let sums = include_str!("vendor/SHA256SUMS");
        for (name, content) in [
            (
                "graphiql.min.js",
                &include_bytes!("vendor/graphiql.min.js")[..],
            ),
            (
                "graphiql.min.css",
                include_bytes!("vendor/graphiql.min.css"),
            ),
            (
                "react.production.min.js",
                include_bytes!("vendor/react.production.min.js"),
            ),
            (
                "react-dom.production.min.js",
                include_bytes!("vendor/react-dom.production.min.js"),
            ),
        ] {
            let line = format!("{}  {name}\n", HEXLOWER.encode(&Sha256::digest(content)));
            assert!(sums.contains(&line), "{line}");
        }
    }

    #[test]
    fn the_page_runs_its_own_scripts_only() {
        let response = page(&Clock::default());
        let policy = response.header("content-security-policy").unwrap();
        let scripts = policy
            .split("; ")
            .find(|part| part.starts_with("script-src"));
        assert_eq!(scripts, Some("script-src 'self'"));
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );

        let html = document("nonce").into_string();
        assert_eq!(html.matches("<script").count(), 4);
        assert_eq!(html.matches("<script src=\"/assets/").count(), 4);
        assert!(
            !html.contains("<style") && !html.contains(" style="),
            "{html}"
        );
    }

    #[test]
    fn every_page_has_its_own_nonce() {
        let clock = Clock::default();
        let policy = || {
            page(&clock)
                .header("content-security-policy")
                .unwrap()
                .to_owned()
        };
        assert_ne!(policy(), policy());
    }
}
