//! What holds for every page, whatever it is given.

mod document;
mod documented;
mod samples;

use std::collections::BTreeSet;

use document::{Tag, tags};
use poem::IntoResponse;
use samples::{HOSTILE, samples};

use super::*;

fn each(check: impl Fn(&str, &[Tag], &str)) {
    let samples = samples();
    assert!(samples.len() > 40);
    for (name, page) in samples {
        let html = page.html.into_string();
        check(&name, &tags(&html), &html);
    }
}

fn count(tags: &[Tag], name: &str) -> usize {
    tags.iter().filter(|tag| tag.name == name).count()
}

#[test]
fn a_page_has_its_landmarks() {
    each(|name, tags, _| {
        for element in ["html", "title", "header", "nav", "main", "footer", "h1"] {
            assert_eq!(count(tags, element), 1, "{name}: {element}");
        }
        assert_eq!(tags[0].get("lang"), Some("en"), "{name}");
        let first_link = tags.iter().find(|tag| tag.name == "a").unwrap();
        assert_eq!(first_link.get("href"), Some("#content"), "{name}");
    });
}

#[test]
fn headings_skip_no_level() {
    each(|name, tags, _| {
        let mut level = 0;
        let headings = tags.iter().filter_map(|tag| {
            let digit = tag.name.strip_prefix('h')?;
            digit.parse::<u32>().ok()
        });
        for heading in headings {
            assert!(heading <= level + 1, "{name}: h{heading} follows h{level}");
            level = heading;
        }
    });
}

#[test]
fn nothing_runs_and_nothing_is_styled_in_place() {
    each(|name, tags, _| {
        for tag in tags {
            for refused in ["script", "style", "iframe", "object", "base"] {
                assert_ne!(tag.name, refused, "{name}");
            }
            for (key, value) in &tag.attributes {
                assert!(
                    key != "style" && !key.starts_with("on"),
                    "{name}: {key}={value}"
                );
            }
        }
    });
}

#[test]
fn links_stay_here_but_for_the_step_to_a_provider() {
    each(|name, tags, _| {
        for tag in tags {
            for key in ["href", "src", "action"] {
                let Some(address) = tag.get(key) else {
                    continue;
                };
                let ours = address == "#content"
                    || (address.starts_with('/') && !address.starts_with("//"));
                let leaving =
                    name.starts_with("leave") && address.starts_with("https://hub.example/");
                assert!(ours || leaving, "{name}: {key}={address}");
            }
        }
    });
}

#[test]
fn every_form_is_a_post_with_a_token() {
    let mut forms = 0;
    for (name, page) in samples() {
        let html = page.html.into_string();
        forms += count(&tags(&html), "form");
        // Each form by itself: what follows its tag, up to its end.
        for form in html.split("<form").skip(1) {
            let form = form.split_once("</form>").unwrap().0;
            assert!(form.contains(" method=\"post\""), "{name}");
            assert!(form.contains(" action=\"/"), "{name}");
            let token = form.split_once("name=\"form_token\" value=\"").unwrap().1;
            assert!(!token.starts_with('"'), "{name}");
            assert!(form.contains("type=\"submit\""), "{name}");
        }
    }
    assert!(forms > 5);
}

#[test]
fn what_comes_from_outside_is_isolated() {
    let mut seen = 0;
    for (name, page) in samples() {
        let html = page.html.into_string();
        tags(&html);
        for (at, turn) in html.match_indices('\u{202e}') {
            seen += 1;
            let before = &html[..at];
            let (text, tag) = (before.rfind('>').unwrap(), before.rfind('<').unwrap());
            // In the text of a <bdi>, or in an attribute, which turns nothing around.
            let isolated = before[tag..].starts_with("<bdi") || tag > text;
            assert!(isolated, "{name}: {turn:?} behind {:?}", &before[tag..]);
        }
    }
    assert!(seen > 20, "{seen}");
    assert!(HOSTILE.contains('\u{202e}'));
}

#[test]
fn names_of_elements_are_unique_and_references_lead_to_them() {
    each(|name, tags, _| {
        let mut ids = BTreeSet::new();
        for id in tags.iter().filter_map(|tag| tag.get("id")) {
            assert!(ids.insert(id), "{name}: {id} is there twice");
        }
        for id in tags.iter().filter_map(|tag| tag.get("aria-labelledby")) {
            assert!(ids.contains(id), "{name}: {id} is not there");
        }
    });
}

#[test]
fn refusals_have_their_own_words() {
    let mut codes = BTreeSet::new();
    let mut said = BTreeSet::new();
    for refusal in Refusal::ALL {
        let words = refusal.words();
        assert!(words.status.is_client_error() || words.status.is_server_error());
        assert!(said.insert(words.what_happened), "{refusal:?}");
        codes.insert(words.code);
    }
    assert_eq!(
        codes.len(),
        Refusal::ALL.len() - 4,
        "the steps share one code"
    );
}

#[test]
fn a_link_to_a_flow_carries_its_parts() {
    let link = FlowLink {
        slug: "hub",
        intent: Intent::Link,
        return_to: "/graphiql?a=b&c",
        update_in_place: true,
    };
    assert_eq!(
        link.href(),
        "/auth/hub/start?intent=link&return_to=%2Fgraphiql%3Fa%3Db%26c&on_conflict=update_in_place"
    );
}

#[test]
fn answers_are_locked_down() {
    let (_, page) = samples().into_iter().next().unwrap();
    let response = page.into_response();
    let policy = response.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(response.header("referrer-policy"), Some("same-origin"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}
