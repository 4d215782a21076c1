use url::Url;

use super::super::{CallbackFault, Endpoint, Issuer, Provider};
use super::{CALLBACK, World, parameter};
use crate::clock::Clock;

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let bound = Provider::bind("0.0.0.0:0".parse().unwrap(), Clock::default()).await;
    assert!(bound.is_err_and(|error| error.to_string().contains("loopback only")));
}

#[tokio::test]
async fn localhost_is_ours_in_both_families() {
    let world = World::start().await;
    let port = world.handle.issuer(Issuer::Hub).port().unwrap();
    let hosts = match std::net::TcpListener::bind("[::1]:0") {
        Ok(_) => vec!["127.0.0.1", "[::1]", "localhost"],
        // A machine without IPv6.
        Err(_) => vec!["127.0.0.1", "localhost"],
    };
    for host in hosts {
        let url = format!("http://{host}:{port}/");
        let home = world.http.get(url).send().await.unwrap();
        let home = home.text().await.unwrap();
        assert!(home.contains("anyone can be anyone"), "{host}: {home}");
    }
}

#[tokio::test]
async fn the_page_lets_choose_and_its_form_sends_back() {
    let world = World::start().await;
    let question = world.question(Issuer::Acme, &[("login_hint", "noor"), ("deny", "x")]);
    let page = world.http.get(question).send().await.unwrap();
    assert_eq!(page.status(), 200);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.headers()[name], value);
    }
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(page.contains("anyone can be anyone"));
    assert!(
        !page.contains("<style") && !page.contains("style="),
        "{page}"
    );
    let hinted = page.find("value=\"noor\" autofocus").unwrap();
    assert!(hinted < page.find("value=\"ada\"").unwrap(), "{page}");

    for (button, value, expected) in [
        ("person", "ada", "code"),
        ("deny", "deny", "error"),
        ("person", "nobody-here", "error"),
    ] {
        let mut form = hidden_fields(&page);
        form.push((button.to_owned(), value.to_owned()));
        let action = page.split("action=\"").nth(1).unwrap();
        let action = Url::parse(&world.at(Issuer::Acme, "/"))
            .unwrap()
            .join(action.split('"').next().unwrap())
            .unwrap();
        let answer = world.http.post(action).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{value}");
        let callback = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert!(callback.as_str().starts_with(CALLBACK), "{callback}");
        assert!(parameter(&callback, expected).is_some(), "{callback}");
        assert_eq!(parameter(&callback, "state").unwrap(), "a state");
        let issuer = world.handle.issuer(Issuer::Acme);
        assert_eq!(parameter(&callback, "iss").unwrap(), issuer.as_str());
    }
}

/// Names and values, as a browser reads them.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let value = |text: &str, name: &str| {
        let start = text.split(&format!("{name}=\"")).nth(1).unwrap();
        let text = start.split('"').next().unwrap();
        text.replace("&amp;", "&").replace("&lt;", "<")
    };
    page.split("<input type=\"hidden\"")
        .skip(1)
        .map(|input| (value(input, "name"), value(input, "value")))
        .collect()
}

#[tokio::test]
async fn what_is_hostile_in_a_question_is_text_on_the_page() {
    let world = World::start().await;
    let question = world.question(Issuer::Acme, &[("ui", "\"><script>alert(1)</script>")]);
    let page = world.http.get(question).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script>"), "{page}");
    assert!(page.contains("&quot;&gt;&lt;script&gt;"), "{page}");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_was_not_registered() {
    let world = World::start().await;
    let longer = format!("{CALLBACK}/");
    for changes in [
        [("redirect_uri", longer.as_str())],
        [("redirect_uri", "https://evil.example/")],
        [("redirect_uri", "")],
        [("client_id", "lanyard-at-hub")],
    ] {
        let question = world.question(Issuer::Acme, &changes);
        assert!(world.handle.decide(&question, "ada").is_err(), "{question}");
        let page = world.http.get(question).send().await.unwrap();
        assert_eq!(page.status(), 400);
        assert!(!page.headers().contains_key("location"));
    }
    let mut twice = world.question(Issuer::Acme, &[]);
    twice.query_pairs_mut().append_pair("state", "another");
    let page = world.http.get(twice).send().await.unwrap();
    assert_eq!(page.status(), 400);
}

#[tokio::test]
async fn other_mistakes_are_told_to_the_relying_party() {
    let world = World::start().await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "email", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("state", "", "invalid_request"),
        ("nonce", "", "invalid_request"),
        ("prompt", "none", "login_required"),
    ] {
        let question = world.question(Issuer::Acme, &[(name, value)]);
        let callback = world.handle.decide(&question, "ada").unwrap();
        assert_eq!(parameter(&callback, "error").unwrap(), error, "{name}");
        assert_eq!(parameter(&callback, "code"), None);
    }
    let question = world.question(Issuer::Acme, &[]);
    let denied = world.handle.deny(&question).unwrap();
    assert_eq!(parameter(&denied, "error").unwrap(), "access_denied");
}

