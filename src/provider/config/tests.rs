use rstest::rstest;
use serde_json::json;

use super::*;
use crate::provider::catalog::Catalog;

const ISSUER: &str = r#"{"issuer": "https://a.example"}"#;
const OAUTH2: &str = r#"{"authorization_endpoint": "https://login.example.com/a?x=1",
    "token_endpoint": "https://login.example.com/t",
    "userinfo_endpoint": "https://API.example.com:443/me", "scopes": ["read"]}"#;

/// What is said of a provider beside its config.
#[derive(Clone, Copy)]
struct Said<'a> {
    client_id: Option<&'a str>,
    secret: bool,
    borrows: bool,
    external_id: Option<&'a str>,
}

const NOTHING: Said = Said {
    client_id: None,
    secret: false,
    borrows: false,
    external_id: None,
};
const CLIENT: Said = Said {
    client_id: Some("client 1"),
    secret: true,
    ..NOTHING
};

/// What most providers of the type say: a client with a secret, if it takes one.
fn usual(key: &str) -> Said<'static> {
    if key == "custom" { NOTHING } else { CLIENT }
}

fn check_with(key: &str, config: &str, said: Said) -> Result<String, Vec<(String, String)>> {
    let catalog = Catalog::builtin().unwrap();
    let config = serde_json::from_str(config).unwrap();
    let input = ProviderInput {
        slug: "acme",
        config: &config,
        client_id: said.client_id,
        has_client_secret: said.secret,
        borrows_client: said.borrows,
        external_id: said.external_id,
        allow_http: &|url| url.host_str() == Some("lab.example"),
    };
    let told = |problem: ConfigProblem| (problem.field.join("."), problem.message);
    check(catalog.get(key).unwrap(), &input)
        .map(|checked| checked.external_id)
        .map_err(|problems| problems.into_iter().map(told).collect())
}

#[rstest]
#[case("github", "{}", "")]
#[case("google", r#"{"hosted_domain": "a.example"}"#, "")]
#[case("gitlab", "{}", "gitlab.com")]
#[case("gitlab", r#"{"base_url": "https://GitLab.com./"}"#, "gitlab.com")]
#[case("gitlab", r#"{"base_url": "https://G.org:8443/"}"#, "g.org:8443")]
#[case("gitlab", r#"{"base_url": "HTTPS://a.org:443/Lab/"}"#, "a.org/Lab")]
#[case("gitlab", r#"{"base_url": "https://ü.org"}"#, "xn--tda.org")]
#[case("gitlab", r#"{"base_url": "http://lab.example"}"#, "lab.example")]
#[case("gitlab", r#"{"base_url": "http://[::1]:3000"}"#, "[::1]:3000")]
#[case("oidc", r#"{"issuer": "https://A.org/"}"#, "https://A.org/")]
#[case("oidc", r#"{"issuer": "https://a.org"}"#, "https://a.org")]
#[case("oauth2", OAUTH2, "api.example.com")]
#[case("custom", "{}", "acme")]
fn the_external_id_is_derived(#[case] key: &str, #[case] config: &str, #[case] expected: &str) {
    assert_eq!(check_with(key, config, usual(key)).as_deref(), Ok(expected));
    // What was derived may be said too, where there is anything to say.
    let external_id = (!expected.is_empty()).then_some(expected);
    let said = Said {
        external_id,
        ..usual(key)
    };
    assert_eq!(check_with(key, config, said).as_deref(), Ok(expected));
}

