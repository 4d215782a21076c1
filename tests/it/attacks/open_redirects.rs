//! Where a browser is sent in the end: a page of ours, however the wish is written.

use url::Url;

use super::world;
use crate::flows::ACME;
use crate::support::world::Seen;

/// Ways to write an address that is to look like ours and lead elsewhere.
fn tricks() -> Vec<String> {
    let long = "a".repeat(4096);
    let mut tricks: Vec<String> = [
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "/\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        "\u{0}//evil.example",
        "\u{1}//evil.example",
        "\u{a0}//evil.example",
        "\u{2003}//evil.example",
        "\u{feff}//evil.example",
        "/./evil.example/..//evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/a/..//evil.example",
        "/a/../..//evil.example",
        "/%2e//evil.example",
        "/%2e%2e//evil.example",
        "/.%2e//evil.example",
        "/%2E%2E/%2e//evil.example",
        "/%2f/evil.example",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "/%5c%5cevil.example",
        "/%09/evil.example",
        "/%0a/evil.example",
        "/%0d%0aLocation:%20https://evil.example",
        "/%00//evil.example",
        "/;//evil.example",
        "/@evil.example",
        "/:80//evil.example",
        "/\u{ff0f}evil.example",
        "\u{ff0f}\u{ff0f}evil.example",
        "/\u{2215}evil.example",
        "/\u{2044}evil.example",
        "/\u{29f8}evil.example",
        "/\u{3033}evil.example",
        "/\u{ff3c}evil.example",
        "/\u{2024}\u{2024}//evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https://evil.example",
        "https:///evil.example",
        "https:\\\\evil.example",
        "hTTps://evil.example",
        "https://HOST@evil.example",
        "https://HOST:80@evil.example",
        "https://evil.example\\@HOST",
        "https://evil.example#@HOST",
        "https://evil.example?@HOST",
        "https://HOST.evil.example",
        "https://evil.example/HOST",
        "http://HOST@evil.example",
        "http://HOST\u{ff20}evil.example",
        "http://HOST\\.evil.example",
        "http://HOST%2eevil.example",
        "http://HOST%00.evil.example",
        "http://HOST:1",
        "http://evil.example:80",
        "http:evil.example",
        "//HOST@evil.example",
        "//evil.example/HOST",
        "ftp://HOST/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "javascript://HOST/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "blob:http://HOST/x",
        "file:///etc/passwd",
        "mailto:x@evil.example",
        "evil.example",
        ".evil.example",
        "?//evil.example",
        "#//evil.example",
        "..//evil.example",
        "",
        "/",
        "/account?next=//evil.example#//evil.example",
    ]
    .map(str::to_owned)
    .into();
    tricks.extend([
        format!("/{long}"),
        format!("//{long}"),
        format!("https://{long}@evil.example"),
        format!("/{}/evil.example", "./".repeat(900)),
        format!("/{}/evil.example", "a/../".repeat(400)),
    ]);
    tricks
}

/// Where a browser would be after this answer, and it is a place of ours.
#[track_caller]
fn stays(here: &Url, trick: &str, seen: &Seen) -> bool {
    let Some(location) = &seen.location else {
        seen.is_refused(400, "BAD_USER_INPUT");
        return false;
    };
    // As browsers read it: by the URL standard.
    let there = here.join(location).unwrap();
    assert_eq!(there.origin(), here.origin(), "{trick:?} leads to {there}");
    let plain = !location.contains(['\\', '\t', '\n', '\r']) && !location.starts_with("//");
    assert!(plain, "{trick:?} is sent as {location:?}");
    true
}

#[tokio::test]
async fn who_is_signed_in_is_sent_to_pages_of_ours_alone() {
    let world = world().await;
    let browser = world.browser();
    browser.sign_in(ACME, "ada").await.leads_to("/account");
    let here = Url::parse(&world.app.url("/")).unwrap();
    let host = world.app.address.to_string();
    let mut taken = 0;
    for trick in tricks() {
        let trick = trick.replace("HOST", &host);
        let wish = form(&[("return_to", &trick)]);
        let seen = browser.get(&format!("/sign-in?{wish}")).await;
        taken += usize::from(stays(&here, &trick, &seen));
    }
    assert!(taken >= 3, "the harmless ones are harmless");
}

/// The wish is kept on the server from the beginning: what the way back says counts for nothing.
#[tokio::test]
async fn a_flow_ends_on_pages_of_ours_alone() {
    let world = world().await;
    let here = Url::parse(&world.app.url("/")).unwrap();
    let host = world.app.address.to_string();
    for trick in tricks() {
        let trick = trick.replace("HOST", &host);
        let browser = world.browser();
        let wish = form(&[("intent", "sign_in"), ("return_to", &trick)]);
        let seen = browser.get(&format!("/auth/acme/start?{wish}")).await;
        let Some(authorization) = &seen.location else {
            seen.is_refused(400, "BAD_USER_INPUT");
            continue;
        };
        let authorization = Url::parse(authorization).unwrap();
        let mut way_back = world.provider.decide(&authorization, "ada").unwrap();
        let evil = "https://evil.example";
        way_back
            .query_pairs_mut()
            .append_pair("return_to", evil)
            .append_pair("redirect_uri", evil);
        let seen = browser.come_back(&way_back).await;
        assert!(stays(&here, &trick, &seen), "{trick:?}: {seen:?}");
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
