use rstest::rstest;
use serde_json::json;

use super::*;

fn told(kind: Kind, value: &Value) -> String {
    let allow_http = |url: &Url| url.host_str() == Some("lab.example");
    let rules = Rules {
        protocol: Protocol::OAuth2,
        allow_http: &allow_http,
    };
    check(kind, value, &rules).err().unwrap_or_default()
}

#[rstest]
#[case(Kind::Issuer, "https://ID.example.com/a/")]
#[case(Kind::Issuer, "http://localhost:9")]
#[case(Kind::Issuer, "http://acme.localhost./")]
#[case(Kind::BaseUrl, "http://127.8.9.1")]
#[case(Kind::BaseUrl, "http://[::1]:3000")]
#[case(Kind::BaseUrl, "http://lab.example")]
#[case(Kind::Url, "HTTPS://bücher.example/?a=@b")]
#[case(Kind::Domain, "xn--bcher-kva.example")]
#[case(Kind::Domain, "a-1.b2")]
#[case(Kind::Text, "Größe 1")]
#[case(Kind::ResponseMode, "query")]
#[case(Kind::ResponseMode, "form_post")]
#[case(Kind::AuthMethod, "client_secret_basic")]
#[case(Kind::AuthMethod, "client_secret_post")]
#[case(Kind::AuthMethod, "private_key_jwt")]
#[case(Kind::Prompt, "consent")]
#[case(Kind::Prompt, "select_account consent login")]
fn these_are_fine(#[case] kind: Kind, #[case] text: &str) {
    assert_eq!(told(kind, &json!(text)), "");
}

#[rstest]
#[case(Kind::Issuer, "", "must be an absolute URL")]
#[case(Kind::Issuer, "id.example.com", "must be an absolute URL")]
#[case(Kind::Issuer, "https:id.example.com", "must be an absolute URL")]
#[case(Kind::Issuer, " https://a.example", "must be an absolute URL")]
#[case(Kind::Issuer, "https://a.ex\nample", "must be an absolute URL")]
#[case(Kind::Issuer, "https://a.example\\b", "must be an absolute URL")]
#[case(Kind::Issuer, "https:///a.example", "must be an absolute URL")]
#[case(Kind::Issuer, "https://./", "must be an absolute URL")]
#[case(Kind::Issuer, "https://a.example:99999", "must be an absolute URL")]
#[case(Kind::Issuer, "http://a.example", "must be an https URL; http is")]
#[case(Kind::Issuer, "http://localhost.example", "must be an https URL")]
#[case(Kind::Issuer, "http://128.0.0.1", "must be an https URL")]
#[case(Kind::Url, "ftp://localhost", "must be an https URL")]
#[case(Kind::Url, "https://a.example/#", "must not have a fragment")]
#[case(Kind::Issuer, "https://a.example/?", "must not have a query")]
#[case(Kind::BaseUrl, "https://a.example?b", "must not have a query")]
#[case(Kind::BaseUrl, "https://a.example#", "must not have a query")]
#[case(Kind::Url, "https://u:p@a.example", "user name or password")]
#[case(Kind::Url, "https://@a.example", "user name or password")]
#[case(Kind::Domain, "", "must be a domain name")]
#[case(Kind::Domain, "*", "must be a domain name")]
#[case(Kind::Domain, "acme", "must be a domain name")]
#[case(Kind::Domain, "-a.example", "must be a domain name")]
#[case(Kind::Domain, "a-.example", "must be a domain name")]
#[case(Kind::Domain, "a..example", "must be a domain name")]
#[case(Kind::Domain, "example.com.", "must be a domain name")]
#[case(Kind::Domain, "Example.com", "in lower case")]
#[case(Kind::Domain, "10.0.0.1", "must be a domain name")]
#[case(Kind::ResponseMode, "fragment", "must be `query` or `form_post`")]
#[case(Kind::ResponseMode, "Query", "must be `query` or `form_post`")]
#[case(
    Kind::AuthMethod,
    "client_secret_jwt",
    "must be `client_secret_basic` or `client_secret_post` or `private_key_jwt`"
)]
#[case(Kind::Prompt, "", "must be `login`, `consent` or")]
#[case(Kind::Prompt, "none", "must be `login`, `consent` or")]
#[case(Kind::Prompt, "login  consent", "must be `login`, `consent` or")]
#[case(Kind::Prompt, "login login", "must be `login`, `consent` or")]
#[case(Kind::AuthMethod, "", "must be `client_secret_basic`")]
#[case(Kind::Text, "", "must be 1 to 1024 bytes of text")]
#[case(Kind::Text, "a\0", "without control characters")]
fn these_are_not(#[case] kind: Kind, #[case] text: &str, #[case] message: &str) {
    let told = told(kind, &json!(text));
    assert!(told.contains(message), "{told}");
}

#[rstest]
#[case(json!("a b"), "must be a list of scopes")]
#[case(json!([1]), "must be a list of strings")]
#[case(json!([""]), "must hold one scope in each string")]
#[case(json!(["a b"]), "must hold one scope in each string")]
#[case(json!(["a\""]), "must hold one scope in each string")]
#[case(json!(["a\\"]), "must hold one scope in each string")]
#[case(json!(["ä"]), "must hold one scope in each string")]
#[case(json!(["a", "b", "a"]), "must name `a` once only")]
fn these_are_no_scopes(#[case] value: Value, #[case] message: &str) {
    let told = told(Kind::Scopes, &value);
    assert!(told.contains(message), "{told}");
}

#[test]
fn sizes_end_where_they_are_said_to_end() {
    let url = |bytes: usize| json!(format!("https://a.example/{}", "x".repeat(bytes - 18)));
    assert_eq!(told(Kind::Url, &url(2048)), "");
    assert_eq!(
        told(Kind::Url, &url(2049)),
        "must be at most 2048 bytes long"
    );

    let scopes = |count: usize| json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(told(Kind::Scopes, &scopes(64)), "");
    assert_eq!(
        told(Kind::Scopes, &scopes(65)),
        "must hold at most 64 scopes"
    );
    assert_eq!(told(Kind::Scopes, &json!(["x".repeat(256)])), "");
    let over = told(Kind::Scopes, &json!(["x".repeat(257)]));
    assert_eq!(over, "must hold scopes of at most 256 bytes");

    let domain = |label: usize| json!(format!("{}.example", "x".repeat(label)));
    assert_eq!(told(Kind::Domain, &domain(63)), "");
    assert_ne!(told(Kind::Domain, &domain(64)), "");
    assert_eq!(told(Kind::Text, &json!("x".repeat(1024))), "");
    assert_ne!(told(Kind::Text, &json!("x".repeat(1025))), "");
}

#[test]
fn openid_needs_its_scope_and_nothing_else_does() {
    assert!(check_scopes(Protocol::Oidc, ["openid", "x"].into_iter().map(Some)).is_ok());
    for protocol in [Protocol::OAuth2, Protocol::None] {
        assert!(check_scopes(protocol, std::iter::empty()).is_ok());
    }
    let none = check_scopes(Protocol::Oidc, std::iter::empty()).unwrap_err();
    assert!(none.contains("must hold `openid`"));
}