#[rstest]
#[case("oidc", "{}", "issuer", "issuer is required")]
#[case(
    "gitlab",
    r#"{"base_url": null}"#,
    "base_url",
    "base_url must be a string"
)]
#[case(
    "gitlab",
    r#"{"base_url": "x"}"#,
    "base_url",
    "base_url must be an absolute"
)]
#[case(
    "google",
    r#"{"scopes": ["email"]}"#,
    "scopes",
    "scopes must hold `openid`"
)]
#[case(
    "google",
    r#"{"hosted_domain": "*"}"#,
    "hosted_domain",
    "a domain name"
)]
#[case(
    "github",
    r#"{"scope": []}"#,
    "scope",
    "of github: did you mean `scopes`?"
)]
#[case("gitlab", r#"{"baseUrl": ""}"#, "baseUrl", "did you mean `base_url`?")]
#[case(
    "gitlab",
    r#"{"zzz": ""}"#,
    "zzz",
    "of gitlab, which takes base_url, scopes"
)]
#[case(
    "custom",
    r#"{"zzz": ""}"#,
    "zzz",
    "`zzz` is unknown: custom takes no config"
)]
fn a_wrong_config_is_one_problem_at_its_key(
    #[case] key: &str,
    #[case] config: &str,
    #[case] field: &str,
    #[case] message: &str,
) {
    let problems = check_with(key, config, usual(key)).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, format!("config.{field}"));
    assert!(problems[0].1.contains(message), "{problems:?}");
}

#[test]
fn what_a_wrong_issuer_stands_for_is_not_repeated() {
    let said = Said {
        external_id: Some("https://a.example"),
        ..CLIENT
    };
    let problems = check_with("oidc", r#"{"issuer": "https://u:p@a.example"}"#, said);
    let message = "issuer must not hold a user name or password".to_owned();
    assert_eq!(problems, Err(vec![("config.issuer".to_owned(), message)]));
}

#[test]
fn endpoints_may_have_a_query_but_no_fragment_and_are_all_told() {
    let config = r#"{"authorization_endpoint": "https://a.example/#x", "token_endpoint": "x",
        "revocation_endpoint": "http://a.example"}"#;
    let problems = check_with("oauth2", config, CLIENT).unwrap_err();
    let problems: Vec<_> = problems
        .iter()
        .map(|(at, what)| (at.as_str(), what))
        .collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(
        problems[0].1,
        "authorization_endpoint must not have a fragment (`#…`)"
    );
    assert!(
        problems[1]
            .1
            .starts_with("token_endpoint must be an absolute URL")
    );
    assert_eq!(problems[2].0, "config.userinfo_endpoint");
    assert_eq!(problems[2].1, "userinfo_endpoint is required");
    assert!(problems[3].1.contains("LANYARD_EGRESS_ALLOW"));
}

const NO_ID: Said = Said {
    client_id: None,
    ..CLIENT
};
const EMPTY_ID: Said = Said {
    client_id: Some(""),
    ..CLIENT
};
const UMLAUT: Said = Said {
    client_id: Some("ü"),
    ..CLIENT
};
const NO_SECRET: Said = Said {
    secret: false,
    ..CLIENT
};
const ID: Said = Said {
    client_id: Some("x"),
    ..NOTHING
};
const SECRET: Said = Said {
    secret: true,
    ..NOTHING
};
const LENT: Said = Said {
    borrows: true,
    ..NOTHING
};
const LENT_ID: Said = Said {
    borrows: true,
    ..ID
};
const LENT_SECRET: Said = Said {
    borrows: true,
    ..SECRET
};
const NAMED: Said = Said {
    external_id: Some("x"),
    ..CLIENT
};
const NO_NAME: Said = Said {
    external_id: Some(""),
    ..NOTHING
};
const NUL: Said = Said {
    external_id: Some("a\0"),
    ..NOTHING
};