#[tokio::test]
async fn form_post_is_a_form_that_posts_itself() {
    let world = World::start().await;
    let question = world.question(Issuer::Acme, &[("response_mode", "form_post")]);
    let callback = world.handle.decide(&question, "ada").unwrap();
    assert!(parameter(&callback, "code").is_some());

    let mut form: Vec<_> = question.query_pairs().into_owned().collect();
    form.push(("person".to_owned(), "ada".to_owned()));
    let action = world.at(Issuer::Acme, "/authorize/decide");
    let page = world.http.post(action).form(&form).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains(&format!("action=\"{CALLBACK}\"")), "{page}");
    let names: Vec<_> = hidden_fields(&page)
        .into_iter()
        .map(|field| field.0)
        .collect();
    assert_eq!(names, ["code", "state", "iss"]);
    let mut script = world.handle.issuer(Issuer::Acme);
    script.set_path("/assets/submit.js");
    let script = world.http.get(script).send().await.unwrap();
    assert_eq!(
        script.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
}

#[tokio::test]
async fn the_callback_can_be_wrong_in_every_way() {
    type Check = fn(&Url) -> bool;
    let world = World::start().await;
    let description = "<b>no</b>";
    let error = || CallbackFault::Error("server_error", description.to_owned());
    let cases: [(CallbackFault, Check); 8] = [
        (CallbackFault::WrongIssuer, |url| {
            parameter(url, "iss").unwrap() == "https://issuer.example"
        }),
        (CallbackFault::NoIssuer, |url| {
            parameter(url, "iss").is_none()
        }),
        (CallbackFault::NoCode, |url| {
            parameter(url, "code").is_none()
        }),
        (CallbackFault::WrongCode, |url| {
            parameter(url, "code").unwrap().ends_with("never-given")
        }),
        (CallbackFault::WrongState, |url| {
            parameter(url, "state").unwrap() == "another-state"
        }),
        (CallbackFault::NoState, |url| {
            parameter(url, "state").is_none()
        }),
        (CallbackFault::Twice("state"), |url| {
            url.query_pairs()
                .filter(|(name, _)| name == "state")
                .count()
                == 2
        }),
        (error(), |url| {
            parameter(url, "error").as_deref() == Some("server_error")
                && parameter(url, "error_description").unwrap() == "<b>no</b>"
                && parameter(url, "code").is_none()
        }),
    ];
    let question = world.question(Issuer::Acme, &[]);
    for (fault, is_so) in cases {
        world.fault(fault.clone());
        let callback = world.handle.decide(&question, "ada").unwrap();
        assert!(is_so(&callback), "{fault:?}: {callback}");
        let callback = world.handle.decide(&question, "ada").unwrap();
        assert!(!is_so(&callback), "{fault:?} happens once: {callback}");
    }
}

#[tokio::test]
async fn what_was_asked_is_recorded_and_not_shown() {
    let world = World::start().await;
    world.tokens("ada").await;
    let asked = world.handle.records_of(Issuer::Acme, Endpoint::Authorize);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].get("state"), Some("a state"));
    let asked = world.handle.records_of(Issuer::Acme, Endpoint::Token);
    assert_eq!(asked[0].get("code_verifier"), Some(super::VERIFIER));
    assert!(
        asked[0]
            .authorization
            .as_ref()
            .unwrap()
            .starts_with("Basic ")
    );
    let shown = format!("{asked:?}");
    assert!(shown.contains("code_verifier"), "{shown}");
    assert!(!shown.contains(super::VERIFIER), "{shown}");
    assert!(!shown.contains("Basic"), "{shown}");
    world.handle.clear_records();
    assert!(world.handle.records().is_empty());
}