#[rstest]
#[case("github", NO_ID, "clientId", "clientId is required")]
#[case("oidc", EMPTY_ID, "clientId", "must be 1 to 1024 ASCII characters")]
#[case("oidc", UMLAUT, "clientId", "must be 1 to 1024 ASCII characters")]
#[case("github", NO_SECRET, "clientSecret", "has no public clients")]
#[case("google", NO_SECRET, "clientSecret", "has no public clients")]
#[case("slack", LENT_SECRET, "clientSecret", "clientOf names has it")]
#[case("slack", LENT_ID, "clientId", "must be left out")]
#[case("gitlab", LENT, "clientOf", "each has a client of its own")]
#[case("custom", ID, "clientId", "must be left out: Custom has no flow")]
#[case("custom", SECRET, "clientSecret", "must be left out")]
#[case("custom", LENT, "clientOf", "must be left out")]
#[case("github", NAMED, "externalId", "there is only one GitHub")]
#[case("gitlab", NAMED, "externalId", "what config says: gitlab.com")]
#[case("oidc", NAMED, "externalId", "what config says: https://a.example")]
#[case("custom", NO_NAME, "externalId", "must be 1 to 1024 bytes")]
#[case("custom", NUL, "externalId", "without U+0000")]
fn a_wrong_client_or_external_id_is_one_problem(
    #[case] key: &str,
    #[case] said: Said,
    #[case] field: &str,
    #[case] message: &str,
) {
    let config = if key == "oidc" { ISSUER } else { "{}" };
    let problems = check_with(key, config, said).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, field);
    assert!(problems[0].1.contains(message), "{problems:?}");
}

#[rstest]
#[case(
    "client_secret_basic",
    NO_SECRET,
    "clientSecret",
    "token_endpoint_auth_method is client_secret_basic"
)]
#[case(
    "client_secret_post",
    NO_SECRET,
    "clientSecret",
    "token_endpoint_auth_method is client_secret_post"
)]
#[case("private_key_jwt", NO_ID, "clientId", "clientId is required")]
#[case("private_key_jwt", LENT, "clientOf", "each has a client of its own")]
#[case(
    "none",
    CLIENT,
    "config.token_endpoint_auth_method",
    "must be `client_secret_basic`"
)]
fn a_client_that_can_not_show_itself_so_is_one_problem(
    #[case] method: &str,
    #[case] said: Said,
    #[case] field: &str,
    #[case] message: &str,
) {
    let problems = check_with("oidc", &shown_by(method), said).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, field);
    assert!(problems[0].1.contains(message), "{problems:?}");
}

#[test]
fn a_key_needs_no_secret_and_a_secret_may_stay_beside_it() {
    for said in [CLIENT, NO_SECRET] {
        assert!(check_with("oidc", &shown_by("private_key_jwt"), said).is_ok());
    }
    for method in ["client_secret_basic", "client_secret_post"] {
        assert!(check_with("oidc", &shown_by(method), CLIENT).is_ok());
    }
}

fn shown_by(method: &str) -> String {
    json!({ "issuer": "https://a.example", "token_endpoint_auth_method": method }).to_string()
}

#[test]
fn public_borrowed_and_named_ones_are_fine() {
    assert!(check_with("oidc", ISSUER, NO_SECRET).is_ok());
    assert!(check_with("oauth2", OAUTH2, NO_SECRET).is_ok());
    assert!(check_with("gitlab", "{}", NO_SECRET).is_ok());
    assert!(check_with("slack", "{}", LENT).is_ok());
    assert_eq!(check_with("oauth2", OAUTH2, NAMED).as_deref(), Ok("x"));
    let named = Said {
        external_id: Some("x"),
        ..NOTHING
    };
    assert_eq!(check_with("custom", "{}", named).as_deref(), Ok("x"));
}

#[test]
fn an_external_id_has_at_most_1024_bytes() {
    let issuer = |bytes: usize| {
        let url = format!("https://a.example/{}", "x".repeat(bytes - 18));
        check_with("oidc", &json!({ "issuer": url }).to_string(), CLIENT)
    };
    assert!(issuer(1024).is_ok());
    let problems = issuer(1025).unwrap_err();
    assert_eq!(problems[0].0, "config.issuer");
    assert_eq!(problems[0].1, "issuer makes an external id over 1024 bytes");

    let long = "x".repeat(1025);
    let named = |text| {
        check_with(
            "custom",
            "{}",
            Said {
                external_id: Some(text),
                ..NOTHING
            },
        )
    };
    assert!(named(&long[1..]).is_ok());
    assert!(named(&long).is_err());
}
